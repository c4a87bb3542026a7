"""What the rules share: reading owners, writing as a controller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scale_agent.kube import writes
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj, Version

#: The field manager of controllers, and of the kubelet.
MANAGER = "kube-controller-manager"
KUBELET = "kubelet"


def controller_of(obj: Obj) -> dict[str, Any] | None:
    """The ownerReference with ``controller: true``."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return dict(reference)
    return None


def controller_version(core: Core, change: Change, kind: str, group: str, plural: str) -> Version | None:
    """What controls the object that changed, as it is stored now; ``None`` if that is of another kind, or gone."""
    reference = controller_of(change.event.after.object())
    if reference is None or reference.get("kind") != kind:
        return None
    return core.store.get((group, plural), change.event.after.namespace, str(reference["name"]))


def owner_reference(resource: ResourceType, owner: Obj) -> dict[str, Any]:
    """The reference that makes ``owner`` the controller of an object."""
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def owned(core: Core, resource: ResourceType, owner: Obj) -> Iterator[Obj]:
    """The objects of a type in the owner's namespace that it controls."""
    uid = owner["metadata"]["uid"]
    needle = uid.encode()
    for version in core.store.list(resource.key, owner["metadata"].get("namespace", "")):
        if needle in version.json:
            obj = version.object()
            reference = controller_of(obj)
            if reference is not None and reference.get("uid") == uid:
                yield obj


def current(core: Core, resource: ResourceType, obj: Obj) -> Version | None:
    """The stored version of an object, if it is still the same one."""
    meta = obj["metadata"]
    version = core.store.get(resource.key, meta.get("namespace", ""), meta["name"])
    return version if version is not None and version.uid == meta["uid"] else None


def stored(core: Core, change: Change) -> Version | None:
    """The stored version of the object that changed, if there is one and it is still the same."""
    after = change.event.after
    version = core.store.get(change.key, after.namespace, after.name)
    return version if version is not None and version.uid == after.uid else None


def state(version: Version, obj: Obj) -> Obj:
    """What ``version`` holds, only to be read: ``obj`` itself if that is what it was parsed from."""
    return obj if obj["metadata"].get("resourceVersion") == str(version.rv) else version.object()


def set_status(
    core: Core,
    resource: ResourceType,
    obj: Obj,
    status: Obj,
    now: float,
    annotations: dict[str, str] | None = None,
    *,
    manager: str = MANAGER,
) -> None:
    """Write an object's status (and annotations), if the object is still there and anything is new."""
    version = current(core, resource, obj)
    if version is None:
        return
    body = state(version, obj)
    meta = {name: value for name, value in body["metadata"].items() if name != "resourceVersion"}
    if annotations is not None:
        meta["annotations"] = annotations
    if body.get("status") == status and meta.get("annotations") == body["metadata"].get("annotations"):
        return
    body = {**body, "metadata": meta, "status": status}
    writes.update(core, resource, version, body, writes.Actor(manager, now), "status")


def actor(now: float, manager: str = MANAGER) -> writes.Actor:
    """A controller that writes."""
    return writes.Actor(manager, now)


def remove(
    core: Core, resource: ResourceType, obj: Obj, now: float, options: writes.DeleteOptions | None = None
) -> None:
    """Delete an object if it is still the same one."""
    version = current(core, resource, obj)
    if version is not None:
        writes.delete(core, resource, version, options or writes.DeleteOptions(), actor(now))


def drop_finalizer(core: Core, resource: ResourceType, obj: Obj, finalizer: str, now: float) -> None:
    """Take a finalizer off; an object that waited for nothing else goes away."""
    version = current(core, resource, obj)
    if version is None:
        return
    body = version.object()
    body["metadata"]["finalizers"] = [one for one in body["metadata"].get("finalizers") or () if one != finalizer]
    writes.update(core, resource, version, body, actor(now))


def condition(kind: str, value: bool, reason: str, message: str, time: str, before: Obj) -> dict[str, Any]:
    """A condition; its transition time stays when its value stays. ``before`` is the object with the old status."""
    text = "True" if value else "False"
    for old in (before.get("status") or {}).get("conditions") or ():
        if old.get("type") == kind and old.get("status") == text:
            return {**old, "reason": reason, "message": message}
    return {
        "type": kind,
        "status": text,
        "lastUpdateTime": time,
        "lastTransitionTime": time,
        "reason": reason,
        "message": message,
    }
