"""The outer end of a tunnelled connection: TLS (or none) and an HTTP/1.1 client (for the stand-in)."""

from __future__ import annotations

import ssl

from scale_agent.tunnel.http_answers import Headers
from scale_agent.tunnel.http_client import HttpClient, ResponseEvent
from scale_agent.tunnel.tls import TlsEnd


class AskingConnection:
    """Requests in, bytes for the tunnel out; bytes of the tunnel in, events of answers out.

    ``context`` None: plain HTTP. A request may be made before the handshake is done; it waits.
    """

    __slots__ = ("_http", "_tls")

    def __init__(self, context: ssl.SSLContext | None, server_hostname: str | None = None) -> None:
        self._http = HttpClient()
        self._tls: TlsEnd | None = None
        if context is not None:
            self._tls = TlsEnd(context, server_side=False, server_hostname=server_hostname)
            self._tls.start()

    @property
    def ready(self) -> bool:
        """True once the handshake is done."""
        return self._tls is None or self._tls.handshake_done

    @property
    def idle(self) -> bool:
        """True when a request may be made: no answer is outstanding and the server did not close."""
        return self._http.ready and not self.peer_closed

    @property
    def peer_closed(self) -> bool:
        """True when the server said close_notify."""
        return self._tls is not None and self._tls.peer_closed

    def request(self, method: str, target: str, headers: Headers, body: bytes = b"") -> None:
        """Ask. Raises :class:`LocalProtocolError` while an answer is outstanding."""
        self._http.request(method, target, headers, body)

    def receive(self, data: bytes) -> list[ResponseEvent]:
        """Bytes from the tunnel. Raises :class:`RemoteProtocolError`: send its ``reply``, if any, then close."""
        if self._tls is None:
            return self._http.receive(data)
        events = self._http.receive(self._tls.receive(data))
        return events + self._http.receive_eof() if self._tls.peer_closed else events

    def receive_eof(self) -> list[ResponseEvent]:
        """The tunnelled connection was closed. Raises :class:`RemoteProtocolError` if an answer is incomplete."""
        return self._http.receive_eof()

    def close(self) -> None:
        """Queue close_notify."""
        if self._tls is not None:
            self._tls.close()

    def data_to_send(self) -> bytes:
        """For the tunnel."""
        if self._tls is None:
            return self._http.data_to_send()
        if self._tls.handshake_done and (out := self._http.data_to_send()):
            self._tls.send(out)
        return self._tls.data_to_send()
