"""What Go writes as JSON for values that are not there: zero values, and which fields need one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scale_agent.kube.schema.types import INTEGERS, Field, Shape, Type

Obj = dict[str, Any]

_ZEROS: dict[str, Any] = {
    "string": "",
    "bool": False,
    "float64": 0,
    "quantity": "0",
    "duration": "0s",
    "intorstring": 0,
}


def zero(field: Field, *, element: bool = False) -> Any:
    """What Go's zero value of the field looks like in JSON."""
    if not element and (field.pointer or field.shape is not Shape.ONE or field.wrapped):
        return None
    if field.type is not None:
        return None if field.type.union else empty(field.type)
    return 0 if field.kind in INTEGERS - {"bool"} else _ZEROS.get(field.kind)


def empty(kind: Type) -> Obj:
    """The JSON form of the zero value of a struct."""
    return {name: make() for name, make in required(kind)}


def is_required(field: Field) -> bool:
    """Whether Go writes the field even when it is the zero value: no omitempty, or a struct by value."""
    if field.omitzero:
        return False
    by_value = not field.pointer and field.shape is Shape.ONE and not field.wrapped
    structs = ("message", "time", "microtime", "quantity", "duration", "intorstring", "raw", "fields", "json")
    return not field.omitempty or (by_value and field.kind in structs)


def required(kind: Type) -> list[tuple[str, Callable[[], Any]]]:
    return [(name, _maker(field)) for name, field in kind.fields.items() if is_required(field)]


def _maker(field: Field) -> Callable[[], Any]:
    return lambda: zero(field)
