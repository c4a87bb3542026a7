"""TLS 1.3's keys (RFC 8446, section 7): cipher suites, the key schedule, one direction's protection of records.

A cipher object of OpenSSL keeps 2.4 KB, a key 49 bytes: connections keep keys, and a small cache for the whole process
keeps the ciphers of those that are in use. One that is not there costs 0.9 microseconds.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
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
    hash: Callable[[bytes], hashlib._Hash]
    hash_name: str
    hash_bytes: int
    block_bytes: int
    key_bytes: int
    cipher: Callable[[bytes], Aead]


AES_128: Final = Suite(0x1301, hashlib.sha256, "sha256", 32, 64, 16, _aes)
AES_256: Final = Suite(0x1302, hashlib.sha384, "sha384", 48, 128, 32, _aes)
CHACHA20: Final = Suite(0x1303, hashlib.sha256, "sha256", 32, 64, 32, _chacha)

_INNER: Final = bytes(each ^ 0x36 for each in range(256))
_OUTER: Final = bytes(each ^ 0x5C for each in range(256))


class Secret:
    """A secret of the key schedule, ready to be the key of HMACs (RFC 2104): most are that for three.

    The first costs 1.2 microseconds, each further one 0.6; ``hmac.digest`` takes 1.6 for each.
    """

    __slots__ = ("_inner", "_outer", "suite", "value")

    def __init__(self, suite: Suite, value: bytes) -> None:
        self.suite = suite
        self.value = value
        block = value.ljust(suite.block_bytes, b"\0")
        self._inner = suite.hash(block.translate(_INNER))
        self._outer = suite.hash(block.translate(_OUTER))

    def mac(self, data: bytes) -> bytes:
        """HMAC, and HKDF-Extract with this secret as the salt."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()

    def expand(self, label: bytes, context: bytes, size: int) -> bytes:
        """HKDF-Expand-Label, for at most one hash's length."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(_info(size, label, len(context)) + context + b"\x01" if context else _bare_info(size, label))
        outer.update(inner.digest())
        return outer.digest()[:size]

    def derive(self, label: bytes, transcript: bytes) -> Secret:
        """Derive-Secret; ``transcript`` is the hash of the messages so far."""
        return Secret(self.suite, self.expand(label, transcript, self.suite.hash_bytes))

    def once(self, label: bytes, transcript: bytes, data: bytes) -> bytes:
        """The MAC of ``data`` under a derived secret that is the key of no other."""
        key = self.expand(label, transcript, self.suite.hash_bytes)
        return hmac.digest(key, data, self.suite.hash_name)

    def extract(self, keying: bytes) -> Secret:
        """HKDF-Extract."""
        return Secret(self.suite, self.mac(keying))


@functools.cache
def _bare_info(size: int, label: bytes) -> bytes:
    return _info(size, label, 0) + b"\x01"


@functools.cache
def _info(size: int, label: bytes, context_size: int) -> bytes:
    name = b"tls13 " + label
    return size.to_bytes(2, "big") + bytes((len(name),)) + name + bytes((context_size,))


@functools.lru_cache(4096)
def _head(size: int) -> bytes:
    """The head of a record around so many bytes."""
    return RECORD_HEAD + (size + TAG_BYTES).to_bytes(2, "big")


class Direction:
    """What protects the records of one direction: 250 bytes.

    ``sequence``: how many records it has protected under this key.
    """

    __slots__ = ("_iv", "_key", "_secret", "_suite", "sequence")

    def __init__(self, secret: Secret) -> None:
        self._suite = secret.suite
        self._begin(secret)

    def _begin(self, secret: Secret) -> None:
        self._secret = secret.value
        self._key = secret.expand(b"key", b"", self._suite.key_bytes)
        self._iv = int.from_bytes(secret.expand(b"iv", b"", _IV_BYTES), "big")
        self.sequence = 0

    def update(self) -> None:
        """Go on with the next keys (a KeyUpdate; RFC 8446, section 7.2)."""
        now = Secret(self._suite, self._secret)
        self._begin(Secret(self._suite, now.expand(b"traffic upd", b"", self._suite.hash_bytes)))

    def seal(self, inner: bytes) -> bytes:
        """A record around ``inner``, which ends with its true type."""
        sequence = self.sequence
        self.sequence = sequence + 1
        head = _head(len(inner))
        nonce = (self._iv ^ sequence).to_bytes(_IV_BYTES, "big")
        return head + self._suite.cipher(self._key).encrypt(nonce, inner, head)

    def open(self, head: bytes, body: bytes) -> bytes:
        """What is in a record; ``cryptography.exceptions.InvalidTag`` when it was not sealed with our key."""
        sequence = self.sequence
        self.sequence = sequence + 1
        return self._suite.cipher(self._key).decrypt((self._iv ^ sequence).to_bytes(_IV_BYTES, "big"), body, head)
