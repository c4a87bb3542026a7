"""docs/remotedialer.md, section 2: websocket frames to messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.errors import RemoteProtocolError
from scale_agent.tunnel.fragments import BINARY, CONTINUATION, TEXT, MessageJoiner


def test_one_frame_is_handed_on_as_it_is() -> None:
    payload = b"abc"
    assert MessageJoiner().receive(BINARY, payload, True) is payload


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=8))
def test_frames_are_joined(parts: list[bytes]) -> None:
    joiner = MessageJoiner()
    for turn in range(2):
        for number, part in enumerate(parts):
            opcode = BINARY if number == 0 else CONTINUATION
            out = joiner.receive(opcode, part, number == len(parts) - 1)
            assert out == (b"".join(parts) if number == len(parts) - 1 else None), turn


@pytest.mark.parametrize(
    ("frames", "match"),
    [
        ([(TEXT, b"a", True)], "wrong websocket message type"),
        ([(TEXT, b"a", False)], "wrong websocket message type"),
        ([(3, b"a", True)], "unknown websocket opcode 3"),
        ([(15, b"a", True)], "unknown websocket opcode 15"),
        ([(CONTINUATION, b"a", True)], "out of turn"),
        ([(BINARY, b"a", False), (BINARY, b"b", True)], "out of turn"),
        ([(BINARY, b"a", False), (TEXT, b"b", True)], "wrong websocket message type"),
        ([(BINARY, b"a" * 11, True)], "more than 10 bytes"),
        ([(BINARY, b"a" * 11, False)], "more than 10 bytes"),
        ([(BINARY, b"a" * 6, False), (CONTINUATION, b"a" * 5, True)], "more than 10 bytes"),
    ],
)
def test_frames_that_break_the_rules(frames: list[tuple[int, bytes, bool]], match: str) -> None:
    joiner = MessageJoiner(limit=10)
    for frame in frames[:-1]:
        assert joiner.receive(*frame) is None
    with pytest.raises(RemoteProtocolError, match=match):
        joiner.receive(*frames[-1])


def test_the_limit_itself_is_allowed_and_counts_per_message() -> None:
    joiner = MessageJoiner(limit=10)
    for _ in range(3):
        assert joiner.receive(BINARY, b"a" * 6, False) is None
        assert joiner.receive(CONTINUATION, b"b" * 4, True) == b"aaaaaabbbb"
        assert joiner.receive(BINARY, b"c" * 10, True) == b"c" * 10
