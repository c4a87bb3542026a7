"""CustomResourceDefinitions: names accepted, Established, served; deleted with their objects."""

from __future__ import annotations

from scale_agent.kube import moments, writes
from scale_agent.kube.controllers.common import actor, set_status
from scale_agent.kube.core import Core
from scale_agent.kube.custom import established
from scale_agent.kube.history import EventType
from scale_agent.kube.store import Change


def establish(core: Core, change: Change, now: float) -> None:
    """Accept a definition's names and serve it; a deleted one takes its objects along."""
    definition = change.event.after.object()
    if change.event.type is EventType.DELETED:
        _remove_objects(core, definition, now)
        core.custom.changed()
        return
    core.custom.changed()
    if established(definition):
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
    resource = core.builtin("apiextensions.k8s.io", "v1", "customresourcedefinitions")
    set_status(core, resource, definition, status, now, "kube-apiserver")


def _remove_objects(core: Core, definition: dict[str, object], now: float) -> None:
    spec = definition["spec"]
    if not isinstance(spec, dict):
        return
    resource = core.any_version(spec["group"], spec["names"]["plural"])
    if resource is None:
        return
    for version in core.store.list(resource.key):
        writes.delete(core, resource, version, writes.DeleteOptions(), actor(now))
