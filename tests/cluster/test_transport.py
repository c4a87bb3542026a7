"""One tunnel over an in-memory websocket; a small door behind it, the server's side of the session before it."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gevent.event import Event
from hypothesis import given, settings
from hypothesis import strategies as st

from scale_agent.cluster.authority import authority
from scale_agent.cluster.doors import EmbeddedDoor
from scale_agent.cluster.runtime import ManualRuntime
from scale_agent.cluster.transport import OUTBOX_LIMIT_BYTES, Tunnel
from scale_agent.kube.http import Delivered, Headers, Response, Watch
from scale_agent.tunnel.asked import AskingConnection
from scale_agent.tunnel.http_client import ResponseEvent
from scale_agent.tunnel.http_requests import HttpRequest
from scale_agent.tunnel.message import Message, MessageType, encode
from scale_agent.tunnel.served import ServedConnection
from scale_agent.tunnel.tls import client_context, server_context
from tests.cluster.fakes import API, FakeObserver, FakeSocket, RancherEnd, run

MADE = authority("tests", "10.43.0.1")
SERVER, CLIENT = server_context(MADE.cert_pem, MADE.key_pem), client_context(MADE.ca_pem)
HEADERS: Headers = (("Content-Type", "text/plain"),)


class ListWatch:
    """A watch over a list of chunks."""

    drained = False

    def __init__(self) -> None:
        self.status = 200
        self.headers = HEADERS
        self.on_readable: Callable[[], None] | None = None
        self.delivered: Delivered | None = None
        self.chunks: list[bytes] = []
        self.done = self.closed = False
        self.reads = 0

    def push(self, *chunks: bytes, done: bool = False) -> None:
        """Something happened."""
        quiet = not self.chunks
        self.chunks += chunks
        self.done = self.done or done
        if quiet and self.on_readable is not None:
            self.on_readable()

    def read(self, max_bytes: int) -> bytes:
        """One chunk at a time."""
        self.reads += 1
        return self.chunks.pop(0) if self.chunks else b""

    @property
    def ended(self) -> bool:
        """Said, and read."""
        return self.done and not self.chunks

    def close(self) -> None:
        """Noted."""
        self.closed = True


class SmallDoor:
    """Echoes, gives big answers, watches."""

    local_host = "10.42.0.10"

    def __init__(self) -> None:
        self.watches: list[ListWatch] = []

    def allows(self, network: str, address: str) -> bool:
        """As the agent's authorizer."""
        return network == "tcp"

    def open(self, address: str) -> ServedConnection | str:
        """TLS for the API's address."""
        return ServedConnection(SERVER) if address == API else f"dial tcp {address}: connect: connection refused"

    def answer(self, request: HttpRequest) -> Response | Watch:
        """By path."""
        if request.target == "/bug":
            raise KeyError("secret-that-a-client-sent")
        if request.target == "/watch":
            self.watches.append(ListWatch())
            return self.watches[-1]
        if request.target.startswith("/big/"):
            return Response(200, HEADERS, b"x" * int(request.target[5:]))
        return Response(200, HEADERS, request.method.encode() + b" " + request.target.encode() + b" " + request.body)

    def name(self, request: HttpRequest) -> tuple[str, str]:
        """Whatever."""
        return "get", request.target.split("/")[1]


class Bench:
    """A tunnel under test with both its ends."""

    def __init__(self, name: str = "main") -> None:
        self.runtime = ManualRuntime()
        self.socket = FakeSocket()
        self.observer = FakeObserver()
        self.door = SmallDoor()
        self.rancher = RancherEnd(self.socket, CLIENT if name == "main" else None)
        door = self.door if name == "main" else EmbeddedDoor(self.runtime.http_date)
        self.tunnel = Tunnel(name, self.socket, door, self.runtime, self.observer, first_message_id=7)
        self.reason: list[str | None] = []
        self.tunnel.start(self.reason.append)

    def run(self, seconds: float = 0.0) -> None:
        """Settle, and let time pass."""
        run(self.runtime, seconds)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.tunnel.close()
    made.run()


