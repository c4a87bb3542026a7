"""What a :class:`~scale_agent.tunnel.session.Session` tells its owner."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionOpened:
    """CLIENT: the peer wants a connection to ``address`` (``10.43.0.1:443``) over ``network`` (``tcp``).

    There is no answer to it: Data may follow at once. A dial that fails is told by ``Session.refuse``.
    """

    conn_id: int
    network: str
    address: str


@dataclass(slots=True)  # one per message: to freeze it costs 0.3 µs
class DataReceived:
    """Bytes of a connection, in order. They count as unread until ``Session.consumed`` says otherwise."""

    conn_id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """The peer ended a connection, in both directions; the id is dead. ``error`` is ``EOF`` for a graceful end."""

    conn_id: int
    error: str


@dataclass(frozen=True, slots=True)
class PeerPaused:
    """The peer wants no more Data for this connection: ``Session.can_send`` is False until :class:`PeerResumed`."""

    conn_id: int


@dataclass(frozen=True, slots=True)
class PeerResumed:
    """The peer takes Data for this connection again."""

    conn_id: int


@dataclass(frozen=True, slots=True)
class MessageIgnored:
    """The peer sent something meaningless that the session survives (a message of unknown type): worth a count."""

    reason: str


Event = ConnectionOpened | DataReceived | ConnectionClosed | PeerPaused | PeerResumed | MessageIgnored
