"""Rancher's end without sockets: an in-memory connector, websockets over queues, the server's side of the tunnel."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gevent
import orjson

from scale_agent.cluster.ports import DialTimings, WebSocket
from scale_agent.cluster.runtime import ManualRuntime
from scale_agent.errors import DialError
from scale_agent.tunnel.asked import AskingConnection
from scale_agent.tunnel.events import ConnectionClosed, DataReceived
from scale_agent.tunnel.http1 import ResponseData, ResponseEnded, ResponseStarted
from scale_agent.tunnel.message import Message, decode
from scale_agent.tunnel.session import Session, Side

API = "10.43.0.1:443"


@dataclass(frozen=True)
class Reply:
    """What the fake answers to a GET."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Timings:
    """How long the fake says that a dial took."""

    tcp_ms: float
    tls_ms: float
    upgrade_ms: float


class Inbox:
    """What Rancher has sent; every frame wakes the agent's end."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._frames: deque[tuple[int, bytes, bool] | None] = deque()
        self._wake = wake

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: tuple[int, bytes, bool] | None) -> None:
        """A frame; None for the end."""
        self._frames.append(frame)
        self._wake()

    def get(self) -> tuple[int, bytes, bool] | None:
        """The first."""
        return self._frames.popleft()


class FakeSocket:
    """The agent's end of a websocket; ``rancher`` is the other. It tells of what is there until that is read."""

    _MOST = 64

    def __init__(self) -> None:
        self.inbox = Inbox(self._wake)
        self.sends: list[list[bytes]] = []
        self.pings = 0
        self.answers_pings = True
        self.closed = False
        self.blocked = False  # Rancher does not read: what is sent waits for unblock()
        self.waiting: list[list[bytes]] = []
        self.on_message: Callable[[bytes], None] = lambda message: None
        self._readable: Callable[[], None] | None = None
        self._writable: Callable[[], None] | None = None
        self._woken = False
        self.reading = True
        self.writing = False

    def attach(self, readable: Callable[[], None], writable: Callable[[], None]) -> FakeSocket:
        """Who is told."""
        self._readable, self._writable = readable, writable
        return self

    def fileno(self) -> int:
        """None."""
        return -1

    def read(self, wanted: bool) -> None:
        """The reader wants to know, or not."""
        self.reading = wanted
        self._wake()

    def write(self, wanted: bool) -> None:
        """The writer wants to know, or not."""
        self.writing = wanted

    def stop(self) -> None:
        """Nobody wants to know."""
        self._readable = self._writable = None

    def receive(self) -> list[tuple[int, bytes, bool]]:
        """The frames that are there, up to a close or the end."""
        found: list[tuple[int, bytes, bool]] = []
        while len(self.inbox) and len(found) < self._MOST and not self.closed:
            frame = self.inbox.get()
            if frame is None:
                self.closed = True
                break
            found.append(frame)
        if self.closed and not found:
            raise DialError("closed", "the websocket is over")
        return found

    def send(self, messages: Sequence[bytes]) -> int:
        """To Rancher, at once; or not before someone lets go."""
        if self.closed:
            raise DialError("closed", "the websocket is over")
        if self.blocked:
            self.waiting.append(list(messages))
            return sum(map(len, messages))
        self.sends.append(list(messages))
        for message in messages:
            self.on_message(message)
        return 0

    def flush(self) -> int:
        """What waits goes, unless Rancher still does not read."""
        if self.blocked:
            return sum(len(one) for batch in self.waiting for one in batch)
        waiting, self.waiting = self.waiting, []
        for batch in waiting:
            self.send(batch)
        return 0

    def unblock(self) -> None:
        """Rancher reads again."""
        self.blocked = False
        if self.writing and self._writable is not None:
            gevent.spawn(self._writable)

    def ping(self) -> int:
        """Counted, and answered unless Rancher is silent."""
        if self.closed:
            raise DialError("closed", "the websocket is over")
        self.pings += 1
        if self.answers_pings:
            self.inbox.put((10, b"", True))
        return 0

    def shutdown(self) -> None:
        """The end."""
        self.closed = True

    def _wake(self) -> None:
        if not self._woken and self.reading and (len(self.inbox) or self.closed):
            self._woken = True
            gevent.spawn(self._tell)

    def _tell(self) -> None:
        self._woken = False
        if self._readable is not None and self.reading:
            self._readable()
            self._wake()


