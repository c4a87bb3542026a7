"""Pods that nobody controls: controllers whose selectors fit may adopt them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scale_agent.kube.controllers.common import PODS, is_controlled, selected
from scale_agent.kube.core import Core, Reconcile
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change


def names(core: Core) -> dict[str, set[str]]:
    """The pods without a controller, by namespace."""
    found: dict[str, set[str]] | None = core.memo.get("orphan-pods")
    if found is None:
        found = core.memo["orphan-pods"] = {}
        for namespace, name in core.store.snapshot.unowned(PODS):
            found.setdefault(namespace, set()).add(name)
    return found


def note(core: Core, change: Change, _: float) -> None:
    """Rule: keep the names of the pods without a controller, by namespace."""
    event = change.event
    namespaces = names(core)
    if event.type is not EventType.DELETED and not is_controlled(event.after):
        namespaces.setdefault(event.after.namespace, set()).add(event.after.name)
    elif event.after.namespace in namespaces:
        known = namespaces[event.after.namespace]
        known.discard(event.after.name)
        if not known:
            del namespaces[event.after.namespace]


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
