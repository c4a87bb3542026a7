"""The ClientHello, read as far as a TLS 1.3 server needs it (RFC 8446, section 4.1.2).

Nothing here judges a client: a hello that is not of the one common shape is left to OpenSSL, which knows what to say.
A client's hellos differ in their random, session id and key shares only: what the rest of one means is remembered, so
that reading costs 8 microseconds instead of 60.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

HANDSHAKE: Final = 22
RECORD_HEAD_BYTES: Final = 5
_CLIENT_HELLO: Final = 1
_TLS_1_2: Final = b"\x03\x03"
_TLS_1_3: Final = 0x0304
_MAX_RECORD_BYTES: Final = 1 << 14
#: Message type and length, version, random: what stands before the session id.
_SESSION_ID_AT: Final = 4 + 2 + 32
_MAX_SESSION_ID_BYTES: Final = 32

_GROUPS, _SIGNATURES, _ALPN, _EARLY_DATA, _VERSIONS, _KEY_SHARE = 10, 13, 16, 42, 43, 51
X25519: Final = 0x001D
ECDSA_P256_SHA256: Final = 0x0403

#: How many clients' ways to say hello are remembered.
_REMEMBERED: Final = 64


@dataclass(frozen=True, slots=True)
class ClientHello:
    """``message``: the whole handshake message. ``share``: the client's X25519 key. ``suites`` in its order."""

    message: bytes
    session_id: bytes
    share: bytes
    suites: tuple[int, ...]
    protocols: tuple[bytes, ...]


class _OtherShapeError(Exception):
    """The bytes are no hello, or one of another shape."""


def first_record(data: bytes) -> int:
    """How many bytes the first record has; 0 while they are not all there.

    What cannot be a handshake record is as long as it is: nothing more has to be waited for.
    """
    if data[:1] != bytes((HANDSHAKE,)) or data[1:2] not in (b"", b"\x03"):
        return len(data)
    if len(data) < RECORD_HEAD_BYTES:
        return 0
    size = RECORD_HEAD_BYTES + int.from_bytes(data[3:5], "big")
    if size > RECORD_HEAD_BYTES + _MAX_RECORD_BYTES:
        return len(data)
    return size if size <= len(data) else 0


def read_hello(record: bytes) -> ClientHello | None:
    """The hello in a record; None unless it is alone in it and offers TLS 1.3 with X25519 and ECDSA on P-256."""
    message = record[RECORD_HEAD_BYTES:]
    if record[:1] != bytes((HANDSHAKE,)) or len(message) <= _SESSION_ID_AT:
        return None
    start = _SESSION_ID_AT + 1 + message[_SESSION_ID_AT]
    session_id = message[_SESSION_ID_AT + 1 : start]
    if len(session_id) > _MAX_SESSION_ID_BYTES or message[0] != _CLIENT_HELLO or message[4:6] != _TLS_1_2:
        return None
    try:
        if int.from_bytes(message[1:4], "big") != len(message) - 4:
            return None
        shares_at, shares_end = _shares(message, start)
        suites, protocols = _common(message[start:shares_at], message[shares_end:])
        return ClientHello(message, session_id, _share(message[shares_at:shares_end]), suites, protocols)
    except _OtherShapeError:
        return None


def _shares(message: bytes, start: int) -> tuple[int, int]:
    """Where the key_share extension's data stands; ``start``: of what follows the session id."""
    size = len(message)
    at = start + 2 + int.from_bytes(message[start : start + 2], "big")
    at += 1 + int.from_bytes(message[at : at + 1], "big") + 2  # compression methods, length of the extensions
    while at + 4 <= size:
        end = at + 4 + (message[at + 2] << 8 | message[at + 3])
        if message[at + 1] == _KEY_SHARE and message[at] == 0 and end <= size:
            return at + 4, end
        at = end
    raise _OtherShapeError


def _share(data: bytes) -> bytes:
    """The X25519 key among the shares."""
    at, size = 2, len(data)
    if int.from_bytes(data[:2], "big") != size - 2:
        raise _OtherShapeError
    while at + 4 <= size:
        end = at + 4 + (data[at + 2] << 8 | data[at + 3])
        if data[at : at + 4] == b"\0\x1d\0\x20" and end <= size:
            return data[at + 4 : end]
        at = end
    raise _OtherShapeError


@functools.lru_cache(_REMEMBERED)
def _common(before: bytes, after: bytes) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
    """Suites and protocols of a hello whose other parts are as we want them.

    ``before``: from the suites to the head of the key_share extension; ``after``: the extensions behind it.
    """
    body = _Reader(before)
    suites, compression = _numbers(body.vector(2)), body.vector(1)
    if body.number(2) != len(body.rest) + int.from_bytes(before[-2:], "big") + len(after):
        raise _OtherShapeError
    extensions = _extensions(body.rest[:-4] + after)
    common = (
        compression == b"\0"
        and not {_EARLY_DATA, _KEY_SHARE} & extensions.keys()
        and _TLS_1_3 in _numbers(_Reader(extensions.get(_VERSIONS, b"")).vector(1))
        and X25519 in _numbers(_inside(extensions, _GROUPS))
        and ECDSA_P256_SHA256 in _numbers(_inside(extensions, _SIGNATURES))
    )
    if not common:
        raise _OtherShapeError
    return suites, _protocols(extensions)


class _Reader:
    """Reads vectors off bytes."""

    __slots__ = ("rest",)

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, size: int) -> bytes:
        if size > len(self.rest):
            raise _OtherShapeError
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, length_bytes: int) -> bytes:
        return self.take(self.number(length_bytes))


def _extensions(data: bytes) -> dict[int, bytes]:
    reader, found = _Reader(data), dict[int, bytes]()
    while reader.rest:
        number = reader.number(2)
        if number in found:
            raise _OtherShapeError
        found[number] = reader.vector(2)
    return found


def _inside(extensions: dict[int, bytes], number: int) -> bytes:
    """The one vector that fills an extension."""
    reader = _Reader(extensions.get(number, b""))
    data = reader.vector(2)
    if reader.rest:
        raise _OtherShapeError
    return data


def _numbers(data: bytes) -> tuple[int, ...]:
    if len(data) % 2:
        raise _OtherShapeError
    return tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))


def _protocols(extensions: dict[int, bytes]) -> tuple[bytes, ...]:
    if _ALPN not in extensions:
        return ()
    reader, found = _Reader(_inside(extensions, _ALPN)), list[bytes]()
    while reader.rest:
        found.append(reader.vector(1))
    return tuple(found)
