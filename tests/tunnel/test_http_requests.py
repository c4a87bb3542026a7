"""Reading requests: any cut, limits, and what a Go server refuses."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.tunnel.http_answers import (
    BAD_ENCODING,
    BAD_EXPECT,
    BAD_REQUEST,
    BAD_VERSION,
    BODY_TOO_LARGE,
    HEADERS_TOO_LARGE,
    NO_HOST,
    Refusal,
)
from scale_agent.tunnel.http_requests import HttpRequest, RequestReader

GET = b"GET /api/v1/nodes?limit=500&watch=true HTTP/1.1\r\nHost: 10.43.0.1\r\nUser-Agent: rancher\r\n\r\n"
PUT = (
    b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-Trailer: dropped\r\n\r\n"
)
POST = b"POST /b HTTP/1.1\r\nHOST: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nthere"

EXPECTED = [
    HttpRequest(
        "GET", "/api/v1/nodes?limit=500&watch=true", (("host", "10.43.0.1"), ("user-agent", "rancher")), b"", True
    ),
    HttpRequest(
        "PUT",
        "/a",
        (("host", "x"), ("content-type", "application/json"), ("transfer-encoding", "chunked")),
        b"hello world",
        True,
    ),
    HttpRequest("POST", "/b", (("host", "x"), ("content-length", "5"), ("connection", "close")), b"there", False),
]


def reader(header: int = 1 << 20, body: int = 3 << 20) -> RequestReader:
    return RequestReader(header, body)


def refused(data: bytes, **limits: int) -> Refusal | None:
    """The refusal of ``data``, the same whether it comes whole or byte by byte."""
    whole = reader(**limits)
    whole.feed(data)
    bytewise = reader(**limits)
    for value in data:
        bytewise.feed(bytes((value,)))
    assert whole.refusal == bytewise.refusal
    assert whole.requests == bytewise.requests
    return whole.refusal


def test_whole() -> None:
    one = reader()
    one.feed(GET + PUT + POST)
    assert one.requests == EXPECTED
    assert one.ended
    assert one.refusal is None


def test_byte_by_byte() -> None:
    one = reader()
    for value in GET + PUT + POST:
        one.feed(bytes((value,)))
    assert one.requests == EXPECTED


@given(st.lists(st.integers(1, 200), min_size=1, max_size=20))
def test_any_cut(sizes: list[int]) -> None:
    data, one, turn = GET + PUT + POST, reader(), 0
    while data:
        size = sizes[turn % len(sizes)]
        one.feed(data[:size])
        data, turn = data[size:], turn + 1
    assert one.requests == EXPECTED


@given(st.binary(max_size=400))
def test_garbage_is_refused_or_waited_for(garbage: bytes) -> None:
    for start in (b"", GET, PUT[:90], POST[:-3]):
        one = reader(body=1000)
        one.feed(start + garbage)
        one.feed(garbage)
        assert one.refusal is None or one.refusal.status in (400, 413, 417, 431, 501, 505)


def test_idle_between_requests_only() -> None:
    one = reader()
    assert one.idle
    one.feed(b"\r\n")
    assert one.idle, "empty lines between requests are nothing"
    one.feed(GET[:1])
    assert not one.idle
    one.feed(GET[1:])
    assert not one.idle
    one.requests.clear()
    assert one.idle


def test_what_follows_a_closing_request_is_dropped() -> None:
    one = reader()
    one.feed(POST + GET)
    one.feed(GET)
    assert one.requests == EXPECTED[2:]
    assert one.refusal is None


@pytest.mark.parametrize(
    ("head", "keep_alive", "minor"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", False, 0),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True, 0),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n", True, 1),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n", False, 1),
    ],
)
def test_keep_alive_by_version_and_header(head: bytes, keep_alive: bool, minor: int) -> None:
    one = reader()
    one.feed(head)
    (request,) = one.requests
    assert (request.keep_alive, request.minor) == (keep_alive, minor)


@pytest.mark.parametrize("protocol", [b"websocket", b"SPDY/3.1", b"h2c"])
def test_upgrades_are_ordinary_requests(protocol: bytes) -> None:
    upgrade = b"GET /exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n"
    one = reader()
    one.feed(upgrade + GET)
    assert [request.target for request in one.requests] == ["/exec", EXPECTED[0].target]
    assert dict(one.requests[0].headers)["upgrade"] == protocol.decode()
    assert one.requests[0].keep_alive


def test_an_upgrade_with_a_body_ends_the_connection() -> None:
    one = reader()
    one.feed(
        b"POST /exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc" + GET
    )
    (request,) = one.requests
    assert (request.target, request.body, request.keep_alive) == ("/exec", b"", False)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", BAD_REQUEST),
        (b"FOO / HTTP/1.1\r\n\r\n", BAD_REQUEST),
        (b"GET /a b HTTP/1.1\r\n\r\n", BAD_REQUEST),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", BAD_REQUEST),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n", BAD_REQUEST),
        (b"GET / HTTP/1.1\r\nHost: x\x00\r\n\r\n", BAD_REQUEST),
        (b"GET /\r\n\r\n", BAD_REQUEST),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", BAD_VERSION),
        (b"GET / HTTP/1.1\r\n\r\n", NO_HOST),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", BAD_REQUEST),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", BAD_REQUEST),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", BAD_REQUEST),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", BAD_ENCODING),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", BAD_REQUEST),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\n", BAD_EXPECT),
    ],
)
def test_what_is_refused(data: bytes, refusal: Refusal) -> None:
    assert refused(data) == refusal


def test_connect_needs_no_host() -> None:
    assert refused(b"CONNECT a:1 HTTP/1.1\r\n\r\n") is None


def head_of(size: int) -> bytes:
    """A request whose head has exactly ``size`` bytes."""
    start, end = b"GET / HTTP/1.1\r\nHost: x\r\nA: ", b"\r\n\r\n"
    return start + b"a" * (size - len(start) - len(end)) + end


@pytest.mark.parametrize(("size", "refusal"), [(1000 + 4096 - 100, None), (1000 + 4096 + 10, HEADERS_TOO_LARGE)])
def test_header_limit(size: int, refusal: Refusal | None) -> None:
    assert refused(head_of(size), header=1000) == refusal


def test_many_small_headers_count_together() -> None:
    data = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 1000 + b"\r\n"
    assert refused(data, header=1000) == HEADERS_TOO_LARGE


@pytest.mark.parametrize(
    "start", [b"GET / HTTP/1.1\r\nHost: ", b"GET /", PUT[:-22], b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\nB"]
)
def test_an_endless_line_is_not_kept(start: bytes) -> None:
    one = reader(header=10_000)
    one.feed(start)
    for _ in range(14):
        one.feed(b"a" * 1000)
    assert one.refusal is None
    one.feed(b"a" * 1000)
    assert one.refusal == HEADERS_TOO_LARGE


@pytest.mark.parametrize(("size", "refusal"), [(100, None), (101, BODY_TOO_LARGE)])
def test_body_limit(size: int, refusal: Refusal | None) -> None:
    body = b"x" * size
    announced = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size + body + b"\r\n0\r\n\r\n"
    assert refused(announced + body, body=100) == refusal
    assert refused(chunked, body=100) == refusal


def test_a_body_in_many_small_chunks_is_no_endless_line() -> None:
    one = reader(header=0)
    one.feed(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(5000):
        one.feed(b"1\r\n")
        one.feed(b"x\r\n")
    one.feed(b"0\r\n\r\n")
    assert one.refusal is None
    assert one.requests[0].body == b"x" * 5000


def test_expect_waits_while_the_body_is_missing() -> None:
    one = reader()
    one.feed(b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
    assert one.continue_due
    one.feed(b"ab")
    assert not one.continue_due
    assert one.requests[0].body == b"ab"


@pytest.mark.parametrize(
    "head",
    [
        b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
        b"PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_expect_without_a_body_or_by_http_1_0_means_nothing(head: bytes) -> None:
    one = reader()
    one.feed(head)
    assert not one.continue_due


def test_an_error_of_our_own_is_not_blamed_on_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: RequestReader, data: bytes) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(RequestReader, "on_body", broken)
    with pytest.raises(httptools.HttpParserCallbackError) as caught:
        reader().feed(POST)
    assert isinstance(caught.value.__context__, ZeroDivisionError)
