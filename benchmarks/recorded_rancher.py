"""Rancher's side of one recorded import without a wire: the stand-in's REST and script, tunnels over queues."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import gevent

from scale_agent.cluster.ports import DialTimings
from scale_agent.cluster.runtime import Runtime
from scale_agent.errors import DialError
from scale_agent.standin.clusters import Cluster, Registry
from scale_agent.standin.names import Names
from scale_agent.standin.rest.calls import Call, parse_query
from scale_agent.standin.rest.dispatch import answer
from scale_agent.standin.rest.service import Service, Settings
from scale_agent.standin.run import Outgoing
from scale_agent.standin.tokens import Tokens
from scale_agent.tunnel.asked import AskingConnection
from scale_agent.tunnel.events import ConnectionClosed, DataReceived
from scale_agent.tunnel.http1 import ResponseData, ResponseEnded, ResponseStarted
from scale_agent.tunnel.session import Session, Side

URL, API = "https://127.0.0.1:8443", "10.43.0.1:443"
CA = "-----BEGIN CERTIFICATE-----\nbm90IGEgcmVhbCBvbmU=\n-----END CERTIFICATE-----\n"
_BINARY, _PONG = 2, 10


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer to an agent's plain GET."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoTime:
    """A dial that took none."""

    tcp_ms: float = 0.0
    tls_ms: float = 0.0
    upgrade_ms: float = 0.0


class Socket:
    """The agent's end of a websocket, which tells of what is there until that is read; what it sent is in ``sent``."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False
        self._inbox: list[tuple[int, bytes, bool]] = []
        self._readable: Callable[[], None] | None = None
        self._reading, self._woken = True, False

    def put(self, opcode: int, payload: bytes) -> None:
        """From Rancher."""
        self._inbox.append((opcode, payload, True))
        self._wake()

    # -- cluster.runtime.InMemory --

    def attach(self, readable: Callable[[], None], writable: Callable[[], None]) -> Socket:
        """Who is told; there is always room to write."""
        self._readable = readable
        return self

    def read(self, wanted: bool) -> None:
        """Tell of what is there, or not."""
        self._reading = wanted
        self._wake()

    def write(self, wanted: bool) -> None:
        """There is always room."""

    def stop(self) -> None:
        """Tell nobody."""
        self._readable = None

    # -- cluster.ports.WebSocket --

    def fileno(self) -> int:
        """None."""
        return -1

    def receive(self) -> list[tuple[int, bytes, bool]]:
        """All frames that are there."""
        if self.closed:
            raise DialError("closed", "the websocket is over")
        found, self._inbox = self._inbox, []
        return found

    def send(self, messages: Sequence[bytes]) -> int:
        """To Rancher."""
        if self.closed:
            raise DialError("closed", "the websocket is over")
        self.sent.extend(bytes(message) for message in messages)
        return 0

    def ping(self) -> int:
        """Answered at once."""
        self.put(_PONG, b"")
        return 0

    def flush(self) -> int:
        """Nothing waits."""
        return 0

    def shutdown(self) -> None:
        """The end."""
        self.closed = True

    def _wake(self) -> None:
        if self._inbox and self._reading and not self._woken:
            self._woken = True
            gevent.spawn(self._tell)

    def _tell(self) -> None:
        self._woken = False
        if self._readable is not None and self._reading:
            self._readable()
            self._wake()


@dataclass(slots=True)
class Dialled:
    """A websocket that an agent opened."""

    headers: dict[str, str]
    socket: Socket

    @property
    def is_main(self) -> bool:
        """Not the second tunnel."""
        return "X-API-Tunnel-Token" in self.headers

    @property
    def params(self) -> dict[str, str]:
        """What the agent says of its cluster."""
        params: dict[str, str] = json.loads(base64.b64decode(self.headers["X-API-Tunnel-Params"]))["cluster"]
        return params


class Connector:
    """``cluster.ports.Connector``: what an agent asks is answered as Rancher does, what it dials is accepted."""

    server_url = URL

    def __init__(self) -> None:
        cacerts = json.dumps({"id": "cacerts", "value": CA}).encode()
        refused = Reply(401, b"failed authentication")
        pong, root = Reply(200, b"pong"), Reply(200, b"{}")
        self._replies = {
            "/ping": pong,
            "/v3/settings/cacerts": Reply(200, cacerts),
            "/": root,
            "/v3/connect": refused,
        }
        self.dialled: list[Dialled] = []

    def get(self, path: str, timeout_s: float) -> Reply:
        """An agent's own request."""
        return self._replies[path]

    def dial(self, path: str, headers: Sequence[tuple[str, str]], timeout_s: float) -> tuple[Socket, DialTimings]:
        """An agent's tunnel."""
        self.dialled = [one for one in self.dialled if not one.socket.closed]
        self.dialled.append(Dialled(dict(headers), Socket()))
        return self.dialled[-1].socket, NoTime()

    def open_main(self) -> Dialled | None:
        """The main tunnel that is open."""
        return next((one for one in self.dialled if one.is_main and not one.socket.closed), None)


