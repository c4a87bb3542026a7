"""Namespaces: what every namespace has, and how one goes away (pkg/controller/namespace/deletion)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from scale_agent.kube import writes
from scale_agent.kube.codec import moments
from scale_agent.kube.controllers.common import actor, deleting, find_condition, gone, newly_marked, read, set_status
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

NAMESPACES: ResourceKey = ("", "namespaces")
ROOT_CA = "kube-root-ca.crt"
#: How long a deleted namespace is left alone, until all API servers know of it (namespaceDeletionGracePeriod), seconds.
GRACE_S = 5.0
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


def furnish_account(core: Core, change: Change, now: float) -> None:
    """Rule: a new namespace gets its default service account."""
    if change.event.type is EventType.ADDED:
        _give_account(core, change.event.after.name, now)


def furnish_authority(core: Core, change: Change, now: float) -> None:
    """Rule: a new namespace gets the authority's certificate."""
    if change.event.type is EventType.ADDED:
        _give_authority(core, change.event.after.name, now)


def refurnish_account(core: Core, change: Change, now: float) -> None:
    """Rule: the default account comes back when somebody deletes it."""
    after = change.event.after
    if gone(change) and after.name == "default" and _lives(core, after.namespace):
        _give_account(core, after.namespace, now)


def refurnish_authority(core: Core, change: Change, now: float) -> None:
    """Rule: the certificate comes back when somebody deletes it, and is put right when somebody changes it."""
    after = change.event.after
    if after.name == ROOT_CA and change.event.type is not EventType.ADDED and _lives(core, after.namespace):
        _give_authority(core, after.namespace, now)


def _lives(core: Core, name: str) -> bool:
    namespace = read(core, NAMESPACES, "", name)
    return namespace is not None and not deleting(namespace)


def _give_account(core: Core, namespace: str, now: float) -> None:
    accounts = core.builtin("", "v1", "serviceaccounts")
    if core.store.get(accounts.key, namespace, "default") is None:
        writes.create(core, accounts, {"metadata": {"name": "default", "namespace": namespace}}, actor(now))


def _give_authority(core: Core, namespace: str, now: float) -> None:
    maps = core.builtin("", "v1", "configmaps")
    version = core.store.get(maps.key, namespace, ROOT_CA)
    data = {"ca.crt": core.identity.ca_pem.decode()}
    if version is None:
        meta = {"name": ROOT_CA, "namespace": namespace, "annotations": {"kubernetes.io/description": _DESCRIPTION}}
        writes.create(core, maps, {"metadata": meta, "data": data}, actor(now))
        return
    body = version.object()
    if body.get("data") != data:
        body["data"] = data
        writes.update(core, maps, version, body, actor(now))


def terminate(core: Core, change: Change, now: float) -> None:
    """Rule: a namespace that is being deleted is cleared a moment later."""
    if not gone(change) and newly_marked(change, b'"deletionTimestamp":"'):
        core.later(now + GRACE_S, clear, "", change.event.after.name)
    elif not gone(change) and _is_cleared(core, change.event.after.name):
        core.queue.add(clear, "", change.event.after.name)


def left(core: Core, change: Change, _: float) -> None:
    """Rule: something left a namespace that is being cleared: perhaps it was the last."""
    namespace = change.event.after.namespace
    if gone(change) and namespace and _is_cleared(core, namespace):
        core.queue.add(clear, "", namespace)


def _is_cleared(core: Core, name: str) -> bool:
    return name in core.memo.get("cleared-namespaces", ())


def clear(core: Core, _: str, name: str, now: float) -> None:
    """Delete what is in a namespace that is being deleted; when nothing is left, it goes away."""
    cleared: set[str] = core.memo.setdefault("cleared-namespaces", set())
    namespace = read(core, NAMESPACES, "", name)
    if namespace is None or not deleting(namespace):
        cleared.discard(name)
        return
    if name not in cleared:
        cleared.add(name)
        for resource in _contents(core):
            for version in core.store.list(resource.key, name):
                writes.delete(core, resource, version, writes.DeleteOptions(), actor(now))
    remaining = dict(_remaining(core, name))
    if remaining:
        _report(core, namespace, remaining, now)
    else:
        cleared.discard(name)
        _release(core, name, now)


def _remaining(core: Core, namespace: str) -> Iterator[tuple[ResourceType, list[Obj]]]:
    for resource in _contents(core):
        found = [core.seen(version) for version in core.store.list(resource.key, namespace)]
        if found:
            yield resource, found


def _contents(core: Core) -> list[ResourceType]:
    """One type for each namespaced resource that has objects."""
    found = []
    for group, plural in sorted(core.store.keys()):
        resource = core.any_version(group, plural)
        if resource is not None and resource.namespaced:
            found.append(resource)
    return found


#: Conditions with their reason and message while all is well, in the order in which they are written.
_WELL = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    ("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
)


def _report(core: Core, namespace: Obj, remaining: dict[ResourceType, list[Obj]], now: float) -> None:
    """Say what the namespace waits for."""
    counts = {f"{one.plural}.{one.group}": len(objects) for one, objects in remaining.items()}
    held = Counter(name for objects in remaining.values() for obj in objects for name in _finalizers(obj))
    kept = ", ".join(sorted(f"{name} has {count} resource instances" for name, count in counts.items()))
    holds = ", ".join(sorted(f"{name} in {count} resource instances" for name, count in held.items()))
    bad = {"NamespaceContentRemaining": ("SomeResourcesRemain", f"Some resources are remaining: {kept}")}
    if held:
        text = f"Some content in the namespace has finalizers remaining: {holds}"
        bad["NamespaceFinalizersRemaining"] = ("SomeFinalizersRemain", text)
    conditions = []
    for kind, reason, message in _WELL:
        value = "True" if kind in bad else "False"
        reason, message = bad.get(kind, (reason, message))
        old = find_condition(namespace, kind)
        since = old.get("lastTransitionTime") if old is not None and old.get("status") == value else moments.stamp(now)
        one = {"type": kind, "status": value, "lastTransitionTime": since, "reason": reason, "message": message}
        conditions.append(one)
    status = {**(namespace.get("status") or {}), "conditions": conditions}
    set_status(core, core.builtin("", "v1", "namespaces"), namespace, status, now)


def _finalizers(obj: Obj) -> list[str]:
    return list(obj["metadata"].get("finalizers") or ())


def _release(core: Core, name: str, now: float) -> None:
    """Take the controller's finalizer off; another one keeps the namespace."""
    resource = core.builtin("", "v1", "namespaces")
    version = core.store.get(resource.key, "", name)
    if version is None:
        return
    obj = version.object()
    finalizers = (obj.get("spec") or {}).get("finalizers") or []
    if deleting(obj) and "kubernetes" in finalizers:
        obj["spec"]["finalizers"] = [one for one in finalizers if one != "kubernetes"]
        writes.put_namespace(core, resource, obj, actor(now))
