"""What is read without the parser is what it would make of the same bytes; anything particular is left to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.tunnel.http_heads import whole_request
from scale_agent.tunnel.http_requests import RequestReader

LIMIT = 1 << 20
HEAD = b"Host: 10.43.0.1\r\nUser-Agent: rancher/v2.15.0 (linux/amd64)\r\nAccept-Encoding: gzip"


def taken(data: bytes) -> bool:
    found = whole_request(data, LIMIT, LIMIT)
    if found is None:
        return False
    reader = RequestReader(LIMIT, LIMIT)
    reader.feed(data)
    assert (reader.requests, reader.refusal, reader.idle) == ([found], None, False)
    return True


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("body", [b"", b"{}", b"\r\n\r\nGET / HTTP/1.1\r\n\r\n"])
def test_plain_requests_are_taken(method: str, body: bytes) -> None:
    start = f"{method} /api/v1/namespaces/a%20b?limit=5&labelSelector=a%3Db,c HTTP/1.1\r\n".encode()
    length = b"\r\nContent-Length: %d" % len(body) if body else b""
    assert taken(start + HEAD + length + b"\r\n\r\n" + body)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HTTP/1.1\r\n" + HEAD,
        b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\r\n\r\n",
        b"GET / HTTP/1.0\r\n" + HEAD + b"\r\n\r\n",
        b"GET http://x/ HTTP/1.1\r\n" + HEAD + b"\r\n\r\n",
        b"BREW / HTTP/1.1\r\n" + HEAD + b"\r\n\r\n",
        b"GET /\xe9 HTTP/1.1\r\n" + HEAD + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n\r\nGET / HTTP/1.1\r\n" + HEAD + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n",
        b"PUT / HTTP/1.1\r\n" + HEAD + b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"PUT / HTTP/1.1\r\n" + HEAD + b"\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
        b"PUT / HTTP/1.1\r\n" + HEAD + b"\r\nContent-Length: 3\r\n\r\n{}",
        b"PUT / HTTP/1.1\r\n" + HEAD + b"\r\nContent-Length: 1\r\n\r\n{}",
        b"PUT / HTTP/1.1\r\n" + HEAD + b"\r\nContent-Length: +2\r\n\r\n{}",
        b"GET / HTTP/1.1\r\n" + HEAD + b"\r\nAccept: a\r\nAccept: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"\r\nEmpty:\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"\r\nA: b\r\n c\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"\r\nA: \xc3\xa9\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HEAD + b"\nA: b\r\n\r\n",
    ],
)
def test_anything_else_is_left_alone(data: bytes) -> None:
    assert whole_request(data, LIMIT, LIMIT) is None


def test_limits() -> None:
    data = b"PUT / HTTP/1.1\r\n" + HEAD + b"\r\nContent-Length: 2\r\n\r\n{}"
    assert whole_request(data, LIMIT, 2) is not None
    assert whole_request(data, LIMIT, 1) is None
    assert whole_request(data, 50, LIMIT) is None


TEXT = st.text("aZ09-:/ \t~%?=&#\"'()[]{}<>\\^`|é\x00\x7f.,;", max_size=12)


@given(TEXT, st.lists(st.tuples(TEXT, TEXT), max_size=3), st.binary(max_size=5))
def test_whatever_is_taken_is_what_the_parser_reads(path: str, lines: list[tuple[str, str]], body: bytes) -> None:
    more = "".join(f"{name}: {value}\r\n" for name, value in lines)
    start = f"POST /{path} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    taken(start.encode("latin-1") + body)
