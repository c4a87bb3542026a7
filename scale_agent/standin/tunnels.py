"""The outer end of the agents' tunnels: websockets, remotedialer sessions, connections that ask.

Everything here is driven by what arrives: no greenlet per tunnelled connection.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable
from typing import Protocol

import gevent

from scale_agent.errors import ProtocolError, RemoteProtocolError
from scale_agent.standin.sockets import ServerSocket
from scale_agent.tunnel.asked import AskingConnection
from scale_agent.tunnel.events import ConnectionClosed, DataReceived, PeerResumed
from scale_agent.tunnel.http_client import ResponseData, ResponseEnded, ResponseStarted
from scale_agent.tunnel.session import Session, Side
from scale_agent.tunnel.tls import client_context

_OPCODES = {bytes: 2, str: 1}


class Exchange(Protocol):
    """Who asked, and is told what comes back. Exactly one of ``ended`` and ``lost`` ends it."""

    def started(self, status: int, headers: dict[str, str]) -> None:
        """The answer's status and headers (names lower case)."""

    def data(self, data: bytes) -> None:
        """A piece of its body."""

    def ended(self) -> None:
        """It is complete."""

    def lost(self, reason: str) -> None:
        """It will never be complete."""


class Contexts:
    """One TLS client context per certificate authority, for the whole process."""

    def __init__(self) -> None:
        self._known: dict[bytes, ssl.SSLContext] = {}

    def get(self, ca_pem: bytes) -> ssl.SSLContext:
        """The context that trusts only this authority; ``LocalProtocolError`` for what is none."""
        key = hashlib.sha256(ca_pem).digest()
        if key not in self._known:
            self._known[key] = client_context(ca_pem)
        return self._known[key]


class Connection:
    """One tunnelled connection and the exchange that is on it, if any."""

    __slots__ = ("_asking", "_exchange", "_pending", "_session", "closed", "conn_id", "used_s")

    def __init__(self, session: TunnelSession, conn_id: int, asking: AskingConnection) -> None:
        self._session = session
        self._asking = asking
        self._exchange: Exchange | None = None
        self._pending = b""
        self.conn_id = conn_id
        self.closed = False
        self.used_s = 0.0

    @property
    def idle(self) -> bool:
        """True when a request may be made on it."""
        return not self.closed and self._exchange is None and self._asking.idle

    def ask(
        self, exchange: Exchange, method: str, target: str, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> None:
        """Send a request; the connection must be idle."""
        self._exchange = exchange
        self._asking.request(method, target, headers, body)
        self.flush()

    def flush(self) -> None:
        """Send what is due, unless the peer paused this connection."""
        if self.closed:
            return
        self._pending += self._asking.data_to_send()
        if self._pending and self._session.put(self.conn_id, self._pending):
            self._pending = b""

    def received(self, data: bytes) -> None:
        """Bytes from the cluster."""
        try:
            events = self._asking.receive(data)
        except (RemoteProtocolError, ssl.SSLError) as error:
            self.fail(f"{error}")
            return
        self._tell(events)
        self.flush()

    def _tell(self, events: list[ResponseStarted | ResponseData | ResponseEnded]) -> None:
        for event in events:
            exchange = self._exchange
            if exchange is None:
                return
            if isinstance(event, ResponseStarted):
                exchange.started(event.status, dict(event.headers))
            elif isinstance(event, ResponseData):
                exchange.data(event.data)
            else:
                self._exchange = None
                if not event.keep_alive:
                    self.close()
                exchange.ended()

    def fail(self, reason: str) -> None:
        """Give the connection up; its exchange is told."""
        self.close()
        self.over(reason)

    def close(self) -> None:
        """Close in order: close_notify, then the tunnelled connection."""
        if self.closed:
            return
        self._asking.close()
        self.flush()
        self.closed = True
        self._session.drop(self.conn_id)

    def over(self, reason: str) -> None:
        """It is gone; its exchange, if any, is lost."""
        self.closed = True
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.lost(reason)


class TunnelSession:
    """One agent's websocket. ``on_end`` is called once, when it is over."""

    def __init__(self, websocket: ServerSocket, first_message_id: int) -> None:
        self._socket = websocket
        self._session = Session(Side.SERVER, first_message_id=first_message_id)
        self._connections: dict[int, Connection] = {}
        self.on_end: Callable[[], None] = lambda: None
        self.ended = False
        self.opened = 0

    @property
    def open_connections(self) -> int:
        """How many tunnelled connections are open."""
        return len(self._connections)

    def serve(self) -> str:
        """Read until the websocket is over; returns why. Runs in the websocket's greenlet."""
        reason = "closed"
        while True:
            message = self._socket.receive()
            if message is None:
                break
            try:
                self.received(message)
            except ProtocolError as error:
                reason = str(error)
                self._socket.shutdown()
                break
            gevent.sleep(0)  # a tunnel with much to say must not keep new agents from their handshakes
        self._finish()
        return reason

    def received(self, message: bytes | str) -> None:
        """One message of the agent. ``ProtocolError``: the websocket is to be closed."""
        payload = message.encode() if isinstance(message, str) else message
        for event in self._session.receive(_OPCODES[type(message)], payload):
            connection = self._connections.get(getattr(event, "conn_id", 0))
            if connection is None:
                continue
            if isinstance(event, DataReceived):
                connection.received(event.data)
                self._consumed(event.conn_id, len(event.data))
            elif isinstance(event, ConnectionClosed):
                del self._connections[event.conn_id]
                connection.over(f"closed by the agent: {event.error}")
            elif isinstance(event, PeerResumed):
                connection.flush()
        self.flush()

    def _consumed(self, conn_id: int, size: int) -> None:
        if conn_id in self._connections:
            self._session.consumed(conn_id, size)

    def open(self, network: str, address: str, context: ssl.SSLContext | None, hostname: str) -> Connection:
        """A new tunnelled connection; TLS when there is a context."""
        conn_id = self._session.connect(network, address)
        connection = Connection(self, conn_id, AskingConnection(context, hostname))
        self._connections[conn_id] = connection
        self.opened += 1
        connection.flush()
        return connection

    def put(self, conn_id: int, data: bytes) -> bool:
        """Send bytes of a connection; False while the peer paused it."""
        if not self._session.can_send(conn_id):
            return False
        self._session.send(conn_id, data)
        self.flush()
        return True

    def drop(self, conn_id: int) -> None:
        """Close a tunnelled connection."""
        if self._connections.pop(conn_id, None) is not None and not self.ended:
            self._session.close(conn_id)
            self.flush()

    def flush(self) -> None:
        """Queue what the session has to say."""
        messages = self._session.data_to_send()
        if messages:
            self._socket.send(messages)

    def shutdown(self) -> None:
        """End the websocket; :meth:`serve` returns."""
        self._socket.shutdown()

    def _finish(self) -> None:
        self.ended = True
        self._socket.finished()
        connections, self._connections = list(self._connections.values()), {}
        self.on_end()
        for connection in connections:
            connection.over("the tunnel is gone")
