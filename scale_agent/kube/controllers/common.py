"""What the controllers share: reading what they look after, writing as they do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from scale_agent.kube import selectors, writes
from scale_agent.kube.codec import gonumbers, moments
from scale_agent.kube.core import Core, Reconcile
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj, Version

#: The field managers of controllers, of the API server itself, and of the kubelet.
MANAGER = "kube-controller-manager"
APISERVER = "kube-apiserver"
KUBELET = "kubelet"

PODS: ResourceKey = ("", "pods")
NODES: ResourceKey = ("", "nodes")


def controller_of(obj: Obj) -> dict[str, Any] | None:
    """The ownerReference with ``controller: true``."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return dict(reference)
    return None


def is_controlled(version: Version) -> bool:
    """Whether a stored object has a controller."""
    return b'"controller":true' in version.references


def controller_in(version: Version | None) -> dict[str, Any] | None:
    """The same of a stored version, without parsing the rest of it."""
    found = version.references if version is not None else b""
    if b'"controller":true' not in found:
        return None
    for reference in orjson.loads(b"[" + found + b"]"):
        if reference.get("controller"):
            return dict(reference)
    return None


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


def owned(core: Core, resource: ResourceType, owner: Obj, of: ResourceKey) -> list[Obj]:
    """The objects of a type (``of``) that ``owner`` controls, oldest first."""
    meta = owner["metadata"]
    found = []
    for key, version in core.owners.dependents(resource.key, meta.get("namespace", ""), meta["name"], meta["uid"]):
        if key == of:
            obj = core.seen(version)
            reference = controller_of(obj)
            if reference is not None and reference.get("uid") == meta["uid"]:
                found.append(obj)
    return found


def current(core: Core, resource: ResourceType, obj: Obj) -> Version | None:
    """The stored version of an object, if it is still the same one."""
    meta = obj["metadata"]
    version = core.store.get(resource.key, meta.get("namespace", ""), meta["name"])
    return version if version is not None and core.seen(version)["metadata"].get("uid") == meta["uid"] else None


def read(core: Core, key: ResourceKey, namespace: str, name: str) -> Obj | None:
    """An object as it is stored now, only to be read (:meth:`Core.seen`)."""
    version = core.store.get(key, namespace, name)
    return core.seen(version) if version is not None else None


def deleting(obj: Obj) -> bool:
    """Whether the object waits for its end."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def set_status(
    core: Core,
    resource: ResourceType,
    obj: Obj,
    status: Obj,
    now: float,
    annotations: dict[str, str] | None = None,
    *,
    manager: str = MANAGER,
) -> bool:
    """Write an object's status (and annotations), if the object is still there and anything is new."""
    version = current(core, resource, obj)
    if version is None:
        return False
    body = core.seen(version)
    meta = {**body["metadata"], "resourceVersion": str(version.rv)}
    if annotations is not None:
        meta["annotations"] = annotations
    if body.get("status") == status and meta.get("annotations") == body["metadata"].get("annotations"):
        return False
    body = {**body, "metadata": meta, "status": status}
    return writes.update(core, resource, version, body, writes.Actor(manager, now), "status") is not version


def actor(now: float, manager: str = MANAGER) -> writes.Actor:
    """A controller that writes."""
    return writes.Actor(manager, now)


def change_meta(core: Core, resource: ResourceType, obj: Obj, now: float, **changes: Any) -> None:
    """Give an object that is still there other metadata: labels, annotations, ownerReferences, finalizers."""
    version = current(core, resource, obj)
    if version is not None:
        body = version.object()
        body["metadata"].update(changes)
        writes.update(core, resource, version, body, actor(now))


def remove(
    core: Core, resource: ResourceType, obj: Obj, now: float, options: writes.DeleteOptions | None = None
) -> bool:
    """Delete an object if it is still the same one; whether it was."""
    version = current(core, resource, obj)
    if version is None:
        return False
    writes.delete(core, resource, version, options or writes.DeleteOptions(), actor(now))
    return True


