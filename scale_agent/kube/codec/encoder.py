"""JSON-shaped dictionaries → protobuf messages, byte for byte as the code that Kubernetes generates for Go.

The rules of that code (gogo protobuf, proto2): fields in the order of their numbers; scalars, strings and structs by
value are always written, even when zero; pointers, lists and maps only when they are there; maps sorted by key.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from scale_agent.kube.codec import quantities, times
from scale_agent.kube.codec.compiled import once
from scale_agent.kube.codec.wire import BYTES, FIXED64, VARINT, EncodeError, delimited, tag, varint
from scale_agent.kube.schema.types import INTEGERS, Field, Shape, Type

Obj = dict[str, Any]
Writer = Callable[[Any], bytes]
#: What stands before a member, its name, how its value is written, what a missing one leaves.
_Step = tuple[bytes, str, Writer, bytes]
#: For so many sets of names of each type it is remembered which members there are to write.
_MOST_SETS, _MOST_NAMES = 64, 100


class Encoder:
    """Encodes objects of one type. ``steps``: JSON name, how a value is written, what a missing one leaves."""

    def __init__(self, kind: Type) -> None:
        self.kind = kind
        self.steps: tuple[tuple[str, Writer, bytes], ...] = ()
        self.inlines = False
        self._plans: dict[tuple[str, ...], tuple[Sequence[_Step], bytes]] = {}

    def compile(self) -> None:
        """Fill the table; separate from construction because types refer to each other."""
        members = sorted((field for field in self.kind.members if field.number), key=lambda field: field.number)
        self.inlines = any(field.inline for field in members)
        self.steps = tuple(_step(field) for field in members)

    def encode(self, obj: Obj) -> bytes:
        """The message of an object, without envelope. Values of wrong types raise ``TypeError`` or the like."""
        get = obj.get
        names = tuple(obj)
        plan = self._plans.get(names)
        steps, end = plan if plan is not None else self._plan(names)
        out: list[bytes] = []
        for before, name, write, missing in steps:
            value = get(name) if name else obj
            out += (before, write(value) if value is not None else missing)
        out.append(end)
        return b"".join(out)

    def _plan(self, names: tuple[str, ...]) -> tuple[Sequence[_Step], bytes]:
        """The steps for an object with these names, and what ends it: of 40 fields of a pod ten are there."""
        steps: list[_Step] = []
        before, present = b"", set(names)
        for name, write, missing in self.steps:
            if name and name not in present:
                before += missing
            else:
                steps.append((before, name, write, missing))
                before = b""
        if len(self._plans) < _MOST_SETS and len(names) <= _MOST_NAMES:
            self._plans[names] = steps, before
        return steps, before


#: The compiled encoder of a type, shared.
encoder = once(Encoder)


def _integer(value: Any) -> bytes:
    if value.__class__ is float and value.is_integer():
        value = int(value)
    return varint(value)


def _int_or_string(value: Any) -> bytes:
    if isinstance(value, str):
        return b"\x08\x01\x10\x00" + delimited(b"\x1a", value.encode())
    return b"\x08\x00\x10" + varint(value) + b"\x1a\x00"


def _quantity(value: Any) -> bytes:
    return delimited(b"\x0a", quantities.canonical(str(value)).encode())


def _duration(value: Any) -> bytes:
    return b"\x08" + varint(times.parse_duration_ns(value))


def _raw_json(value: Any) -> bytes:
    return delimited(b"\x0a", orjson.dumps(value))


def _strings(value: Any) -> bytes:
    return b"".join(delimited(b"\x0a", item.encode()) for item in value)


WRITERS: dict[str, Writer] = {
    "string": str.encode,
    "bytes": base64.b64decode,
    "time": times.encode_seconds,
    "microtime": times.encode_micro,
    "quantity": _quantity,
    "intorstring": _int_or_string,
    "duration": _duration,
    "fields": _raw_json,
    "raw": _raw_json,
    "json": _raw_json,
}


def to_union(union: str, value: Any) -> Obj:
    """The struct behind a JSON value that is one thing or another."""
    if union == "orbool":
        return {"Allows": value} if isinstance(value, bool) else {"Allows": True, "Schema": value}
    plural = "JSONSchemas" if union == "orarray" else "Property"
    return {plural: value} if isinstance(value, list) else {"Schema": value}


def _content(field: Field) -> Writer:
    """How the content of one length-delimited element is made."""
    if field.wrapped:
        return _strings
    if field.type is None:
        return WRITERS[field.kind]
    inner, union = encoder(field.type), field.type.union
    return (lambda value: inner.encode(to_union(union, value))) if union else inner.encode


def _one(field: Field) -> Writer:
    """How one element is written, tag included."""
    if field.kind in INTEGERS:
        prefix = tag(field.number, VARINT)
        return lambda value: prefix + _integer(value)
    if field.kind == "float64":
        head = tag(field.number, FIXED64)
        return lambda value: head + struct.pack("<d", value)
    prefix, content = tag(field.number, BYTES), _content(field)
    return (
        _text_writer(prefix)
        if field.kind == "string" and not field.wrapped
        else lambda value: delimited(prefix, content(value))
    )


def _text_writer(prefix: bytes) -> Writer:
    short = tuple(prefix + bytes([size]) for size in range(128))

    def write(value: str) -> bytes:
        content = value.encode()
        size = len(content)
        return short[size] + content if size < 128 else delimited(prefix, content)

    return write


def _step(field: Field) -> tuple[str, Writer, bytes]:
    if field.shape is Shape.MAP:
        return field.json_name, _map_writer(field), b""
    one = _one(field)
    if field.shape is Shape.LIST:
        return field.json_name, lambda values: b"".join([one(value) for value in values]), b""
    return field.json_name, one, _missing(field)


def _missing(field: Field) -> bytes:
    """What Go writes for a zero value."""
    if field.pointer or field.kind == "bytes" or field.wrapped or field.inline:
        return b""
    if field.kind in INTEGERS:
        return tag(field.number, VARINT) + b"\0"
    if field.kind == "float64":
        return tag(field.number, FIXED64) + bytes(8)
    return delimited(tag(field.number, BYTES), _zero_content(field))


def _zero_content(field: Field) -> bytes:
    if field.type is not None:
        return encoder(field.type).encode({})
    return {"quantity": b"\x0a\x01\x30", "duration": b"\x08\x00", "intorstring": b"\x08\x00\x10\x00\x1a\x00"}.get(
        field.kind, b""
    )


def _map_writer(field: Field) -> Writer:
    prefix, content = tag(field.number, BYTES), _content(field)
    blank = b"" if field.kind == "bytes" else b"\x12" + varint(len(_zero_content(field))) + _zero_content(field)

    def write(values: Any) -> bytes:
        out = []
        for key in sorted(values):
            value = values[key]
            entry = delimited(b"\x0a", key.encode()) + (blank if value is None else delimited(b"\x12", content(value)))
            out.append(delimited(prefix, entry))
        return b"".join(out)

    return write


def encode(kind: Type, obj: Obj) -> bytes:
    """The message of ``obj``; :class:`EncodeError` names the kind whose object has no typed form."""
    try:
        return encoder(kind).encode(obj)
    except (TypeError, AttributeError, ValueError, KeyError, struct.error, RecursionError) as error:
        raise EncodeError(f"the object is no {kind.short_name}: {error}", cure="normalize it first") from error
