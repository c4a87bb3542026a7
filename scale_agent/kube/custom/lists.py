"""Lists that are sets or maps hold nothing twice (``apiextensions-apiserver/pkg/apiserver/schema/listtype``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from scale_agent.kube.custom import causes, gotext
from scale_agent.kube.custom.schema import Node
from scale_agent.kube.status import Cause

#: What stands for a key that an element does not have: unlike null.
_UNSPECIFIED = object()


def duplicates(value: Any, node: Node, path: str = "") -> Iterator[Cause]:
    """One cause for each element of a set or map that is there already."""
    if not node.has_lists:
        return
    if isinstance(value, list):
        yield from _list(value, node, path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if node.extra is not None:
                yield from duplicates(inner, node.extra, causes.key(path, name))
            if name in node.properties:
                yield from duplicates(inner, node.properties[name], causes.child(path, name))


def _list(value: list[Any], node: Node, path: str) -> Iterator[Cause]:
    check = _CHECKS.get(node.list_type)
    if check is not None:
        yield from check(value, node, path)
    if node.items is not None:
        for index, one in enumerate(value):
            yield from duplicates(one, node.items, f"{path}[{index}]")


def _set(value: list[Any], _: Node, path: str) -> Iterator[Cause]:
    for index in _repeated(value):
        yield causes.duplicate(f"{path}[{index}]", value[index])


def _map(value: list[Any], node: Node, path: str) -> Iterator[Cause]:
    for index, one in enumerate(value):
        if one is not None and not isinstance(one, dict):
            detail = "must be an object for an array of list-type map"
            yield causes.invalid(f"{path}[{index}]", one, detail)
            return
    keys = [{name: one[name] for name in node.list_keys if name in one} if one else {} for one in value]
    compared: list[Any] = list(keys)
    if len(node.list_keys) == 1:
        compared = [key.get(node.list_keys[0], _UNSPECIFIED) for key in keys]
    for index in _repeated(compared):
        yield causes.duplicate(f"{path}[{index}]", keys[index])


_CHECKS: dict[str, Callable[[list[Any], Node, str], Iterator[Cause]]] = {"set": _set, "map": _map}


def _repeated(values: list[Any]) -> list[int]:
    """Where each value that occurs more than once occurs the second time."""
    seen: dict[tuple[str, Any], int] = {}
    found = []
    for index, one in enumerate(values):
        key = ("json", gotext.json(one)) if isinstance(one, dict | list) else (type(one).__name__, one)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 2:
            found.append(index)
    return found
