"""Garbage collection: what is owned goes with its owners; foreground and orphan deletion by their finalizers.

Rules: k8s.io/kubernetes/pkg/controller/garbagecollector (``attemptToDeleteItem``, ``processDeletingDependentsItem``).
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from scale_agent.kube import writes
from scale_agent.kube.controllers import events
from scale_agent.kube.controllers.common import actor, current, deleting, drop_finalizer, gone, remove
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
SOURCE = events.Source("garbage-collector-controller")


#: How long the collector takes to make sure that an owner which nobody saw is not there (seconds).
ABSENT_S = 0.5


def collect(core: Core, change: Change, now: float) -> None:
    """Rule: an object is gone: so are those that it alone owned. Owners that waited for it are looked at again."""
    after = change.event.after
    if not gone(change):
        return
    for resource, dependent in _dependents(core, change.key, core.seen(after)):
        _delete_item(core, resource, dependent, now)
    if after.references:
        for reference in core.seen(after)["metadata"].get("ownerReferences") or ():
            found = _owner(core, reference, after.namespace)
            if found is not None and deleting(found[1]):
                _finish(core, *found, now)


def finish(core: Core, change: Change, now: float) -> None:
    """Rule: an object is being deleted: take the collector's finalizers off when their work is done."""
    after = change.event.after
    if isinstance(after, events.Told):  # which nobody holds, and whose JSON has to be written first
        return
    if gone(change) or b'"deletionTimestamp":"' not in after.json or b'"finalizers":[' not in after.json:
        return
    resource = core.any_version(*change.key)
    if resource is not None:
        _finish(core, resource, core.seen(after), now)


def check_owners(core: Core, change: Change, now: float) -> None:
    """Rule, for new owners: an object whose owners were never there, or went before it came, is collected too."""
    event = change.event
    found = event.after.references
    if any(_is_absent(core, one, event.after.namespace) for one in orjson.loads(b"[" + found + b"]")):
        core.schedule.at(now + ABSENT_S, lambda later: _collect_unowned(core, change, later))


def _is_absent(core: Core, reference: Obj, namespace: str) -> bool:
    """Whether an owner's kind is served, and the owner is not there: of other kinds the collector knows nothing."""
    try:
        resource = core.by_kind(str(reference.get("apiVersion")), str(reference.get("kind")))
    except LookupError:
        return False
    version = core.store.get(resource.key, namespace if resource.namespaced else "", str(reference.get("name")))
    return version is None or version.uid != reference.get("uid")


def _is_known(core: Core, reference: Obj) -> bool:
    """Whether the kind of an owner is served: of others the collector knows nothing."""
    try:
        core.by_kind(str(reference.get("apiVersion")), str(reference.get("kind")))
    except LookupError:
        return False
    return True


def _collect_unowned(core: Core, change: Change, now: float) -> None:
    after = change.event.after
    resource = core.any_version(*change.key)
    version = core.store.get(change.key, after.namespace, after.name)
    if resource is not None and version is not None and version.uid == after.uid:
        obj = core.seen(version)
        if any(_is_absent(core, one, after.namespace) for one in obj["metadata"].get("ownerReferences") or ()):
            _delete_item(core, resource, obj, now)


def _delete_item(core: Core, resource: ResourceType, obj: Obj, now: float) -> None:
    """Delete an object unless an owner of it stays; then only the references to the others go."""
    if deleting(obj):
        return
    solid, waiting, lost = [], [], []
    for reference in obj["metadata"].get("ownerReferences") or ():
        if _is_out_of_reach(core, resource, reference):
            _tell_out_of_reach(core, obj, reference, now)
            return
        if not _is_known(core, reference):
            return
        found = _owner(core, reference, obj["metadata"].get("namespace", ""))
        if found is None:
            lost.append(reference)
        elif deleting(found[1]) and FOREGROUND in (found[1]["metadata"].get("finalizers") or ()):
            waiting.append(reference)
        else:
            solid.append(reference)
    if solid:
        if lost or waiting:
            _keep_references(core, resource, obj, solid, now)
        return
    remove(core, resource, obj, now, writes.DeleteOptions(propagation=_policy(core, resource, obj, bool(waiting))))


