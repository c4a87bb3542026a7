"""CustomResourceDefinitions: names accepted, Established, served; deleted with their objects."""

from __future__ import annotations

from scale_agent.kube import writes
from scale_agent.kube.codec import moments
from scale_agent.kube.controllers.common import actor, drop_finalizer, set_status
from scale_agent.kube.core import Core
from scale_agent.kube.custom.types import CLEANUP, established
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

DEFINITION_TYPE = ("apiextensions.k8s.io", "v1", "customresourcedefinitions")
APISERVER = "kube-apiserver"
AUTOMANAGED = "kube-aggregator.kubernetes.io/automanaged"


def establish(core: Core, change: Change, now: float) -> None:
    """Accept a definition's names and serve it; a deleted one takes its objects along."""
    definition = change.event.after.object()
    if change.event.type is EventType.DELETED:
        core.custom.changed()
        _unregister(core, definition, now)
        return
    if definition["metadata"].get("deletionTimestamp"):
        _remove_objects(core, definition, now)
        drop_finalizer(core, core.builtin(*DEFINITION_TYPE), definition, CLEANUP, now)
        return
    core.custom.changed()
    if established(definition):
        _register(core, definition, now)
        return
    spec = definition["spec"]
    time = moments.stamp(now)
    stored = [one["name"] for one in spec.get("versions") or () if one.get("storage")]
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": time, "reason": reason, "message": message}
        for kind, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        )
    ]
    status = {"conditions": conditions, "acceptedNames": spec["names"], "storedVersions": stored}
    resource = core.builtin(*DEFINITION_TYPE)
    set_status(core, resource, definition, status, now, manager=APISERVER)


def _services_of(definition: Obj) -> dict[str, tuple[str, str]]:
    """Names of the APIServices that announce a definition, with group and version."""
    spec = definition["spec"]
    served = [one["name"] for one in spec.get("versions") or () if one.get("served")]
    return {f"{version}.{spec['group']}": (spec["group"], version) for version in served}


def _register(core: Core, definition: Obj, now: float) -> None:
    """Every group version that definitions serve has an APIService (fields as recorded)."""
    resource = core.builtin("apiregistration.k8s.io", "v1", "apiservices")
    for name, (group, version) in _services_of(definition).items():
        if core.store.get(resource.key, "", name) is not None:
            continue
        spec = {"group": group, "version": version, "groupPriorityMinimum": 1000, "versionPriority": 100}
        meta = {"name": name, "labels": {AUTOMANAGED: "true"}}
        local = {
            "type": "Available",
            "status": "True",
            "lastTransitionTime": moments.stamp(now),
            "reason": "Local",
            "message": "Local APIServices are always available",
        }
        body = {"metadata": meta, "spec": spec}
        writes.create(core, resource, body, actor(now, APISERVER), {"conditions": [local]})


def _unregister(core: Core, definition: Obj, now: float) -> None:
    """The last definition of a group version takes its APIService along."""
    resource = core.builtin("apiregistration.k8s.io", "v1", "apiservices")
    left = {(one.group, one.version) for one in core.custom.all()}
    for name, place in _services_of(definition).items():
        version = core.store.get(resource.key, "", name)
        if version is not None and place not in left and AUTOMANAGED in version.labels:
            writes.delete(core, resource, version, writes.DeleteOptions(), actor(now, APISERVER))


def _remove_objects(core: Core, definition: Obj, now: float) -> None:
    spec = definition["spec"]
    resource = core.any_version(spec["group"], spec["names"]["plural"])
    if resource is None:
        return
    for version in core.store.list(resource.key):
        writes.delete(core, resource, version, writes.DeleteOptions(), actor(now))
