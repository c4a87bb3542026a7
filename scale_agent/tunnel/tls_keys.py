"""TLS 1.3's keys (RFC 8446, section 7): cipher suites, the key schedule, one direction's protection of records.

A cipher object of OpenSSL keeps 2.4 KB, a key 49 bytes: connections keep keys, and a small cache for the whole process
keeps the ciphers of those that are in use. One that is not there costs 0.9 microseconds.
"""

from __future__ import annotations

import functools
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

Aead = AESGCM | ChaCha20Poly1305

#: How many ciphers the process keeps, at most: 0.6 MB.
_CIPHERS: Final = 256
_aes: Callable[[bytes], Aead] = functools.lru_cache(_CIPHERS)(AESGCM)
_chacha: Callable[[bytes], Aead] = functools.lru_cache(_CIPHERS)(ChaCha20Poly1305)

_IV_BYTES: Final = 12
TAG_BYTES: Final = 16
#: The head of every protected record: application data, version 1.2; two bytes of length follow.
RECORD_HEAD: Final = b"\x17\x03\x03"


@dataclass(frozen=True, slots=True)
class Suite:
    """A cipher suite. ``cipher`` makes (or remembers) what protects records under a key."""

    number: int
    hash: str
    hash_bytes: int
    key_bytes: int
    cipher: Callable[[bytes], Aead]

    def extract(self, salt: bytes, secret: bytes) -> bytes:
        """HKDF-Extract."""
        return hmac.digest(salt, secret, self.hash)

    def expand(self, secret: bytes, label: bytes, context: bytes, size: int) -> bytes:
        """HKDF-Expand-Label, for at most one hash's length."""
        return hmac.digest(secret, _info(size, label, len(context)) + context + b"\x01", self.hash)[:size]

    def derive(self, secret: bytes, label: bytes, transcript: bytes) -> bytes:
        """Derive-Secret; ``transcript`` is the hash of the messages so far."""
        return self.expand(secret, label, transcript, self.hash_bytes)


AES_128: Final = Suite(0x1301, "sha256", 32, 16, _aes)
AES_256: Final = Suite(0x1302, "sha384", 48, 32, _aes)
CHACHA20: Final = Suite(0x1303, "sha256", 32, 32, _chacha)


@functools.cache
def _info(size: int, label: bytes, context_size: int) -> bytes:
    name = b"tls13 " + label
    return size.to_bytes(2, "big") + bytes((len(name),)) + name + bytes((context_size,))


@dataclass(slots=True)
class Direction:
    """What protects the records of one direction: 250 bytes. ``repr`` shows nothing that is secret.

    ``sequence``: how many records it has protected under this key.
    """

    suite: Suite = field(repr=False)
    secret: bytes = field(repr=False)
    key: bytes = field(init=False, repr=False)
    iv: int = field(init=False, repr=False)
    sequence: int = field(init=False)

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        suite = self.suite
        self.key = suite.expand(self.secret, b"key", b"", suite.key_bytes)
        self.iv = int.from_bytes(suite.expand(self.secret, b"iv", b"", _IV_BYTES), "big")
        self.sequence = 0

    def update(self) -> None:
        """Go on with the next keys (a KeyUpdate; RFC 8446, section 7.2)."""
        self.secret = self.suite.derive(self.secret, b"traffic upd", b"")
        self._begin()

    def seal(self, inner: bytes) -> bytes:
        """A record around ``inner``, which ends with its true type."""
        sequence = self.sequence
        self.sequence = sequence + 1
        head = RECORD_HEAD + (len(inner) + TAG_BYTES).to_bytes(2, "big")
        nonce = (self.iv ^ sequence).to_bytes(_IV_BYTES, "big")
        return head + self.suite.cipher(self.key).encrypt(nonce, inner, head)

    def open(self, head: bytes, body: bytes) -> bytes:
        """What is in a record; ``cryptography.exceptions.InvalidTag`` when it was not sealed with our key."""
        sequence = self.sequence
        self.sequence = sequence + 1
        return self.suite.cipher(self.key).decrypt((self.iv ^ sequence).to_bytes(_IV_BYTES, "big"), body, head)
