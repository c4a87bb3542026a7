"""ControllerRevisions: the pod templates that a StatefulSet or DaemonSet had (pkg/controller/history)."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from scale_agent.kube import writes
from scale_agent.kube.controllers.common import actor, annotations_of, labels_of, owned, owner_reference, remove
from scale_agent.kube.controllers.hashes import revision_hash, template_hash
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.storage.version import Obj

REVISIONS: ResourceKey = ("apps", "controllerrevisions")
#: The label of pods, and of a DaemonSet's revisions; a StatefulSet's revisions have another.
POD_LABEL, SET_LABEL = "controller-revision-hash", "controller.kubernetes.io/hash"
#: Annotations of a DaemonSet that its revisions do not get.
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Past:
    """The revisions of one owner, oldest first, and the one with its present template."""

    all: list[Obj]
    update: Obj


def data_of(owner: Obj) -> Obj:
    """What a revision holds: a patch that puts the template back."""
    data = {"spec": {"template": {"$patch": "replace", **owner["spec"]["template"]}}}
    ordered: Obj = orjson.loads(orjson.dumps(data, option=orjson.OPT_SORT_KEYS))
    return ordered


def past(core: Core, resource: ResourceType, owner: Obj, now: float) -> Past:
    """The owner's revisions; the one of its template is made, or made the newest, if it is not that yet."""
    found = sorted(owned(core, resource, owner, REVISIONS), key=lambda one: int(one.get("revision") or 0))
    data = data_of(owner)
    highest = int(found[-1].get("revision") or 0) if found else 0
    equal = next((one for one in reversed(found) if one.get("data") == data), None)
    if equal is None:
        made = _create(core, resource, owner, data, highest + 1, now)
        return Past([*found, made], made)
    if equal is not found[-1]:
        equal = _renumber(core, equal, highest + 1, now)
        found = [one for one in found if one["metadata"]["uid"] != equal["metadata"]["uid"]] + [equal]
    return Past(found, equal)


def _create(core: Core, resource: ResourceType, owner: Obj, data: Obj, number: int, now: float) -> Obj:
    kind = core.builtin("apps", "v1", "controllerrevisions")
    meta = owner["metadata"]
    is_set = resource.plural == "statefulsets"
    collisions = int((owner.get("status") or {}).get("collisionCount") or 0)
    while True:
        hashed = revision_hash(data, collisions) if is_set else template_hash(owner["spec"]["template"], collisions)
        name = f"{meta['name'][:223]}-{hashed}"
        if core.store.get(REVISIONS, meta["namespace"], name) is None:
            break
        collisions += 1
    labels = {**((owner["spec"]["template"].get("metadata") or {}).get("labels") or {})}
    labels[SET_LABEL if is_set else POD_LABEL] = hashed
    own = {"name": name, "namespace": meta["namespace"], "labels": labels}
    kept = {key: text for key, text in annotations_of(owner).items() if is_set or key != _LAST_APPLIED}
    if kept:
        own["annotations"] = kept
    body = {
        "metadata": {**own, "ownerReferences": [owner_reference(resource, owner)]},
        "data": data,
        "revision": number,
    }
    return core.seen(writes.create(core, kind, body, actor(now)))


def _renumber(core: Core, revision: Obj, number: int, now: float) -> Obj:
    kind = core.builtin("apps", "v1", "controllerrevisions")
    meta = revision["metadata"]
    version = core.store.get(REVISIONS, meta["namespace"], meta["name"])
    if version is None:
        return revision
    return core.seen(writes.update(core, kind, version, {**core.seen(version), "revision": number}, actor(now)))


def hash_of(revision: Obj) -> str:
    """A DaemonSet revision's hash."""
    return labels_of(revision).get(POD_LABEL, "")


def truncate(core: Core, owner: Obj, found: list[Obj], live: set[str], now: float) -> None:
    """Delete the oldest revisions beyond ``revisionHistoryLimit``; ``live`` names those in use."""
    limit = int(owner["spec"].get("revisionHistoryLimit", 10))
    old = [one for one in found if one["metadata"]["name"] not in live]
    for one in old[: max(len(old) - limit, 0)]:
        remove(core, core.builtin("apps", "v1", "controllerrevisions"), one, now)
