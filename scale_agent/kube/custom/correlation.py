"""What a value was before: old and new members by name, elements of lists of type map by their keys.

Rules: ``k8s.io/apiserver/pkg/cel/common.CorrelatedObject``.
"""

from __future__ import annotations

from typing import Any

from scale_agent.kube.custom import gotext
from scale_agent.kube.custom.schema import Node


class Pair:
    """A new value and the old one."""

    __slots__ = ("_by_key", "_same", "new", "node", "old")

    def __init__(self, new: Any, old: Any, node: Node) -> None:
        self.new = new
        self.old = old
        self.node = node
        self._same: bool | None = None
        self._by_key: dict[str, Any] | None = None

    def same(self) -> bool:
        """Whether nothing changed; lists of type map may have changed their order."""
        if self._same is None:
            self._same = self._compare()
        return self._same

    def _compare(self) -> bool:
        if isinstance(self.new, list) and isinstance(self.old, list) and self.node.list_type == "map":
            if len(self.new) != len(self.old):
                return False
            children = [self.index(index) for index in range(len(self.new))]
            return all(child is not None and child.same() for child in children)
        if isinstance(self.new, dict) and isinstance(self.old, dict) and self.new.keys() == self.old.keys():
            pairs = [(name, self.key(name)) for name in self.new]
            return all(child is not None and child.same() for _, child in pairs)
        return type(self.new) is type(self.old) and bool(self.new == self.old)

    def key(self, name: str) -> Pair | None:
        """A member that was there before; ``None`` if it was not, or if the schema does not know it."""
        if not isinstance(self.new, dict) or not isinstance(self.old, dict):
            return None
        below = self.node.member(name)
        if below is None or name not in self.old or name not in self.new:
            return None
        return Pair(self.new[name], self.old[name], below)

    def index(self, index: int) -> Pair | None:
        """An element that was there before; only elements of lists of type map are known again."""
        if self.node.list_type != "map" or self.node.items is None:
            return None
        if not isinstance(self.new, list) or not isinstance(self.old, list):
            return None
        before = self._elements().get(_key_of(self.new[index], self.node.list_keys))
        return None if before is None else Pair(self.new[index], before, self.node.items)

    def _elements(self) -> dict[str, Any]:
        if self._by_key is None:
            self._by_key = {}
            for one in self.old:
                self._by_key.setdefault(_key_of(one, self.node.list_keys), one)
        return self._by_key


def _key_of(element: Any, keys: tuple[str, ...]) -> str:
    if not isinstance(element, dict):
        return ""
    return gotext.json([element.get(name) for name in keys])