class Registration:
    """The stand-in's REST API, asked directly: makes clusters and their manifests."""

    def __init__(self, version: str, runtime: Runtime) -> None:
        names = Names("bench")
        tokens = Tokens(names)
        settings = Settings(version, URL, URL, CA, "admin", "no password that anyone has")
        self._registry = Registry(names)
        self._service = Service(
            settings, self._registry, tokens, names, runtime.clock, lambda one: None, lambda one: None, dict
        )
        self._bearer = tokens.make(0.0, 0.0).bearer

    def cluster(self, name: str) -> tuple[Cluster, str]:
        """A new one, and the manifest that imports it."""
        body = json.dumps({"type": "cluster", "name": name}).encode()
        self._ask("POST", "/v3/clusters", body, self._bearer)
        record = self._registry.named(name)
        if record is None:
            raise RuntimeError("the stand-in made no cluster")
        return record, self._ask("GET", f"/v3/import/{record.token}_{record.id}.yaml", b"", "")

    def _ask(self, method: str, target: str, body: bytes, token: str) -> str:
        path, _, query = target.partition("?")
        headers = {"authorization": f"Bearer {token}"}
        found = answer(self._service, Call(method, path, parse_query(query), headers, body)).body
        return found.decode() if isinstance(found, bytes) else str(found)


class Asker(Protocol):
    """Who is told of answers; see :class:`scale_agent.standin.run.ScriptRun`."""

    def watch_started(self, number: int, status: int, content_type: str, now: float) -> object:
        """A watch is answered."""

    def watch_data(self, number: int, data: bytes, now: float) -> None:
        """A piece of a watch."""

    def watch_ended(self, number: int, now: float) -> None:
        """A watch ended in order."""

    def answered(self, number: int, status: int, content_type: str, body: bytes, now: float) -> None:
        """A whole answer."""


@dataclass(slots=True)
class Exchange:
    """A request of the script, and what came back of its answer."""

    run: Asker
    out: Outgoing
    status: int = 0
    media: str = ""
    parts: list[bytes] = field(default_factory=list)
    done: bool = False

    def take(self, item: object, now_s: float) -> None:
        """A piece of the answer."""
        if isinstance(item, ResponseStarted):
            headers = {name.lower(): value for name, value in item.headers}
            self.status, self.media = item.status, headers.get("content-type", "")
            if self.out.watch:
                self.run.watch_started(self.out.step, self.status, self.media, now_s)
        elif isinstance(item, ResponseData):
            self._data(item.data, now_s)
        elif isinstance(item, ResponseEnded):
            self._ended(now_s)

    def _data(self, data: bytes, now_s: float) -> None:
        if self.out.watch:
            self.run.watch_data(self.out.step, data, now_s)
        else:
            self.parts.append(data)

    def _ended(self, now_s: float) -> None:
        self.done = True
        if self.out.watch:
            self.run.watch_ended(self.out.step, now_s)
        else:
            self.run.answered(self.out.step, self.status, self.media, b"".join(self.parts), now_s)


class MainTunnel:
    """Rancher's end of a main tunnel: a TLS connection for each that was recorded."""

    def __init__(self, socket: Socket, context: ssl.SSLContext) -> None:
        self.socket = socket
        self._context = context
        self._session = Session(Side.SERVER, first_message_id=1000)
        self._connections: dict[int, AskingConnection] = {}
        self._current: dict[int, Exchange] = {}
        self._lanes: dict[int, int] = {}

    def ask(self, exchange: Exchange) -> None:
        """Send the request on the connection that it was recorded on, a new one if that is busy."""
        out = exchange.out
        number = self._lanes.get(out.conn)
        if number is None or not self._current[number].done:
            number = self._lanes[out.conn] = self._session.connect("tcp", API)
            self._connections[number] = AskingConnection(self._context, API.rpartition(":")[0])
        self._current[number] = exchange
        headers = [("Host", API), *out.headers]
        self._connections[number].request(out.method, out.target, headers, out.body)
        self._pump(number)
        self._flush()

    def take(self, now_s: float) -> bool:
        """Read what the agent has sent; whether there was anything."""
        sent, self.socket.sent = self.socket.sent, []
        for payload in sent:
            for event in self._session.receive(_BINARY, payload):
                if isinstance(event, DataReceived):
                    self._data(event, now_s)
                elif isinstance(event, ConnectionClosed):
                    self._connections.pop(event.conn_id, None)
        self._flush()
        return bool(sent)

    def close_idle(self) -> None:
        """Close the connections on which everything was answered, as Rancher's clients do after 90 s."""
        for number in [number for number, one in self._current.items() if one.done]:
            del self._current[number]
            if self._connections.pop(number, None) is not None:
                self._session.close(number)
        self._lanes = {lane: number for lane, number in self._lanes.items() if number in self._current}
        self._flush()

    def under_way(self) -> list[Exchange]:
        """Requests without a whole answer."""
        return [one for one in self._current.values() if not one.done]

    def _data(self, event: DataReceived, now_s: float) -> None:
        for item in self._connections[event.conn_id].receive(event.data):
            self._current[event.conn_id].take(item, now_s)
        self._session.consumed(event.conn_id, len(event.data))
        self._pump(event.conn_id)

    def _pump(self, number: int) -> None:
        data = self._connections[number].data_to_send()
        if data and self._session.can_send(number):
            self._session.send(number, data)

    def _flush(self) -> None:
        for message in self._session.data_to_send():
            self.socket.put(_BINARY, message)
