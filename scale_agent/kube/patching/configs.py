"""An applied configuration against its type: whether it fits, and which fields it sets.

Rules: structured-merge-diff ``typed/validate.go`` and ``typed/tofieldset.go``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from scale_agent.kube.patching.atoms import Atom, ListAtom, MapAtom, Scalar, TypedError
from scale_agent.kube.patching.elements import shown
from scale_agent.kube.patching.fieldsets import Node, member
from scale_agent.kube.patching.gotypes import go_text


def check(atom: Atom, value: Any) -> None:
    """Refuse a value that does not fit. Raises :class:`TypedError` with all that is wrong, path by path."""
    found = [f"{path}: {why}" if path else why for path, why in _problems(atom, value, "")]
    if found:
        raise TypedError(found[0] if len(found) == 1 else "\n  ".join(("errors:", *found)))


def fits(atom: Atom, value: Any) -> bool:
    """Whether a stored value is one of a type; unlike a configuration it may hold an element twice."""
    return all(why.startswith("duplicate") for _, why in _problems(atom, value, ""))


def _problems(atom: Atom, value: Any, path: str) -> Iterator[tuple[str, str]]:
    shape = atom.of(value)
    if value is None:
        return
    if isinstance(shape, Scalar):
        why = _not_scalar(shape, value)
        if why:
            yield path, why
    elif isinstance(shape, ListAtom):
        yield from _list_problems(shape, value, path)
    elif not isinstance(value, dict):
        yield path, f"expected map, got &{{{go_text(value)}}}"
    else:
        yield from _map_problems(shape, value, path)


def _map_problems(shape: MapAtom, value: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name, inner in value.items():
        atom = shape.fields.get(name, shape.element)
        if atom is None:
            yield f"{path}.{name}", "field not declared in schema"
            return
        yield from _problems(atom, inner, f"{path}.{name}")


def _list_problems(shape: ListAtom, value: Any, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(value, list):
        yield path, f"expected list, got &{{{go_text(value)}}}"
        return
    seen: set[str] = set()
    for index, child in enumerate(value):
        element = f"i:{index}"
        if not shape.atomic:
            try:
                element = shape.path_element(child)
            except TypedError as error:
                yield path, f"element {index}: {error}"
                return
            if element in seen:
                yield path, f"duplicate entries for key {shown(element)}"
            seen.add(element)
        yield from _problems(shape.element, child, path + shown(element))


_GO_TYPES = {bool: "bool", str: "string", int: "int64", float: "float64"}
_PYTHON = {"string": (str,), "numeric": (int, float), "boolean": (bool,), "untyped": (str, int, float, bool)}


def _not_scalar(shape: Scalar, value: Any) -> str:
    right = _PYTHON[shape.name]
    if isinstance(value, right) and (shape.name != "numeric" or not isinstance(value, bool)):
        return ""
    if shape.name == "numeric":
        return f"expected numeric (int or float), got {_go_type(value)}"
    if shape.name == "string":
        return f"expected string, got &value.valueUnstructured{{Value:{_go_syntax(value)}}}"
    return f"expected {'boolean' if shape.name == 'boolean' else 'any scalar'}, got &{{{go_text(value)}}}"


def _go_type(value: Any) -> str:
    if isinstance(value, dict):
        return "map[string]interface {}"
    return "[]interface {}" if isinstance(value, list) else _GO_TYPES[type(value)]


def _go_syntax(value: Any) -> str:
    """Go's ``%#v`` of a decoded JSON value."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(name)}:{_go_syntax(one)}" for name, one in sorted(value.items()))
        return f"map[string]interface {{}}{{{inner}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_go_syntax, value))}}}"
    return "interface {}(nil)" if value is None else json.dumps(value, ensure_ascii=False)


def field_set(atom: Atom, value: Any) -> Node:
    """The fields that a configuration sets. Raises :class:`TypedError`."""
    out: Node = {}
    _fields(atom, value, out)
    return out


def _fields(atom: Atom | None, value: Any, out: Node) -> bool:
    """Put what is set below a value into ``out``; whether the value is set as a whole."""
    shape = atom.of(value) if atom is not None else None
    if isinstance(shape, MapAtom):
        if not shape.atomic and isinstance(value, dict):
            _set_members(shape, value, out)
        return shape.atomic
    if isinstance(shape, ListAtom):
        if not shape.atomic and isinstance(value, list):
            _set_elements(shape, value, out)
        return shape.atomic
    return True


def _set_members(shape: MapAtom, value: dict[str, Any], out: Node) -> None:
    for name, inner in value.items():
        below: Node = {}
        whole = _fields(shape.fields.get(name, shape.element), inner, below)
        if whole or inner is None or inner == {} or name not in shape.fields:
            out[f"f:{name}"] = member(below)
        elif below:
            out[f"f:{name}"] = below


def _set_elements(shape: ListAtom, value: list[Any], out: Node) -> None:
    elements = [shape.path_element(child) for child in value]
    often = Counter(elements)
    for element, child in zip(elements, value, strict=True):
        below: Node = {}
        if often[element] == 1:
            _fields(shape.element, child, below)
        out[element] = member(below)
