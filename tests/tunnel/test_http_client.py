"""The HTTP client: answers of every framing, in any cut."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.errors import LocalProtocolError, RemoteProtocolError
from scale_agent.tunnel.http_client import HttpClient, ResponseData, ResponseEnded, ResponseEvent, ResponseStarted

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\npong"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


def asked(method: str = "GET") -> HttpClient:
    client = HttpClient()
    client.request(method, "/ping", (("Host", "x"),))
    client.data_to_send()
    return client


def summary(events: list[ResponseEvent]) -> tuple[int, bytes, list[bool]]:
    """Status, whole body, ends."""
    status = [event.status for event in events if isinstance(event, ResponseStarted)]
    body = b"".join(event.data for event in events if isinstance(event, ResponseData))
    assert len(status) == 1
    assert isinstance(events[0], ResponseStarted)
    return status[0], body, [event.keep_alive for event in events if isinstance(event, ResponseEnded)]


def test_request_bytes() -> None:
    client = HttpClient()
    client.request("GET", "/ping", (("Host", "x"), ("Accept", "*/*")))
    assert client.data_to_send() == b"GET /ping HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"
    client.receive(PLAIN)
    client.request("POST", "/a", (("Host", "x"),), b"{}")
    assert client.data_to_send() == b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    client.receive(PLAIN)
    client.request("PUT", "/a", (("Host", "x"),))
    assert client.data_to_send() == b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


@given(
    st.sampled_from(
        [(PLAIN, (200, b"pong", [True])), (CHUNKED, (200, b"abcde", [True])), (CONTINUED, (201, b"", [True]))]
    ),
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
)
def test_any_cut(case: tuple[bytes, tuple[int, bytes, list[bool]]], sizes: list[int]) -> None:
    data, expected = case
    client, turn = asked(), 0
    events: list[ResponseEvent] = []
    while data:
        assert not client.ready
        size = sizes[turn % len(sizes)]
        events += client.receive(data[:size])
        data, turn = data[size:], turn + 1
    assert summary(events) == expected
    assert client.ready


def test_headers_are_lower_case() -> None:
    assert asked().receive(PLAIN)[0] == ResponseStarted(200, (("content-type", "text/plain"), ("content-length", "4")))


def test_a_watch_comes_as_it_comes() -> None:
    client = asked()
    assert summary(client.receive(CHUNKED[:50])) == (200, b"", [])
    assert client.receive(b"abc\r\n") == [ResponseData(b"abc")]
    assert not client.ready


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n"),
    ],
)
def test_answers_without_a_body(method: str, head: bytes) -> None:
    client = asked(method)
    assert summary(client.receive(head))[2] == [True]
    client.request("GET", "/next", (("Host", "x"),))
    assert summary(client.receive(PLAIN)) == (200, b"pong", [True])


def test_connection_close() -> None:
    client = asked()
    assert summary(client.receive(PLAIN.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")))[2] == [False]
    with pytest.raises(LocalProtocolError):
        client.request("GET", "/", ())


def test_an_answer_that_ends_with_the_connection() -> None:
    client = asked()
    assert summary(client.receive(b"HTTP/1.0 200 OK\r\n\r\nabc")) == (200, b"abc", [])
    assert client.receive_eof() == [ResponseEnded(False)]
    assert client.receive_eof() == []


@pytest.mark.parametrize("data", [b"", PLAIN[:-1], CHUNKED[:-2], b"HTTP/1.1 200"])
def test_an_answer_that_is_cut_off(data: bytes) -> None:
    client = asked()
    client.receive(data)
    with pytest.raises(RemoteProtocolError, match="before the answer was complete"):
        client.receive_eof()


def test_one_at_a_time() -> None:
    with pytest.raises(LocalProtocolError, match="outstanding"):
        asked().request("GET", "/", ())


def test_answers_that_nobody_asked_for() -> None:
    with pytest.raises(RemoteProtocolError, match="no request asked for"):
        HttpClient().receive(PLAIN)
    with pytest.raises(RemoteProtocolError, match="no request asked for"):
        asked().receive(PLAIN + PLAIN)


def test_switching_protocols_ends_http() -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert summary(asked().receive(head + b"\x81\x00")) == (101, b"", [False])


def test_an_error_of_our_own_is_not_blamed_on_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: HttpClient, data: bytes) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(HttpClient, "on_body", broken)
    with pytest.raises(httptools.HttpParserCallbackError):
        asked().receive(PLAIN)


@given(st.binary(min_size=1, max_size=200))
def test_garbage_raises_nothing_else(garbage: bytes) -> None:
    for start in (b"", PLAIN[:20], CHUNKED[:60]):
        client = asked()
        try:
            client.receive(start + garbage)
            client.receive_eof()
        except RemoteProtocolError as error:
            said = str(error)
        else:
            said = "HTTP server"
        assert "HTTP server" in said
