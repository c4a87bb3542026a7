"""One remotedialer session, either side, without I/O (docs/remotedialer.md, sections 4 to 7).

The owner feeds websocket frames in and gets events; what is to be sent piles up for ``data_to_send``. What is
sent, and in which order, is what the Go module (v0.6.1) sends in the same place; differences are listed in section 9.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final

from scale_agent.errors import LocalProtocolError, RemoteProtocolError
from scale_agent.tunnel.events import (
    ConnectionClosed,
    ConnectionOpened,
    DataReceived,
    Event,
    MessageIgnored,
    PeerPaused,
    PeerResumed,
)
from scale_agent.tunnel.flow import PAUSE_ABOVE_BYTES, Flow, Held
from scale_agent.tunnel.fragments import BINARY, CONTROL, MAX_MESSAGE_BYTES, MessageJoiner
from scale_agent.tunnel.headers import Headers, data_message
from scale_agent.tunnel.message import (
    ERROR_BODY_LIMIT,
    PEER_BODY_LIMIT,
    Message,
    MessageType,
    UnknownTypeError,
    decode,
    decode_connect,
    decode_connection_ids,
    decode_text,
    encode_connection_ids,
)

EOF: Final = "EOF"

#: Body of one Data message at most, in bytes: the buffer with which the Go module copies.
MAX_DATA_BYTES: Final = 32 << 10

_CLOSED_PIPE: Final = "io: read/write on closed pipe"
_CLOSED_SOCKET: Final = "writeto tcp {0}: read tcp {0}: use of closed network connection"
_SYNC_CLOSED: Final = "sync from client"
_FIRST_LOCAL_PORT: Final = 32768
_LOCAL_PORTS: Final = 28232


class Side(Enum):
    """CLIENT dialled the websocket (the agent); SERVER accepted it (Rancher) and opens the connections."""

    CLIENT = "client"
    SERVER = "server"


class Session:
    """The connections of one websocket.

    ``first_message_id`` is the id of the first message sent (int64; the Go module starts at a random one).
    ``allow(network, address)`` decides on the CLIENT whether the peer may open a connection; a refusal ends the whole
    session, as in the Go module. ``client_key`` and ``session_key`` go into the text of "connection not found".
    ``local_host`` is the address from which the CLIENT pretends to have dialled, in the text of the second Error of a
    connection that the server closed; without it the text is the one of an in-process pipe (the stv tunnel).
    """

    __slots__ = (
        "_allow",
        "_client_key",
        "_connections",
        "_headers",
        "_joiner",
        "_local_host",
        "_next_conn_id",
        "_outbox",
        "_session_key",
        "_side",
    )

    def __init__(
        self,
        side: Side,
        *,
        first_message_id: int,
        allow: Callable[[str, str], bool] | None = None,
        client_key: str = "client",
        session_key: int = 0,
        local_host: str = "",
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        self._side = side
        self._headers = Headers(first_message_id)
        self._allow = allow
        self._client_key = client_key
        self._session_key = session_key
        self._local_host = local_host
        self._joiner = MessageJoiner(max_message_bytes)
        self._connections: dict[int, Flow] = {}
        self._outbox: list[bytes] = []
        self._next_conn_id = 2

    # -- what comes in ------------------------------------------------------------------------------------------------

    def receive(self, opcode: int, payload: bytes, fin: bool = True) -> list[Event]:
        """One websocket frame. Ping, pong and close (8 to 10) are the transport's and mean nothing here.

        Raises :class:`RemoteProtocolError` where the Go module ends the session: the owner closes the websocket.
        """
        if opcode in CONTROL:
            return []
        joiner = self._joiner
        if opcode == BINARY and fin and joiner.begun is None and len(payload) <= joiner.limit:
            whole: bytes | None = payload
        else:
            whole = joiner.receive(opcode, payload, fin)
        if whole is None:
            return []
        data = data_message(whole)
        if data is not None:
            return self._arrived(data[0], whole[data[1] :])
        try:
            message = decode(whole)
        except UnknownTypeError as error:
            return [MessageIgnored(str(error))]
        return _HANDLERS[message.type](self, message)

    def _on_data(self, message: Message) -> list[Event]:
        return self._arrived(message.conn_id, message.body)

    def _arrived(self, conn_id: int, body: bytes) -> list[Event]:
        flow = self._connections.get(conn_id)
        if flow is None:
            where = f"{self._client_key}/{self._session_key}/{conn_id}"
            self._put(conn_id, MessageType.ERROR, f"connection not found {where}".encode())
            return []
        size = len(body)
        if flow.unread + size <= PAUSE_ABOVE_BYTES:  # as nearly always
            flow.unread += size
        elif flow.arrived(size):
            self._put(conn_id, MessageType.PAUSE)
        return [DataReceived(conn_id, body)] if body else []

    def _on_connect(self, message: Message) -> list[Event]:
        network, address = decode_connect(message.body)
        if self._side is Side.SERVER or (self._allow is not None and not self._allow(network, address)):
            raise RemoteProtocolError(f"connect not allowed: {network}/{address}", where="Connect from the peer")
        events: list[Event] = []
        if message.conn_id in self._connections:
            events.append(ConnectionClosed(message.conn_id, "connection id used again"))
        self._connections[message.conn_id] = Flow(address)
        events.append(ConnectionOpened(message.conn_id, network, address))
        return events

    def _on_error(self, message: Message) -> list[Event]:
        flow = self._connections.pop(message.conn_id, None)
        if flow is None:
            return []
        error = message.body[:ERROR_BODY_LIMIT]
        self._put(message.conn_id, MessageType.ERROR, error)
        self._put_late_error(message.conn_id, flow)
        return [ConnectionClosed(message.conn_id, decode_text(error, ERROR_BODY_LIMIT))]

    def _on_pause(self, message: Message) -> list[Event]:
        flow = self._connections.get(message.conn_id)
        if flow is None or flow.peer_paused:
            return []
        flow.peer_paused = True
        return [PeerPaused(message.conn_id)]

    def _on_resume(self, message: Message) -> list[Event]:
        flow = self._connections.get(message.conn_id)
        return [PeerResumed(message.conn_id)] if flow is not None and flow.peer_resumed() else []

    def _on_sync(self, message: Message) -> list[Event]:
        stale = _missing(self.connections, decode_connection_ids(message.body))
        for conn_id in stale:
            self._put_late_error(conn_id, self._connections.pop(conn_id))
        return [ConnectionClosed(conn_id, _SYNC_CLOSED) for conn_id in stale]

    def _on_add_client(self, message: Message) -> list[Event]:
        if self._side is Side.SERVER:
            _check_peer(message)
        return []

    def _on_remove_client(self, message: Message) -> list[Event]:
        _check_peer(message)
        return []

    # -- what goes out ------------------------------------------------------------------------------------------------

    def data_to_send(self) -> list[bytes]:
        """Everything to be sent, one element per binary websocket message, in order; the session forgets it."""
        if not self._outbox:
            return []
        out, self._outbox = self._outbox, []
        return out

    def connect(self, network: str, address: str) -> int:
        """SERVER: open a connection; its id. Data may be sent at once."""
        self._only(Side.SERVER, "connect")
        conn_id = self._next_conn_id
        self._next_conn_id += 1
        self._connections[conn_id] = Flow(address)
        self._put(conn_id, MessageType.CONNECT, f"{network}/{address}".encode())
        return conn_id

    def send(self, conn_id: int, data: bytes) -> None:
        """Send bytes of a connection, in Data messages of at most 32 KiB.

        Raises :class:`LocalProtocolError` for a connection that is closed, or paused by the peer (see ``can_send``).
        """
        flow = self._connections.get(conn_id) or self._flow(conn_id)
        if flow.peer_paused:
            raise LocalProtocolError(f"connection {conn_id} is paused by the peer", cure="ask can_send first")
        if len(data) <= MAX_DATA_BYTES:
            if data:
                self._outbox.append(self._headers.next(conn_id, MessageType.DATA) + data)
            return
        for start in range(0, len(data), MAX_DATA_BYTES):
            self._put(conn_id, MessageType.DATA, data[start : start + MAX_DATA_BYTES])

    def can_send(self, conn_id: int) -> bool:
        """True if the connection is open and not paused by the peer."""
        flow = self._connections.get(conn_id)
        return flow is not None and not flow.peer_paused

    def consumed(self, conn_id: int, size: int) -> list[Event]:
        """The owner processed ``size`` of the bytes that arrived; ignored for a connection that is closed by now.

        Almost always no events. :class:`PeerResumed` when this made us send Resume while the peer had us paused: in the
        Go module a Resume undoes the receiver's own Pause, and no other would ever come (section 6). Raises
        :class:`LocalProtocolError` for more than arrived.
        """
        flow = self._connections.get(conn_id)
        if flow is None:
            return []
        if size > flow.unread:
            raise LocalProtocolError(f"{size} bytes of connection {conn_id} consumed, {flow.unread} are unread")
        if flow.held is Held.NO:
            flow.unread -= size
            return []
        if not flow.consumed(size):
            return []
        self._put(conn_id, MessageType.RESUME)
        was, flow.peer_paused = flow.peer_paused, False
        return [PeerResumed(conn_id)] if was else []

    def close(self, conn_id: int, error: str = EOF) -> None:
        """End a connection from this side, in both directions. Its id is dead at once.

        One Error on the SERVER. Two on the CLIENT: the Go module says it once when copying ended and once, always
        as EOF, when the connection is put away. Raises :class:`LocalProtocolError` for a connection that is closed.
        """
        self._flow(conn_id)
        del self._connections[conn_id]
        self._put(conn_id, MessageType.ERROR, error.encode())
        if self._side is Side.CLIENT:
            self._put(conn_id, MessageType.ERROR, EOF.encode())

    def refuse(self, conn_id: int, error: str) -> None:
        """CLIENT: the dial failed, with this text (``dial tcp 10.43.0.1:444: connect: connection refused``)."""
        self._only(Side.CLIENT, "refuse")
        self.close(conn_id, error)

    def sync(self) -> None:
        """CLIENT: tell the peer all open connections; it closes what is not listed. Every 60 s by the owner."""
        self._only(Side.CLIENT, "sync")
        self._put(0, MessageType.SYNC_CONNECTIONS, encode_connection_ids(self.connections))

    @property
    def connections(self) -> tuple[int, ...]:
        """Ids of the open connections, ascending."""
        return tuple(sorted(self._connections))

    # -- inside -------------------------------------------------------------------------------------------------------

    def _put(self, conn_id: int, kind: MessageType, body: bytes = b"") -> None:
        self._outbox.append(self._headers.next(conn_id, kind) + body)

    def _put_late_error(self, conn_id: int, flow: Flow) -> None:
        """What the Go client still says when it notices that a connection was closed under it."""
        if self._side is Side.SERVER:
            return
        text = _CLOSED_PIPE
        if self._local_host:
            port = _FIRST_LOCAL_PORT + conn_id % _LOCAL_PORTS
            text = _CLOSED_SOCKET.format(f"{self._local_host}:{port}->{flow.address}")
        self._put(conn_id, MessageType.ERROR, text.encode())

    def _flow(self, conn_id: int) -> Flow:
        flow = self._connections.get(conn_id)
        if flow is None:
            raise LocalProtocolError(f"connection {conn_id} is not open", where=f"{self._side.value} session")
        return flow

    def _only(self, side: Side, name: str) -> None:
        if self._side is not side:
            raise LocalProtocolError(f"{name} belongs to the {side.value} side", where=f"{self._side.value} session")


def _missing(ours: Sequence[int], theirs: Sequence[int]) -> list[int]:
    """Which of ``ours`` (ascending) are not in ``theirs``; it, too, has to ascend, else ids in it count as missing."""
    out: list[int] = []
    place = 0
    for conn_id in ours:
        while place < len(theirs) and theirs[place] < conn_id:
            place += 1
        if place == len(theirs) or theirs[place] != conn_id:
            out.append(conn_id)
    return out


def _check_peer(message: Message) -> None:
    """``key/number``, as Rancher's replicas tell each other about clients."""
    text = decode_text(message.body, PEER_BODY_LIMIT)
    number = text.partition("/")[2]
    digits = number[1:] if number[:1] in ("+", "-") else number
    if not (digits.isascii() and digits.isdigit()):
        raise RemoteProtocolError(f"invalid remote session {text!r}", where=f"{message.type.name} from the peer")


_HANDLERS: Final[dict[MessageType, Callable[[Session, Message], list[Event]]]] = {
    MessageType.DATA: Session._on_data,
    MessageType.CONNECT: Session._on_connect,
    MessageType.ERROR: Session._on_error,
    MessageType.ADD_CLIENT: Session._on_add_client,
    MessageType.REMOVE_CLIENT: Session._on_remove_client,
    MessageType.PAUSE: Session._on_pause,
    MessageType.RESUME: Session._on_resume,
    MessageType.SYNC_CONNECTIONS: Session._on_sync,
}
