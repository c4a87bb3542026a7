"""Bytes to HTTP/1.1 requests, by httptools (llhttp), with limits; what cannot be read is refused, never raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import httptools

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

#: Go reads this many bytes more than the limit says, because of its buffer.
_HEADER_SLOP_BYTES: Final = 4096
_HEADER_LINE_BYTES: Final = 4  # colon, space, line end
_START_LINE_BYTES: Final = 14

_NAMES: Final = {
    name.encode(): name.lower()
    for name in (
        "Host",
        "User-Agent",
        "Accept",
        "Accept-Encoding",
        "Authorization",
        "Content-Type",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Upgrade",
        "Expect",
        "Kubectl-Command",
        "Kubectl-Session",
        "Impersonate-User",
        "Impersonate-Group",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Api-Url-Prefix",
    )
}


@dataclass(slots=True)
class HttpRequest:
    """One complete request. Header names are lower case; ``target`` is as sent; ``minor`` is the x of HTTP/1.x.

    ``keep_alive``: the client wants to use the connection again. Nobody changes one; to freeze it costs 0.6 µs.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    keep_alive: bool
    minor: int = 1


#: Without one of these a request has no body, and waits for no leave to send one.
_ABOUT_BODIES: Final = frozenset({"transfer-encoding", "content-length", "expect"})


class _Stop(Exception):  # noqa: N818 - it is no error: it makes the parser stop
    """Raised inside a parser callback after ``refusal`` was set."""


class RequestReader:
    """Reads requests off one connection.

    ``requests``: complete ones, in order. ``refusal``: nothing more is read; to be sent once all requests are answered.
    ``continue_due``: the request that is being read waits for 100 Continue. ``ended``: the last request closes the
    connection, whatever follows it is dropped.
    """

    __slots__ = (
        "_body",
        "_body_size",
        "_fed",
        "_head_done",
        "_headers",
        "_in_lines",
        "_lines_size",
        "_max_body_bytes",
        "_max_header_bytes",
        "_message_open",
        "_minor",
        "_parser",
        "_target",
        "_too_large",
        "continue_due",
        "ended",
        "refusal",
        "requests",
    )

    def __init__(self, max_header_bytes: int, max_body_bytes: int, too_large: Refusal = BODY_TOO_LARGE) -> None:
        self._max_header_bytes = max_header_bytes + _HEADER_SLOP_BYTES
        self._max_body_bytes = max_body_bytes
        self._too_large = too_large
        self._parser = httptools.HttpRequestParser(self)
        self.requests: list[HttpRequest] = []
        self.refusal: Refusal | None = None
        self.continue_due = False
        self.ended = False
        self._message_open = False
        self._fed = 0  # bytes, altogether
        self._minor = 1
        self._reset()

    @property
    def idle(self) -> bool:
        """True between two requests: the reader can be thrown away and replaced by a new one."""
        return not (self._message_open or self.requests or self.refusal or self.ended)

    def feed(self, data: bytes) -> None:
        """Read ``data``; never raises."""
        self._fed += len(data)
        in_lines = self._in_lines and self._message_open
        before = len(self.requests)
        rest: bytes | None = data
        while rest and not self.ended and self.refusal is None:
            rest = self._feed(rest)
        if in_lines and self._in_lines and len(self.requests) == before:
            self._count_lines(len(data))

    def _feed(self, data: bytes) -> bytes | None:
        """What is left to be read, if the parser stopped at an upgrade."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            return data[stop.args[0] :]
        except httptools.HttpParserCallbackError:
            if self.refusal is None:  # not our _Stop: a mistake in a callback, which is not the client's fault
                raise
        except httptools.HttpParserError:
            if self.refusal is None and not self.ended:
                self.refusal = BAD_REQUEST
        return None

    def _count_lines(self, size: int) -> None:
        """The parser keeps an unfinished header (or trailer) line by itself, however long: its bytes count at once."""
        self._lines_size += size
        if self._lines_size > self._max_header_bytes and self.refusal is None:
            self.refusal = HEADERS_TOO_LARGE

    # -- called by the parser -----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._message_open = True

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_done:  # a trailer: Go's server keeps those apart, Kubernetes never looks
            return
        self._headers.append((_NAMES.get(name) or name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._head_done = True
        self._in_lines = False
        if self._fed > self._max_header_bytes and self._head_size() > self._max_header_bytes:
            self._refuse(HEADERS_TOO_LARGE)
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            self._refuse(BAD_REQUEST if version == "0.9" else BAD_VERSION)
        self._minor = 1 if version == "1.1" else 0
        headers = dict(self._headers)
        if self._minor and "host" not in headers and self._parser.get_method() != b"CONNECT":
            self._refuse(NO_HOST)
        if not _ABOUT_BODIES.isdisjoint(headers):
            self._check_body(headers)

    def _head_size(self) -> int:
        """As Go counts it."""
        size = sum(len(name) + len(value) + _HEADER_LINE_BYTES for name, value in self._headers)
        return size + len(self._target) + _START_LINE_BYTES

    def _check_body(self, headers: dict[str, str]) -> None:
        encoding = headers.get("transfer-encoding")
        if encoding is not None and encoding.strip().lower() != "chunked":
            self._refuse(BAD_ENCODING)
        length = int(headers.get("content-length") or 0)
        if length > self._max_body_bytes:
            self._refuse(self._too_large)
        has_body = length > 0 or encoding is not None
        expect = headers.get("expect")
        if expect and expect.lower() != "100-continue":
            self._refuse(BAD_EXPECT)
        self.continue_due = bool(expect) and has_body and self._minor == 1
        if has_body and self._parser.should_upgrade():
            # llhttp takes all that follows an upgrade's head for another protocol: the end of the body is not known.
            self.ended = True

    def on_chunk_header(self) -> None:
        self._in_lines = True  # of the trailer, if this is the last chunk

    def on_body(self, data: bytes) -> None:
        self._in_lines = False
        self._lines_size = 0
        self._body_size += len(data)
        if self._body_size > self._max_body_bytes:
            self._refuse(self._too_large)
        self._body.append(data)

    def on_message_complete(self) -> None:
        parser = self._parser
        keep_alive = parser.should_keep_alive() and not self.ended
        self.requests.append(
            HttpRequest(
                parser.get_method().decode("ascii"),
                self._target.decode("latin-1"),
                tuple(self._headers),
                b"".join(self._body),
                keep_alive,
                self._minor,
            )
        )
        self.ended = not keep_alive
        self.continue_due = False
        self._message_open = False
        self._reset()

    def _reset(self) -> None:
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._body_size = self._lines_size = 0
        self._head_done = False
        self._in_lines = True

    def _refuse(self, refusal: Refusal) -> None:
        self.refusal = refusal
        raise _Stop
