"""What controllers know of a snapshot: found once, for all clusters that begin with it. Nobody changes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from scale_agent.kube.storage.snapshot import Snapshot

_T = TypeVar("_T")
_FOUND: WeakKeyDictionary[Snapshot, dict[Callable[[Snapshot], Any], Any]] = WeakKeyDictionary()


def once(snapshot: Snapshot, find: Callable[[Snapshot], _T]) -> _T:
    """What ``find`` finds in a snapshot."""
    known = _FOUND.setdefault(snapshot, {})
    if find not in known:
        known[find] = find(snapshot)
    found: _T = known[find]
    return found
