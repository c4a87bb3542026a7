"""The inner end of a tunnelled connection: TLS (or none) and an HTTP/1.1 server."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from scale_agent.tunnel.http1 import MAX_BODY_BYTES, MAX_HEADER_BYTES, HttpServer
from scale_agent.tunnel.http_answers import BODY_TOO_LARGE, Refusal
from scale_agent.tunnel.tls import Engine, TlsEnd


class ServedConnection(HttpServer):
    """Bytes of the tunnel in, requests out; answers in, bytes for the tunnel out.

    An HTTP server whose bytes go through TLS; ``context`` None: plain HTTP (the stv tunnel). The other arguments are
    those of :class:`HttpServer`.
    """

    __slots__ = ("_tls",)

    def __init__(
        self,
        context: ssl.SSLContext | None,
        *,
        max_header_bytes: int = MAX_HEADER_BYTES,
        max_body_bytes: int = MAX_BODY_BYTES,
        date: Callable[[], str] | None = None,
        too_large: Refusal = BODY_TOO_LARGE,
    ) -> None:
        super().__init__(
            max_header_bytes=max_header_bytes, max_body_bytes=max_body_bytes, date=date, too_large=too_large
        )
        self._tls: TlsEnd | Engine | None = TlsEnd(context, server_side=True) if context is not None else None

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
        tls = self._tls
        if tls is not None:
            data = tls.receive(data)
            if isinstance(tls, TlsEnd):
                self._tls = tls.engine or tls  # who was chosen by the hello is asked without a go-between
        if data:
            super().receive(data)

    def data_to_send(self, max_bytes: int | None = None) -> bytes:
        """For the tunnel; at most about ``max_bytes`` (None: everything), more while ``pending_bytes`` is not 0."""
        pending, tls = self._out, self._tls
        out = pending.take(max_bytes) if pending.size else b""
        if tls is None:
            return out
        if out:
            tls.send(out)
        if (self.should_close or self.lingering) and not pending.size:
            tls.close()
        return tls.data_to_send()

    @property
    def finished(self) -> bool:
        """True when the connection is to be closed, after what ``data_to_send`` gave was sent."""
        return (self._tls is not None and self._tls.peer_closed) or (self.should_close and not self._out.size)

    @property
    def resting(self) -> bool:
        """True when there is nothing to send and nothing to end: right after ``data_to_send``."""
        return not (self._out.size or self.should_close or (self._tls is not None and self._tls.peer_closed))
