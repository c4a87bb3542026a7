"""What stands in a printer column that a definition describes (``registry/customresource/tableconvertor``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scale_agent.kube.custom import gotext, jsonpath

Obj = Mapping[str, Any]
#: Time since a moment, given that and now.
Age = Callable[[Any, float], str]


def reader(column: Mapping[str, Any], age: Age) -> Callable[[Obj, float], Any]:
    """The function that reads a column's cell of an object; dates are shown by ``age``."""
    path = str(column.get("jsonPath") or "").removeprefix("{").removesuffix("}")
    kind = str(column.get("type") or "")
    make = _MAKE.get(kind)

    def read(obj: Obj, now: float) -> Any:
        found = jsonpath.find(obj, path)
        if not found:
            return None
        if kind == "date":
            return age(found[0], now) if isinstance(found[0], str) else None
        return make(found[0]) if make is not None else None

    return read


def _text(value: Any) -> str:
    return "<no value>" if value is None else gotext.plain(value)


def _integer(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number(value: Any) -> float | None:
    """Whole numbers are written without a fraction, as Go writes them."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if float(value).is_integer() else value


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


_MAKE: dict[str, Callable[[Any], Any]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}