def _policy(core: Core, resource: ResourceType, obj: Obj, is_waited_for: bool) -> str:
    """How a dependent is deleted: as its own finalizers say; one that is waited for and owns others waits for them."""
    finalizers = obj["metadata"].get("finalizers") or ()
    for finalizer, policy in ((ORPHAN, "Orphan"), (FOREGROUND, "Foreground")):
        if finalizer in finalizers:
            return policy
    has_dependents = any(True for _ in _dependents(core, resource.key, obj))
    return "Foreground" if is_waited_for and has_dependents else "Background"


def _is_out_of_reach(core: Core, resource: ResourceType, reference: Obj) -> bool:
    """Whether something without a namespace names an owner that lives in one."""
    if resource.namespaced:
        return False
    try:
        return core.by_kind(str(reference.get("apiVersion")), str(reference.get("kind"))).namespaced
    except LookupError:
        return False


def _tell_out_of_reach(core: Core, obj: Obj, reference: Obj, now: float) -> None:
    named = ", ".join(
        (f"{reference.get('apiVersion')}/{reference.get('kind')}", "namespace: ", f"name: {reference.get('name')}")
    )
    text = f'ownerRef [{named}, uid: {reference.get("uid")}] does not exist in namespace ""'
    events.record(core, obj, SOURCE, events.Words("OwnerRefInvalidNamespace", text, warning=True), now)


def _finish(core: Core, resource: ResourceType, obj: Obj, now: float) -> None:
    finalizers = obj["metadata"].get("finalizers") or []
    uid = obj["metadata"]["uid"]
    if ORPHAN in finalizers:
        for kind, dependent in _dependents(core, resource.key, obj):
            left = [one for one in dependent["metadata"]["ownerReferences"] if one.get("uid") != uid]
            _keep_references(core, kind, dependent, left, now)
        drop_finalizer(core, resource, obj, ORPHAN, now)
    elif FOREGROUND in finalizers:
        for kind, dependent in list(_dependents(core, resource.key, obj)):
            _delete_item(core, kind, dependent, now)
        if not any(_blocks(dependent, uid) for _, dependent in _dependents(core, resource.key, obj)):
            drop_finalizer(core, resource, obj, FOREGROUND, now)


def _blocks(dependent: Obj, uid: str) -> bool:
    return any(
        one.get("uid") == uid and one.get("blockOwnerDeletion") for one in dependent["metadata"]["ownerReferences"]
    )


def _dependents(core: Core, key: tuple[str, str], owner: Obj) -> Iterator[tuple[ResourceType, Obj]]:
    """Every object with an ownerReference to ``owner``."""
    meta = owner["metadata"]
    found = core.owners.dependents(key, meta.get("namespace", ""), meta["name"], meta["uid"])
    for of, version in list(found):
        resource = core.any_version(*of)
        if resource is not None:
            yield resource, core.seen(version)


def _owner(core: Core, reference: Obj, namespace: str) -> tuple[ResourceType, Obj] | None:
    try:
        resource = core.by_kind(str(reference.get("apiVersion")), str(reference.get("kind")))
    except LookupError:
        return None
    version = core.store.get(resource.key, namespace if resource.namespaced else "", str(reference.get("name")))
    if version is None:
        return None
    obj = core.seen(version)
    return (resource, obj) if obj["metadata"]["uid"] == reference.get("uid") else None


def _keep_references(core: Core, resource: ResourceType, obj: Obj, kept: list[Obj], now: float) -> None:
    version = current(core, resource, obj)
    if version is not None:
        body = version.object()
        body["metadata"]["ownerReferences"] = kept
        writes.update(core, resource, version, body, actor(now))
