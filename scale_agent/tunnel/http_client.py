"""HTTP/1.1 for one connection, the client's half: one request at a time, answers as events (for the stand-in)."""

from __future__ import annotations

from dataclasses import dataclass

import httptools

from scale_agent.errors import LocalProtocolError, RemoteProtocolError
from scale_agent.tunnel.http_answers import Headers, has_body, head
from scale_agent.tunnel.outbox import Outbox


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """Status and headers (names lower case) of the answer; interim answers (1xx) are not told."""

    status: int
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ResponseData:
    """Bytes of the body, chunking taken off."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ResponseEnded:
    """The answer is complete; ``keep_alive``: the connection can take another request."""

    keep_alive: bool


ResponseEvent = ResponseStarted | ResponseData | ResponseEnded

_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})
_SWITCHING = 101


class HttpClient:
    """One connection. ``ready``: a request may be sent now."""

    __slots__ = ("_events", "_headers", "_method", "_out", "_parser", "_sized", "_status", "_unasked", "ready")

    def __init__(self) -> None:
        self._out = Outbox()
        self._parser: httptools.HttpResponseParser | None = None
        self._events: list[ResponseEvent] = []
        self._headers: list[tuple[str, str]] = []
        self._method = ""
        self._status = 0
        self._sized = False
        self._unasked = False
        self.ready = True

    def request(self, method: str, target: str, headers: Headers, body: bytes = b"") -> None:
        """Send a request. ``headers`` name the Host; Content-Length is added here.

        Raises :class:`LocalProtocolError` while an answer is outstanding, and when the server closes the connection.
        """
        if not self.ready:
            raise LocalProtocolError("the answer to the last request is outstanding", where="HTTP client")
        self.ready = False
        self._method = method
        self._status = 0
        self._parser = httptools.HttpResponseParser(self)
        length = f"Content-Length: {len(body)}\r\n" if body or method in _WITH_LENGTH else ""
        self._out.put(head(f"{method} {target} HTTP/1.1\r\n", headers, length) + body)

    def data_to_send(self, max_bytes: int | None = None) -> bytes:
        """At most ``max_bytes`` for the server (None: everything); forgotten here."""
        return self._out.take(max_bytes)

    def receive(self, data: bytes) -> list[ResponseEvent]:
        """Bytes from the server. Raises :class:`RemoteProtocolError` for what is no HTTP, and for unasked answers."""
        if data and self._parser is None:
            raise RemoteProtocolError("bytes that no request asked for", where="HTTP server")
        if self._parser is not None:
            self._feed(self._parser, data)
        events, self._events = self._events, []
        return events

    def receive_eof(self) -> list[ResponseEvent]:
        """The connection ended: it completes an answer without a length. RemoteProtocolError if one is outstanding."""
        outstanding = self._parser is not None
        self._parser = None
        if outstanding and (self._status == 0 or self._sized):
            raise RemoteProtocolError("connection ended before the answer was complete", where="HTTP server")
        return [ResponseEnded(False)] if outstanding else []

    def _feed(self, parser: httptools.HttpResponseParser, data: bytes) -> None:
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end(False)
        except httptools.HttpParserCallbackError:
            if self._parser is not None:  # not our _Complete: a mistake in a callback, which is not the server's fault
                raise
        except httptools.HttpParserError as error:
            if self._parser is not None:
                self._parser = None
                raise RemoteProtocolError(f"answer is no HTTP/1.1: {error}", where="HTTP server") from None
        if self._unasked:
            raise RemoteProtocolError("a second answer that no request asked for", where="HTTP server")

    # -- called by the parser -----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._headers = []
        self._unasked = self._parser is None

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        parser = self._parser
        if parser is None:
            return
        status = parser.get_status_code()
        if status < 200 and status != _SWITCHING:
            return
        self._status = status
        self._events.append(ResponseStarted(status, tuple(self._headers)))
        names = {name for name, _ in self._headers}
        self._sized = bool(names & {"content-length", "transfer-encoding"})
        if not has_body(status, self._method):
            # The parser does not know what was asked and would wait for the body of an answer to HEAD.
            self._end(parser.should_keep_alive())
            raise _Complete

    def on_body(self, data: bytes) -> None:
        self._events.append(ResponseData(data))

    def on_message_complete(self) -> None:
        if self._parser is not None and self._status >= 200:
            self._end(self._parser.should_keep_alive())

    def _end(self, keep_alive: bool) -> None:
        self._events.append(ResponseEnded(keep_alive))
        self._parser = None
        self.ready = keep_alive


class _Complete(Exception):  # noqa: N818 - it is no error: it makes the parser stop
    """Raised inside a parser callback when the answer is complete without its body."""
