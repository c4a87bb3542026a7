"""A door on a TCP port: real sockets on loopback, a small door behind them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent import socket

from scale_agent.cluster.authority import authority
from scale_agent.cluster.listener import Listener
from scale_agent.errors import InputError
from scale_agent.kube.http import Delivered, Headers, Response, Watch
from scale_agent.tunnel.http_requests import HttpRequest
from scale_agent.tunnel.served import ServedConnection
from scale_agent.tunnel.tls import PLAIN_HTTP_REPLY, server_context

DEADLINE_S = 20.0
HEADERS: Headers = (("Content-Type", "text/plain"),)
CHUNK = b"x" * (64 << 10)


class EndlessWatch:
    """Always has another chunk; counts how many were pulled."""

    drained = False

    def __init__(self, chunks: int) -> None:
        self.status, self.headers = 200, HEADERS
        self.on_readable: Callable[[], None] | None = None
        self.delivered: Delivered | None = None
        self.left = chunks
        self.reads = 0
        self.closed = gevent.event.Event()

    def read(self, max_bytes: int) -> bytes:
        """The next chunk."""
        if not self.left:
            return b""
        self.left -= 1
        self.reads += 1
        return CHUNK

    @property
    def ended(self) -> bool:
        """Everything was read."""
        return not self.left

    def close(self) -> None:
        """The client went away."""
        self.closed.set()


class QuietWatch(EndlessWatch):
    """Has nothing to say, and does not end."""

    def __init__(self) -> None:
        super().__init__(0)

    @property
    def ended(self) -> bool:
        """Never."""
        return False


class PlainDoor:
    """Plain HTTP: echoes, fails, watches."""

    local_host = ""

    def __init__(self) -> None:
        self.watches: list[EndlessWatch] = []

    def allows(self, network: str, address: str) -> bool:
        """Not asked here."""
        return True

    def open(self, address: str) -> ServedConnection | str:
        """Without TLS."""
        return ServedConnection(None)

    def answer(self, request: HttpRequest) -> Response | Watch:
        """By path."""
        if request.target == "/fail":
            raise ValueError(f"secret {request.body!r}")
        if request.target.startswith("/watch"):
            watch = QuietWatch() if request.target == "/watch/quiet" else EndlessWatch(int(request.target[7:]))
            self.watches.append(watch)
            return watch
        return Response(200, HEADERS, request.target.encode() + request.body)

    def name(self, request: HttpRequest) -> tuple[str, str]:
        """Not asked here."""
        return request.method, request.target


@pytest.fixture
def door() -> PlainDoor:
    return PlainDoor()


@pytest.fixture
def listener(door: PlainDoor) -> Iterator[Listener]:
    listener = Listener(door, 0)
    listener.start()
    yield listener
    listener.stop()


@contextlib.contextmanager
def connected(listener: Listener) -> Iterator[socket.socket]:
    """A client."""
    client = socket.create_connection(("127.0.0.1", listener.port), timeout=DEADLINE_S)
    try:
        yield client
    finally:
        client.close()


def ask(client: socket.socket, target: str, body: bytes = b"") -> tuple[int, bytes]:
    """One request with an answer of known length."""
    client.sendall(f"POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return answered(client)


def answered(client: socket.socket) -> tuple[int, bytes]:
    """The next answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(client)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += received(client)
    return int(head.split()[1]), body


def received(client: socket.socket) -> bytes:
    """Something; the end of the connection is an error."""
    data: bytes = client.recv(64 << 10)
    assert data, "the connection ended"
    return data


def to_the_end(client: socket.socket) -> bytes:
    """All that comes until the connection ends."""
    data = b""
    while piece := client.recv(64 << 10):
        data += piece
    return data


def test_many_requests_go_over_one_connection(listener: Listener) -> None:
    with connected(listener) as client:
        assert [ask(client, f"/{i}") for i in range(50)] == [(200, b"/%d" % i) for i in range(50)]
        assert listener.connections == 1


