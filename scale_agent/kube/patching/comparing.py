"""What differs between two states of an object, as three field sets.

Rules: structured-merge-diff ``typed/compare.go``: an atomic or scalar value differs as a whole; what one side does not
have is added or removed with everything in it; elements that a list holds twice count as one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scale_agent.kube.patching.atoms import Atom, ListAtom, MapAtom
from scale_agent.kube.patching.fieldsets import Node, member, union, without

_NOTHING: dict[str, Any] = {}


@dataclass(slots=True)
class Comparison:
    """Fields of the older state that are gone, fields of both that differ, fields of the newer state that are new."""

    removed: Node = field(default_factory=dict)
    modified: Node = field(default_factory=dict)
    added: Node = field(default_factory=dict)

    @property
    def changed(self) -> Node:
        """What the newer state says otherwise."""
        return union(self.modified, self.added)

    def reset(self, fields: Node) -> Comparison:
        """Without fields that the server sets back."""
        if not fields:
            return self
        return Comparison(without(self.removed, fields), without(self.modified, fields), without(self.added, fields))


def compare(atom: Atom, old: Any, new: Any) -> Comparison:
    """Compare two objects of one type. Raises :class:`~scale_agent.kube.patching.atoms.TypedError`."""
    out = Comparison()
    _compare(atom, old, new, out)
    return out


def equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: ``true`` is not 1."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _compare(atom: Atom, old: Any, new: Any, out: Comparison) -> bool:
    """Fill ``out`` with what differs below; whether the two differ as a whole."""
    before, after = atom.of(old), atom.of(new)
    whole = _by(after, old, new, out)
    if before is not after:
        whole = _by(before, old, new, out) or whole
    return whole


def _by(shape: object, old: Any, new: Any, out: Comparison) -> bool:
    if isinstance(shape, MapAtom):
        left, right = (value if isinstance(value, dict) else _NOTHING for value in (old, new))
        if shape.atomic or not (left or right):
            return not equal(old, new)
        _members(shape, left, right, out)
        return False
    if isinstance(shape, ListAtom):
        one, other = (value if isinstance(value, list) else [] for value in (old, new))
        if shape.atomic or not (one or other):
            return not equal(old, new)
        _elements(shape, one, other, out)
        return False
    return not equal(old, new)


def _members(shape: MapAtom, old: dict[str, Any], new: dict[str, Any], out: Comparison) -> None:
    fields = shape.fields
    for name, value in new.items():
        if name not in old:
            out.added[f"f:{name}"] = everything(fields.get(name, shape.element), value)
        elif old[name] != value or isinstance(value, bool):
            _both(fields.get(name, shape.element), f"f:{name}", old[name], value, out)
    for name in old.keys() - new.keys():
        out.removed[f"f:{name}"] = everything(fields.get(name, shape.element), old[name])


def _both(atom: Atom | None, element: str, old: Any, new: Any, out: Comparison) -> None:
    below = Comparison()
    whole = _compare(atom, old, new, below) if atom is not None else not equal(old, new)
    if whole:
        out.modified[element] = {}
    for into, found in ((out.removed, below.removed), (out.modified, below.modified), (out.added, below.added)):
        if found:
            into[element] = member(found) if element in into else found


def _grouped(shape: ListAtom, values: list[Any]) -> dict[str, list[Any]]:
    out: dict[str, list[Any]] = {}
    for value in values:
        out.setdefault(shape.path_element(value), []).append(value)
    return out


def _elements(shape: ListAtom, old: list[Any], new: list[Any], out: Comparison) -> None:
    before, after = _grouped(shape, old), _grouped(shape, new)
    for element, values in after.items():
        _element(shape, element, before.get(element, []), values, out)
    for element, values in before.items():
        if element not in after:
            _element(shape, element, values, [], out)


def _element(shape: ListAtom, name: str, old: list[Any], new: list[Any], out: Comparison) -> None:
    """One element, which either list may hold several times: then it is compared as a whole."""
    if len(old) > 1 and len(new) > 1:
        if old != new:
            out.modified[name] = {}
    elif len(old) > 1:
        if new:
            out.added[name] = everything(shape.element, new[0])
        out.removed[name] = {}
    elif len(new) > 1:
        if old:
            out.removed[name] = everything(shape.element, old[0])
        out.added[name] = {}
    elif not old:
        out.added[name] = everything(shape.element, new[0])
    elif not new:
        out.removed[name] = everything(shape.element, old[0])
    elif old[0] != new[0]:
        _both(shape.element, name, old[0], new[0], out)


def everything(atom: Atom | None, value: Any) -> Node:
    """The node of a value that one side has and the other has not: itself and all that is in it."""
    if atom is None or not value or not isinstance(value, dict | list):
        return {}
    shape = atom.of(value)
    if isinstance(shape, MapAtom) and isinstance(value, dict):
        if shape.atomic:
            return {}
        fields, rest = shape.fields, shape.element
        return member({f"f:{name}": everything(fields.get(name, rest), inner) for name, inner in value.items()})
    if isinstance(shape, ListAtom) and isinstance(value, list) and not shape.atomic:
        groups = _grouped(shape, value)
        return member(
            {name: everything(shape.element, same[0]) if len(same) == 1 else {} for name, same in groups.items()}
        )
    return {}
