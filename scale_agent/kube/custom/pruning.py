"""Removing what a structural schema does not know, and nulls that it does not allow.

Rules: ``apiextensions-apiserver/pkg/apiserver/schema/pruning`` and ``…/defaulting/prunenulls.go``.
"""

from __future__ import annotations

from typing import Any

from scale_agent.kube.custom.schema import Node

_META = frozenset(("apiVersion", "kind", "metadata"))


def prune(value: Any, node: Node | None, *, root: bool = False) -> list[str]:
    """Remove unknown members in place; their paths, sorted. ``root``: kind, apiVersion and metadata stay as is."""
    unknown: list[str] = []
    _Pruner(unknown).prune(value, node, "", embedded=root)
    return sorted(unknown)


class _Pruner:
    """Walks one value."""

    def __init__(self, unknown: list[str]) -> None:
        self.unknown = unknown

    def prune(self, value: Any, node: Node | None, path: str, *, embedded: bool = False) -> None:
        if not isinstance(value, dict | list):
            return
        if node is not None and node.preserve:
            self.keep(value, node, path, embedded=embedded)
        elif isinstance(value, list):
            items = node.items if node is not None else None
            for index, one in enumerate(value):
                self.prune(one, items, f"{path}[{index}]")
        else:
            self._members(value, node, path, embedded=embedded or (node is not None and node.embedded))

    def _members(self, value: dict[str, Any], node: Node | None, path: str, *, embedded: bool) -> None:
        for name in list(value):
            if embedded and name in _META:
                continue
            place = f"{path}.{name}" if path else name
            if node is not None and name in node.properties:
                self.prune(value[name], node.properties[name], place)
            elif node is not None and node.additional is not None:
                self.prune(value[name], node.extra, place)
            else:
                if name not in _META or path:
                    self.unknown.append(place)
                del value[name]

    def keep(self, value: Any, node: Node | None, path: str, *, embedded: bool = False) -> None:
        """Below ``x-kubernetes-preserve-unknown-fields`` only what is declared again is pruned."""
        if node is None:
            return
        if isinstance(value, list):
            for index, one in enumerate(value):
                self.keep(one, node.items, f"{path}[{index}]")
        elif isinstance(value, dict):
            for name, inner in value.items():
                if (embedded or node.embedded) and name in _META:
                    continue
                place = f"{path}.{name}" if path else name
                if name in node.properties:
                    self.prune(inner, node.properties[name], place)
                elif node.additional is not None:
                    self.prune(inner, node.extra, place)


def drop_nulls(value: Any, node: Node | None) -> None:
    """Remove members that are null although their schema does not allow it and has no default for them, in place."""
    if isinstance(value, dict):
        for name, inner in list(value.items()):
            below = node.member(name) if node is not None else None
            if inner is None and below is not None and not below.nullable and below.default is None:
                del value[name]
            else:
                drop_nulls(inner, below)
    elif isinstance(value, list):
        items = node.items if node is not None else None
        for one in value:
            drop_nulls(one, items)
