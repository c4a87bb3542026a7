"""JSON patch (RFC 6902) and JSON merge patch (RFC 7386) on JSON-shaped values.

Neither changes its arguments. A JSON patch that cannot be applied raises :class:`PatchError`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

Json = Any
#: A JSON patch may not have more operations than this (apiserver: maxJSONPatchOperations).
MAX_OPERATIONS = 10_000


class PatchError(ValueError):
    """The patch cannot be applied to this document."""


def merge(target: Json, patch: Json) -> Json:
    """RFC 7386: objects merge, ``null`` removes, everything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    out = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = merge(out.get(name), value)
    return out


def json_patch(target: Json, operations: Json) -> Json:
    """RFC 6902, operations in order; all or nothing."""
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    if len(operations) > MAX_OPERATIONS:
        raise PatchError(f"at most {MAX_OPERATIONS} operations are allowed")
    out = copy.deepcopy(target)
    for operation in operations:
        if not isinstance(operation, dict) or operation.get("op") not in _OPERATIONS:
            raise PatchError(f"unknown operation {operation!r:.80}")
        out = _OPERATIONS[operation["op"]](out, operation)
    return out


def _pointer(operation: Json, name: str = "path") -> list[str]:
    text = operation.get(name)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchError(f"{name} must be a JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _value(operation: Json) -> Json:
    if "value" not in operation:
        raise PatchError("value is missing")
    return copy.deepcopy(operation["value"])


def _index(array: list[Json], part: str, *, adding: bool = False) -> int:
    if part == "-" and adding:
        return len(array)
    if not re.fullmatch(r"0|-?[1-9][0-9]{0,8}", part):
        raise PatchError(f"not an index: {part!r}")
    index = int(part)
    if index < 0:  # the Go library that Kubernetes uses counts from the end
        index += len(array)
    if not 0 <= index < len(array) + adding:
        raise PatchError(f"no such index: {part}")
    return index


def _step(at: Json, part: str) -> Json:
    if isinstance(at, dict):
        if part not in at:
            raise PatchError(f"no such member: {part!r}")
        return at[part]
    if isinstance(at, list):
        return at[_index(at, part)]
    raise PatchError(f"{part!r} is below a plain value")


def _lookup(document: Json, pointer: list[str]) -> Json:
    for part in pointer:
        document = _step(document, part)
    return document


def _add(document: Json, operation: Json) -> Json:
    return _put(document, _pointer(operation), _value(operation))


def _put(document: Json, pointer: list[str], value: Json) -> Json:
    if not pointer:
        return value
    parent = _lookup(document, pointer[:-1])
    if isinstance(parent, list):
        parent.insert(_index(parent, pointer[-1], adding=True), value)
    elif isinstance(parent, dict):
        parent[pointer[-1]] = value
    else:
        raise PatchError(f"{pointer[-1]!r} is below a plain value")
    return document


def _remove(document: Json, operation: Json) -> Json:
    return _take(document, _pointer(operation))[0]


def _take(document: Json, pointer: list[str]) -> tuple[Json, Json]:
    if not pointer:
        raise PatchError("the whole document cannot be removed")
    parent = _lookup(document, pointer[:-1])
    taken = _step(parent, pointer[-1])
    if isinstance(parent, list):
        del parent[_index(parent, pointer[-1])]
    else:
        del parent[pointer[-1]]
    return document, taken


def _replace(document: Json, operation: Json) -> Json:
    pointer = _pointer(operation)
    value = _value(operation)
    if not pointer:
        return value
    parent = _lookup(document, pointer[:-1])
    _step(parent, pointer[-1])
    if isinstance(parent, list):
        parent[_index(parent, pointer[-1])] = value
    else:
        parent[pointer[-1]] = value
    return document


def _move(document: Json, operation: Json) -> Json:
    source, target = _pointer(operation, "from"), _pointer(operation)
    if target[: len(source)] == source and len(target) > len(source):
        raise PatchError("a value cannot move into itself")
    if source == target:
        _lookup(document, source)
        return document
    document, taken = _take(document, source)
    return _put(document, target, taken)


def _copy(document: Json, operation: Json) -> Json:
    value = copy.deepcopy(_lookup(document, _pointer(operation, "from")))
    return _put(document, _pointer(operation), value)


def _test(document: Json, operation: Json) -> Json:
    if not _same(_lookup(document, _pointer(operation)), operation.get("value")):
        raise PatchError("a test failed")
    return document


def _same(left: Json, right: Json) -> bool:
    """Equality of JSON values: ``true`` is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


_OPERATIONS: dict[str, Callable[[Json, Json], Json]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
