"""TLS over memory buffers, both sides: ciphertext in and out, plaintext in and out.

A server's TLS 1.3 is our own (:mod:`scale_agent.tunnel.tls_accept`, :mod:`scale_agent.tunnel.tls_records`): an OpenSSL
connection keeps 15 to 17 KiB for as long as it is open, ours 0.7 KB, and a cluster has a dozen watches open
(docs/decisions/0003). Clients, TLS 1.2 and every hello of another shape are OpenSSL's.
"""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from scale_agent.errors import LocalProtocolError, RemoteProtocolError
from scale_agent.tunnel.tls_accept import ALPN, Identity, accept
from scale_agent.tunnel.tls_hello import first_record, read_hello
from scale_agent.tunnel.tls_openssl import PLAIN_HTTP_REPLY, OpenSslEnd
from scale_agent.tunnel.tls_records import Records

__all__ = ["PLAIN_HTTP_REPLY", "Engine", "ServerContext", "TlsEnd", "client_context", "server_context"]

#: What speaks TLS on a connection once it is known who does.
Engine = OpenSslEnd | Records

_ALPN: Final = [ALPN.decode()]


class ServerContext(ssl.SSLContext):
    """OpenSSL's context of a server, and what our own handshake needs; without ``identity`` all is OpenSSL's."""

    identity: Identity | None = None


def server_context(cert_pem: bytes, key_pem: bytes) -> ServerContext:
    """One context for all served connections: TLS 1.2 and up, ALPN ``http/1.1``, no tickets (costly, and never used).

    ``cert_pem`` is the leaf followed by the rest of its chain; ``key_pem`` its key, without a passphrase. Raises
    :class:`LocalProtocolError` when the two do not fit together or are no PEM.
    """
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_alpn_protocols(_ALPN)
    # The ssl module loads keys from files only; the directory is readable by this user alone and gone at once.
    with tempfile.TemporaryDirectory(prefix="scale-agent-") as place:
        pair = Path(place) / "pair.pem"
        pair.touch(mode=0o600)
        pair.write_bytes(key_pem.rstrip() + b"\n" + cert_pem)
        try:
            context.load_cert_chain(pair)
        except ssl.SSLError as error:
            raise LocalProtocolError("certificate and key cannot be used", where=str(error.reason)) from None
    context.identity = _identity(cert_pem, key_pem)
    return context


def _identity(cert_pem: bytes, key_pem: bytes) -> Identity | None:
    """None for a key that is not on P-256: only OpenSSL signs with it."""
    key = load_pem_private_key(key_pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        return None
    return Identity.of([each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(cert_pem)], key)


def client_context(ca_pem: bytes) -> ssl.SSLContext:
    """A context that trusts the authorities in ``ca_pem`` and no others, and speaks HTTP/1.1 by ALPN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_ALPN)
    try:
        context.load_verify_locations(cadata=ca_pem.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError, ValueError):
        raise LocalProtocolError("certificate authority is no PEM", where="client_context") from None
    return context


class TlsEnd:
    """One end of one TLS connection.

    ``handshake_done``: plaintext may be sent. ``peer_closed``: the peer said close_notify, nothing more comes in.
    A client says its first words by :meth:`start`; after any call there may be something in :meth:`data_to_send`.
    """

    __slots__ = ("_context", "_early", "_engine")

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None) -> None:
        self._context = context
        self._early = b""  # a hello that is not all there
        self._engine: Engine | None = None  # None until the hello is
        if not (server_side and isinstance(context, ServerContext) and context.identity):
            self._engine = OpenSslEnd(context, server_side=server_side, server_hostname=server_hostname)

    @property
    def engine(self) -> Engine | None:
        """What all calls are passed on to from now on; None until the hello is all there."""
        return self._engine

    @property
    def handshake_done(self) -> bool:
        """Plaintext may be sent."""
        return self._engine is not None and self._engine.handshake_done

    @property
    def peer_closed(self) -> bool:
        """The peer said close_notify."""
        return self._engine is not None and self._engine.peer_closed

    @property
    def alpn(self) -> str | None:
        """The protocol agreed on: ``http/1.1``, or None if the peer offered none that we know."""
        return None if self._engine is None else self._engine.alpn

    def start(self) -> None:
        """CLIENT: say hello. On the server side there is nothing to say first, and this does nothing."""
        if isinstance(self._engine, OpenSslEnd):
            self._engine.start()

    def receive(self, data: bytes) -> bytes:
        """Ciphertext from the peer; the plaintext that became readable.

        Raises :class:`RemoteProtocolError` for alerts and for what is no TLS; its ``reply`` holds our own alert and all
        else that is still to be sent. What follows a close_notify is dropped.
        """
        return self._hello(data) if self._engine is None else self._engine.receive(data)

    def receive_eof(self) -> None:
        """The connection below ended. Raises :class:`RemoteProtocolError` unless the peer said close_notify before."""
        if not self.peer_closed:
            phase = "the middle of TLS" if self.handshake_done else "the TLS handshake"
            raise RemoteProtocolError(f"connection ended in {phase}, without close_notify", where="TLS peer")

    def send(self, data: bytes) -> None:
        """Plaintext for the peer; :class:`LocalProtocolError` before the handshake is done and after ``close``."""
        if self._engine is None or not self._engine.handshake_done:
            raise LocalProtocolError("plaintext sent before the TLS handshake was done")
        self._engine.send(data)

    def data_to_send(self) -> bytes:
        """Ciphertext for the peer; forgotten here."""
        return b"" if self._engine is None else self._engine.data_to_send()

    def close(self) -> None:
        """Queue close_notify. Idempotent; without a finished handshake there is nobody to tell."""
        if self._engine is not None and self._engine.handshake_done:
            self._engine.close()

    def _hello(self, data: bytes) -> bytes:
        """Wait for the whole first record, then see who serves this client."""
        early = self._early + data
        size = first_record(early)
        self._early = b"" if size else early
        if not size:
            return b""
        ours = self._accepted(early[:size])
        self._engine = ours or OpenSslEnd(self._context, server_side=True)
        return self._engine.receive(early if ours is None else early[size:])

    def _accepted(self, record: bytes) -> Records | None:
        assert isinstance(self._context, ServerContext)
        hello, identity = read_hello(record), self._context.identity
        return None if hello is None or identity is None else accept(hello, identity)