def test_requests_one_after_the_other_on_one_connection(bench: Bench) -> None:
    conn = bench.rancher.connect()
    for number in range(5):
        answer = bench.rancher.ask(conn, "POST", f"/r{number}", b"body")
        bench.run()
        assert (answer.status, answer.body) == (200, f"POST /r{number} body".encode())
    assert bench.tunnel.connections == 1
    assert bench.observer.requests_served == [("get", f"r{number}", 200) for number in range(5)]


def test_frames_of_one_wake_up_leave_in_one_send(bench: Bench) -> None:
    connections = [bench.rancher.connect() for _ in range(4)]
    bench.run()
    bench.socket.sends.clear()
    answers = [bench.rancher.ask(conn, "GET", "/x") for conn in connections]
    bench.run()
    assert [answer.status for answer in answers] == [200] * 4
    assert len(bench.socket.sends) == 1
    assert len(bench.socket.sends[0]) == 4


def test_other_addresses_are_refused_as_a_failed_dial(bench: Bench) -> None:
    conn = bench.rancher.session.connect("tcp", "10.0.0.1:22")
    bench.rancher.flush()
    bench.run()
    assert bench.rancher.closed == {conn: "dial tcp 10.0.0.1:22: connect: connection refused"}
    assert bench.observer.errors == [("connect", "refused to dial tcp/10.0.0.1:22")]
    assert bench.reason == []


def test_a_network_that_is_not_allowed_ends_the_websocket(bench: Bench) -> None:
    bench.rancher.frame(encode(Message(1, 2, MessageType.CONNECT, b"unix//var/run/other.sock")))
    bench.run()
    assert bench.reason == ["protocol"]
    assert bench.observer.errors[0][0] == "frame"


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff" * 40, b"\x02", encode(Message(1, 2, MessageType.CONNECT, b"garbage"))[:5]],
)
def test_garbage_ends_the_websocket_and_nothing_else(bench: Bench, payload: bytes) -> None:
    bench.rancher.frame(payload)
    bench.run()
    assert bench.reason == ["protocol"]
    assert bench.socket.closed
    assert [reason for reason, _ in bench.observer.errors] == ["frame"]


def test_a_text_frame_ends_the_websocket(bench: Bench) -> None:
    bench.rancher.frame(b"hello", opcode=1)
    bench.run()
    assert bench.reason == ["protocol"]


def test_unknown_types_and_dead_connections_are_survived(bench: Bench) -> None:
    bench.rancher.frame(bytes((2, 4, 60)))
    bench.rancher.frame(encode(Message(5, 99, MessageType.DATA, b"x")))
    bench.run()
    assert bench.reason == []
    assert [reason for reason, _ in bench.observer.errors] == ["message"]
    assert [message.type for message in bench.rancher.messages] == [MessageType.ERROR]


def test_a_connection_that_is_no_tls_dies_alone(bench: Bench) -> None:
    good = bench.rancher.connect()
    bad = bench.rancher.session.connect("tcp", API)
    bench.rancher.session.send(bad, b"GET / HTTP/1.1\r\n\r\n")
    bench.rancher.connections[bad] = _Deaf()
    bench.rancher.flush()
    answer = bench.rancher.ask(good, "GET", "/x")
    bench.run()
    assert answer.status == 200
    assert bad in bench.rancher.closed
    assert [reason for reason, _ in bench.observer.errors] == ["connection"]
    assert bench.tunnel.connections == 1


class _Deaf(AskingConnection):
    """A client that only counts what comes."""

    def __init__(self) -> None:
        super().__init__(None)

    def receive(self, data: bytes) -> list[ResponseEvent]:
        """Nothing."""
        return []

    def data_to_send(self) -> bytes:
        """Nothing."""
        return b""


