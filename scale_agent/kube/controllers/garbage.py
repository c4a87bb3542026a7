"""Garbage collection: what is owned goes with its owners; foreground and orphan deletion by their finalizers."""

from __future__ import annotations

from collections.abc import Iterator

from scale_agent.kube import writes
from scale_agent.kube.admission.defaults import PROTECTION
from scale_agent.kube.controllers import namespaces
from scale_agent.kube.controllers.common import actor, current, drop_finalizer, remove
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


def collect(core: Core, change: Change, now: float) -> None:
    """An object is gone: so are those that it alone owned. Owners that waited for it are looked at again."""
    if change.event.type is not EventType.DELETED:
        return
    gone = change.event.after.object()
    for resource, dependent in dependents(core, gone):
        if _other_owner(core, dependent, gone["metadata"]["uid"]):
            _drop_reference(core, resource, dependent, gone["metadata"]["uid"], now)
        else:
            remove(core, resource, dependent, now)
    for reference in gone["metadata"].get("ownerReferences") or ():
        _look_again(core, reference, change.event.after.namespace, now)
    if change.event.after.namespace:
        namespaces.left(core, change.event.after.namespace, now)


def finish(core: Core, change: Change, now: float) -> None:
    """An object is being deleted: take the garbage collector's finalizers off when their work is done."""
    after = change.event.after
    if change.event.type is EventType.DELETED or b'"deletionTimestamp"' not in after.json:
        return
    resource = core.any_version(*change.key)
    if resource is not None:
        _finish(core, resource, after.object(), now)


def _finish(core: Core, resource: ResourceType, obj: Obj, now: float) -> None:
    finalizers = obj["metadata"].get("finalizers") or []
    if ORPHAN in finalizers:
        for kind, dependent in dependents(core, obj):
            _drop_reference(core, kind, dependent, obj["metadata"]["uid"], now)
        drop_finalizer(core, resource, obj, ORPHAN, now)
    elif PROTECTION in finalizers:
        drop_finalizer(core, resource, obj, PROTECTION, now)
    elif FOREGROUND in finalizers:
        waiting = list(dependents(core, obj))
        for kind, dependent in waiting:
            if not dependent["metadata"].get("deletionTimestamp"):
                remove(core, kind, dependent, now, writes.DeleteOptions(propagation="Foreground"))
        if not any(True for _ in dependents(core, obj)):
            drop_finalizer(core, resource, obj, FOREGROUND, now)


def dependents(core: Core, owner: Obj) -> Iterator[tuple[ResourceType, Obj]]:
    """Every object with an ownerReference to ``owner``. Bytes are searched first: parsing all would cost too much."""
    uid = owner["metadata"]["uid"]
    needle = uid.encode()
    for group, plural in sorted(core.store.keys()):
        resource = core.any_version(group, plural)
        if resource is None:
            continue
        for version in core.store.list(resource.key):
            if needle not in version.json:
                continue
            obj = version.object()
            if any(one.get("uid") == uid for one in obj["metadata"].get("ownerReferences") or ()):
                yield resource, obj


def _other_owner(core: Core, obj: Obj, uid: str) -> bool:
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("uid") != uid and _owner(core, reference, obj["metadata"].get("namespace", "")) is not None:
            return True
    return False


def _owner(core: Core, reference: Obj, namespace: str) -> tuple[ResourceType, Obj] | None:
    try:
        resource = core.by_kind(str(reference.get("apiVersion")), str(reference.get("kind")))
    except LookupError:
        return None
    version = core.store.get(resource.key, namespace if resource.namespaced else "", str(reference.get("name")))
    if version is None:
        return None
    obj = version.object()
    return (resource, obj) if obj["metadata"]["uid"] == reference.get("uid") else None


def _look_again(core: Core, reference: Obj, namespace: str, now: float) -> None:
    found = _owner(core, reference, namespace)
    if found is not None and found[1]["metadata"].get("deletionTimestamp"):
        _finish(core, *found, now)


def _drop_reference(core: Core, resource: ResourceType, obj: Obj, uid: str, now: float) -> None:
    version = current(core, resource, obj)
    if version is None:
        return
    body = version.object()
    references = [one for one in body["metadata"].get("ownerReferences") or () if one.get("uid") != uid]
    body["metadata"]["ownerReferences"] = references
    writes.update(core, resource, version, body, actor(now))
