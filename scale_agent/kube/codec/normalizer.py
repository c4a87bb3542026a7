"""JSON objects → the JSON that a typed API server gives back after decoding them into its Go structs.

Unknown fields are dropped and reported, nulls are dropped, zero values without ``omitempty`` appear, fields come in
Go's order, quantities and times in canonical form. What has the wrong type is refused in the words of Go's decoder.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scale_agent.kube.codec import quantities, times
from scale_agent.kube.codec.compiled import once
from scale_agent.kube.codec.wire import DecodeError
from scale_agent.kube.schema.schema import Schema
from scale_agent.kube.schema.types import INTEGERS, Field, Shape, Type
from scale_agent.kube.schema.zeros import empty, is_required, zero

Obj = dict[str, Any]
#: The way to a value, innermost step first: ``.field``, a position, or a map's key as ``(key,)``. Nearly no path is
#: ever shown, so none is written down before; ``()`` is the object itself.
Place = tuple[()] | tuple["Place", str | int | tuple[str]]
#: value, place, unknown paths found so far → value
Converter = Callable[[Any, Place, list[str]], Any]
#: name, step, converter, field, whether it is always there, whether what is true for Python is never left out
_Row = tuple[str, str, Converter, Any, bool, bool]
#: With fewer than a part of its fields a value is looked through rather than its fields.
_FEW = 3


#: From here on Go writes whole floating-point numbers with an exponent.
_EXPONENT = 1e21


class MismatchError(DecodeError):
    """A JSON value of the wrong type; ``what`` reads as Go's: ``json: cannot unmarshal string into Go struct ...``."""


class Normalizer:
    """Normalises objects of one type."""

    def __init__(self, kind: Type) -> None:
        self.kind = kind
        self.rows: tuple[_Row, ...] = ()
        self._places: dict[str, int] = {}
        self._always: frozenset[int] = frozenset()

    def compile(self) -> None:
        """Fill the table; separate from construction because types refer to each other."""
        self.rows = tuple(
            (name, f".{name}", _converter(field, self.kind), field, is_required(field), _truth_keeps(field))
            for name, field in self.kind.fields.items()
        )
        self._places = {row[0]: place for place, row in enumerate(self.rows)}
        self._always = frozenset(place for place, row in enumerate(self.rows) if row[4])

    def _rows_for(self, value: Obj) -> Iterable[_Row]:
        """The rows that matter to a value: of many fields few are there."""
        if len(self._always) + len(value) > len(self.rows) // _FEW:
            return self.rows
        places = self._places
        return [
            self.rows[place] for place in sorted(self._always.union(places[name] for name in value if name in places))
        ]

    def apply(self, value: Any, place: Place, unknown: list[str], but: Mapping[str, Any] | None = None) -> Obj:
        """The normalised object; unknown paths are added to ``unknown``. Members named in ``but`` are left out."""
        if not isinstance(value, dict):
            raise MismatchError(f"json: cannot unmarshal {json_kind(value)} into Go value of type {self.kind.go_name}")
        out: Obj = {}
        used = 0
        get = value.get
        rows = self._rows_for(value) if but is None else [row for row in self.rows if row[0] not in but]
        for name, step, convert, field, required, truth_keeps in rows:
            found = get(name)
            if found is not None:
                used += 1
                converted = convert(found, (place, step), unknown)
                if required or (truth_keeps and converted) or not _dropped(field, converted):
                    out[name] = converted
            elif required:
                out[name] = zero(field)
        if used < len(value):  # unknown names, or nulls
            known = self.kind.fields
            prefix = f"{_readable(_path(place))}." if place else ""
            unknown += [prefix + name for name in value if name not in known]
        return out


def _truth_keeps(field: Field) -> bool:
    """Whether a value that is true for Python is never left out: of a struct with ``omitzero`` this cannot be said."""
    return field.pointer or not field.omitzero


def _dropped(field: Field, value: Any) -> bool:
    """Whether Go leaves the value out: ``omitempty`` and empty, ``omitzero`` and zero."""
    if field.pointer:
        return False
    if field.omitzero:
        return bool(value == (empty(field.type) if field.type is not None and not field.type.union else zero(field)))
    return value in ("", 0, False) or value == [] or value == {}


