"""The outbox gives back what was put in, in any pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scale_agent.tunnel.outbox import Outbox


@given(st.lists(st.binary(max_size=30), max_size=10), st.lists(st.integers(0, 40), max_size=20))
def test_pieces_join_to_the_whole(parts: list[bytes], sizes: list[int]) -> None:
    box = Outbox()
    for part in parts:
        box.put(part)
    whole, left = b"".join(parts), sum(map(len, parts))
    out = b""
    for size in sizes:
        piece = box.take(size)
        assert len(piece) == min(size, left)
        left -= len(piece)
        out += piece
        assert box.size == left
    assert out + box.take() == whole
    assert box.size == 0
    assert box.take() == b""


def test_a_single_part_is_handed_on_without_copying() -> None:
    box = Outbox()
    data = b"x" * 100
    box.put(data)
    assert box.take() is data
