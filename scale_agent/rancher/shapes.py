"""Looking into JSON that a server sent, without trusting its shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def mapping(raw: Any) -> Mapping[str, Any]:
    """The object itself; an empty one for everything that is none."""
    return raw if isinstance(raw, Mapping) else {}


def inside(raw: Any, *keys: str) -> Any:
    """``raw[key][key]…``, ``None`` where the path ends."""
    for key in keys:
        raw = mapping(raw).get(key)
    return raw


def text(raw: Any, *keys: str) -> str:
    """The string at a path, ``""`` if there is none."""
    found = inside(raw, *keys)
    return found if isinstance(found, str) else ""


def strings(raw: Any, *keys: str) -> dict[str, str]:
    """The object of strings at a path (labels, annotations)."""
    return {str(key): str(value) for key, value in mapping(inside(raw, *keys)).items()}


def objects(raw: Any) -> Iterable[Mapping[str, Any]]:
    """The objects of a list; nothing if it is none."""
    return (one for one in raw if isinstance(one, Mapping)) if isinstance(raw, list) else ()
