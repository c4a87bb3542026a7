"""The inner end of a tunnelled connection: TLS (or none) and an HTTP/1.1 server."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from scale_agent.tunnel.http1 import MAX_BODY_BYTES, MAX_HEADER_BYTES, HttpRequest, HttpServer
from scale_agent.tunnel.http_answers import BODY_TOO_LARGE, Headers, Refusal
from scale_agent.tunnel.tls import TlsEnd


class ServedConnection:
    """Bytes of the tunnel in, requests out; answers in, bytes for the tunnel out.

    ``context`` None: plain HTTP (the stv tunnel). The other arguments are those of :class:`HttpServer`.
    """

    __slots__ = ("_http", "_tls")

    def __init__(
        self,
        context: ssl.SSLContext | None,
        *,
        max_header_bytes: int = MAX_HEADER_BYTES,
        max_body_bytes: int = MAX_BODY_BYTES,
        date: Callable[[], str] | None = None,
        too_large: Refusal = BODY_TOO_LARGE,
    ) -> None:
        self._tls = TlsEnd(context, server_side=True) if context is not None else None
        self._http = HttpServer(
            max_header_bytes=max_header_bytes, max_body_bytes=max_body_bytes, date=date, too_large=too_large
        )

    @property
    def encrypted(self) -> bool:
        """True when there is TLS on it."""
        return self._tls is not None

    @property
    def handshake_done(self) -> bool:
        """True when requests can come; without TLS from the beginning."""
        return self._tls is None or self._tls.handshake_done

    def receive(self, data: bytes) -> None:
        """Bytes from the tunnel. Raises :class:`RemoteProtocolError`: send its ``reply``, if any, then close."""
        self._http.receive(data if self._tls is None else self._tls.receive(data))

    def next_request(self) -> HttpRequest | None:
        """The next request; None while one is being answered, or bytes of it are missing."""
        return self._http.next_request()

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """The whole answer to the request that came out last."""
        self._http.respond(status, headers, body)

    def start_stream(self, status: int, headers: Headers) -> None:
        """Begin an answer of unknown length."""
        self._http.start_stream(status, headers)

    def send_chunk(self, data: bytes) -> None:
        """More of it."""
        self._http.send_chunk(data)

    def end_stream(self) -> None:
        """It is complete."""
        self._http.end_stream()

    @property
    def busy(self) -> bool:
        """True while a request is being answered."""
        return self._http.busy

    @property
    def pending_bytes(self) -> int:
        """How many bytes of answers (before encryption) wait in :meth:`data_to_send`."""
        return self._http.pending_bytes

    def data_to_send(self, max_bytes: int | None = None) -> bytes:
        """For the tunnel; at most about ``max_bytes`` (None: everything), more while ``pending_bytes`` is not 0."""
        out = self._http.data_to_send(max_bytes)
        if self._tls is None:
            return out
        if out:
            self._tls.send(out)
        if (self._http.should_close or self._http.lingering) and not self._http.pending_bytes:
            self._tls.close()
        return self._tls.data_to_send()

    @property
    def finished(self) -> bool:
        """True when the connection is to be closed, after what ``data_to_send`` gave was sent."""
        peer_closed = self._tls is not None and self._tls.peer_closed
        return peer_closed or (self._http.should_close and not self._http.pending_bytes)
