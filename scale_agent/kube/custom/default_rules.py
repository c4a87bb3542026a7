"""Defaults must be what their own schema allows (``apiserver/schema/defaulting``: ``ValidateDefaults``)."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from scale_agent.kube.custom import causes, embedded, pruning, values
from scale_agent.kube.custom.causes import child, key
from scale_agent.kube.custom.schema import Node
from scale_agent.kube.status import Cause


def problems(node: Node, path: str) -> Iterator[Cause]:
    """The causes for which the defaults of a schema are refused."""
    if node.default is not None:
        yield from _default(node, child(path, "default"))
    if node.items is not None:
        yield from problems(node.items, child(path, "items"))
    for name, inner in sorted(node.properties.items()):
        yield from problems(inner, key(child(path, "properties"), name))


def _default(node: Node, path: str) -> Iterator[Cause]:
    pruned = copy.deepcopy(node.default)
    pruning.prune(pruned, node)
    if pruned != node.default:
        yield causes.invalid(path, node.default, "must not have unknown fields")
    found = list(embedded.problems(node.default, node, path))
    yield from found or values.check(node.default, node, path)
