"""The inner end of a tunnel, without sockets: a remotedialer session whose connections are answered by a function."""

from __future__ import annotations

import datetime
import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scale_agent.kube.http import Watch
from scale_agent.standin import certificates
from scale_agent.standin.sockets import ServerSocket
from scale_agent.standin.tunnels import TunnelSession
from scale_agent.standin.wheel import Handle, Wheel
from scale_agent.tunnel.events import ConnectionClosed, ConnectionOpened, DataReceived
from scale_agent.tunnel.http_requests import HttpRequest
from scale_agent.tunnel.served import ServedConnection
from scale_agent.tunnel.session import Session, Side
from scale_agent.tunnel.tls import server_context

CERTIFICATE = certificates.make(datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC), addresses=("10.43.0.1",))
CONTEXT = server_context(CERTIFICATE.chain_pem, CERTIFICATE.key_pem)

Answer = tuple[int, str, bytes] | Watch | None
Serve = Callable[[HttpRequest], Answer]


class ManualWheel(Wheel):
    """A timer on a clock that the test moves."""

    def __init__(self, start_s: float = 1_795_252_436.0) -> None:
        self.now = start_s
        super().__init__(lambda: self.now)
        self._due: list[tuple[float, int, Handle]] = []
        self._order = itertools.count()

    def at(self, when_s: float, callback: Callable[[], None]) -> Handle:
        handle = Handle(callback)
        heapq.heappush(self._due, (when_s, next(self._order), handle))
        return handle

    def pass_time(self, seconds: float, between: Callable[[], None]) -> None:
        """Move the clock, calling what falls due, and ``between`` after each."""
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            when_s, _, handle = heapq.heappop(self._due)
            self.now = max(self.now, when_s)
            callback, handle.callback = handle.callback, None
            if callback is not None:
                callback()
                between()
        self.now = end


class FakeSocket(ServerSocket):
    """What the stand-in sends is kept for the agent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def send(self, messages: Sequence[bytes], *, text: bool = False) -> None:
        self.sent += messages

    def shutdown(self) -> None:
        self.closed = True

    def finished(self) -> None:
        self.closed = True

    def receive(self) -> bytes | str | None:
        return None


@dataclass
class Agent:
    """One agent's tunnel; ``serve`` answers requests, ``None`` leaves them without an answer."""

    serve: Serve
    tls: bool = True
    socket: FakeSocket = field(default_factory=FakeSocket)
    opened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outer = TunnelSession(self.socket, first_message_id=1)
        self._inner = Session(Side.CLIENT, first_message_id=1000)
        self._served: dict[int, ServedConnection] = {}
        self._watches: dict[int, Watch] = {}

    def end(self) -> None:
        """The websocket is over."""
        self.outer.serve()

    def pump(self) -> None:
        """Let both ends talk until neither has anything to say."""
        while self.socket.sent or self._watching():
            messages, self.socket.sent = self.socket.sent, []
            for message in messages:
                for event in self._inner.receive(2, message):
                    self._event(event)
            for message in self._inner.data_to_send():
                self.outer.received(message)

    def _event(self, event: Any) -> None:
        if isinstance(event, ConnectionOpened):
            self.opened.append(event.address)
            self._served[event.conn_id] = ServedConnection(CONTEXT if self.tls else None)
        elif isinstance(event, ConnectionClosed):
            self._served.pop(event.conn_id, None)
            self._watches.pop(event.conn_id, None)
        elif isinstance(event, DataReceived) and event.conn_id in self._served:
            served = self._served[event.conn_id]
            served.receive(event.data)
            while (request := served.next_request()) is not None:
                self._answer(event.conn_id, served, request)
            self._send(event.conn_id, served)

    def _answer(self, conn_id: int, served: ServedConnection, request: HttpRequest) -> None:
        answer = self.serve(request)
        if answer is None:
            return
        if isinstance(answer, tuple):
            served.respond(answer[0], (("content-type", answer[1]),), answer[2])
            return
        served.start_stream(answer.status, answer.headers)
        self._watches[conn_id] = answer

    def _send(self, conn_id: int, served: ServedConnection) -> None:
        data = served.data_to_send()
        if data:
            self._inner.send(conn_id, data)

    def _watching(self) -> bool:
        some = False
        for conn_id, watch in list(self._watches.items()):
            data = watch.read(1 << 20)
            if data:
                some = True
                self._served[conn_id].send_chunk(data)
                self._send(conn_id, self._served[conn_id])
        for message in self._inner.data_to_send():
            self.outer.received(message)
        return some