def drop_finalizer(core: Core, resource: ResourceType, obj: Obj, finalizer: str, now: float) -> None:
    """Take a finalizer off; an object that waited for nothing else goes away."""
    version = current(core, resource, obj)
    if version is None:
        return
    body = version.object()
    body["metadata"]["finalizers"] = [one for one in body["metadata"].get("finalizers") or () if one != finalizer]
    writes.update(core, resource, version, body, actor(now))


def look(reconcile: Reconcile) -> Any:
    """The rule that has a controller look at each object of its resource that changed."""

    def rule(core: Core, change: Change, _: float) -> None:
        core.queue.add(reconcile, change.event.after.namespace, change.event.after.name)

    return rule


#: Kinds of controllers, each with the switch that turns it off, and how it looks.
Kinds = Mapping[str, tuple[str, Reconcile]]


def look_at_controllers(kinds: Kinds) -> Any:
    """The rule that has the controllers of a changed object look: of what it is now, and of what it was."""

    def rule(core: Core, change: Change, _: float) -> None:
        event = change.event
        names = dict.fromkeys(_controllers(core, event.after) + _controllers(core, event.before))
        for kind, name in names:
            switch, reconcile = kinds.get(kind, ("", None))
            if reconcile is not None and switch not in core.store.snapshot.without:
                core.queue.add(reconcile, event.after.namespace, name)

    return rule


def _controllers(core: Core, version: Version | None) -> list[tuple[str, str]]:
    """Kind and name of an object's controller, if it has one."""
    if version is None or not is_controlled(version):
        return []
    reference = controller_of(core.seen(version)) or {}
    return [(str(reference.get("kind")), str(reference.get("name")))]


def gone(change: Change) -> bool:
    """Whether the change is an end."""
    return change.event.type is EventType.DELETED


def newly_marked(change: Change, mark: bytes) -> bool:
    """Whether ``mark`` is in the object's JSON and was not before."""
    before = change.event.before
    return mark in change.event.after.json and (before is None or mark not in before.json)


def selected(selector: Any, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector picks labels; an absent one picks nothing, an empty one everything."""
    if not isinstance(selector, dict):
        return False
    wanted = selector.get("matchLabels")
    if wanted and "matchExpressions" not in selector:
        return bool(wanted.items() <= labels.items())
    return selectors.matches(_parsed(selectors.selector_text(selector)), labels)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> selectors.Labels:
    return selectors.parse_labels(text) if text else ()


def labels_of(obj: Obj) -> dict[str, str]:
    """An object's labels."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Obj) -> dict[str, str]:
    """An object's annotations."""
    return obj["metadata"].get("annotations") or {}


def created_at(obj: Obj) -> float:
    """When an object was created, seconds."""
    return moments.parse(obj["metadata"].get("creationTimestamp", "")) or 0.0


def find_condition(obj: Obj, kind: str) -> Obj | None:
    """A condition of an object's status."""
    return find_in((obj.get("status") or {}).get("conditions") or (), kind)


def find_in(conditions: Iterable[Obj], kind: str) -> Obj | None:
    """A condition of a list."""
    for one in conditions:
        if one.get("type") == kind:
            return one
    return None


def is_true(obj: Obj, kind: str) -> bool:
    """Whether a condition holds."""
    found = find_condition(obj, kind)
    return found is not None and found.get("status") == "True"


@lru_cache(maxsize=256)
def _percent(text: str) -> tuple[int | None, int]:
    """A text as a percentage, if it is one, and as a number."""
    share = gonumbers.whole(text[:-1]) if text.endswith("%") else None
    return share, gonumbers.whole(text) or 0


def scaled(value: Any, total: int, *, up: bool) -> int:
    """An int-or-percent of ``total``, rounded up or down."""
    if isinstance(value, int):
        return value
    share, number = _percent(str(value))
    if share is None:
        return number
    return -(-share * total // 100) if up else share * total // 100