def json_kind(value: Any) -> str:
    """What Go's decoder calls a JSON value."""
    if value is None:
        return "null"
    names = ((bool, "bool"), (str, "string"), (dict, "object"), (list, "array"))
    for python, name in names:
        if isinstance(value, python):
            return name
    return "number"


#: Positions in lists, and keys of maps (between NUL and SOH), which Go's messages leave out of a path.
_POSITIONS = re.compile(r"\[\d+\]|\x00[^\x01]*\x01")


def _path(place: Place) -> str:
    """A place in writing: ``spec.containers[0].env``, the keys of maps between NUL and SOH."""
    steps: list[str] = []
    while place:
        place, step = place
        steps.append(step if isinstance(step, str) else f"[{step}]" if isinstance(step, int) else f"\0{step[0]}\1")
    return "".join(reversed(steps)).removeprefix(".")


def _readable(path: str) -> str:
    return path.replace("\0", ".").replace("\1", "")


def _mismatch(value: Any, field: Field, owner: Type, place: Place, go_type: str) -> MismatchError:
    shown = f"number {value}" if json_kind(value) == "number" and go_type in INTEGERS else json_kind(value)
    member = f"{owner.short_name}.{_POSITIONS.sub('', _path(place))}"
    return MismatchError(f"json: cannot unmarshal {shown} into Go struct field {member} of type {go_type}")


def _converter(field: Field, owner: Type) -> Converter:
    one = _element(field, owner)
    if field.wrapped:
        one = _list_converter(field, owner, one)
    if field.shape is Shape.LIST:
        return _list_converter(field, owner, one)
    if field.shape is Shape.MAP:
        return _map_converter(field, owner, one)
    return one


def _list_converter(field: Field, owner: Type, one: Converter) -> Converter:
    blank = zero(field, element=True) if not field.wrapped else ""

    def convert(value: Any, place: Place, unknown: list[str]) -> Any:
        if not isinstance(value, list):
            raise _mismatch(
                value, field, owner, place, field.go_type if field.shape is Shape.LIST else f"[]{field.go_type}"
            )
        return [blank if item is None else one(item, (place, index), unknown) for index, item in enumerate(value)]

    return convert


def _map_converter(field: Field, owner: Type, one: Converter) -> Converter:
    blank = "" if field.kind == "bytes" else zero(field, element=True)

    def convert(value: Any, place: Place, unknown: list[str]) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(value, field, owner, place, field.go_type)
        return {
            key: blank if value[key] is None else one(value[key], (place, (key,)), unknown) for key in sorted(value)
        }

    return convert


def _element(field: Field, owner: Type) -> Converter:
    if field.type is not None:
        return _struct(field.type, field, owner)
    if field.kind in INTEGERS and field.kind != "bool":
        return _integer(field, owner)
    return _SCALARS[field.kind](field, owner)


def _struct(kind: Type, field: Field, owner: Type) -> Converter:
    inner = normalizer(kind)

    def convert(value: Any, place: Place, unknown: list[str]) -> Any:
        if kind.union and not isinstance(value, dict):
            return _other_union(kind, value, place, unknown)
        if kind.union:
            return _schema_of(kind).apply(value, place, unknown)
        if not isinstance(value, dict):
            raise _mismatch(value, field, owner, place, kind.go_name)
        return inner.apply(value, place, unknown)

    return convert


def _schema_of(kind: Type) -> Normalizer:
    schema = kind.fields["Schema"].type
    if schema is None:
        raise DecodeError(f"{kind.short_name} has no schema")
    return normalizer(schema)


def _other_union(kind: Type, value: Any, place: Place, unknown: list[str]) -> Any:
    if kind.union == "orarray" and isinstance(value, list):
        return [_schema_of(kind).apply(item, (place, index), unknown) for index, item in enumerate(value)]
    fits = isinstance(value, bool) if kind.union == "orbool" else kind.union == "orstrings" and isinstance(value, list)
    if not fits:
        raise MismatchError(f"json: cannot unmarshal {json_kind(value)} into Go value of type {kind.go_name}")
    return value


def _plain(python: type, go_type: str) -> Callable[[Field, Type], Converter]:
    def make(field: Field, owner: Type) -> Converter:
        def convert(value: Any, place: Place, unknown: list[str]) -> Any:
            if value.__class__ is not python:
                raise _mismatch(value, field, owner, place, go_type)
            return value

        return convert

    return make


