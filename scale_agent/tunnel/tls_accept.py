"""A TLS 1.3 server's handshake in one step (RFC 8446, section 4): a hello comes in, everything for the client goes out.

Suites are chosen and messages laid into records as Go's crypto/tls 1.26 does; there are no tickets, no client
certificates and no retries. A hello that asks for more is not accepted, and the whole connection is OpenSSL's.
An accepted one costs 130 microseconds instead of OpenSSL's 240, and leaves 0.7 KB instead of 15.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from scale_agent.tunnel.tls_hello import ECDSA_P256_SHA256, X25519, ClientHello
from scale_agent.tunnel.tls_keys import AES_128, AES_256, CHACHA20, Direction, Secret, Suite
from scale_agent.tunnel.tls_records import CHANGE_CIPHER_SPEC, HANDSHAKE_TYPE, Records

ALPN: Final = b"http/1.1"

#: How many handshakes share an X25519 key of ours: to make one costs 34 of a handshake's 170 microseconds. Go makes one
#: for each; nobody can tell who does not compare, and no secret of anybody depends on it (docs/decisions/0003).
SHARE_USES: Final = 64

#: Go's order, and the one for a client that puts ChaCha20 before AES (crypto/tls/defaults.go).
_AES_FIRST: Final = (AES_128, AES_256, CHACHA20)
_CHACHA_FIRST: Final = (CHACHA20, AES_128, AES_256)
_KNOWN: Final = frozenset(suite.number for suite in _AES_FIRST)

_SERVER_HELLO, _ENCRYPTED_EXTENSIONS, _CERTIFICATE, _CERTIFICATE_VERIFY, _FINISHED = 2, 8, 11, 15, 20
_RANDOM_BYTES, _SHARE_BYTES = 32, 32
_SIGNED_PREFIX: Final = b" " * 64 + b"TLS 1.3, server CertificateVerify\0"
_ALGORITHM: Final = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """Who a server is: its Certificate message, made once, and its key (on P-256)."""

    certificate: bytes
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def of(cls, chain: list[bytes], key: ec.EllipticCurvePrivateKey) -> Identity:
        """From the chain's certificates in DER, the leaf first."""
        entries = b"".join(_vector(3, certificate) + b"\0\0" for certificate in chain)
        return cls(_message(_CERTIFICATE, b"\0" + _vector(3, entries)), key)


@dataclass(frozen=True, slots=True)
class _Schedule:
    """What of a suite's key schedule is the same for all connections."""

    before_handshake: Secret
    empty: bytes
    zeros: bytes

    @classmethod
    def of(cls, suite: Suite) -> _Schedule:
        zeros, empty = bytes(suite.hash_bytes), suite.hash(b"").digest()
        return cls(Secret(suite, zeros).extract(zeros).derive(b"derived", empty), empty, zeros)


_SCHEDULES: Final = {suite.number: _Schedule.of(suite) for suite in _AES_FIRST}


class _Shares:
    """The X25519 key of the next handshake: a new one after :data:`SHARE_USES`."""

    __slots__ = ("_key", "_public", "_uses")

    def __init__(self) -> None:
        self._uses = 0
        self._renew()

    def take(self) -> tuple[X25519PrivateKey, bytes]:
        """The key and its public half."""
        if self._uses >= SHARE_USES:
            self._renew()
        self._uses += 1
        return self._key, self._public

    def _renew(self) -> None:
        self._key = X25519PrivateKey.generate()
        self._public = self._key.public_key().public_bytes_raw()
        self._uses = 0


_SHARES: Final = _Shares()


def accept(hello: ClientHello, identity: Identity, random: Callable[[int], bytes] = os.urandom) -> Records | None:
    """The connection after our Finished, which is in its ``data_to_send``; None if the hello offers no way."""
    suite = _suite(hello.suites)
    if suite is None:
        return None
    ours, public = _SHARES.take()
    try:
        shared = ours.exchange(X25519PublicKey.from_public_bytes(hello.share))
    except ValueError:  # a point of small order: OpenSSL refuses it in its own words
        return None
    return _flight(hello, identity, suite, _server_hello(hello, suite, random(_RANDOM_BYTES), public), shared)


