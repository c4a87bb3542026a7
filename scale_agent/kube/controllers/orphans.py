"""Pods and ReplicaSets that nobody controls: controllers whose selectors fit may adopt them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from scale_agent.kube.controllers import shared
from scale_agent.kube.controllers.common import PODS, is_controlled, selected
from scale_agent.kube.core import Core, Reconcile
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.snapshot import Snapshot
from scale_agent.kube.storage.store import Change

SETS: ResourceKey = ("apps", "replicasets")
Names = dict[str, set[str]]


def _of_snapshot(key: ResourceKey, snapshot: Snapshot) -> Names:
    found: Names = {}
    for namespace, name in snapshot.unowned(key):
        found.setdefault(namespace, set()).add(name)
    return found


#: What there is from the beginning, by resource.
_FIRST = {key: partial(_of_snapshot, key) for key in (PODS, SETS)}


def _known(core: Core, key: ResourceKey) -> Names:
    memo: dict[ResourceKey, Names] = core.memo.setdefault("orphans", {})
    found = memo.get(key)
    if found is None:
        first = shared.once(core.store.snapshot, _FIRST[key])
        found = memo[key] = {namespace: set(names) for namespace, names in first.items()}
    return found


def names(core: Core, key: ResourceKey, namespace: str) -> Collection[str]:
    """The pods (or ReplicaSets) of a namespace without a controller."""
    return _known(core, key).get(namespace, ())


def note(core: Core, change: Change, _: float) -> None:
    """Rule: keep the names of those without a controller, by namespace."""
    event = change.event
    known = _known(core, change.key)
    if event.type is not EventType.DELETED and not is_controlled(event.after):
        known.setdefault(event.after.namespace, set()).add(event.after.name)
    elif event.after.namespace in known:
        left = known[event.after.namespace]
        left.discard(event.after.name)
        if not left:
            del known[event.after.namespace]


def offer(adopters: Mapping[ResourceKey, Reconcile]) -> Any:
    """The rule that has controllers look whose selectors fit a new, or relabelled, pod that nobody controls."""

    def rule(core: Core, change: Change, _: float) -> None:
        event = change.event
        if event.type is EventType.DELETED or is_controlled(event.after):
            return
        before = event.before
        if before is not None and before.labels == event.after.labels and not is_controlled(before):
            return
        for key, reconcile in adopters.items():
            if core.store.has(key):
                _offer(core, key, reconcile, change)

    return rule


def _offer(core: Core, key: ResourceKey, reconcile: Reconcile, change: Change) -> None:
    for version in core.store.list(key, change.event.after.namespace):
        selector = core.seen(version)["spec"].get("selector")
        if not key[0]:
            selector = {"matchLabels": selector}
        if selected(selector, change.event.after.labels):
            core.queue.add(reconcile, version.namespace, version.name)
