"""Namespaces: what every namespace has, and how one goes away."""

from __future__ import annotations

from scale_agent.kube import writes
from scale_agent.kube.controllers.common import actor
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change

ROOT_CA = "kube-root-ca.crt"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


def furnish(core: Core, change: Change, now: float) -> None:
    """A new namespace gets its default service account and the authority's certificate."""
    if change.event.type is EventType.ADDED:
        _furnish(core, change.event.after.name, now)


def refurnish(core: Core, change: Change, now: float) -> None:
    """The default account and the certificate come back when somebody deletes them."""
    gone = change.event.after
    if change.event.type is EventType.DELETED and gone.name in ("default", ROOT_CA):
        namespace = core.store.get(("", "namespaces"), "", gone.namespace)
        if namespace is not None and not namespace.object()["metadata"].get("deletionTimestamp"):
            _furnish(core, gone.namespace, now)


def _furnish(core: Core, namespace: str, now: float) -> None:
    accounts = core.builtin("", "v1", "serviceaccounts")
    if core.store.get(accounts.key, namespace, "default") is None:
        writes.create(core, accounts, {"metadata": {"name": "default", "namespace": namespace}}, actor(now))
    maps = core.builtin("", "v1", "configmaps")
    if core.store.get(maps.key, namespace, ROOT_CA) is None:
        meta = {"name": ROOT_CA, "namespace": namespace, "annotations": {"kubernetes.io/description": _DESCRIPTION}}
        data = {"ca.crt": core.identity.ca_pem.decode()}
        writes.create(core, maps, {"metadata": meta, "data": data}, actor(now))


def terminate(core: Core, change: Change, now: float) -> None:
    """A namespace that is being deleted loses its contents; when nothing is left in it, it goes away."""
    if change.event.type is EventType.DELETED or b'"deletionTimestamp"' not in change.event.after.json:
        return
    name = change.event.after.name
    for resource in _contents(core):
        for version in core.store.list(resource.key, name):
            writes.delete(core, resource, version, writes.DeleteOptions(grace_s=0), actor(now))
    if not any(core.store.list(resource.key, name) for resource in _contents(core)):
        _release(core, name, now)


def left(core: Core, namespace: str, now: float) -> None:
    """Something left a namespace: perhaps it was the last."""
    version = core.store.get(("", "namespaces"), "", namespace)
    if version is None or b'"deletionTimestamp"' not in version.json:
        return
    if not any(core.store.list(resource.key, namespace) for resource in _contents(core)):
        _release(core, namespace, now)


def _contents(core: Core) -> list[ResourceType]:
    """One type for each namespaced resource that has objects."""
    found = []
    for group, plural in sorted(core.store.keys()):
        resource = core.any_version(group, plural)
        if resource is not None and resource.namespaced:
            found.append(resource)
    return found


def _release(core: Core, name: str, now: float) -> None:
    resource = core.builtin("", "v1", "namespaces")
    version = core.store.get(resource.key, "", name)
    if version is None:
        return
    obj = version.object()
    if not obj["metadata"].get("deletionTimestamp"):
        return
    obj["spec"]["finalizers"] = []
    writes.put_namespace(core, resource, obj, actor(now))
