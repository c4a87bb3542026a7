"""The HTTP server: pipelining, framing of answers, what it says by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.errors import LocalProtocolError, RemoteProtocolError
from scale_agent.tunnel.http1 import HttpServer
from scale_agent.tunnel.http_answers import Refusal

JSON = (("Content-Type", "application/json"),)


def get(target: str, *lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/{version}", "Host: x", *lines, "", ""]).encode()


def asked(data: bytes) -> HttpServer:
    """A server whose first request, in ``data``, has come out."""
    server = HttpServer()
    server.receive(data)
    assert server.next_request() is not None
    return server


def test_answer_and_keep_alive() -> None:
    server = asked(get("/a"))
    assert server.busy
    server.respond(200, JSON, b"{}")
    assert server.data_to_send() == b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    assert not server.busy
    assert not server.should_close
    server.receive(get("/b"))
    request = server.next_request()
    assert request is not None
    assert request.target == "/b"


def test_a_large_body_is_taken_in_pieces() -> None:
    server = asked(get("/a"))
    body = bytes(range(256)) * 400
    server.respond(200, (), body)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 102400\r\n\r\n"
    assert server.pending_bytes == len(head) + len(body)
    out = b""
    while piece := server.data_to_send(10_000):
        assert len(piece) <= 10_000
        out += piece
    assert out == head + body


def test_pipelined_requests_one_at_a_time_in_order() -> None:
    server = HttpServer()
    server.receive(get("/1") + get("/2") + get("/3")[:10])
    order: list[str] = []
    for turn in range(4):
        request = server.next_request()
        assert request is not None
        assert server.next_request() is None, "one at a time"
        if turn == 0:
            server.receive(get("/3")[10:] + get("/4"))
        order.append(request.target)
        server.respond(200, (), request.target.encode())
    assert order == ["/1", "/2", "/3", "/4"]
    assert server.next_request() is None
    bodies = [part[-2:] for part in server.data_to_send().split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [b"/1", b"/2", b"/3", b"/4"]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.lists(st.booleans(), min_size=1, max_size=6))
def test_any_cut_and_any_pace(sizes: list[int], paces: list[bool]) -> None:
    data = b"".join(get(f"/{n}", "Content-Length: 3", method="PUT") + b"%03d" % n for n in range(5))
    server, turn = HttpServer(), 0
    order: list[tuple[str, bytes]] = []
    while data or server.busy or len(order) < 5:
        size = sizes[turn % len(sizes)]
        server.receive(data[:size])
        data = data[size:]
        if server.busy and (paces[turn % len(paces)] or not data):
            server.respond(200, (), b"")
        if not server.busy and (request := server.next_request()):
            order.append((request.target, request.body))
        turn += 1
    assert order == [(f"/{n}", b"%03d" % n) for n in range(5)]


def test_a_pipeline_without_end_is_the_clients_fault() -> None:
    server = HttpServer(max_header_bytes=1000, max_body_bytes=1000)
    server.receive(get("/watch"))
    server.next_request()
    server.receive(b"x" * 2000)
    with pytest.raises(RemoteProtocolError, match="more than 2000 bytes"):
        server.receive(b"x")


def test_chunked_stream() -> None:
    server = asked(get("/watch"))
    server.start_stream(200, JSON)
    assert server.data_to_send() == (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    server.send_chunk(b"x" * 26)
    server.send_chunk(b"")
    assert server.data_to_send() == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert server.busy
    server.end_stream()
    assert server.data_to_send() == b"0\r\n\r\n"
    assert not server.should_close
    assert not server.busy


def test_head_has_the_length_and_no_body() -> None:
    server = asked(get("/a", method="HEAD"))
    server.respond(200, JSON, b"{}")
    assert server.data_to_send().endswith(b"Content-Length: 2\r\n\r\n")
    server.receive(get("/a", method="HEAD"))
    server.next_request()
    server.start_stream(200, JSON)
    server.send_chunk(b"nothing of this")
    server.end_stream()
    assert server.data_to_send() == b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body(status: int) -> None:
    server = asked(get("/a"))
    server.respond(status, (), b"nothing of this")
    head = server.data_to_send()
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert head.endswith(b"\r\n\r\n")
    assert b"Content-Length" not in head


def test_connection_close_is_answered_and_done() -> None:
    server = asked(get("/a", "Connection: close") + get("/never"))
    server.respond(200, (), b"x")
    assert server.data_to_send() == b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"
    assert server.should_close
    server.receive(get("/never"))
    assert server.next_request() is None


def test_http_1_0() -> None:
    server = asked(get("/a", version="1.0"))
    server.respond(200, (), b"x")
    assert server.data_to_send() == b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"
    assert server.should_close
    server = asked(get("/a", "Connection: keep-alive", version="1.0"))
    server.respond(200, (), b"x")
    assert server.data_to_send() == b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx"
    assert not server.should_close


def test_a_stream_to_http_1_0_ends_with_the_connection() -> None:
    server = asked(get("/a", "Connection: keep-alive", version="1.0"))
    server.start_stream(200, ())
    server.send_chunk(b"abc")
    server.end_stream()
    assert server.data_to_send() == b"HTTP/1.0 200 OK\r\n\r\nabc"
    assert server.should_close


def test_continue_is_said_in_turn() -> None:
    server = HttpServer()
    put = get("/put", "Expect: 100-continue", "Content-Length: 2", method="PUT")
    server.receive(get("/a") + put)
    assert server.data_to_send() == b"", "the answer to the first request has to come first"
    assert server.next_request() is not None
    server.respond(200, (), b"")
    assert server.data_to_send().endswith(b"\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
    server.receive(b"ab")
    request = server.next_request()
    assert request is not None
    assert request.body == b"ab"
    assert server.data_to_send() == b""


def test_continue_for_a_request_that_waited() -> None:
    server = asked(get("/a"))
    server.receive(get("/put", "Expect: 100-continue", "Content-Length: 2", method="PUT"))
    server.respond(200, (), b"")
    assert server.data_to_send().endswith(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (
            b"nonsense\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Connection: close\r\n\r\n400 Bad Request",
        ),
        (
            b"GET / HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 400 Bad Request: missing required Host header\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Connection: close\r\n\r\n400 Bad Request: missing required Host header",
        ),
        (
            get("/", "A: " + "a" * 6000),
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Connection: close\r\n\r\n431 Request Header Fields Too Large",
        ),
        (
            get("/", "Transfer-Encoding: gzip"),
            b"HTTP/1.1 501 Not Implemented\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Connection: close\r\n\r\nUnsupported transfer encoding",
        ),
        (
            b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
            b"HTTP/1.1 505 HTTP Version Not Supported: unsupported protocol version\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
            b"505 HTTP Version Not Supported: unsupported protocol version",
        ),
        (
            get("/", "Expect: magic"),
            b"HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        ),
    ],
)
def test_what_the_server_says_by_itself(data: bytes, answer: bytes) -> None:
    server = HttpServer(max_header_bytes=1000, max_body_bytes=5000)
    server.receive(data)
    assert server.next_request() is None
    assert server.data_to_send() == answer
    assert server.should_close
    server.receive(get("/more"))
    assert server.data_to_send() == b""


def test_the_owner_words_the_refusal_of_a_large_body() -> None:
    refusal = Refusal.of(413, JSON, b'{"code":413}')
    server = HttpServer(max_body_bytes=10, too_large=refusal)
    server.receive(get("/", "Transfer-Encoding: chunked") + b"b\r\n" + b"x" * 11 + b"\r\n")
    assert server.data_to_send() == (
        b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Type: application/json\r\nContent-Length: 12\r\n"
        b'Connection: close\r\n\r\n{"code":413}'
    )


def test_a_body_that_is_refused_is_dropped_until_the_client_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scale_agent.tunnel.http1.LINGER_BYTES", 100_000)
    server = HttpServer(max_body_bytes=10)
    server.receive(get("/", "Content-Length: 1000000"))
    assert server.data_to_send() == (
        b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 28\r\n"
        b"Connection: close\r\n\r\n413 Request Entity Too Large"
    )
    assert server.lingering
    server.receive(bytes(100_000))
    assert not server.should_close
    server.receive(b"x")
    assert server.should_close, "one who never stops is closed in the end"
    assert server.next_request() is None
    assert server.data_to_send() == b""


def test_a_bad_request_waits_for_its_turn() -> None:
    server = asked(get("/a") + b"nonsense\r\n\r\n")
    assert server.data_to_send() == b""
    server.respond(200, (), b"fine")
    out = server.data_to_send()
    assert out.index(b"fine") < out.index(b"HTTP/1.1 400 Bad Request")
    assert server.should_close


def test_the_date_is_the_owners() -> None:
    server = HttpServer(date=lambda: "Sat, 21 Nov 2026 10:46:22 GMT")
    server.receive(get("/"))
    server.next_request()
    server.respond(200, (), b"")
    assert b"\r\nDate: Sat, 21 Nov 2026 10:46:22 GMT\r\n" in server.data_to_send()


def test_calls_out_of_turn() -> None:
    server = HttpServer()
    with pytest.raises(LocalProtocolError, match="no request to answer"):
        server.respond(200, (), b"")
    with pytest.raises(LocalProtocolError, match="send_chunk without start_stream"):
        server.send_chunk(b"x")
    with pytest.raises(LocalProtocolError, match="end_stream without start_stream"):
        server.end_stream()
    server = asked(get("/"))
    with pytest.raises(LocalProtocolError, match="100 is no status of an answer"):
        server.respond(100, (), b"")
    server.start_stream(200, ())
    with pytest.raises(LocalProtocolError, match="no request to answer"):
        server.respond(200, (), b"")


def test_an_idle_server_keeps_no_parser() -> None:
    server = asked(get("/"))
    assert server._reader is None
    server.receive(get("/2"))
    server.respond(200, (), b"")
    assert server.next_request() is not None
    assert server._reader is None
    assert server._backlog is None
