"""What stands in a printer column that a definition describes (``registry/customresource/tableconvertor``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scale_agent.kube.custom import formats, gotext, jsonpath

Obj = Mapping[str, Any]
#: Time since a moment, given that and now.
Age = Callable[[Any, float], str]
_LARGEST = 1 << 63


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
            return _since(found[0], now, age)
        return make(found[0]) if make is not None else None

    return read


def _since(value: Any, now: float, age: Age) -> str | None:
    if not isinstance(value, str):
        return None
    return age(value, now) if value == "" or formats.valid("date-time", value) else "<invalid>"


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return gotext.json(value)
    return "<no value>" if value is None else gotext.plain(value)


def _integer(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if abs(value) < _LARGEST else -_LARGEST  # what Go's conversion of such a float gives


def _number(value: Any) -> float | None:
    """Whole numbers are written without a fraction, as Go writes them."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if float(value).is_integer() and abs(value) < _LARGEST else float(value)


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


_MAKE: dict[str, Callable[[Any], Any]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
}
