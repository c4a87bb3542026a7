"""HTTP/1.1 for one connection, the server's half; :mod:`scale_agent.tunnel.http_client` is the other.

Behaves as a Go server (net/http) does towards keep-alive, HTTP/1.0, HEAD, Expect and what it cannot read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from scale_agent.errors import LocalProtocolError, RemoteProtocolError
from scale_agent.tunnel.http_answers import BODY_TOO_LARGE, CONTINUE, Headers, Refusal, has_body, said
from scale_agent.tunnel.http_client import HttpClient, ResponseData, ResponseEnded, ResponseEvent, ResponseStarted
from scale_agent.tunnel.http_heads import whole_request
from scale_agent.tunnel.http_requests import HttpRequest, RequestReader
from scale_agent.tunnel.outbox import Outbox

__all__ = [
    "HttpClient",
    "HttpRequest",
    "HttpServer",
    "ResponseData",
    "ResponseEnded",
    "ResponseEvent",
    "ResponseStarted",
]

#: Go's default limit of a request's head, and Kubernetes' of a request's body, in bytes.
MAX_HEADER_BYTES: Final = 1 << 20
MAX_BODY_BYTES: Final = 3 << 20

#: How much of a body that was refused is dropped before the connection is closed over it. A Go server waits for half a
#: second instead; closed at once, Go's client reports the write that failed and never reads the answer.
LINGER_BYTES: Final = 64 << 20


class HttpServer:
    """One connection. Requests come out one at a time, in order; each is answered before the next comes out.

    ``date`` gives the value of the Date header (RFC 9110), None: none is sent. ``too_large`` is the whole answer to a
    body above the limit. ``should_close``: once ``data_to_send`` has given everything, the connection is to be closed.
    ``lingering``: the last word was said to a client that is still sending; what it sends is dropped until it closes.
    """

    __slots__ = (
        "_backlog",
        "_chunked",
        "_date",
        "_dropped",
        "_keep_alive",
        "_max_body_bytes",
        "_max_header_bytes",
        "_method",
        "_minor",
        "_out",
        "_plain",
        "_reader",
        "_ready",
        "_streaming",
        "_too_large",
        "lingering",
        "should_close",
    )

    def __init__(
        self,
        *,
        max_header_bytes: int = MAX_HEADER_BYTES,
        max_body_bytes: int = MAX_BODY_BYTES,
        date: Callable[[], str] | None = None,
        too_large: Refusal = BODY_TOO_LARGE,
    ) -> None:
        self._max_header_bytes = max_header_bytes
        self._max_body_bytes = max_body_bytes
        self._date = date
        self._too_large = too_large
        self._out = Outbox()
        self._reader: RequestReader | None = (
            None  # None while no request is being read: an idle connection keeps nothing
        )
        self._ready: HttpRequest | None = None  # one that came in one piece
        self._backlog: bytearray | None = None  # what came in while a request was being answered
        self._method = ""  # of the request that is being answered, "" if none is
        self._keep_alive = True
        self._minor = 1
        self._streaming = False
        self._chunked = self._plain = False  # how a stream is framed; neither: it has no body
        self._dropped = 0
        self.lingering = False
        self.should_close = False

    @property
    def busy(self) -> bool:
        """True while a request that came out of :meth:`next_request` is not answered completely."""
        return self._method != ""

    def receive(self, data: bytes) -> None:
        """Bytes from the client. Raises :class:`RemoteProtocolError` if too many come while one is being answered."""
        if self.should_close or not data:
            return
        if self.lingering:
            self._drop(len(data))
            return
        if self._method or self._ready is not None or (self._reader is not None and self._reader.requests):
            self._keep(data)
            return
        if self._reader is None:
            self._ready = whole_request(data, self._max_header_bytes, self._max_body_bytes)
            if self._ready is not None:
                return
        self._parse(data)
        if self._reader is not None:
            self._advance()

    def next_request(self) -> HttpRequest | None:
        """The next request; None while one is being answered, or bytes of it are missing."""
        if self._method:
            return None
        request, self._ready = self._ready, None
        if request is None:
            reader = self._reader
            if reader is None or not reader.requests:
                return None
            request = reader.requests.pop(0)
            if reader.idle:
                self._reader = None
        self._method = request.method
        self._keep_alive = request.keep_alive
        self._minor = request.minor
        return request

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """The whole answer. Content-Length, Connection and Date are added here; a HEAD gets the length but no body."""
        if self._streaming or not self._method or not 200 <= status <= 999:
            self._begin(status)
        bare = status == 204 or status == 304
        more = "" if bare else f"Content-Length: {len(body)}\r\n"
        if self._minor == 0 and self._keep_alive:
            more += "Connection: keep-alive\r\n"
        first = self._head(status, headers, more)
        if bare or self._method == "HEAD":
            self._out.put(first)
        elif len(body) < 4096:
            self._out.put(first + body)
        else:
            self._out.put(first)
            self._out.put(body)
        self._finish()

    def start_stream(self, status: int, headers: Headers) -> None:
        """Begin an answer of unknown length: chunked, or until the end of the connection for an HTTP/1.0 client."""
        self._begin(status)
        self._streaming = True
        body = has_body(status, self._method)
        self._chunked = body and self._minor == 1
        self._plain = body and self._minor == 0
        if self._plain:
            self._keep_alive = False
        self._out.put(self._head(status, headers, "Transfer-Encoding: chunked\r\n" if self._chunked else ""))

    def send_chunk(self, data: bytes) -> None:
        """More of the answer; nothing for ``b""``, and for answers that have no body."""
        if not self._streaming:
            raise LocalProtocolError("send_chunk without start_stream", where="HTTP server")
        if self._chunked and data:
            self._out.put(b"%x\r\n%b\r\n" % (len(data), data))
        elif self._plain:
            self._out.put(data)

    def end_stream(self) -> None:
        """The answer is complete."""
        if not self._streaming:
            raise LocalProtocolError("end_stream without start_stream", where="HTTP server")
        if self._chunked:
            self._out.put(b"0\r\n\r\n")
        self._streaming = self._chunked = self._plain = False
        self._finish()

    @property
    def pending_bytes(self) -> int:
        """How much waits in :meth:`data_to_send`."""
        return self._out.size

    def data_to_send(self, max_bytes: int | None = None) -> bytes:
        """At most ``max_bytes`` for the client (None: everything); forgotten here."""
        return self._out.take(max_bytes)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _begin(self, status: int) -> None:
        if not self.busy or self._streaming:
            raise LocalProtocolError("there is no request to answer", where="HTTP server")
        if not 200 <= status <= 999:
            raise LocalProtocolError(f"{status} is no status of an answer", where="HTTP server")

    def _head(self, status: int, headers: Headers, more: str) -> bytes:
        if not self._keep_alive and self._minor == 1:
            more += "Connection: close\r\n"
        if self._date is not None:
            more += f"Date: {self._date()}\r\n"
        lines = said(status, self._minor, headers if isinstance(headers, tuple) else tuple(headers))
        return f"{lines}{more}\r\n".encode()

    def _finish(self) -> None:
        self._method = ""
        if not self._keep_alive:
            self.should_close = True
            self._backlog = self._reader = None
            return
        if self._backlog is not None and not (self._reader is not None and self._reader.requests):
            data, self._backlog = bytes(self._backlog), None
            self._parse(data)
        if self._reader is not None:
            self._advance()

    def _drop(self, size: int) -> None:
        self._dropped += size
        if self._dropped > LINGER_BYTES:
            self.lingering = False
            self.should_close = True

    def _keep(self, data: bytes) -> None:
        limit = self._max_header_bytes + self._max_body_bytes
        if self._backlog is None:
            self._backlog = bytearray()
        if len(self._backlog) + len(data) > limit:
            raise RemoteProtocolError(
                f"more than {limit} bytes sent while a request is being answered", where="HTTP client"
            )
        self._backlog += data

    def _parse(self, data: bytes) -> None:
        if self._reader is None:
            self._reader = RequestReader(self._max_header_bytes, self._max_body_bytes, self._too_large)
        self._reader.feed(data)
        if self._reader.idle:
            self._reader = None

    def _advance(self) -> None:
        """Say what the reader says by itself, once nothing is left to be answered before it."""
        reader = self._reader
        if reader is None or reader.requests:
            return
        if reader.refusal is not None:
            self._out.put(reader.refusal.answer)
            self.lingering = reader.refusal.linger
            self.should_close = not self.lingering
            self._backlog = self._reader = None
        elif reader.continue_due:
            reader.continue_due = False
            self._out.put(CONTINUE)