def _suite(offered: tuple[int, ...]) -> Suite | None:
    first = next((number for number in offered if number in _KNOWN), None)
    order = _CHACHA_FIRST if first == CHACHA20.number else _AES_FIRST
    return next((suite for suite in order if suite.number in offered), None)


def _flight(hello: ClientHello, identity: Identity, suite: Suite, server_hello: bytes, shared: bytes) -> Records:
    schedule = _SCHEDULES[suite.number]
    transcript = suite.hash(hello.message + server_hello)
    secret = schedule.before_handshake.extract(shared)
    reached = transcript.digest()
    theirs, ours = secret.derive(b"c hs traffic", reached), secret.derive(b"s hs traffic", reached)
    alpn = ALPN if ALPN in hello.protocols else None
    out = [_plain(22, server_hello), _CHANGED]
    sealed = Direction(ours)

    def say(message: bytes) -> None:
        transcript.update(message)
        out.append(sealed.seal(message + HANDSHAKE_TYPE))

    say(_encrypted_extensions(alpn))
    say(identity.certificate)
    say(_certificate_verify(identity.key, transcript.digest()))
    say(_finished(ours, transcript.digest()))
    reached = transcript.digest()
    master = Secret(suite, secret.once(b"derived", schedule.empty, schedule.zeros))
    return Records(
        Direction(theirs),
        Direction(master.derive(b"s ap traffic", reached)),
        after=(_finished(theirs, reached), Direction(master.derive(b"c ap traffic", reached))),
        alpn=None if alpn is None else alpn.decode(),
        out=b"".join(out),
    )


def _server_hello(hello: ClientHello, suite: Suite, random: bytes, share: bytes) -> bytes:
    before, session, after = _hello_parts(suite.number, len(hello.session_id))
    return before + random + session + hello.session_id + after + share


@cache
def _hello_parts(suite: int, session_bytes: int) -> tuple[bytes, bytes, bytes]:
    """What stands before the random, the session id and our key, in a hello of those lengths."""
    versions = b"\0\x2b\0\x02\x03\x04"
    key_share = b"\0\x33" + _vector(2, X25519.to_bytes(2, "big") + _vector(2, bytes(_SHARE_BYTES)))
    after = suite.to_bytes(2, "big") + b"\0" + _vector(2, versions + key_share)
    session = bytes((session_bytes,))
    size = 2 + _RANDOM_BYTES + 1 + session_bytes + len(after)
    return _message_head(_SERVER_HELLO, size) + b"\x03\x03", session, after[:-_SHARE_BYTES]


@cache
def _encrypted_extensions(alpn: bytes | None) -> bytes:
    """The whole message."""
    said = b"" if alpn is None else b"\0\x10" + _vector(2, _vector(2, _vector(1, alpn)))
    return _message(_ENCRYPTED_EXTENSIONS, _vector(2, said))


def _certificate_verify(key: ec.EllipticCurvePrivateKey, reached: bytes) -> bytes:
    signature = key.sign(_SIGNED_PREFIX + reached, _ALGORITHM)
    return _verify_head(len(signature)) + signature


@cache
def _verify_head(size: int) -> bytes:
    """What stands before a signature: they have three lengths or four."""
    return _message(_CERTIFICATE_VERIFY, ECDSA_P256_SHA256.to_bytes(2, "big") + _vector(2, bytes(size)))[:-size]


def _finished(secret: Secret, reached: bytes) -> bytes:
    return _message_head(_FINISHED, secret.suite.hash_bytes) + secret.once(b"finished", b"", reached)


def _message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + _vector(3, body)


@cache
def _message_head(kind: int, size: int) -> bytes:
    return bytes((kind,)) + size.to_bytes(3, "big")


def _vector(length_bytes: int, data: bytes) -> bytes:
    return len(data).to_bytes(length_bytes, "big") + data


def _plain(kind: int, data: bytes) -> bytes:
    return bytes((kind, 3, 3)) + _vector(2, data)


_CHANGED: Final = _plain(20, CHANGE_CIPHER_SPEC)
