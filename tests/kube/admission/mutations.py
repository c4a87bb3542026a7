"""Valid objects of every built-in kind, and what becomes of each when one thing in it is changed.

The same changes were sent to a real server (:mod:`record`) and are sent to ours.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Obj = dict[str, Any]
Path_ = tuple[str | int, ...]
#: Everything with a name of its own is called after it.
NAMESPACE = "admission"
BASES = Path(__file__).parent / "data" / "bases.yaml"
GONE = object()
TEXTS = ("", "Bad_Value!", "x" * 300)
NUMBERS = (-1, 0, 99999999)


def bases() -> list[Obj]:
    """One full object of every kind, and variants."""
    text = BASES.read_text(encoding="utf-8").replace("NS", NAMESPACE)
    found: list[Obj] = copy.deepcopy(yaml.safe_load(text))
    return [_unshared(one) for one in found]


def _unshared(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unshared(one) for name, one in value.items()}
    return [_unshared(one) for one in value] if isinstance(value, list) else value


def mutations(base: Obj) -> Iterator[tuple[str, Path_, Any]]:
    """What is changed (words, place, new value) in one object after another."""
    yield "as it is", ("kind",), base["kind"]
    for path, value in _places(base, ()):
        if path[0] in ("apiVersion", "kind") or path == ("metadata", "name"):
            continue
        for label, new in _values(value):
            yield f"{_shown(path)}: {label}", path, new


def _places(value: Any, path: Path_) -> Iterator[tuple[Path_, Any]]:
    if path:
        yield path, value
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _places(one, (*path, name))
    elif isinstance(value, list):
        for index, one in enumerate(value[:4]):
            yield from _places(one, (*path, index))


def _shown(path: Path_) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path)


def _values(value: Any) -> Iterator[tuple[str, Any]]:
    yield "gone", GONE
    if isinstance(value, str):
        yield from ((text[:12] or "empty", text) for text in TEXTS)
    elif isinstance(value, bool):
        yield "turned", not value
    elif isinstance(value, int):
        yield from ((str(number), number) for number in NUMBERS)
    elif isinstance(value, list):
        yield "empty", []
        yield "doubled", [*value, *value[:1]]
    else:
        yield "empty", {}
        if all(isinstance(one, str) for one in value.values()):
            yield "odd key", {**value, "odd key!": "x y!"}


def changed(base: Obj, path: Path_, new: Any) -> Obj:
    """A copy of an object with one place changed; ``LookupError`` if it has no such place."""
    out = copy.deepcopy(base)
    at: Any = out
    for step in path[:-1]:
        at = at[step]
    if new is GONE:
        at.pop(path[-1])
    else:
        at[path[-1]] = copy.deepcopy(new)
    return out


def namespace_of(obj: Obj) -> str:
    """Where an object is made: what limits others has a namespace for itself."""
    return f"{NAMESPACE}-limits" if obj["kind"] in ("LimitRange", "ResourceQuota") else NAMESPACE
