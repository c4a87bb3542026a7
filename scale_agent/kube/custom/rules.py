"""Rules in CEL (``x-kubernetes-validations``): asked of every object that has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scale_agent.kube.custom.schema import Node
from scale_agent.kube.status import Cause


def problems(node: Node, value: Any, old: Any) -> Iterator[Cause]:
    """The causes of a value that breaks rules of its schema; ``old`` is ``None`` for a new one."""
    yield from ()
