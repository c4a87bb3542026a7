"""The other end for tests of our TLS server: OpenSSL's client, and one made by hand that can say anything."""

from __future__ import annotations

import contextlib
import ssl

from scale_agent.tunnel.tls import TlsEnd
from scale_agent.tunnel.tls_keys import AES_128, Direction, Secret, Suite
from scale_agent.tunnel.tls_records import Records
from tests.tunnel.conftest import ADDRESS

DATA, ALERT, HANDSHAKE = b"\x17", b"\x15", b"\x16"


class OpenSslClient:
    """OpenSSL itself, unfed by anything of ours."""

    def __init__(self, context: ssl.SSLContext, name: str = ADDRESS) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)

    def shake(self, server: TlsEnd) -> None:
        """The whole handshake."""
        for _ in range(4):
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                server.receive(self._outgoing.read())
                self._incoming.write(server.data_to_send())
            else:
                server.receive(self._outgoing.read())
                return
        raise AssertionError("no end of the handshake")

    def write(self, data: bytes) -> bytes:
        """The ciphertext of it."""
        self.tls.write(data)
        return self._outgoing.read()

    def read(self, wire: bytes) -> bytes:
        """The plaintext of it."""
        self._incoming.write(wire)
        parts = []
        while self._incoming.pending or self.tls.pending():
            try:
                parts.append(self.tls.read(1 << 14))
            except ssl.SSLWantReadError:
                break
        return b"".join(parts)

    def close(self) -> bytes:
        """Its close_notify."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self._outgoing.read()


class HandMade:
    """A client after its Finished, which holds the same keys as ``server`` and seals whatever it is told to."""

    def __init__(self, chosen: Suite = AES_128) -> None:
        secrets = bytes(range(chosen.hash_bytes)), bytes(range(100, 100 + chosen.hash_bytes))
        self.out, self.incoming = Direction(Secret(chosen, secrets[0])), Direction(Secret(chosen, secrets[1]))
        finished = b"\x14\0\0\x04done"
        handshake = bytes(chosen.hash_bytes)
        self._finish = Direction(Secret(chosen, handshake)).seal(finished + HANDSHAKE)
        self.server = Records(
            Direction(Secret(chosen, handshake)),
            Direction(Secret(chosen, secrets[1])),
            after=(finished, Direction(Secret(chosen, secrets[0]))),
            alpn=None,
        )

    def finish(self) -> HandMade:
        """Say Finished."""
        assert self.server.receive(self._finish) == b""
        return self

    def opened(self, wire: bytes) -> list[bytes]:
        """What is in the server's records, true type and all."""
        found = []
        while wire:
            end = 5 + int.from_bytes(wire[3:5], "big")
            found.append(self.incoming.open(wire[:5], wire[5:end]))
            wire = wire[end:]
        return found