def test_a_closed_connection_is_forgotten_and_its_watch_closed(bench: Bench) -> None:
    conn = bench.rancher.connect()
    bench.rancher.ask(conn, "GET", "/watch")
    bench.run()
    bench.rancher.hang_up(conn)
    bench.run()
    (watch,) = bench.door.watches
    assert watch.closed
    assert watch.on_readable is None
    texts = [message.body.decode() for message in bench.rancher.messages if message.type is MessageType.ERROR]
    assert texts[0] == "EOF"
    assert re.fullmatch(r"writeto tcp (.*): read tcp \1: use of closed network connection", texts[1])
    assert texts[1].count("10.42.0.10:") == 2
    assert bench.tunnel.connections == 0


def test_connection_close_is_honoured(bench: Bench) -> None:
    conn = bench.rancher.connect()
    answer = bench.rancher.ask(conn, "GET", "/x", Connection="close")
    bench.run()
    assert answer.ended
    assert bench.rancher.closed == {conn: "EOF"}
    assert bench.tunnel.connections == 0


def test_idle_connections_are_never_closed_by_us(bench: Bench) -> None:
    conn = bench.rancher.connect()
    bench.rancher.ask(conn, "GET", "/x")
    bench.run(3600)
    assert bench.rancher.closed == {}
    assert bench.rancher.ask(conn, "GET", "/y").status == 0
    bench.run()
    assert bench.rancher.answers[conn].status == 200


def test_a_watch_streams_and_ends(bench: Bench) -> None:
    conn = bench.rancher.connect()
    answer = bench.rancher.ask(conn, "GET", "/watch")
    bench.run()
    assert (answer.status, answer.body, answer.ended) == (200, b"", False)
    (watch,) = bench.door.watches
    watch.push(b"one\n", b"two\n")
    bench.run()
    assert answer.body == b"one\ntwo\n"
    watch.push(b"three\n", done=True)
    bench.run()
    assert answer.ended
    assert not watch.closed
    after = bench.rancher.ask(conn, "GET", "/after")
    bench.run()
    assert after.status == 200


def test_a_paused_connection_waits_without_reading_its_watch_and_others_go_on(bench: Bench) -> None:
    paused, other = bench.rancher.connect(), bench.rancher.connect()
    answer = bench.rancher.ask(paused, "GET", "/watch")
    bench.run()
    bench.rancher.frame(encode(Message(50, paused, MessageType.PAUSE)))
    bench.run()
    (watch,) = bench.door.watches
    watch.push(*(b"event\n" for _ in range(100)))
    fast = bench.rancher.ask(other, "GET", "/x")
    bench.run()
    assert fast.status == 200
    assert (answer.body, len(watch.chunks)) == (b"", 100)
    bench.rancher.frame(encode(Message(51, paused, MessageType.RESUME)))
    bench.run()
    assert answer.body == b"event\n" * 100


def test_a_slow_rancher_fills_the_outbox_and_no_more(bench: Bench) -> None:
    conn = bench.rancher.connect()
    answer = bench.rancher.ask(conn, "GET", "/watch")
    bench.run()
    bench.socket.blocked = True
    (watch,) = bench.door.watches
    chunk = b"x" * 20000
    watch.push(*(chunk for _ in range(200)))
    bench.run()
    assert len(watch.chunks) * len(chunk) > 200 * len(chunk) - OUTBOX_LIMIT_BYTES - 100_000
    bench.socket.unblock()
    bench.run()
    assert len(answer.body) == 200 * len(chunk)


def test_a_rancher_that_does_not_read_does_not_stop_our_reading(bench: Bench) -> None:
    conn = bench.rancher.connect()
    bench.run()
    bench.socket.blocked = True
    bench.rancher.ask(conn, "GET", "/x")
    bench.run()
    bench.rancher.hang_up(conn)
    bench.run()
    assert bench.tunnel.connections == 0
    bench.socket.unblock()


