"""docs/remotedialer.md, sections 4 to 7 and 9: a session of either side, and the two back to back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scale_agent.errors import LocalProtocolError, RemoteProtocolError
from scale_agent.tunnel.events import (
    ConnectionClosed,
    ConnectionOpened,
    DataReceived,
    Event,
    MessageIgnored,
)
from scale_agent.tunnel.message import (
    Message,
    MessageType,
    decode,
    encode,
    encode_connection_ids,
    encode_varint,
)
from scale_agent.tunnel.session import MAX_DATA_BYTES, Session, Side

CONNECT, DATA, ERROR = MessageType.CONNECT, MessageType.DATA, MessageType.ERROR
MIB = 1 << 20


def client(**more: Any) -> Session:
    return Session(Side.CLIENT, first_message_id=1000, **more)


def server(**more: Any) -> Session:
    return Session(Side.SERVER, first_message_id=5000, **more)


def feed(session: Session, kind: MessageType, conn_id: int, body: bytes = b"") -> list[Event]:
    return session.receive(2, encode(Message(1, conn_id, kind, body)))


def sent(session: Session) -> list[tuple[MessageType, int, bytes]]:
    return [(m.type, m.conn_id, m.body) for m in map(decode, session.data_to_send())]


def opened(**more: Any) -> Session:
    """A client with connection 2 open."""
    session = client(**more)
    assert feed(session, CONNECT, 2, b"tcp/10.43.0.1:443") == [ConnectionOpened(2, "tcp", "10.43.0.1:443")]
    return session


# -- opening and closing ----------------------------------------------------------------------------------------------


def test_connect_is_not_answered() -> None:
    session = opened()
    assert sent(session) == []
    assert session.connections == (2,)


def test_server_ids_start_at_two() -> None:
    session = server()
    assert [session.connect("tcp", "10.43.0.1:443"), session.connect("tcp", "not-used:80")] == [2, 3]
    assert sent(session) == [(CONNECT, 2, b"tcp/10.43.0.1:443"), (CONNECT, 3, b"tcp/not-used:80")]


def test_message_ids_count_up_and_wrap_like_int64() -> None:
    session = Session(Side.SERVER, first_message_id=(1 << 63) - 2)
    for _ in range(4):
        session.connect("tcp", "a:1")
    ids = [decode(wire).id for wire in session.data_to_send()]
    assert ids == [(1 << 63) - 2, (1 << 63) - 1, -(1 << 63), -(1 << 63) + 1]


def test_data_may_follow_connect_at_once() -> None:
    assert feed(opened(), DATA, 2, b"hello") == [DataReceived(2, b"hello")]


def test_a_failed_dial_is_two_errors() -> None:
    session = opened()
    session.refuse(2, "dial tcp 10.43.0.1:443: connect: connection refused")
    assert sent(session) == [(ERROR, 2, b"dial tcp 10.43.0.1:443: connect: connection refused"), (ERROR, 2, b"EOF")]
    assert session.connections == ()


def test_the_clients_own_close_is_two_errors() -> None:
    session = opened()
    session.close(2)
    assert sent(session) == [(ERROR, 2, b"EOF"), (ERROR, 2, b"EOF")]
    assert feed(session, ERROR, 2, b"EOF") == []
    assert sent(session) == []


def test_the_servers_own_close_is_one_error() -> None:
    session = server()
    session.connect("tcp", "a:1")
    session.data_to_send()
    session.close(2)
    assert sent(session) == [(ERROR, 2, b"EOF")]


@pytest.mark.parametrize(
    ("local_host", "late"),
    [
        ("", b"io: read/write on closed pipe"),
        (
            "10.42.0.7",
            b"writeto tcp 10.42.0.7:32770->10.43.0.1:443: "
            b"read tcp 10.42.0.7:32770->10.43.0.1:443: use of closed network connection",
        ),
    ],
)
def test_a_close_by_the_server_is_echoed_and_followed_by_a_second_error(local_host: str, late: bytes) -> None:
    session = opened(local_host=local_host)
    assert feed(session, ERROR, 2, b"EOF") == [ConnectionClosed(2, "EOF")]
    assert sent(session) == [(ERROR, 2, b"EOF"), (ERROR, 2, late)]


def test_a_close_by_the_client_is_echoed_once() -> None:
    session = server()
    session.connect("tcp", "a:1")
    session.data_to_send()
    assert feed(session, ERROR, 2, b"dial failed") == [ConnectionClosed(2, "dial failed")]
    assert sent(session) == [(ERROR, 2, b"dial failed")]
    assert feed(session, ERROR, 2, b"EOF") == [], "the second of the client's two"
    assert sent(session) == []


def test_only_100_bytes_of_an_error_count() -> None:
    session = opened()
    assert feed(session, ERROR, 2, b"x" * 99 + b"\xffyz") == [ConnectionClosed(2, "x" * 99 + "\\xff")]
    assert sent(session)[0] == (ERROR, 2, b"x" * 99 + b"\xff")


def test_an_error_without_text_is_echoed_too() -> None:
    session = opened()
    assert feed(session, ERROR, 2) == [ConnectionClosed(2, "")]
    assert sent(session)[0] == (ERROR, 2, b"")


def test_error_for_an_unknown_connection_means_nothing() -> None:
    session = client()
    assert feed(session, ERROR, 77, b"EOF") == []
    assert sent(session) == []


def test_data_for_an_unknown_connection_is_answered() -> None:
    for session, text in (
        (client(), b"connection not found client/0/9"),
        (
            server(client_key="c-m-z7w5sgd7", session_key=1833149174639378252),
            b"connection not found c-m-z7w5sgd7/1833149174639378252/9",
        ),
    ):
        assert feed(session, DATA, 9, b"late") == []
        assert sent(session) == [(ERROR, 9, text)]


def test_an_id_used_again_replaces_the_connection() -> None:
    session = opened()
    assert feed(session, CONNECT, 2, b"tcp/b:1") == [
        ConnectionClosed(2, "connection id used again"),
        ConnectionOpened(2, "tcp", "b:1"),
    ]


# -- what ends the session, and what does not -------------------------------------------------------------------------


def test_connect_is_for_clients_that_allow_it() -> None:
    with pytest.raises(RemoteProtocolError, match="connect not allowed: tcp/a:1"):
        feed(server(), CONNECT, 2, b"tcp/a:1")
    with pytest.raises(RemoteProtocolError, match="connect not allowed: unix//x"):
        feed(client(allow=lambda network, _: network == "tcp"), CONNECT, 2, b"unix//x")
    assert feed(client(allow=lambda network, _: network == "tcp"), CONNECT, 2, b"tcp/a:1") != []


def test_messages_of_unknown_types_are_dropped() -> None:
    session = opened()
    unknown = encode_varint(1) + encode_varint(2) + encode_varint(99) + b"whatever"
    (event,) = session.receive(2, unknown)
    assert isinstance(event, MessageIgnored)
    assert "unknown type 99" in event.reason
    assert feed(session, DATA, 2, b"x") == [DataReceived(2, b"x")]


@pytest.mark.parametrize("opcode", [8, 9, 10])
def test_control_frames_mean_nothing_here(opcode: int) -> None:
    session = opened()
    whole = encode(Message(1, 2, DATA, b"abc"))
    assert session.receive(2, whole[:5], False) == []
    assert session.receive(opcode, b"\x03\xe8bye") == []
    assert session.receive(0, whole[5:], True) == [DataReceived(2, b"abc")]


@pytest.mark.parametrize("payload", [b"", b"\x80", b"\x02\x04", b"\x02\x04\x02", b"\xff" * 20])
def test_cut_headers_end_the_session(payload: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        client().receive(2, payload)


def test_text_ends_the_session() -> None:
    with pytest.raises(RemoteProtocolError, match="wrong websocket message type"):
        client().receive(1, b"hello")


def test_the_size_of_a_message_is_limited() -> None:
    session = opened(max_message_bytes=1000)
    with pytest.raises(RemoteProtocolError, match="more than 1000 bytes"):
        feed(session, DATA, 2, b"x" * 1000)


def test_peers_are_none_of_a_clients_business() -> None:
    session = client()
    assert feed(session, MessageType.ADD_CLIENT, 0, b"no slash") == []
    assert feed(session, MessageType.REMOVE_CLIENT, 0, b"c-m-x/-7") == []
    with pytest.raises(RemoteProtocolError, match="invalid remote session 'c-m-x/seven'"):
        feed(session, MessageType.REMOVE_CLIENT, 0, b"c-m-x/seven")


@pytest.mark.parametrize("kind", [MessageType.ADD_CLIENT, MessageType.REMOVE_CLIENT])
def test_a_server_reads_both(kind: MessageType) -> None:
    session = server()
    assert feed(session, kind, 0, b"c-m-x/+7") == []
    with pytest.raises(RemoteProtocolError, match="invalid remote session"):
        feed(session, kind, 0, b"c-m-x")


@settings(max_examples=300)
@given(
    st.sampled_from(Side),
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 2, 2, 2, 2, 3, 8, 9, 10]),
            st.one_of(
                st.binary(max_size=40),
                st.builds(
                    lambda kind, conn, body: encode(Message(7, conn, kind, body)),
                    st.sampled_from(MessageType),
                    st.integers(0, 4),
                    st.binary(max_size=24)
                    | st.sampled_from([b"tcp/a:1", b"EOF", b"x/1", encode_connection_ids((2, 3))]),
                ),
            ),
            st.booleans(),
        ),
        max_size=12,
    ),
)
def test_no_input_raises_anything_else(side: Side, frames: list[tuple[int, bytes, bool]]) -> None:
    session = Session(side, first_message_id=1)
    if side is Side.SERVER:
        session.connect("tcp", "a:1")
    for frame in frames:
        try:
            session.receive(*frame)
        except RemoteProtocolError as error:
            said = str(error)
            break
    else:
        said = "from the peer"
    assert "from the peer" in said
    assert all(decode(wire) for wire in session.data_to_send())


# -- sending ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, MAX_DATA_BYTES, MAX_DATA_BYTES + 1, 3 * MAX_DATA_BYTES])
def test_data_goes_out_in_bodies_of_32_kib(size: int) -> None:
    session = opened()
    data = bytes(range(256)) * (size // 256 + 1)
    session.send(2, data[:size])
    bodies = [body for kind, conn_id, body in sent(session) if (kind, conn_id) == (DATA, 2)]
    assert b"".join(bodies) == data[:size]
    assert len(bodies) == -(-size // MAX_DATA_BYTES)
    assert all(len(body) <= MAX_DATA_BYTES for body in bodies)


def test_a_closed_connection_takes_nothing() -> None:
    session = opened()
    feed(session, ERROR, 2, b"EOF")
    assert not session.can_send(2)
    with pytest.raises(LocalProtocolError, match="connection 2 is not open"):
        session.send(2, b"x")
    with pytest.raises(LocalProtocolError, match="connection 2 is not open"):
        session.close(2)
    with pytest.raises(LocalProtocolError, match="connection 2 is not open"):
        session.refuse(2, "no")
    session.consumed(2, 10)


def test_each_side_keeps_to_its_own_calls() -> None:
    with pytest.raises(LocalProtocolError, match="connect belongs to the server side"):
        client().connect("tcp", "a:1")
    with pytest.raises(LocalProtocolError, match="sync belongs to the client side"):
        server().sync()
    with pytest.raises(LocalProtocolError, match="refuse belongs to the client side"):
        server().refuse(2, "no")
