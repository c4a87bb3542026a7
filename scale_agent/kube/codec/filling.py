"""Parsed texts with marks in them (:mod:`.masks`), and how they are filled: what holds no mark is shared, only read.

An object is 20 us to parse and to give back; filled, it is the few dicts above its uids and times, 6 us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Values = Mapping[bytes, bytes]
#: Makes a value of which some part is a mark.
Fill = Callable[[Values], Any]


def of(value: Any) -> Fill:
    """How to fill a parsed text whose marks begin with NUL and end with SOH."""
    return _fill(value) or (lambda _: value)


def _fill(value: Any) -> Fill | None:
    """``None``: there is nothing to fill."""
    if isinstance(value, str):
        return _text(value) if "\0" in value else None
    if isinstance(value, dict):
        return _dict(value)
    return _list(value) if isinstance(value, list) else None


def _text(value: str) -> Fill:
    first, *rest = value.split("\0")
    pieces = [(name.encode(), after) for name, _, after in (part.partition("\1") for part in rest)]
    if len(pieces) == 1 and not first and not pieces[0][1]:
        (only, _), *_ = pieces
        return lambda values: values[only].decode()
    return lambda values: first + "".join([values[name].decode() + after for name, after in pieces])


def _dict(value: dict[str, Any]) -> Fill | None:
    holes = [(name, fill) for name, each in value.items() if (fill := _fill(each)) is not None]
    if any("\0" in name for name in value):
        return _renamed(value, dict(holes))
    if not holes:
        return None

    def filled(values: Values) -> dict[str, Any]:
        out = value.copy()
        for name, fill in holes:
            out[name] = fill(values)
        return out

    return filled


def _renamed(value: dict[str, Any], holes: Mapping[str, Fill]) -> Fill:
    """A dict of whose names some hold marks (``k:{"uid":"…"}``): its order stays."""
    names = [(_text(name) if "\0" in name else None, name, holes.get(name), each) for name, each in value.items()]

    def filled(values: Values) -> dict[str, Any]:
        return {
            name if rename is None else rename(values): each if fill is None else fill(values)
            for rename, name, fill, each in names
        }

    return filled


def _list(value: list[Any]) -> Fill | None:
    holes = [(place, fill) for place, each in enumerate(value) if (fill := _fill(each)) is not None]
    if not holes:
        return None

    def filled(values: Values) -> list[Any]:
        out = value.copy()
        for place, fill in holes:
            out[place] = fill(values)
        return out

    return filled
