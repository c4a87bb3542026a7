"""Filling in the defaults of a structural schema (``apiextensions-apiserver/pkg/apiserver/schema/defaulting``)."""

from __future__ import annotations

import copy
from typing import Any

from scale_agent.kube.custom.schema import Node


def fill(value: Any, node: Node | None) -> None:
    """Give every member that is missing, or null where null is not allowed, its default, in place."""
    if node is None:
        return
    if isinstance(value, dict):
        for name, below in node.properties.items():
            if below.default is not None and (name not in value or _wrong_null(value[name], below)):
                value[name] = copy.deepcopy(below.default)
        _members(value, node)
    elif isinstance(value, list) and node.items is not None:
        for index, one in enumerate(value):
            if _wrong_null(one, node.items):
                value[index] = copy.deepcopy(node.items.default)
            fill(value[index], node.items)


def _members(value: dict[str, Any], node: Node) -> None:
    for name, inner in value.items():
        below = node.member(name)
        if below is None:
            continue
        if name not in node.properties and _wrong_null(inner, below):
            value[name] = copy.deepcopy(below.default)
        fill(value[name], below)


def _wrong_null(value: Any, node: Node) -> bool:
    return value is None and not node.nullable
