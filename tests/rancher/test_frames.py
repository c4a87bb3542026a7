"""Frames from a server: whole, in pieces, hostile."""

from __future__ import annotations

import itertools
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.errors import DialError
from scale_agent.rancher.frames import Frame, FrameReader, header


def unmasked(opcode: int, payload: bytes, fin: bool = True) -> bytes:
    """As a server writes it."""
    first, size = (0x80 if fin else 0) | opcode, len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


FRAMES: list[Frame] = [
    (2, b"abc", True),
    (9, b"", True),
    (2, b"d" * 125, False),
    (0, b"e" * 126, False),
    (10, b"pong", True),
    (0, b"f" * 70_000, True),
    (1, b"text", True),
    (8, b"\x03\xe8bye", True),
    (8, b"", True),
]
BYTES = b"".join(unmasked(*frame) for frame in FRAMES)


def test_many_frames_of_one_read() -> None:
    reader = FrameReader()
    assert reader.feed(BYTES) == FRAMES
    assert not reader.incomplete


@given(cuts=st.lists(st.integers(0, len(BYTES)), max_size=20))
def test_however_they_are_cut(cuts: list[int]) -> None:
    reader = FrameReader()
    places = [0, *sorted(cuts), len(BYTES)]
    found: list[Frame] = []
    for start, end in itertools.pairwise(places):
        found += reader.feed(BYTES[start:end])
    assert found == FRAMES
    assert not reader.incomplete


def test_byte_by_byte() -> None:
    reader = FrameReader()
    small = b"".join(unmasked(*frame) for frame in FRAMES[:4])
    found: list[Frame] = []
    for place in range(len(small)):
        found += reader.feed(small[place : place + 1])
        assert reader.incomplete or len(found) > 0
    assert found == FRAMES[:4]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (struct.pack("!BBQ", 0x82, 127, 1 << 62), "the limit is"),
        (struct.pack("!BBQ", 0x82, 127, (32 << 20) + 1), "the limit is"),
        (struct.pack("!BBH", 0x89, 126, 126) + bytes(126), "the limit is 125"),
        (b"\xc2\x00", "rsv"),
        (b"\x83\x00", "unknown opcode 3"),
        (b"\x8f\x00", "unknown opcode 15"),
        (b"\x09\x00", "a ping in pieces"),
        (b"\x08\x00", "a close in pieces"),
        (b"\x88\x01x", "close"),
        (b"\x88\x02\x03\xed", "close"),  # 1005: never on the wire
        (b"\x88\x02\x00\x01", "close"),
        (b"\x82\x81\0\0\0\0x", "masked"),
        (b"\x82\xfe\x00\x80", "masked"),
    ],
)
def test_what_no_server_may_send(data: bytes, text: str) -> None:
    with pytest.raises(DialError, match=text) as caught:
        FrameReader().feed(data)
    assert caught.value.reason == "protocol"
    with pytest.raises(DialError, match=text):
        _one_by_one(data)


def _one_by_one(data: bytes) -> None:
    reader = FrameReader()
    for place in range(len(data)):
        reader.feed(data[place : place + 1])


@given(data=st.binary(max_size=300))
def test_whatever_comes_it_is_frames_or_a_dial_error(data: bytes) -> None:
    with suppress(DialError):
        assert len(FrameReader().feed(data)) <= len(data)


def test_headers_of_sent_frames_have_a_zero_mask() -> None:
    assert header(9, 0) == b"\x89\x80\0\0\0\0"
    assert header(2, 125) == b"\x82\xfd\0\0\0\0"
    assert header(2, 126) == b"\x82\xfe\x00\x7e\0\0\0\0"
    assert header(2, 65536) == b"\x82\xff" + (65536).to_bytes(8, "big") + b"\0\0\0\0"
