"""A whole TLS connection by OpenSSL, over memory buffers: clients, and whatever client a server does not know itself.

What an OpenSSL connection costs is decided by how it is fed: its two memory buffers never shrink, so each keeps the
most that ever stood in it. Fed and drained 1 KB at a time an idle connection holds 17 KiB; fed one record of 16 KB at
once 41, and 80 after one write of 64 KB. So nothing here passes more than :data:`PIECE_BYTES` at a time, except that
bulk goes out in records of 4 KB: 0.7 instead of 1.9 ms per MB, for 5 KiB more in the few connections that carry any.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import Final

from scale_agent.errors import LocalProtocolError, RemoteProtocolError

#: How much goes into or out of OpenSSL at a time, in bytes.
PIECE_BYTES: Final = 1024
#: From this many bytes to be sent at once on they are bulk, and go into OpenSSL in larger pieces, in bytes.
BULK_BYTES: Final = 16 << 10
_BULK_PIECE_BYTES: Final = 4096
_RECORD_BYTES: Final = 16 << 10

#: What a Go server says, unencrypted, to one who speaks plain HTTP to its TLS port.
PLAIN_HTTP_REPLY: Final = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


class OpenSslEnd:
    """One end of one TLS connection; the words are those of :class:`scale_agent.tunnel.tls.TlsEnd`."""

    __slots__ = ("_incoming", "_out", "_outgoing", "_tls", "handshake_done", "peer_closed")

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        self._out: list[bytes] = []
        self.handshake_done = False
        self.peer_closed = False

    @property
    def alpn(self) -> str | None:
        """The protocol agreed on: ``http/1.1``, or None if the peer offered none that we know."""
        return self._tls.selected_alpn_protocol()

    def start(self) -> None:
        """CLIENT: say hello. On the server side there is nothing to say first, and this does nothing."""
        if not self.handshake_done:
            self._handshake()

    def receive(self, data: bytes) -> bytes:
        """Ciphertext from the peer; the plaintext that became readable.

        Raises :class:`RemoteProtocolError` for alerts and for what is no TLS; its ``reply`` holds our own alert and all
        else that is still to be sent. What follows a close_notify is dropped.
        """
        if len(data) <= PIECE_BYTES:
            return self._receive_piece(data)
        view = memoryview(data)
        return b"".join(self._receive_piece(view[at : at + PIECE_BYTES]) for at in range(0, len(data), PIECE_BYTES))

    def send(self, data: bytes) -> None:
        """Plaintext for the peer; :class:`LocalProtocolError` before the handshake is done and after ``close``."""
        if not self.handshake_done:
            raise LocalProtocolError("plaintext sent before the TLS handshake was done")
        view = memoryview(data)
        size = PIECE_BYTES if len(view) < BULK_BYTES else _BULK_PIECE_BYTES
        for start in range(0, len(view), size):
            try:
                self._tls.write(view[start : start + size])
            except ssl.SSLError as error:
                raise LocalProtocolError("plaintext sent after close", where=str(error.reason)) from None
            self._drain()

    def data_to_send(self) -> bytes:
        """Ciphertext for the peer; forgotten here."""
        if not self._out:
            return b""
        out = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return out

    def close(self) -> None:
        """Queue close_notify. Idempotent; without a finished handshake there is nobody to tell."""
        if not self.handshake_done:
            return
        with contextlib.suppress(ssl.SSLError):  # "the peer has not answered": nobody waits for its close_notify
            self._tls.unwrap()
        self._drain()

    def _receive_piece(self, piece: bytes | memoryview) -> bytes:
        if self.peer_closed:
            return b""
        self._incoming.write(piece)
        if not self.handshake_done and not self._handshake():
            return b""
        return self._read()

    def _handshake(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._drain()
            return False
        except ssl.SSLError as error:
            raise self._failed(error) from None
        self._drain()
        self.handshake_done = True
        return True

    def _read(self) -> bytes:
        """All plaintext there is. OpenSSL takes exactly one record at a time, so an empty buffer means: no more."""
        parts: list[bytes] = []
        while self._incoming.pending or self._tls.pending():
            try:
                part = self._tls.read(_RECORD_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                part = b""
            except ssl.SSLError as error:
                raise self._failed(error) from None
            if not part:
                self.peer_closed = True
                break
            parts.append(part)
        self._drain()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _drain(self) -> None:
        if self._outgoing.pending:
            self._out.append(self._outgoing.read())

    def _failed(self, error: ssl.SSLError) -> RemoteProtocolError:
        self._drain()
        if error.reason == "HTTP_REQUEST":
            return RemoteProtocolError("plain HTTP where TLS was expected", where="TLS peer", reply=PLAIN_HTTP_REPLY)
        reason = (error.reason or type(error).__name__).replace("_", " ").lower()
        return RemoteProtocolError(f"TLS failed: {reason}", where="TLS peer", reply=self.data_to_send())
