"""Field sets, as FieldsV1 writes them: who owns which fields, as a tree.

A set is a dict whose keys are path elements (``f:spec``, ``k:{"name":"web"}``, ``v:"x"``, ``i:0``) and whose values are
the nodes below. A node that is empty, or has a ``"."``, is in the set itself; the root never is. Every node without a
``"."`` has something below it. Sets are values: operations return new ones and may share nodes with their arguments.

Rules: sigs.k8s.io/structured-merge-diff, package ``fieldpath`` (``Set``).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from scale_agent.kube.patching.elements import canonical, shown, sort_key

Node = dict[str, Any]
#: The mark of a node that is in the set and has something below it.
SELF = "."


def is_member(node: Node) -> bool:
    """Whether a node (never the root) is in its set."""
    return not node or SELF in node


def member(children: Node) -> Node:
    """A node that is in the set, with these below it."""
    return {SELF: {}, **children} if children else {}


def union(left: Node, right: Node) -> Node:
    """What is in either of two sets; ``left`` itself if it has everything."""
    if not left or not right:
        return left or right
    out = left
    for name, node in right.items():
        mine = left.get(name)
        both = node if mine is None else _united(mine, node)
        if both is not mine:
            if out is left:
                out = dict(left)
            out[name] = both
    return out


def _united(left: Node, right: Node) -> Node:
    if not right and (not left or SELF in left):
        return left
    if not left:
        return right if is_member(right) else member(right)
    if not right:
        return left if is_member(left) else member(left)
    return union(left, right)


def difference(left: Node, right: Node) -> Node:
    """What is in ``left`` and not in ``right``; what is below a member of ``right`` stays. ``left`` if nothing goes."""
    if not left or not right:
        return left
    out = left
    for name, other in right.items():
        node = left.get(name)
        if node is None or name == SELF:
            continue
        rest = _remaining(node, other)
        if rest is node:
            continue
        if out is left:
            out = dict(left)
        if rest is None:
            del out[name]
        else:
            out[name] = rest
    return out


def _remaining(node: Node, other: Node) -> Node | None:
    """A node without what another one has; ``None`` if nothing is left."""
    goes = is_member(node) and is_member(other)
    if not node:
        return None if goes else node
    below = difference(node, other)
    if goes:
        below = {name: inner for name, inner in below.items() if name != SELF}
        return below or None
    if below.keys() == {SELF}:
        return {}
    return below or None


def intersection(left: Node, right: Node) -> Node:
    """What is in both of two sets."""
    out: Node = {}
    for name, node in left.items():
        other = right.get(name)
        if other is None or name == SELF:
            continue
        below = intersection(node, other)
        if is_member(node) and is_member(other):
            out[name] = member(below)
        elif below:
            out[name] = below
    return out


def without(left: Node, right: Node) -> Node:
    """What is in ``left`` and neither in ``right`` nor below a member of it."""
    out: Node = {}
    for name, node in left.items():
        other = right.get(name)
        if other is None or name == SELF:
            out[name] = node
        elif not is_member(other):
            below = without(node, other) if node else node
            if below or not node:
                out[name] = {} if below.keys() == {SELF} else below
    return out


def has(fields: Node, path: tuple[str, ...]) -> bool:
    """Whether a path is in a set."""
    node: Node | None = fields
    for element in path:
        node = node.get(element) if node else None
        if node is None:
            return False
    return is_member(node) if node is not None else False


def paths(fields: Node, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The members in the real server's order: those of a level first, then what is below each."""
    names = sorted((name for name in fields if name != SELF), key=sort_key)
    for name in names:
        if is_member(fields[name]):
            yield (*prefix, name)
    for name in names:
        yield from paths(fields[name], (*prefix, name))


@lru_cache(maxsize=256)
def text_of(path: tuple[str, ...]) -> str:
    """A path as messages show it: ``.spec.containers[name="web"].image``."""
    return "".join(map(shown, path))


def ordered(fields: Node) -> Node:
    """A set as the real server writes it: ``"."`` first, then field names, keys, values, indices, each in order."""
    if len(fields) < 2:
        return {name: ordered(node) if node else node for name, node in fields.items()}
    return {name: ordered(fields[name]) if fields[name] else {} for name in sorted(fields, key=sort_key)}


def parsed(fields: Any) -> Node:
    """A client's FieldsV1 as a set. Raises ``ValueError`` for what is none; unknown kinds of elements are left out."""
    if not isinstance(fields, dict):
        raise ValueError("a field set is an object")
    out = _parsed(fields)
    out.pop(SELF, None)
    return out


def _parsed(fields: Node) -> Node:
    out: Node = {}
    for name, inner in fields.items():
        if not isinstance(inner, dict):
            raise ValueError("a field set holds objects only")
        element = SELF if name == SELF else canonical(name)
        if element is not None:
            out[element] = _parsed(inner)
    return out