def _integer(field: Field, owner: Type) -> Converter:
    bits = 32 if field.kind.endswith("32") else 64
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1

    def convert(value: Any, place: Place, unknown: list[str]) -> Any:
        if value.__class__ is float and value.is_integer():
            value = int(value)
        if value.__class__ is not int or not low <= value <= high:
            raise _mismatch(value, field, owner, place, field.kind)
        return value

    return convert


def _through(function: Callable[[str], str]) -> Callable[[Field, Type], Converter]:
    def make(field: Field, owner: Type) -> Converter:
        def convert(value: Any, place: Place, unknown: list[str]) -> Any:
            if not isinstance(value, str):
                raise _mismatch(value, field, owner, place, "string")
            return function(value)

        return convert

    return make


def _double(field: Field, owner: Type) -> Converter:
    def convert(value: Any, place: Place, unknown: list[str]) -> Any:
        if value.__class__ not in (int, float):
            raise _mismatch(value, field, owner, place, "float64")
        return int(value) if abs(value) < _EXPONENT and value == int(value) else value

    return convert


def _quantity(field: Field, owner: Type) -> Converter:
    def convert(value: Any, place: Place, unknown: list[str]) -> Any:
        if value.__class__ not in (str, int, float):
            raise MismatchError("unable to parse quantity's suffix")
        return quantities.canonical(str(value))

    return convert


def _int_or_string(field: Field, owner: Type) -> Converter:
    def convert(value: Any, place: Place, unknown: list[str]) -> Any:
        if value.__class__ not in (str, int):
            raise _mismatch(value, field, owner, place, "int32")
        return value

    return convert


def _base64(text: str) -> str:
    try:
        return base64.b64encode(base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)).decode(
            "ascii"
        )
    except (binascii.Error, ValueError) as error:
        raise DecodeError(f"illegal base64 data at input byte {_first_illegal(text)}") from error


def _first_illegal(text: str) -> int:
    good = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/\r\n"
    return next((index for index, char in enumerate(text) if char not in good), max(0, len(text) - len(text) % 4))


def _any(field: Field, owner: Type) -> Converter:
    return lambda value, place, unknown: value


_SCALARS: dict[str, Callable[[Field, Type], Converter]] = {
    "string": _plain(str, "string"),
    "bool": _plain(bool, "bool"),
    "float64": _double,
    "bytes": _through(_base64),
    "time": _through(times.seconds_text),
    "microtime": _through(times.micro_text),
    "duration": _through(lambda text: times.duration_text(times.parse_duration_ns(text))),
    "quantity": _quantity,
    "intorstring": _int_or_string,
    "fields": _any,
    "raw": _any,
    "json": _any,
}
#: The compiled normaliser of a type, shared.
normalizer = once(Normalizer)


def normalize(obj: Obj, schema: Schema, known: Mapping[str, Any] | None = None) -> Obj:
    """The object as a typed server gives it back. Raises :class:`DecodeError` for unknown kinds and wrong types.

    Members that are those of ``known``, a normalised object, are taken as they are.
    """
    if not known:
        return check(obj, schema)[0]
    kept = {name: value for name, value in obj.items() if value is known.get(name, _ABSENT)}
    kind = _kind(obj, schema)
    made = normalizer(kind).apply(obj, (), [], kept) | kept
    return {name: made[name] for name in kind.fields if name in made}


_ABSENT = object()


def check(obj: Obj, schema: Schema) -> tuple[Obj, list[str]]:
    """The normalised object and the paths (``spec.foo``, ``spec.containers[0].bar``) of its unknown fields."""
    unknown: list[str] = []
    return normalizer(_kind(obj, schema)).apply(obj, (), unknown), unknown


def _kind(obj: Obj, schema: Schema) -> Type:
    api_version, kind = obj.get("apiVersion", ""), obj.get("kind", "")
    group, _, version = str(api_version).rpartition("/")
    found = schema.kind(group, version, str(kind))
    if found is None:
        raise DecodeError(
            f'no kind "{kind}" is registered for version "{api_version}" in scheme "pkg/runtime/scheme.go:111"'
        )
    return found
