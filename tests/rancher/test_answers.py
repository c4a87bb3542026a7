"""Answers of the REST API as they come off the wire, and connections that are used again or not."""

from __future__ import annotations

import gzip
import socket
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.errors import DialError
from scale_agent.rancher.answers import AnswerReader, TooLargeError
from scale_agent.rancher.kept import KeptConnections, is_quiet
from scale_agent.rancher.tls import TlsPolicy
from scale_agent.rancher.url import parse_server_url

LIMIT = 1 << 20


def read(*parts: bytes, eof: bool = False, limit: int = LIMIT) -> AnswerReader:
    reader = AnswerReader(limit)
    for part in parts:
        reader.feed(part)
    if eof:
        reader.feed_eof()
    return reader


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@given(st.binary(max_size=300), st.integers(1, 50))
def test_an_answer_in_pieces_is_the_same_answer(body: bytes, size: int) -> None:
    data = answer(body, "Content-Type: application/json")
    reader = read(*(data[at : at + size] for at in range(0, len(data), size)))
    assert (reader.done, reader.status, reader.body, reader.wire_bytes) == (True, 200, body, len(body))
    assert reader.keep_alive


def test_chunks_are_joined() -> None:
    head = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader = read(head + b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")
    assert (reader.done, reader.status, reader.body, reader.keep_alive) == (True, 404, b"abcde", True)


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_what_is_packed_is_unpacked(encoding: str, pack: object) -> None:
    packed = pack(b"x" * 5000)  # type: ignore[operator]
    reader = read(answer(packed, f"Content-Encoding: {encoding}"))
    assert reader.body == b"x" * 5000
    assert reader.wire_bytes == len(packed) < 100


def test_a_small_answer_that_unpacks_without_end_has_a_limit() -> None:
    bomb = gzip.compress(b"\0" * (50 << 20))
    with pytest.raises(TooLargeError):
        read(answer(bomb, "Content-Encoding: gzip"))


def test_what_is_not_packed_as_it_says() -> None:
    with pytest.raises(zlib.error):
        read(answer(b"no gzip at all", "Content-Encoding: gzip"))


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    assert not read(head, b"abc").done
    reader = read(head, b"abc", b"def", eof=True)
    assert (reader.done, reader.body, reader.keep_alive) == (True, b"abcdef", False)


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\nContent-", answer(b"12345")[:-1]])
def test_an_end_in_the_middle_is_a_loss(data: bytes) -> None:
    with pytest.raises(ConnectionResetError):
        read(data, eof=True)


@pytest.mark.parametrize("data", [b"SSH-2.0-canary\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_http(data: bytes) -> None:
    with pytest.raises(DialError) as caught:
        read(data)
    assert caught.value.reason == "protocol"


def test_interim_answers_are_passed_over() -> None:
    reader = read(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", answer(b"{}"))
    assert (reader.done, reader.status, reader.body) == (True, 200, b"{}")


@pytest.mark.parametrize("headers", ["Connection: close", "Connection: Close"])
def test_a_connection_that_will_be_closed_is_not_kept(headers: str) -> None:
    reader = read(answer(b"{}", headers))
    assert reader.done
    assert not reader.keep_alive


def test_a_connection_with_an_answer_that_nobody_asked_for_is_not_kept() -> None:
    reader = read(answer(b"{}") + answer(b"other"))
    assert (reader.done, reader.body, reader.keep_alive) == (True, b"{}", False)


def test_an_answer_without_a_body_is_kept() -> None:
    reader = read(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (reader.done, reader.status, reader.keep_alive) == (True, 204, True)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_an_idle_connection_is_good_until_something_comes(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    assert is_quiet(ours)
    theirs.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert not is_quiet(ours)


def test_an_idle_connection_that_ended_is_not_used(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.close()
    assert not is_quiet(ours)


def test_the_one_used_last_is_used_first_and_only_so_many_are_kept() -> None:
    kept = KeptConnections(parse_server_url("http://127.0.0.1"), TlsPolicy(), 2, lambda: 0.0)
    pairs = [socket.socketpair() for _ in range(3)]
    for ours, _ in pairs:
        kept.give(ours)
    assert pairs[2][0].fileno() == -1
    pairs[1][1].close()
    assert kept.take(1.0) is pairs[0][0]
    kept.give(pairs[0][0])
    kept.close()
    assert [ours.fileno() for ours, _ in pairs] == [-1] * 3
    for _, theirs in pairs:
        theirs.close()
