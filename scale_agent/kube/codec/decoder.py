"""Protobuf messages → JSON-shaped dictionaries, as a typed API server would write the decoded object as JSON.

One :class:`Decoder` per struct, compiled on first use into a table of small functions by wire tag. Zero values of
fields with ``omitempty`` are left out, others are present, nil lists as ``None``: so the result equals the real JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scale_agent.kube.codec.compiled import once
from scale_agent.kube.codec.readers import READERS, Reader, double, strings, text
from scale_agent.kube.codec.wire import BYTES, FIXED32, FIXED64, VARINT, DecodeError, read_varint, signed
from scale_agent.kube.schema.types import INTEGERS, Field, Shape, Type
from scale_agent.kube.schema.zeros import required, zero

#: the object so far, data, start, end
Rule = Callable[[dict[str, Any], bytes, int, int], None]
NumberRule = Callable[[dict[str, Any], int], None]
Obj = dict[str, Any]


class Decoder:
    """Decodes messages of one type."""

    def __init__(self, kind: Type) -> None:
        self.kind = kind
        self.rules: dict[int, Rule] = {}
        self.numbers: dict[int, NumberRule] = {}
        self.doubles: dict[int, str] = {}
        self.known: set[int] = set()
        self.required: tuple[tuple[str, Callable[[], Any]], ...] = ()

    def compile(self) -> None:
        """Fill the tables; separate from construction because types refer to each other."""
        for field in self.kind.members:
            if field.number:
                self.known.add(field.number)
                self._add(field)
        self.required = tuple(required(self.kind))

    def _add(self, field: Field) -> None:
        if field.kind in INTEGERS:
            self.numbers[field.number << 3 | VARINT] = _number_rule(field)
            if field.shape is Shape.LIST:
                self.rules[field.number << 3 | BYTES] = _packed_rule(field)
        elif field.kind == "float64":
            self.doubles[field.number << 3 | FIXED64] = field.json_name
        if field.kind not in INTEGERS and field.kind != "float64":
            self.rules[field.number << 3 | BYTES] = _rule(field)

    def decode(self, data: bytes, at: int, end: int) -> Obj:
        """The message in ``data[at:end]``."""
        out: Obj = {}
        self.fill(out, data, at, end)
        for name, make in self.required:
            if name not in out:
                out[name] = make()
        return out

    def fill(self, out: Obj, data: bytes, at: int, end: int) -> None:
        """Decode into an existing dictionary (inlined structs share their outer one's)."""
        rules = self.rules
        while at < end:
            key = data[at]
            at += 1
            if key > 127:
                key, at = read_varint(data, at - 1)
            if key & 7 == BYTES:
                size = data[at]
                at += 1
                if size > 127:
                    size, at = read_varint(data, at - 1)
                stop = at + size
                if stop > end:
                    raise DecodeError("unexpected EOF")
                rule = rules.get(key)
                if rule is not None:
                    rule(out, data, at, stop)
                else:
                    self._unknown(key)
                at = stop
            else:
                at = self._other(out, key, data, at)
        if at != end:
            raise DecodeError("unexpected EOF")

    def _other(self, out: Obj, key: int, data: bytes, at: int) -> int:
        wire_type = key & 7
        if wire_type == VARINT:
            value, at = read_varint(data, at)
            rule = self.numbers.get(key)
            if rule is not None:
                rule(out, value)
            else:
                self._unknown(key)
        elif wire_type == FIXED64:
            self._double(out, key, data[at : at + 8])
            at += 8
        elif wire_type == FIXED32:
            at += 4
        else:
            self._unknown(key)
            raise DecodeError(f"proto: illegal wireType {wire_type}")
        return at

    def _double(self, out: Obj, key: int, content: bytes) -> None:
        if key in self.doubles and len(content) == 8:
            out[self.doubles[key]] = double(content)
        else:
            self._unknown(key)

    def _unknown(self, key: int) -> None:
        if key >> 3 in self.known:
            raise DecodeError(f"proto: wrong wireType = {key & 7} for field {self._go_name(key >> 3)}")
        if not key >> 3:
            raise DecodeError(f"proto: {self.kind.short_name}: illegal tag {key >> 3} (wire type {key & 7})")

    def _go_name(self, number: int) -> str:
        """A field as Go calls it."""
        for name, field in self.kind.fields.items():
            if field.number == number and name not in ("kind", "apiVersion"):
                return "ObjectMeta" if name == "metadata" else name[:1].upper() + name[1:]
        return str(number)


#: The compiled decoder of a type, shared.
decoder = once(Decoder)


def _message(kind: Type) -> Reader:
    inner = decoder(kind)
    if not kind.union:
        return inner.decode
    return lambda data, at, end: from_union(kind.union, inner.decode(data, at, end))


def from_union(union: str, value: Obj) -> Any:
    """The JSON form of a struct that is one thing or another: a schema or a boolean, a schema or a list."""
    if union == "orbool":
        return value["Schema"] if value.get("Schema") is not None else value["Allows"]
    if union == "orarray":
        return value["JSONSchemas"] if value.get("JSONSchemas") else value.get("Schema")
    return value["Property"] if value.get("Property") else value.get("Schema")


def reader(field: Field) -> Reader:
    """How one element of a length-delimited field is read."""
    if field.wrapped:
        return strings
    return _message(field.type) if field.type is not None else READERS[field.kind]


def _rule(field: Field) -> Rule:
    read = reader(field)
    name = field.json_name
    if field.inline and field.type is not None:
        return decoder(field.type).fill
    if field.shape is Shape.LIST:
        return _list_rule(name, read)
    if field.shape is Shape.MAP:
        return _map_rule(field, read)
    if field.omitzero or (field.omitempty and not field.pointer and field.kind in ("string", "bytes")):
        return _unless_empty(field, read)

    def rule(out: Obj, data: bytes, at: int, end: int) -> None:
        out[name] = read(data, at, end)

    return rule


def _unless_empty(field: Field, read: Reader) -> Rule:
    name, empty = field.json_name, zero(field)

    def rule(out: Obj, data: bytes, at: int, end: int) -> None:
        value = read(data, at, end)
        if value != empty:
            out[name] = value
        else:
            out.pop(name, None)

    return rule


def _list_rule(name: str, read: Reader) -> Rule:
    def rule(out: Obj, data: bytes, at: int, end: int) -> None:
        items = out.get(name)
        if items is None:
            out[name] = [read(data, at, end)]
        else:
            items.append(read(data, at, end))

    return rule


def _map_rule(field: Field, read: Reader) -> Rule:
    name, empty = field.json_name, "" if field.kind == "bytes" else zero(field, element=True)

    def rule(out: Obj, data: bytes, at: int, end: int) -> None:
        key, value = "", empty
        while at < end:
            part, at = read_varint(data, at)
            size, at = read_varint(data, at)
            if at + size > end or part & 7 != BYTES:
                raise DecodeError("unexpected EOF")
            if part >> 3 == 1:
                key = text(data, at, at + size)
            elif part >> 3 == 2:
                value = read(data, at, at + size)
            at += size
        items = out.get(name)
        if items is None:
            out[name] = {key: value}
        else:
            items[key] = value

    return rule


def _integer(kind: str) -> Callable[[int], int | bool]:
    if kind == "bool":
        return bool
    if kind == "int32":
        return lambda value: (value & 0xFFFFFFFF ^ 0x80000000) - 0x80000000
    return signed


def _number_rule(field: Field) -> NumberRule:
    name, convert = field.json_name, _integer(field.kind)
    droppable = field.omitempty and not field.pointer

    def one(out: Obj, value: int) -> None:
        if value or not droppable:
            out[name] = convert(value)
        else:
            out.pop(name, None)

    def many(out: Obj, value: int) -> None:
        out.setdefault(name, []).append(convert(value))

    return many if field.shape is Shape.LIST else one


def _packed_rule(field: Field) -> Rule:
    name, convert = field.json_name, _integer(field.kind)

    def rule(out: Obj, data: bytes, at: int, end: int) -> None:
        items = out.setdefault(name, [])
        while at < end:
            value, at = read_varint(data, at)
            items.append(convert(value))

    return rule