def test_pipelined_requests_are_answered_in_order(listener: Listener) -> None:
    with connected(listener) as client:
        client.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(5)))
        client.shutdown(socket.SHUT_WR)
        data = to_the_end(client)
    assert [data.index(b"\r\n\r\n/%d" % i) for i in range(5)] == sorted(
        data.index(b"\r\n\r\n/%d" % i) for i in range(5)
    )


def test_large_bodies_go_both_ways(listener: Listener) -> None:
    body = b"0123456789" * (200 << 10)
    with connected(listener) as client:
        assert ask(client, "/large", body) == (200, b"/large" + body)


def test_a_hundred_clients_at_once(listener: Listener) -> None:
    def one(number: int) -> tuple[int, bytes]:
        with connected(listener) as client:
            return ask(client, f"/{number}")

    jobs = [gevent.spawn(one, number) for number in range(100)]
    gevent.joinall(jobs, timeout=DEADLINE_S, raise_error=True)
    assert [job.value for job in jobs] == [(200, b"/%d" % number) for number in range(100)]


def test_a_client_that_does_not_read_is_not_pulled_for_and_holds_up_nobody(listener: Listener, door: PlainDoor) -> None:
    with connected(listener) as slow, connected(listener) as other:
        slow.sendall(b"GET /watch/100000 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert [ask(other, "/a") for _ in range(200)] == [(200, b"/a")] * 200
        assert door.watches[0].reads * len(CHUNK) < 32 << 20  # the socket's buffers, not the 6.5 GB it would say
    assert door.watches[0].closed.wait(DEADLINE_S)


def test_a_watch_comes_to_its_end_and_the_connection_goes_on(listener: Listener) -> None:
    with connected(listener) as client:
        client.sendall(b"GET /watch/3 HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        data = to_the_end(client)
    assert data.count(CHUNK) == 3
    assert data.index(b"0\r\n\r\n") < data.index(b"\r\n\r\n/next")


def test_the_watch_of_a_client_that_went_away_is_closed(listener: Listener, door: PlainDoor) -> None:
    with connected(listener) as client:
        client.sendall(b"GET /watch/quiet HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200 OK" in received(client)
    assert door.watches[0].closed.wait(DEADLINE_S)


def test_what_fails_is_a_500_that_shows_nothing_and_the_connection_goes_on(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(listener) as client:
        status, body = ask(client, "/fail", b"hush")
        assert (status, b"InternalError" in body) == (500, True)
        assert ask(client, "/a") == (200, b"/a")
    assert "ValueError at test_listener.py" in caplog.text
    assert "hush" not in caplog.text + body.decode()


def test_who_speaks_no_tls_is_told_so_and_cut(monkeypatch: pytest.MonkeyPatch, listener: Listener) -> None:
    made = authority("tests", "127.0.0.1")
    context = server_context(made.cert_pem, made.key_pem)
    monkeypatch.setattr(PlainDoor, "open", lambda self, address: ServedConnection(context))
    with connected(listener) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert to_the_end(client) == PLAIN_HTTP_REPLY


def test_a_client_that_floods_a_watch_is_not_read_without_end(listener: Listener) -> None:
    with connected(listener) as client:
        client.sendall(b"GET /watch/quiet HTTP/1.1\r\nHost: a\r\n\r\n")
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.sendall(b"x" * (64 << 20))
    with connected(listener) as client:
        assert ask(client, "/a") == (200, b"/a")


def test_stop_cuts_everyone_and_accepts_nobody(listener: Listener, door: PlainDoor) -> None:
    with connected(listener) as client:
        client.sendall(b"GET /watch/quiet HTTP/1.1\r\nHost: a\r\n\r\n")
        received(client)
        listener.stop()
        assert to_the_end(client) == b""
    assert door.watches[0].closed.wait(DEADLINE_S)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.port), timeout=DEADLINE_S)
    listener.stop()


def test_a_port_that_is_taken_is_bad_input(listener: Listener, door: PlainDoor) -> None:
    with pytest.raises(InputError) as refused:
        Listener(door, listener.port)
    expected = f"cannot listen: Address already in use (127.0.0.1:{listener.port}): choose another --port, or 0 for any"
    assert str(refused.value) == expected
