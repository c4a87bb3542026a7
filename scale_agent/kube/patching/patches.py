"""JSON patch and JSON merge patch as the API server's library applies them: evanphx/json-patch v4, not the RFCs.

Where it differs from RFC 6902: ``replace`` of a missing member adds it, indices may be negative, ``add`` cannot replace
the whole document, a missing value is null, a missing member passes a test for null. Where it differs from RFC 7386:
nulls are taken out of objects inside new lists too. The libraries on PyPI (jsonpatch, json-merge-patch) follow the
RFCs, which clients of Kubernetes would notice; hence our own. Neither function changes its arguments.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

Json = Any
#: A JSON patch may not have more operations than this (apiserver: maxJSONPatchOperations).
MAX_OPERATIONS = 10_000
_MISSING: Any = object()


class PatchError(ValueError):
    """The patch cannot be applied to this document."""


def merge(target: Json, patch: Json) -> Json:
    """The merge patch applied: objects merge, ``null`` removes, everything else replaces."""
    if not isinstance(target, dict):
        return _pruned(patch)
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    out = dict(target)
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        elif out.get(name) is None:
            out[name] = _pruned(value)
        else:
            out[name] = merge(out[name], value)
    return out


def _pruned(value: Json) -> Json:
    """A new value without null members, at any depth; nulls that are elements of lists stay."""
    if isinstance(value, dict):
        return {name: _pruned(inner) for name, inner in value.items() if inner is not None}
    return [_pruned(inner) for inner in value] if isinstance(value, list) else value


def json_patch(target: Json, operations: Json) -> Json:
    """The operations applied in order, all or nothing. Raises :class:`PatchError`."""
    out = copy.deepcopy(target)
    for operation in operations:
        kind = operation.get("op")
        act = _OPERATIONS.get(kind) if isinstance(kind, str) else None
        if act is None:
            raise PatchError(f"Unexpected kind: {kind}")
        out = act(out, operation)
    return out


def _pointer(operation: Json, name: str = "path") -> list[str]:
    text = operation.get(name)
    if not isinstance(text, str):
        raise PatchError(f"{name} is missing")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _value(operation: Json) -> Json:
    return copy.deepcopy(operation.get("value"))


def _index(array: list[Json], part: str, size: int) -> int:
    """A place in an array of ``size`` places; negative ones count from the end."""
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", part):
        raise PatchError(f"value was not a proper array index: {part!r}")
    index = int(part)
    index += size if index < 0 else 0
    if not 0 <= index < size:
        raise PatchError(f"Unable to access invalid index: {part}")
    return index


def _parent(document: Json, pointer: list[str]) -> tuple[Json, str]:
    """The container that a pointer's last part is in, and that part."""
    if not pointer:
        raise PatchError("the whole document is no place in it")
    for part in pointer[:-1]:
        document = _member(document, part)
        if not isinstance(document, dict | list):
            raise PatchError(f"doc is missing path: {part!r}")
    return document, pointer[-1]


def _member(container: Json, part: str) -> Json:
    """A member of an object (missing ones too) or an element of an array."""
    if isinstance(container, dict):
        return container.get(part, _MISSING)
    return container[_index(container, part, len(container))]


def _add(document: Json, operation: Json) -> Json:
    return _put(document, _pointer(operation), _value(operation))


def _put(document: Json, pointer: list[str], value: Json) -> Json:
    parent, part = _parent(document, pointer)
    if isinstance(parent, dict):
        parent[part] = value
    elif part == "-":
        parent.append(value)
    else:
        parent.insert(_index(parent, part, len(parent) + 1), value)
    return document


def _remove(document: Json, operation: Json) -> Json:
    parent, part = _parent(document, _pointer(operation))
    _take(parent, part)
    return document


def _take(parent: Json, part: str) -> None:
    if isinstance(parent, list):
        del parent[_index(parent, part, len(parent))]
    elif part in parent:
        del parent[part]
    else:
        raise PatchError(f"Unable to remove nonexistent key: {part}")


def _replace(document: Json, operation: Json) -> Json:
    pointer = _pointer(operation)
    value = _value(operation)
    if operation["path"] == "":
        if not isinstance(value, dict | list):
            raise PatchError("replace operation value must be object or array")
        return value
    parent, part = _parent(document, pointer)
    if isinstance(parent, list):
        parent[_index(parent, part, len(parent))] = value
    else:
        parent[part] = value
    return document


def _move(document: Json, operation: Json) -> Json:
    parent, part = _parent(document, _pointer(operation, "from"))
    value = _member(parent, part)
    _take(parent, part)
    return _put(document, _pointer(operation), value)


def _copy(document: Json, operation: Json) -> Json:
    value = _member(*_parent(document, _pointer(operation, "from")))
    return _put(document, _pointer(operation), None if value is _MISSING else copy.deepcopy(value))


def _test(document: Json, operation: Json) -> Json:
    pointer = _pointer(operation)
    found = document if operation["path"] == "" else _member(*_parent(document, pointer))
    wanted = operation.get("value")
    if not _same(None if found is _MISSING else found, wanted):
        raise PatchError(f"testing value {operation['path']} failed")
    return document


def _same(left: Json, right: Json) -> bool:
    """Equality of JSON texts: ``true`` is not 1, and 1 is not 1.0."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return type(left) is type(right) and bool(left == right)


_OPERATIONS: dict[str, Callable[[Json, Json], Json]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
