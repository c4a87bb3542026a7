"""What Go writes as JSON for values that are not there: zero values, and which fields need one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
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


@cache
def lists_that_storage_nulls(kind: Type, depth: int = 4) -> tuple[tuple[str, ...], ...]:
    """Where a struct has lists and maps that are always written: empty ones come back from storage as null.

    Storage is protobuf, which does not tell an empty list from none. Only what stands in structs is looked for, not
    what stands in elements of other lists.
    """
    out: list[tuple[str, ...]] = []
    for name, field in kind.fields.items():
        if field.shape is not Shape.ONE:
            if not (field.omitempty or field.omitzero or field.wrapped):
                out.append((name,))
        elif field.type is not None and depth and name != "metadata":
            out += [(name, *rest) for rest in lists_that_storage_nulls(field.type, depth - 1)]
    return tuple(out)


def null_empty_lists(kind: Type, obj: Obj) -> None:
    """Make of an object, in place, what storage makes of its empty lists and maps."""
    for path in lists_that_storage_nulls(kind):
        at: Any = obj
        for name in path[:-1]:
            at = at.get(name)
            if not isinstance(at, dict):
                break
        else:
            if at.get(path[-1]) in ([], {}):
                at[path[-1]] = None