@dataclass
class Answer:
    """What came back on one connection."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)


class RancherEnd:
    """The server's side of one tunnel."""

    def __init__(self, socket: FakeSocket, context: ssl.SSLContext | None) -> None:
        self.socket = socket
        self.context = context
        self.session = Session(Side.SERVER, first_message_id=1000)
        self.connections: dict[int, AskingConnection] = {}
        self.answers: dict[int, Answer] = {}
        self.closed: dict[int, str] = {}
        self.messages: list[Message] = []
        self.consume = True
        socket.on_message = self._message

    def connect(self, address: str = API) -> int:
        """Open a connection, as Rancher's dialer does."""
        conn_id = self.session.connect("tcp", address)
        host = address.rpartition(":")[0]
        self.connections[conn_id] = AskingConnection(self.context, host if self.context else None)
        self._pump(conn_id)
        return conn_id

    def ask(self, conn_id: int, method: str, target: str, body: bytes = b"", **headers: str) -> Answer:
        """Send a request; the answer fills as it comes."""
        answer = self.answers[conn_id] = Answer()
        lines = [("Host", "x"), *((name.replace("_", "-"), value) for name, value in headers.items())]
        self.connections[conn_id].request(method, target, lines, body)
        self._pump(conn_id)
        return answer

    def frame(self, payload: bytes, opcode: int = 2, fin: bool = True) -> None:
        """Anything."""
        self.socket.inbox.put((opcode, payload, fin))

    def hang_up(self, conn_id: int) -> None:
        """Close a connection."""
        self.session.close(conn_id)
        self.flush()

    def flush(self) -> None:
        """What the session wants to say, said."""
        for message in self.session.data_to_send():
            self.socket.inbox.put((2, message, True))

    def _pump(self, conn_id: int) -> None:
        data = self.connections[conn_id].data_to_send()
        if data and self.session.can_send(conn_id):
            self.session.send(conn_id, data)
        self.flush()

    def _message(self, payload: bytes) -> None:
        self.messages.append(decode(payload))
        for event in self.session.receive(2, payload):
            if isinstance(event, DataReceived):
                self._data(event)
            elif isinstance(event, ConnectionClosed):
                self.closed[event.conn_id] = event.error
        self.flush()

    def _data(self, event: DataReceived) -> None:
        answer = self.answers.get(event.conn_id, Answer())
        for item in self.connections[event.conn_id].receive(event.data):
            if isinstance(item, ResponseStarted):
                answer.status = item.status
                answer.headers = {name.lower(): value for name, value in item.headers}
            elif isinstance(item, ResponseData):
                answer.body += item.data
            elif isinstance(item, ResponseEnded):
                answer.ended = True
        if self.consume:
            self.session.consumed(event.conn_id, len(event.data))
        self._pump(event.conn_id)


@dataclass
class Dialled:
    """One websocket dial that was answered."""

    path: str
    headers: dict[str, str]
    end: RancherEnd

    @property
    def tunnel(self) -> str:
        """Main or stv, by the headers."""
        return "main" if "X-API-Tunnel-Token" in self.headers else "stv"


class FakeRancher:
    """The connector: replies to GETs by ``replies``, accepts dials unless ``refuse`` says otherwise."""

    server_url = "https://127.0.0.1:8443"

    def __init__(self, context: ssl.SSLContext, cacerts: str) -> None:
        self.context = context
        self.gets: list[tuple[str, float]] = []
        self.tries: list[tuple[str, float]] = []
        self.dialled: list[Dialled] = []
        self.refuse: Callable[[str, dict[str, str]], DialError | None] = lambda path, headers: None
        self.replies: dict[str, Reply | DialError] = {
            "/ping": Reply(200, {}, b"pong"),
            "/v3/settings/cacerts": Reply(200, {}, orjson.dumps({"id": "cacerts", "value": cacerts})),
            "/": Reply(200, {}, b"{}"),
            "/v3/connect": Reply(401, {}, b"failed authentication"),
        }

    def get(self, path: str, timeout_s: float) -> Reply:
        """As told."""
        self.gets.append((path, timeout_s))
        reply = self.replies[path]
        if isinstance(reply, DialError):
            raise reply
        return reply

    def dial(self, path: str, headers: Sequence[tuple[str, str]], timeout_s: float) -> tuple[WebSocket, DialTimings]:
        """As told."""
        self.tries.append((path, timeout_s))
        error = self.refuse(path, dict(headers))
        if error is not None:
            raise error
        socket = FakeSocket()
        context = self.context if "X-API-Tunnel-Token" in dict(headers) else None
        self.dialled.append(Dialled(path, dict(headers), RancherEnd(socket, context)))
        return socket, Timings(0.1, 0.2, 0.3)

    def open(self, tunnel: str) -> list[RancherEnd]:
        """Rancher's ends of the open tunnels of that name."""
        return [one.end for one in self.dialled if one.tunnel == tunnel and not one.end.socket.closed]


class FakeObserver:
    """Writes down everything it is told."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.requests: list[tuple[str, str | None]] = []
        self.handshakes: list[tuple[str, str | None]] = []
        self.losses: list[tuple[str, str]] = []
        self.requests_served: list[tuple[str, str, int]] = []
        self.errors: list[tuple[str, str]] = []

    def phase(self, name: str) -> None:
        """Each once."""
        if name not in self.phases:
            self.phases.append(name)

    def agent_request(self, name: str, duration_ms: float, size: int, error: str | None) -> None:
        """In order."""
        self.requests.append((name, error))

    def handshake(self, tunnel: str, timings: DialTimings | None, duration_ms: float, error: str | None) -> None:
        """In order."""
        self.handshakes.append((tunnel, error))

    def tunnel_lost(self, tunnel: str, reason: str) -> None:
        """In order."""
        self.losses.append((tunnel, reason))

    def served(
        self, verb: str, resource: str, status: int, duration_ms: float, request_size: int, response_size: int
    ) -> None:
        """In order."""
        self.requests_served.append((verb, resource, status))

    def error(self, reason: str, text: str) -> None:
        """In order."""
        self.errors.append((reason, text))


def run(runtime: ManualRuntime, seconds: float = 0.0) -> None:
    """Let everything happen that happens now, then let time pass."""
    runtime.settle()
    if seconds:
        runtime.advance(seconds)
        runtime.settle()