def test_a_big_answer_pauses_with_a_slow_reader_and_arrives_whole(bench: Bench) -> None:
    bench.rancher.consume = False
    conn = bench.rancher.connect()
    answer = bench.rancher.ask(conn, "GET", "/big/8000000")
    bench.run()
    received = len(answer.body)
    assert received < 4_000_000  # Pause above 2 MiB unread
    bench.rancher.consume = True
    bench.rancher.session.consumed(conn, _unread(bench.rancher))
    bench.rancher.flush()
    bench.run()
    assert len(answer.body) == 8_000_000
    assert answer.ended


def _unread(rancher: RancherEnd) -> int:
    return sum(len(message.body) for message in rancher.messages if message.type is MessageType.DATA)


def test_pings_every_five_seconds_and_sync_every_sixty(bench: Bench) -> None:
    first, second = bench.rancher.connect(), bench.rancher.connect()
    bench.run()
    bench.rancher.messages.clear()
    bench.run(59.0)
    assert bench.socket.pings == 11
    assert bench.rancher.messages == []
    bench.run(1.5)
    assert bench.socket.pings == 12
    (sync,) = bench.rancher.messages
    assert sync.type is MessageType.SYNC_CONNECTIONS
    assert sync.body == struct.pack("<QQ", first, second)
    bench.run(120)
    assert [message.type for message in bench.rancher.messages] == [MessageType.SYNC_CONNECTIONS] * 3


def test_sixty_seconds_without_a_pong_end_it(bench: Bench) -> None:
    bench.run(20)
    bench.socket.answers_pings = False
    bench.run(59)
    assert bench.reason == []
    bench.run(6)
    assert bench.reason == ["timeout"]
    assert bench.socket.closed


def _say_close(bench: Bench) -> None:
    bench.rancher.frame(b"\x03\xe8", opcode=8)


def _vanish(bench: Bench) -> None:
    bench.socket.inbox.put(None)


def _close(bench: Bench) -> None:
    bench.tunnel.close()


@pytest.mark.parametrize(("end", "reason"), [(_say_close, "closed"), (_vanish, "closed"), (_close, None)])
def test_ranchers_close_and_loss_are_losses_ours_is_not(end: Callable[[Bench], None], reason: str | None) -> None:
    bench = Bench()
    bench.run()
    end(bench)
    bench.run()
    assert bench.reason == [reason]
    bench.run(100)
    assert bench.socket.pings == 0


def test_the_end_closes_watches(bench: Bench) -> None:
    conn = bench.rancher.connect()
    bench.rancher.ask(conn, "GET", "/watch")
    bench.run()
    bench.socket.inbox.put(None)
    bench.run()
    assert bench.door.watches[0].closed
    bench.door.watches[0].push(b"late")
    bench.run()


def test_a_failure_of_ours_is_a_500_and_told_without_what_was_sent(bench: Bench) -> None:
    conn = bench.rancher.connect()
    answer = bench.rancher.ask(conn, "GET", "/bug")
    bench.run()
    assert (answer.status, answer.json["reason"]) == (500, "InternalError")
    ((reason, text),) = bench.observer.errors
    assert reason == "internal"
    assert text.startswith("KeyError at test_transport.py:")
    after = bench.rancher.ask(conn, "GET", "/x")
    bench.run()
    assert after.status == 200


def test_an_observer_that_blocks_holds_up_its_own_tunnel_only(bench: Bench) -> None:
    release, served = Event(), bench.observer.served

    def ask_the_network(*told: Any) -> None:
        if not release.is_set():
            release.wait()
        served(*told)

    bench.observer.served = ask_the_network  # type: ignore[method-assign, assignment]
    first, second = bench.rancher.connect(), bench.rancher.connect()
    answers = [bench.rancher.ask(conn, "GET", "/x") for conn in (first, second)]
    bench.run()
    assert [answer.status for answer in answers] == [0, 0]
    bench.rancher.frame(encode(Message(50, second, MessageType.PAUSE)))
    bench.run()
    assert not bench.socket.reading  # else the event loop would tell of these bytes for ever
    release.set()
    bench.run()
    assert bench.socket.reading
    assert answers[0].status == 200
    bench.rancher.frame(encode(Message(51, second, MessageType.RESUME)))
    bench.run()
    assert [answer.status for answer in answers] == [200, 200]


