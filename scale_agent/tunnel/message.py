"""One remotedialer message and its bytes (docs/remotedialer.md, section 3).

A message is the whole payload of one binary websocket message: three zig-zag varints (message id, connection id,
type), for Data and Connect a fourth (a deadline nobody reads, always the same), then the body. Message ids are
``int64`` and start at a random number, so the first varint usually takes nine or ten bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from scale_agent.errors import LocalProtocolError, RemoteProtocolError

#: The value of the fourth varint of Data and Connect, in milliseconds: a constant of the Go module.
DEADLINE_MS: Final = 15_000

#: How much of a body the receiver of a message reads, in bytes; the rest is dropped without a word.
CONNECT_BODY_LIMIT: Final = 266
ERROR_BODY_LIMIT: Final = 100
PEER_BODY_LIMIT: Final = 100

INT64_MIN: Final = -(1 << 63)
INT64_MAX: Final = (1 << 63) - 1
_UINT64_MAX: Final = (1 << 64) - 1
_MAX_VARINT_BYTES: Final = 10


class MessageType(IntEnum):
    """The eight types; AddClient and RemoveClient are spoken between Rancher's replicas only."""

    DATA = 1
    CONNECT = 2
    ERROR = 3
    ADD_CLIENT = 4
    REMOVE_CLIENT = 5
    PAUSE = 6
    RESUME = 7
    SYNC_CONNECTIONS = 8


_TYPES: Final = {int(known): known for known in MessageType}
_WITH_DEADLINE: Final = frozenset({MessageType.DATA, MessageType.CONNECT})


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``id`` and ``conn_id`` are int64; ``body`` is what follows the header, uncut."""

    id: int
    conn_id: int
    type: MessageType
    body: bytes = b""


class UnknownTypeError(RemoteProtocolError):
    """A well-formed message of a type that does not exist; the Go module drops such a message and goes on."""

    def __init__(self, number: int) -> None:
        super().__init__(f"message of unknown type {number}", where="remotedialer message from the peer")
        self.number = number


def encode_varint(value: int) -> bytes:
    """``value`` (int64) as Go's ``binary.PutVarint`` writes it: zig-zag, little-endian groups of seven bits."""
    if not INT64_MIN <= value <= INT64_MAX:
        raise LocalProtocolError(f"{value} does not fit into an int64", where="remotedialer varint")
    rest = value << 1 if value >= 0 else (value << 1) ^ -1
    if rest < 0x80:
        return bytes((rest,))
    if rest < 0x4000:  # connection ids of all but the oldest sessions
        return bytes((rest & 0x7F | 0x80, rest >> 7))
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def decode_varint(payload: bytes, offset: int) -> tuple[int, int]:
    """The int64 at ``offset`` and the offset behind it, by the rules of Go's ``binary.ReadVarint``.

    Padding is accepted (``80 00`` is zero). Raises :class:`RemoteProtocolError` when the bytes end inside the number,
    after ten bytes without an end, and when the value does not fit into 64 bits.
    """
    if offset < len(payload) and (value := payload[offset]) < 0x80:  # most: connection ids, types
        return (value >> 1) ^ -(value & 1), offset + 1
    value = shift = 0
    for byte in payload[offset : offset + _MAX_VARINT_BYTES]:
        offset += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > _UINT64_MAX:
                break
            return (value >> 1) ^ -(value & 1), offset
        shift += 7
    if shift < 7 * _MAX_VARINT_BYTES and value <= _UINT64_MAX:
        raise RemoteProtocolError("message ends inside its header", where="remotedialer message from the peer")
    raise RemoteProtocolError("number longer than 64 bits", where="remotedialer message from the peer")


_DEADLINE: Final = encode_varint(DEADLINE_MS)
#: What follows the connection id: the type, and the deadline where there is one.
TAILS: Final = {known: encode_varint(known) + (_DEADLINE if known in _WITH_DEADLINE else b"") for known in MessageType}


def encode(message: Message) -> bytes:
    """The message as the payload of one binary websocket message, byte for byte as the Go module writes it."""
    return encode_varint(message.id) + encode_varint(message.conn_id) + TAILS[message.type] + message.body


def decode(payload: bytes) -> Message:
    """The message in one binary websocket message.

    Raises :class:`UnknownTypeError` for a type that does not exist, :class:`RemoteProtocolError` for a header that is
    cut off or holds a number of more than 64 bits. The deadline's value is not looked at, as in the Go module.
    """
    message_id, offset = decode_varint(payload, 0)
    conn_id, offset = decode_varint(payload, offset)
    number, offset = decode_varint(payload, offset)
    known = _TYPES.get(number)
    if known is None:
        raise UnknownTypeError(number)
    if known in _WITH_DEADLINE:
        offset = decode_varint(payload, offset)[1]
    return Message(message_id, conn_id, known, payload[offset:])


def decode_connect(body: bytes) -> tuple[str, str]:
    """Network and address of a Connect's body, ``tcp/10.43.0.1:443``; only its first 266 bytes count.

    Raises :class:`RemoteProtocolError` without a slash. Bytes that are no UTF-8 become ``\\xNN``.
    """
    network, slash, address = decode_text(body, CONNECT_BODY_LIMIT).partition("/")
    if not slash:
        raise RemoteProtocolError("failed to parse connect address", where="Connect from the peer")
    return network, address


def decode_text(body: bytes, limit: int) -> str:
    """At most ``limit`` bytes of ``body`` as text; bytes that are no UTF-8 become ``\\xNN``."""
    return body[:limit].decode("utf-8", "backslashreplace")


def encode_connection_ids(conn_ids: tuple[int, ...]) -> bytes:
    """Body of SyncConnections: each id as a little-endian int64, in the order given (the Go module sorts them)."""
    return struct.pack(f"<{len(conn_ids)}q", *conn_ids)


def decode_connection_ids(body: bytes) -> tuple[int, ...]:
    """Inverse of :func:`encode_connection_ids`; :class:`RemoteProtocolError` for a size that eight does not divide."""
    if len(body) % 8:
        raise RemoteProtocolError("incorrect data format", where="SyncConnections from the peer")
    return struct.unpack(f"<{len(body) // 8}q", body)
