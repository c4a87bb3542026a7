"""Putting a configuration into a live object, and taking items out of one.

Rules: structured-merge-diff ``typed/merge.go`` (the configuration wins at every leaf; lists by key keep the
configuration's order for what both have) and ``typed/remove.go``. Arguments are not changed; results may share parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scale_agent.kube.patching.atoms import Atom, ListAtom, MapAtom
from scale_agent.kube.patching.fieldsets import Node, is_member

_ABSENT: Any = object()


def merge(atom: Atom | None, live: Any, config: Any) -> Any:
    """The live value with the configuration put in. Raises :class:`~scale_agent.kube.patching.atoms.TypedError`."""
    shape = atom.of(config) if atom is not None else None
    if isinstance(shape, MapAtom):
        left, right = (value if isinstance(value, dict) else {} for value in (live, config))
        return config if shape.atomic or not (left or right) else _merge_members(shape, left, right)
    if isinstance(shape, ListAtom):
        one, other = (value if isinstance(value, list) else [] for value in (live, config))
        return config if shape.atomic or not (one or other) else _merge_elements(shape, one, other)
    return config


def _merge_members(shape: MapAtom, live: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    out = dict(live)
    for name, value in config.items():
        out[name] = merge(shape.fields.get(name, shape.element), live[name], value) if name in live else value
    return out


def _merge_elements(shape: ListAtom, live: list[Any], config: list[Any]) -> list[Any]:
    left = [shape.path_element(child) for child in live]
    right = [shape.path_element(child) for child in config]
    known: dict[str, Any] = {}
    for element, child in zip(left, live, strict=True):
        known[element] = child if element not in known else None  # what is there twice is not merged with
    wanted = dict(zip(right, config, strict=True))
    out = []
    for element, place in _interleaved(left, right):
        if element not in wanted:
            out.append(live[place])
        elif element in known:
            out.append(merge(shape.element, known[element], wanted[element]))
        else:
            out.append(wanted[element])
    return out


def _interleaved(left: Sequence[str], right: Sequence[str]) -> list[tuple[str, int]]:
    """The elements of both lists in their merged order, each with its place in ``left`` (-1: from ``right``).

    Elements of ``right`` keep their order; those of ``left`` alone stay near what stood before them.
    """
    ours, theirs = set(left), set(right)
    shared = iter([element for element in right if element in ours])
    following = next(shared, None)
    merged: set[str] = set()
    out: list[tuple[str, int]] = []
    i = j = 0
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right):
            if left[i] == right[j]:
                out.append((left[i], -1))
                merged.add(left[i])
                i, j, following = i + 1, j + 1, next(shared, None)
                continue
            if left[i] in theirs and following is not None and following != left[i]:
                i += 1
                continue
        if i < len(left):
            if left[i] not in theirs:
                out.append((left[i], i))
                i += 1
                continue
            if left[i] in merged:
                i += 1
        if j < len(right):
            out.append((right[j], -1))
            merged.add(right[j])
            if following == right[j]:
                following = next(shared, None)
            j += 1
    return out


def remove(atom: Atom | None, value: Any, fields: Node) -> Any:
    """A value without the items of a field set; containers that lose what is in them stay, empty."""
    shape = atom.of(value) if atom is not None else None
    if isinstance(shape, MapAtom):
        return _without_members(shape, value, fields) if isinstance(value, dict) and not shape.atomic else None
    if isinstance(shape, ListAtom):
        return _without_elements(shape, value, fields) if isinstance(value, list) and not shape.atomic else None
    return value


def _kept(atom: Atom | None, value: Any, node: Node | None) -> Any:
    """One item after removal: itself, a part of it, or nothing."""
    if node is None:
        return value
    if is_member(node):
        return _ABSENT
    rest = remove(atom, value, node)
    if rest is None and isinstance(value, dict | list):
        return {} if isinstance(value, dict) else []
    return rest


def _without_members(shape: MapAtom, value: dict[str, Any], fields: Node) -> Any:
    out, touched = {}, False
    for name, inner in value.items():
        node = fields.get(f"f:{name}")
        kept = _kept(shape.fields.get(name, shape.element), inner, node)
        if kept is not _ABSENT:
            out[name] = kept
            touched = touched or node is not None
    return out if out or touched else None


def _without_elements(shape: ListAtom, value: list[Any], fields: Node) -> Any:
    out, touched = [], False
    for child in value:
        node = fields.get(shape.path_element(child))
        kept = _kept(shape.element, child, node)
        if kept is not _ABSENT:
            out.append(kept)
            touched = touched or node is not None
    return out if out or touched else None


def with_named_fields(atom: Atom | None, fields: Node) -> Node:
    """A set with the declared fields that only have something below them: these are never members by themselves."""
    out: Node = {}
    for name, node in fields.items():
        if not node or name == ".":
            out[name] = node
            continue
        inner, named = _below(atom, name)
        below = with_named_fields(inner, node)
        out[name] = {".": {}, **below} if named and not is_member(node) else below
    return out


def _below(atom: Atom | None, element: str) -> tuple[Atom | None, bool]:
    """The type below a path element, and whether the element is a declared field."""
    if atom is None:
        return None, False
    if element.startswith("f:") and atom.map is not None:
        name = element[2:]
        return atom.map.fields.get(name, atom.map.element), name in atom.map.fields
    if element.startswith("k:") and atom.list is not None:
        return atom.list.element, False
    return None, False
