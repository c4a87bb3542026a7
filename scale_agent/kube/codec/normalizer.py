"""JSON objects → the JSON that a typed API server gives back after decoding them into its Go structs.

Unknown fields are dropped and reported, nulls are dropped, zero values without ``omitempty`` appear, fields come in
Go's order, quantities and times in canonical form. What has the wrong type is refused in the words of Go's decoder.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Container, Mapping, Sequence
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
#: name, step, converter, the class whose values stay as they are, field, whether it is always there, whether what is
#: true for Python is never left out
_Row = tuple[str, str, Converter, type | None, Any, bool, bool]
#: For so many sets of names of each type it is remembered which rows matter.
_MOST_SETS = 64

#: From here on Go writes whole floating-point numbers with an exponent.
_EXPONENT = 1e21


class MismatchError(DecodeError):
    """A JSON value of the wrong type; ``what`` reads as Go's: ``json: cannot unmarshal string into Go struct ...``."""


class Normalizer:
    """Normalises objects of one type."""

    def __init__(self, kind: Type) -> None:
        self.kind = kind
        self.rows: tuple[_Row, ...] = ()
        self._rows_of: dict[tuple[str, ...], tuple[_Row, ...]] = {}

    def compile(self) -> None:
        """Fill the table; separate from construction because types refer to each other."""
        self.rows = tuple(
            (
                name,
                f".{name}",
                _converter(field, self.kind),
                _plain_class(field),
                field,
                is_required(field),
                _truth_keeps(field),
            )
            for name, field in self.kind.fields.items()
        )

    def _rows_for(self, names: tuple[str, ...]) -> Sequence[_Row]:
        """The rows that matter to an object with names that were not met before: of many fields few are there."""
        present = set(names)
        rows = tuple(row for row in self.rows if row[0] in present or row[5])
        if len(self._rows_of) < _MOST_SETS and self.kind.fields.keys() >= present:
            self._rows_of[names] = rows
        return rows

    def _unknown(self, names: tuple[str, ...], place: Place) -> list[str]:
        known = self.kind.fields
        prefix = f"{_readable(_path(place))}." if place else ""
        return [prefix + name for name in names if name not in known]

    def apply(self, value: Any, place: Place, unknown: list[str], but: Mapping[str, Any] | None = None) -> Obj:
        """The normalised object; unknown paths are added to ``unknown``. Members named in ``but`` are left out."""
        if not isinstance(value, dict):
            raise MismatchError(f"json: cannot unmarshal {json_kind(value)} into Go value of type {self.kind.go_name}")
        return self.members(value if but is None else _without(value, but), place, unknown, but or ())

    def members(self, value: Obj, place: Place, unknown: list[str], but: Container[str] = ()) -> Obj:
        """What :meth:`apply` makes of an object.

        Of the same fields come the same rows: an import normalises 1400 structs that have one of 200 sets of them.
        """
        out: Obj = {}
        get = value.get
        names = tuple(value)
        known = self._rows_of.get(names)
        rows = known if known is not None else self._rows_for(names)
        for name, step, convert, plain, field, required, truth_keeps in rows:
            found = get(name)
            if found is not None:
                converted = found if found.__class__ is plain else convert(found, (place, step), unknown)
                if required or (truth_keeps and converted) or not _dropped(field, converted):
                    out[name] = converted
            elif required and name not in but:
                out[name] = zero(field)
        if known is None:
            unknown += self._unknown(names, place)
        return out


def _without(value: Obj, names: Container[str]) -> Obj:
    return {name: each for name, each in value.items() if name not in names}


def _plain_class(field: Field) -> type | None:
    """The class whose values are what they are converted to."""
    if field.shape is not Shape.ONE or field.wrapped or field.type is not None:
        return None
    return _PLAIN.get(field.kind)


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
    texts = field.kind == "string" and not field.wrapped

    def convert(value: Any, place: Place, unknown: list[str]) -> Any:
        if not isinstance(value, list):
            raise _mismatch(
                value, field, owner, place, field.go_type if field.shape is Shape.LIST else f"[]{field.go_type}"
            )
        if texts and set(map(type, value)) <= _TEXT:
            return value.copy()
        return [blank if item is None else one(item, (place, index), unknown) for index, item in enumerate(value)]

    return convert


def _map_converter(field: Field, owner: Type, one: Converter) -> Converter:
    blank = "" if field.kind == "bytes" else zero(field, element=True)
    texts = field.kind == "string" and not field.wrapped

    def convert(value: Any, place: Place, unknown: list[str]) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(value, field, owner, place, field.go_type)
        if texts and set(map(type, value.values())) <= _TEXT:
            return dict(sorted(value.items()))
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
    members = normalizer(kind).members
    if not kind.union:
        return _plain_struct(kind, field, owner, members)

    def convert(value: Any, place: Place, unknown: list[str]) -> Any:
        if not isinstance(value, dict):
            return _other_union(kind, value, place, unknown)
        return _schema_of(kind).apply(value, place, unknown)

    return convert


def _plain_struct(kind: Type, field: Field, owner: Type, members: Converter) -> Converter:
    def convert(value: Any, place: Place, unknown: list[str]) -> Any:
        if not isinstance(value, dict):
            raise _mismatch(value, field, owner, place, kind.go_name)
        return members(value, place, unknown)

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
#: By kind of field: the class whose values stay as they are.
_PLAIN: dict[str, type] = {"string": str, "bool": bool, "fields": dict, "raw": dict, "json": dict}
_TEXT = {str}
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
