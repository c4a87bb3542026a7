"""One open tunnel: frames in, answers out. The only owner of back-pressure.

No greenlet belongs to it: the event loop gives it a turn when there is something to read, or room for what could not be
sent; all frames of one turn are answered in one write. A Rancher that does not read never keeps us from reading.
Answers and watches are pulled only while the peer has not paused the connection and the websocket has room.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from scale_agent.cluster.doors import Door, failure_of, internal_error
from scale_agent.cluster.link import Link
from scale_agent.cluster.ports import Observer, WebSocket
from scale_agent.cluster.runtime import Runtime, Timer, Watched
from scale_agent.cluster.steps import MAIN
from scale_agent.errors import DialError, RemoteProtocolError
from scale_agent.tunnel.events import (
    ConnectionClosed,
    ConnectionOpened,
    DataReceived,
    Event,
    MessageIgnored,
    PeerPaused,
    PeerResumed,
)
from scale_agent.tunnel.http_requests import HttpRequest
from scale_agent.tunnel.session import Session, Side

#: The agent pings every 5 s, says which connections it has every 60 s, and gives up 60 s after the last pong
#: (remotedialer's wsconn.go and session; recorded in frames-import.jsonl).
PING_S = 5.0
SYNC_S = 60.0
PONG_TIMEOUT_S = 60.0

#: No more than this is pulled in one turn, and nothing while the websocket has no room.
OUTBOX_LIMIT_BYTES = 256 << 10
#: How much of an answer or a watch is encrypted at a time, in bytes: with TLS's overhead one Data message (32 KiB).
PIECE_BYTES = 31 << 10
_PING, _PONG, _CLOSE = 9, 10, 8


class Tunnel:
    """One websocket with its session and its connections. ``name`` is ``main`` or ``stv``."""

    __slots__ = (
        "_asked",
        "_busy",
        "_closed_by_us",
        "_counts",
        "_door",
        "_full",
        "_last_pong_s",
        "_links",
        "_missed",
        "_observer",
        "_on_end",
        "_over",
        "_ping_wanted",
        "_runtime",
        "_scheduled",
        "_session",
        "_socket",
        "_sync_due_s",
        "_timer",
        "_waiting",
        "_watched",
        "name",
    )

    def __init__(
        self, name: str, socket: WebSocket, door: Door, runtime: Runtime, observer: Observer, *, first_message_id: int
    ) -> None:
        self.name = name
        self._socket = socket
        self._door = door
        self._runtime = runtime
        self._observer = observer
        self._counts = runtime.counts
        self._session = Session(
            Side.CLIENT, first_message_id=first_message_id, allow=door.allows, local_host=door.local_host
        )
        self._links: dict[int, Link] = {}
        self._waiting: dict[int, Link] = {}  # links that may have something to send; a dict keeps the order
        self._ping_wanted = self._over = self._closed_by_us = self._asked = False
        self._busy = self._missed = self._scheduled = self._full = False
        self._watched: Watched | None = None
        self._on_end: Callable[[str | None], None] | None = None
        now = runtime.clock()
        self._last_pong_s = now
        self._sync_due_s = now + SYNC_S
        self._timer: Timer = runtime.call_at(now + PING_S, self._tick)

    def start(self, on_end: Callable[[str | None], None]) -> None:
        """Serve until the websocket is over; then ``on_end`` is told why, in one word; None if we closed it."""
        self._on_end = on_end
        self._watched = self._runtime.watch(self._socket, self._readable, self._writable)
        self._runtime.soon(self._readable)  # frames may have come together with the answer to the upgrade

    def close(self) -> None:
        """End the tunnel at once; ``on_end`` is told soon. Never blocks, idempotent."""
        if not self._closed_by_us:
            self._closed_by_us = True
            self._cut()
            self._runtime.soon(lambda: self._end(""))

    @property
    def connections(self) -> int:
        """How many tunnelled connections are open."""
        return len(self._links)

    # -- turns --------------------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        self._turn(self._read)

    def _writable(self) -> None:
        self._scheduled = False
        self._turn(self._send)

    def _turn(self, work: Callable[[], None]) -> None:
        """One after the other, even if one blocks in an observer; what goes wrong ends this tunnel only."""
        if self._over:
            return
        if self._busy:
            self._miss()
            return
        self._busy = True
        try:
            work()
        except DialError as error:
            self._end(error.reason)
        except RemoteProtocolError as error:
            self._observer.error("frame", str(error))
            self._end("protocol")
        except Exception as error:  # noqa: BLE001 - a failure of ours must not leave a tunnel that nobody reads
            self._observer.error("internal", failure_of(error))
            self._end("internal")
        finally:
            self._busy = False
        if self._missed:
            self._catch_up()

    def _miss(self) -> None:
        """A turn while another is blocked: the event loop would tell of the same bytes for ever."""
        self._missed = True
        if self._watched is not None:
            self._watched.read(False)
            self._watched.write(False)

    def _catch_up(self) -> None:
        self._missed = False
        if self._watched is not None:
            self._watched.read(True)
            self._watched.write(self._full)
        self._runtime.again(self._writable)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        for opcode, payload, fin in self._socket.receive():
            if opcode in (_PING, _PONG):
                self._counts.pongs += opcode == _PONG
                self._last_pong_s = self._runtime.clock()
            elif opcode == _CLOSE:
                raise DialError("closed", "Rancher closed the websocket")
            else:
                for event in self._session.receive(opcode, payload, fin):
                    _EVENTS[type(event)](self, event)
        self._send()

    def _opened(self, event: Event) -> None:
        assert isinstance(event, ConnectionOpened)
        self._drop(event.conn_id)
        served = self._door.open(event.address)
        if isinstance(served, str):
            self._observer.error("connect", f"refused to dial {event.network}/{event.address[:100]}")
            self._session.refuse(event.conn_id, served)
            self._counts.connections_refused += 1
            return
        self._counts.connections_opened += 1
        self._links[event.conn_id] = Link(event.conn_id, served, self._mark)

    def _data(self, event: Event) -> None:
        assert type(event) is DataReceived
        conn_id, data = event.conn_id, event.data
        size = len(data)
        self._counts.bytes_in += size
        link = self._links.get(conn_id)
        if link is None:
            return
        try:
            link.served.receive(data)
        except RemoteProtocolError as error:
            self._observer.error("connection", str(error))
            self._finish(link, error.reply)
            return
        if link.handshaking and link.served.handshake_done:
            link.handshaking = False
            self._counts.handshakes += 1
        self._session.consumed(conn_id, size)
        self._serve(link)

    def _closed(self, event: Event) -> None:
        assert isinstance(event, ConnectionClosed)
        if (link := self._links.get(event.conn_id)) and link.handshaking:
            self._counts.cancelled_dials += 1
        self._drop(event.conn_id)

    def _resumed(self, event: Event) -> None:
        assert isinstance(event, PeerResumed)
        if link := self._links.get(event.conn_id):
            self._waiting[event.conn_id] = link

    def _paused(self, event: Event) -> None:
        """``Session.can_send`` says it from now on."""

    def _ignored(self, event: Event) -> None:
        assert isinstance(event, MessageIgnored)
        self._observer.error("message", event.reason)

    # -- serving ------------------------------------------------------------------------------------------------------

    def _serve(self, link: Link) -> None:
        while (request := link.served.next_request()) is not None:
            self._answer(link, request)
        self._waiting[link.conn_id] = link

    def _answer(self, link: Link, request: HttpRequest) -> None:
        if not self._asked:
            self._asked = True
            if self.name == MAIN:
                self._observer.phase("first_request")
        began = time.perf_counter()
        try:
            answer = self._door.answer(request)
        except Exception as error:  # noqa: BLE001 - what a panic is in a real API server: a 500, told, and survived
            self._observer.error("internal", failure_of(error))
            answer = internal_error()
        size = link.begin(answer, self._counts)
        verb, resource = self._door.name(request)
        duration_ms = (time.perf_counter() - began) * 1000
        self._observer.served(verb, resource, answer.status, duration_ms, len(request.body), size)

    def _mark(self, link: Link) -> None:
        """A watch has something to read."""
        if self._links.get(link.conn_id) is link:
            self._waiting[link.conn_id] = link
            self._send_soon()

    # -- sending ------------------------------------------------------------------------------------------------------

    def _send_soon(self) -> None:
        if not (self._busy or self._scheduled or self._over):
            self._scheduled = True
            self._runtime.soon(self._writable)

    def _send(self) -> None:
        """Everything there is, as long as the websocket has room."""
        if self._full and not self._room(self._socket.flush()):
            return
        if self._waiting:
            self._fill()
        messages = self._session.data_to_send()
        if messages:
            unsent_bytes = self._socket.send(messages)
            if (unsent_bytes or self._full) and not self._room(unsent_bytes):
                return
        if self._ping_wanted:
            self._ping_wanted = False
            self._counts.pings += 1
            if not self._room(self._socket.ping()):
                return
        if self._waiting:  # others have their turn, and we may learn of a Pause
            self._runtime.again(self._writable)

    def _room(self, unsent_bytes: int) -> bool:
        """Whether more may be sent at once; if not, the event loop tells when."""
        full = unsent_bytes > 0
        if full is not self._full and self._watched is not None:
            self._watched.write(full)
        self._full = full
        return not full

    def _fill(self) -> None:
        """Pull from the links that wait, until it is enough for one turn."""
        left_bytes = OUTBOX_LIMIT_BYTES
        for conn_id in list(self._waiting):
            link = self._waiting.pop(conn_id)
            left_bytes = self._pull(link, left_bytes)
            if left_bytes < 0:
                self._waiting[conn_id] = link
                return

    def _pull(self, link: Link, left_bytes: int) -> int:
        """Move bytes of one connection into the session; what is left of ``left_bytes``, negative: too much."""
        session, served = self._session, link.served
        while session.can_send(link.conn_id):
            data = served.data_to_send(PIECE_BYTES)
            if data:
                session.send(link.conn_id, data)
                size = len(data)
                self._counts.bytes_out += size
                left_bytes -= size
                watch = link.watch
                if left_bytes < 0 or (served.resting and (watch is None or watch.drained)):
                    break
            elif served.finished:
                self._finish(link)
                break
            elif not link.advance(PIECE_BYTES):
                break
            else:
                while (request := served.next_request()) is not None:
                    self._answer(link, request)
        return left_bytes

    def _finish(self, link: Link, last_words: bytes = b"") -> None:
        """Our end of a connection is over: HTTP said so, or what came in was no TLS or HTTP."""
        conn_id = link.conn_id
        if self._session.can_send(conn_id) and (data := last_words or link.served.data_to_send()):
            self._session.send(conn_id, data)
            self._counts.bytes_out += len(data)
        self._drop(conn_id)
        self._session.close(conn_id)

    def _drop(self, conn_id: int) -> None:
        self._waiting.pop(conn_id, None)
        link = self._links.pop(conn_id, None)
        if link is not None:
            self._counts.connections_closed += 1
            link.close()

    # -- time, and the end --------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        now = self._runtime.clock()
        if now - self._last_pong_s >= PONG_TIMEOUT_S:
            self._end("timeout")
            return
        self._timer = self._runtime.call_at(now + PING_S, self._tick)
        if now >= self._sync_due_s:
            self._sync_due_s += SYNC_S
            self._session.sync()
        self._ping_wanted = True
        self._turn(self._send)

    def _cut(self) -> None:
        self._timer.cancel()
        if self._watched is not None:
            self._watched.stop()
            self._watched = None
        self._socket.shutdown()

    def _end(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        self._cut()
        for conn_id in list(self._links):
            self._drop(conn_id)
        if self._on_end is not None:
            self._on_end(None if self._closed_by_us else reason)


_EVENTS: dict[type[Event], Callable[[Tunnel, Event], None]] = {
    ConnectionOpened: Tunnel._opened,
    DataReceived: Tunnel._data,
    ConnectionClosed: Tunnel._closed,
    PeerPaused: Tunnel._paused,
    PeerResumed: Tunnel._resumed,
    MessageIgnored: Tunnel._ignored,
}