def test_a_ping_waits_while_the_websocket_has_no_room(bench: Bench) -> None:
    conn = bench.rancher.connect()
    bench.run()
    bench.socket.blocked = True
    answer = bench.rancher.ask(conn, "GET", "/big/1000")
    bench.run()
    assert bench.socket.writing
    bench.run(5.5)
    assert bench.socket.pings == 0  # the ping waits its turn behind the answer
    bench.socket.unblock()
    bench.run()
    assert not bench.socket.writing
    assert (answer.status, len(answer.body), bench.socket.pings) == (200, 1000, 1)


def test_a_failure_of_ours_outside_a_request_ends_the_tunnel_and_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(address: str) -> ServedConnection | str:
        raise KeyError("what a peer sent")

    monkeypatch.setattr(bench.door, "open", fails)
    bench.rancher.connect()
    bench.run()
    assert bench.reason == ["internal"]
    ((reason, text),) = bench.observer.errors
    assert (reason, text.partition(":")[0]) == ("internal", "KeyError at test_transport.py")
    assert bench.socket.closed


FRAMES = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 2, 2, 2, 8, 9, 10]),
        st.one_of(
            st.binary(max_size=60),
            st.builds(
                lambda conn, kind, body: encode(Message(1, conn, kind, body)),
                st.integers(0, 5),
                st.sampled_from(MessageType),
                st.one_of(st.binary(max_size=40), st.just(b"tcp/10.43.0.1:443"), st.just(b"tcp/10.0.0.9:1")),
            ),
        ),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(frames=FRAMES)
def test_whatever_rancher_sends_the_reader_ends_in_order_or_lives(frames: list[tuple[int, bytes, bool]]) -> None:
    bench = Bench()
    for opcode, payload, fin in frames:
        bench.rancher.socket.inbox.put((opcode, payload, fin))
    bench.rancher.socket.on_message = lambda message: None
    bench.run()
    if not bench.reason:
        bench.tunnel.close()
        bench.run()
    assert bench.reason[0] in (None, "protocol", "closed")
    assert bench.tunnel.connections == 0


def test_stv_answers_ping_as_recorded_whatever_the_address() -> None:
    bench = Bench("stv")
    for address in ("not-used:80", "127.0.0.1:6080"):
        conn = bench.rancher.connect(address)
        answer = bench.rancher.ask(conn, "GET", "/ping", User_Agent="Go-http-client/1.1", Accept_Encoding="gzip")
        bench.run()
        assert (answer.status, answer.body) == (200, b"pong")
        assert answer.headers == {
            "cache-control": "no-cache, no-store, must-revalidate",
            "x-api-cattle-auth": "false",
            "x-content-type-options": "nosniff",
            "date": bench.runtime.http_date(),
            "content-length": "4",
            "content-type": "text/plain; charset=utf-8",
        }
        bench.rancher.hang_up(conn)
        bench.run()
    last = [message.body for message in bench.rancher.messages if message.conn_id == conn][-2:]
    assert last == [b"EOF", b"io: read/write on closed pipe"]
    bench.tunnel.close()
    bench.run()


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [("/v1/nodes", 404, "NotFound"), ("/v1/subscribe", 400, "Bad Request"), ("/k8s/clusters/x", 404, "NotFound")],
)
def test_the_explorers_paths_are_not_there(path: str, status: int, says: str) -> None:
    bench = Bench("stv")
    answer = bench.rancher.ask(bench.rancher.connect("127.0.0.1:6080"), "GET", path, Impersonate_User="u")
    bench.run()
    assert answer.status == status
    assert says.encode() in answer.body
    bench.tunnel.close()
    bench.run()
