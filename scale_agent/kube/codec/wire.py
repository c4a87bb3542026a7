"""Protobuf's wire format: varints, tags, and the error for bytes that are not protobuf."""

from __future__ import annotations

from typing import Final

from scale_agent.errors import ScaleAgentError


class DecodeError(ScaleAgentError, ValueError):
    """Bytes or JSON that a typed Kubernetes API server cannot decode; ``what`` is fit for a Status message."""


class EncodeError(ScaleAgentError, ValueError):
    """An object that has no typed form: a value of the wrong type, or a kind that the schema does not know."""


VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5
_MASK64: Final = (1 << 64) - 1
_SMALL: Final = tuple(bytes([number]) for number in range(128))


def varint(number: int) -> bytes:
    """A whole number as a varint; negative ones take ten bytes, as Go writes an int32 or int64."""
    if 0 <= number < 128:
        return _SMALL[number]
    if 0 <= number < 1 << 14:  # what lengths mostly are; a third of the loop's time
        return bytes((number & 127 | 128, number >> 7))
    number &= _MASK64
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def tag(number: int, wire_type: int) -> bytes:
    """The key in front of a field."""
    return varint(number << 3 | wire_type)


def delimited(prefix: bytes, content: bytes) -> bytes:
    """A length-delimited field: its tag, the length, the content."""
    size = len(content)
    return prefix + (_SMALL[size] if size < 128 else varint(size)) + content


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The varint at ``at`` (unsigned, 64 bits) and the position behind it; ``DecodeError`` if it is none."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number & _MASK64, at
        shift += 7
        if shift > 63:
            raise DecodeError("proto: integer overflow")


def signed(number: int) -> int:
    """An unsigned 64-bit number as Go's int64."""
    return number - (1 << 64) if number >> 63 else number
