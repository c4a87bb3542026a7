"""How contents of protobuf fields are read that are no messages of the table: scalars, times, quantities, JSON."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from typing import Any

import orjson

from scale_agent.kube.codec import quantities, times
from scale_agent.kube.codec.wire import BYTES, VARINT, DecodeError, read_varint, signed

#: data, start, end → value
Reader = Callable[[bytes, int, int], Any]


def double(value: bytes) -> float | int:
    number: float = struct.unpack("<d", value)[0]
    return int(number) if number.is_integer() else number


def text(data: bytes, at: int, end: int) -> str:
    return data[at:end].decode("utf-8", "replace")


def _base64(data: bytes, at: int, end: int) -> str:
    return base64.b64encode(data[at:end]).decode("ascii")


def _time(micro: bool) -> Reader:
    def read(data: bytes, at: int, end: int) -> str | None:
        if at == end:
            return None
        values = _varints(data, at, end)
        return times.decode(signed(values.get(1, 0)), signed(values.get(2, 0)), micro)

    return read


def _varints(data: bytes, at: int, end: int) -> dict[int, int]:
    values: dict[int, int] = {}
    while at < end:
        key, at = read_varint(data, at)
        if key & 7 != VARINT:
            raise DecodeError(f"proto: wrong wireType = {key & 7} in a time or a duration")
        values[key >> 3], at = read_varint(data, at)
    return values


def _pieces(data: bytes, at: int, end: int) -> dict[int, Any]:
    """Fields of a small message by number, the last one wins: numbers as numbers, the rest as bytes."""
    found: dict[int, Any] = {}
    while at < end:
        key, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if key & 7 == BYTES:
            if at + value > end:
                raise DecodeError("unexpected EOF")
            found[key >> 3], at = data[at : at + value], at + value
        elif key & 7 == VARINT:
            found[key >> 3] = value
        else:
            raise DecodeError(f"proto: wrong wireType = {key & 7}")
    return found


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise DecodeError("proto: wrong wireType = 0")
    return value


def _quantity(data: bytes, at: int, end: int) -> str:
    text = _bytes(_pieces(data, at, end).get(1, b"")).decode("utf-8", "replace")
    return quantities.canonical(text) if text else "0"


def _int_or_string(data: bytes, at: int, end: int) -> int | str:
    found = _pieces(data, at, end)
    if found.get(1, 0) == 1:
        return _bytes(found.get(3, b"")).decode("utf-8", "replace")
    number = found.get(2, 0)
    if isinstance(number, bytes):
        raise DecodeError("proto: wrong wireType = 2 for field IntVal")
    return signed(number)


def _duration(data: bytes, at: int, end: int) -> str:
    return times.duration_text(signed(_varints(data, at, end).get(1, 0)))


def _raw_json(data: bytes, at: int, end: int) -> Any:
    raw = _bytes(_pieces(data, at, end).get(1, b""))
    if not raw:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"invalid JSON inside the object: {error}") from error


def strings(data: bytes, at: int, end: int) -> list[str]:
    items: list[str] = []
    while at < end:
        key, at = read_varint(data, at)
        size, at = read_varint(data, at)
        if key != 1 << 3 | BYTES or at + size > end:
            raise DecodeError("unexpected EOF")
        items.append(text(data, at, at + size))
        at += size
    return items


READERS: dict[str, Reader] = {
    "string": text,
    "bytes": _base64,
    "time": _time(False),
    "microtime": _time(True),
    "quantity": _quantity,
    "intorstring": _int_or_string,
    "duration": _duration,
    "fields": _raw_json,
    "raw": _raw_json,
    "json": _raw_json,
}
