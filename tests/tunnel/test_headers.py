"""The quick way of headers says what the plain one says."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scale_agent.errors import RemoteProtocolError
from scale_agent.tunnel.headers import Headers, data_message
from scale_agent.tunnel.message import Message, MessageType, decode, encode

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
CONNECTIONS = st.one_of(INT64, st.integers(-70, 70), st.integers(0, 1 << 15))


@given(INT64, st.lists(st.tuples(CONNECTIONS, st.sampled_from(MessageType)), min_size=1, max_size=200))
@example((1 << 63) - 3, [(2, MessageType.DATA)] * 6)
@example(-3, [(2, MessageType.ERROR)] * 140)
@example(0, [(64, MessageType.DATA)] * 140)
@example((1 << 62) - 70, [(8191, MessageType.DATA)] * 140)
def test_headers_in_a_row(first: int, sent: list[tuple[int, MessageType]]) -> None:
    headers, number = Headers(first), first
    for conn_id, kind in sent:
        assert headers.next(conn_id, kind) == encode(Message(number, conn_id, kind))
        number = number + 1 if number < (1 << 63) - 1 else -(1 << 63)


@given(INT64, CONNECTIONS, st.sampled_from(MessageType), st.binary(max_size=100))
def test_data_messages_are_known_and_no_others(number: int, conn_id: int, kind: MessageType, body: bytes) -> None:
    payload = encode(Message(number, conn_id, kind, body))
    found = data_message(payload)
    if kind is not MessageType.DATA:
        assert found is None
    elif abs(conn_id) < 1 << 26:
        assert found == (conn_id, len(payload) - len(body))


@given(st.binary(max_size=60))
@example(b"\xff" * 9 + b"\x02\x04\x02\x00")  # an id of more than 64 bits
@example(b"\x02\x04\x02" + b"\xff" * 9 + b"\x02")  # a deadline of as many
@example(b"\x80\x00\x80\x00\x02\x00body")
def test_what_it_accepts_is_what_the_plain_way_reads(payload: bytes) -> None:
    found = data_message(payload)
    if found is not None:
        message = decode(payload)
        assert (message.type, message.conn_id, message.body) == (MessageType.DATA, found[0], payload[found[1] :])


def test_cut_headers_are_left_to_the_plain_way() -> None:
    header = encode(Message(1 << 62, 300, MessageType.DATA))
    for size in range(len(header)):
        assert data_message(header[:size]) is None
        with pytest.raises(RemoteProtocolError):
            decode(header[:size])
