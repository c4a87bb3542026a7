"""docs/remotedialer.md, sections 6 and 7: Pause, Resume and SyncConnections of one session."""

from __future__ import annotations

import pytest

from scale_agent.errors import LocalProtocolError, RemoteProtocolError
from scale_agent.tunnel.events import ConnectionClosed, PeerPaused, PeerResumed
from scale_agent.tunnel.message import MessageType, encode_connection_ids
from scale_agent.tunnel.session import MAX_DATA_BYTES
from tests.tunnel.test_session import CONNECT, DATA, ERROR, MIB, client, feed, opened, sent, server

# -- back-pressure ----------------------------------------------------------------------------------------------------


def test_pause_above_and_resume_below() -> None:
    session = opened()
    for _ in range(64):
        feed(session, DATA, 2, bytes(MAX_DATA_BYTES))
    assert sent(session) == []
    feed(session, DATA, 2, b"x")
    feed(session, DATA, 2, b"x")
    assert sent(session) == [(MessageType.PAUSE, 2, b"")]
    session.consumed(2, 2 * MIB + 2 - 262144)
    assert sent(session) == []
    session.consumed(2, 1)
    assert sent(session) == [(MessageType.RESUME, 2, b"")]


def test_more_than_arrived_cannot_be_consumed() -> None:
    session = opened()
    feed(session, DATA, 2, b"abc")
    with pytest.raises(LocalProtocolError, match="4 bytes of connection 2 consumed, 3 are unread"):
        session.consumed(2, 4)


def test_the_peers_pause_is_honoured() -> None:
    session = opened()
    feed(session, CONNECT, 3, b"tcp/a:1")
    assert feed(session, MessageType.PAUSE, 2) == [PeerPaused(2)]
    assert feed(session, MessageType.PAUSE, 2) == []
    assert (session.can_send(2), session.can_send(3)) == (False, True)
    with pytest.raises(LocalProtocolError, match="paused by the peer"):
        session.send(2, b"x")
    assert feed(session, MessageType.RESUME, 2) == [PeerResumed(2)]
    assert feed(session, MessageType.RESUME, 2) == []
    session.send(2, b"x")
    assert sent(session) == [(DATA, 2, b"x")]


def test_our_resume_undoes_the_peers_pause() -> None:
    """A Go peer forgets its own Pause when it gets Resume: no other Resume would come (section 6)."""
    session = opened()
    feed(session, DATA, 2, bytes(2 * MIB + 1))
    feed(session, MessageType.PAUSE, 2)
    assert not session.can_send(2)
    assert session.consumed(2, 2 * MIB + 1) == [PeerResumed(2)]
    assert session.can_send(2)


def test_small_reads_do_not_undo_it() -> None:
    session = opened()
    feed(session, DATA, 2, b"abc")
    feed(session, MessageType.PAUSE, 2)
    assert session.consumed(2, 3) == []
    assert not session.can_send(2)


def test_a_paused_connection_can_be_closed() -> None:
    session = opened()
    feed(session, MessageType.PAUSE, 2)
    session.close(2)
    assert len(sent(session)) == 2


@pytest.mark.parametrize("kind", [MessageType.PAUSE, MessageType.RESUME])
def test_pause_and_resume_of_unknown_connections_mean_nothing(kind: MessageType) -> None:
    session = client()
    assert feed(session, kind, 9) == []
    assert sent(session) == []


# -- SyncConnections --------------------------------------------------------------------------------------------------


def test_sync_lists_what_is_open_in_order() -> None:
    session = client()
    session.sync()
    for conn_id in (300, 2, 40):
        feed(session, CONNECT, conn_id, b"tcp/a:1")
    session.sync()
    assert sent(session) == [
        (MessageType.SYNC_CONNECTIONS, 0, b""),
        (MessageType.SYNC_CONNECTIONS, 0, encode_connection_ids((2, 40, 300))),
    ]


@pytest.mark.parametrize(
    ("listed", "closed"),
    [
        ((2, 3, 4), ()),
        ((2, 4), (3,)),
        ((), (2, 3, 4)),
        ((1, 2, 3, 4, 5, 600), ()),
        ((4, 3, 2), (2, 3)),
        ((-5, 3), (2, 4)),
    ],
)
def test_the_server_silently_closes_what_is_not_listed(listed: tuple[int, ...], closed: tuple[int, ...]) -> None:
    session = server()
    for _ in range(3):
        session.connect("tcp", "a:1")
    session.data_to_send()
    events = feed(session, MessageType.SYNC_CONNECTIONS, 0, encode_connection_ids(listed))
    assert events == [ConnectionClosed(conn_id, "sync from client") for conn_id in closed]
    assert session.connections == tuple(conn_id for conn_id in (2, 3, 4) if conn_id not in closed)
    assert sent(session) == []


def test_sync_of_odd_size_ends_the_session() -> None:
    with pytest.raises(RemoteProtocolError, match="incorrect data format"):
        feed(server(), MessageType.SYNC_CONNECTIONS, 0, b"1234567")


def test_a_client_that_gets_a_sync_says_one_error_per_connection() -> None:
    session = opened()
    assert feed(session, MessageType.SYNC_CONNECTIONS, 0) == [ConnectionClosed(2, "sync from client")]
    assert sent(session) == [(ERROR, 2, b"io: read/write on closed pipe")]
