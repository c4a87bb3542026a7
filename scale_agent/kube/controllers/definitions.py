"""CustomResourceDefinitions: names accepted, Established, served; deleted with their objects.

Rules: the controllers of ``apiextensions-apiserver/pkg/controller`` (naming, establishing, nonstructuralschema,
apiapproval, finalizer) and the autoregistration of APIServices.
"""

from __future__ import annotations

from typing import Any

from scale_agent.kube import writes
from scale_agent.kube.codec import moments
from scale_agent.kube.controllers.common import actor
from scale_agent.kube.core import Core
from scale_agent.kube.custom import approval, naming
from scale_agent.kube.custom.record import ESTABLISHED, NAMES_ACCEPTED, TERMINATING, Record
from scale_agent.kube.custom.types import CLEANUP, DEFINITIONS, definition_for
from scale_agent.kube.patching import managed
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Version

DEFINITION_TYPE = ("apiextensions.k8s.io", "v1", "customresourcedefinitions")
APISERVER = "kube-apiserver"
AUTOMANAGED = "kube-aggregator.kubernetes.io/automanaged"
#: How long after a definition changed the watches of its objects end (``crdHandler.tearDown``), seconds.
TEAR_DOWN_S = 1.0
#: How often a deleted definition looks whether its objects are gone; when it first says that they are not (seconds).
POLL_S = 5.0
PATIENCE_S = 60.0


def establish(core: Core, change: Change, now: float) -> None:
    """Accept a definition's names and serve it; a deleted one takes its objects along."""
    if change.event.type is EventType.DELETED:
        _forget(core, Record.of(change.event.after), now)
        return
    version = core.store.get(DEFINITIONS, "", change.event.after.name)
    if version is None or version.rv != change.event.rv:
        return  # a newer change is waiting
    record = Record.of(version)
    _reload(core, change, record, now)
    if record.head["metadata"].get("deletionTimestamp"):
        _finalize(core, record, now)
    elif not (_approve(core, record, now) or _name(core, record, now) or _open(core, record, now)):
        _register(core, record, now)


def _write(core: Core, record: Record, now: float) -> None:
    """Store a changed status. The schemas are not even parsed."""
    resource = core.builtin(*DEFINITION_TYPE)
    version = core.store.get(DEFINITIONS, "", record.name)
    if version is None:
        return
    old = Record.of(version)
    before = {**old.head, "status": old.status}
    after = {**record.head, "metadata": dict(record.head["metadata"]), "status": record.status}
    by = managed.By(APISERVER, moments.stamp(now), "status")
    managed.track(core, resource, before, after, by)
    record.head = {**record.head, "metadata": after["metadata"]}
    core.store.put(DEFINITIONS, record.object(), now)


def _name(core: Core, record: Record, now: float) -> bool:
    """Give a definition its names, as far as nobody else has them; whether anything was written."""
    wanted = definition_for(record).spec["names"]
    if wanted == record.status.get("acceptedNames"):
        return False
    others = [Record.of(one).status.get("acceptedNames") or {} for one in _others(core, record)]
    verdict = naming.decide(wanted, record.status.get("acceptedNames") or {}, others)
    condition = record.condition(NAMES_ACCEPTED)
    told = condition is not None and (condition["reason"], condition["message"]) == (verdict.reason, verdict.message)
    if told and verdict.names == record.status.get("acceptedNames"):
        return False
    time = moments.stamp(now)
    record.status["acceptedNames"] = verdict.names
    record.set_condition(NAMES_ACCEPTED, verdict.accepted, verdict.reason, verdict.message, time)
    if not record.holds(ESTABLISHED):
        message = "the initial names have been accepted" if verdict.accepted else "not all names are accepted"
        record.set_condition(ESTABLISHED, False, "Installing" if verdict.accepted else "NotAccepted", message, time)
    _write(core, record, now)
    _reconsider(core, record, now)
    return True


def _others(core: Core, record: Record) -> list[Version]:
    """The other definitions of the same group."""
    tail = f".{record.group}"
    return [one for one in core.store.list(DEFINITIONS) if one.name.endswith(tail) and one.name != record.name]


def _reconsider(core: Core, record: Record, now: float) -> None:
    """Names may have become free: look at the others that lack some."""
    for version in _others(core, record):
        other = Record.of(version)
        if not other.holds(NAMES_ACCEPTED) and other.group == record.group and other.condition(NAMES_ACCEPTED):
            _name(core, other, now)


def _approve(core: Core, record: Record, now: float) -> bool:
    """Definitions in Kubernetes' own groups say whether they are approved; whether anything was written."""
    verdict = approval.judge(record.group, record.head["metadata"].get("annotations") or {})
    if verdict is None:
        return False
    condition = record.condition(approval.CONDITION)
    if condition is not None and (condition["reason"], condition["message"]) == (verdict.reason, verdict.message):
        return False
    record.set_condition(approval.CONDITION, verdict.approved, verdict.reason, verdict.message, moments.stamp(now))
    _write(core, record, now)
    return True


def _open(core: Core, record: Record, now: float) -> bool:
    """Serve a definition whose names are accepted; whether anything was written."""
    if record.holds(ESTABLISHED) or not record.holds(NAMES_ACCEPTED):
        return False
    message = "the initial names have been accepted"
    record.set_condition(ESTABLISHED, True, "InitialNamesAccepted", message, moments.stamp(now))
    _write(core, record, now)
    return True


def _reload(core: Core, change: Change, record: Record, now: float) -> None:
    """Serve what the definition says now: what is stored is read by the new schema, running watches end."""
    core.custom.changed()
    before = change.event.before
    if before is None:
        return
    old = Record.of(before)
    if (old.spec, old.accepted) == (record.spec, record.accepted) or not old.holds(ESTABLISHED):
        return
    definition = definition_for(record)
    key = (definition.group, definition.plural)
    core.custom.recode(definition)
    _end_watches(core, key, now)
    _unregister(core, old, now)


def _end_watches(core: Core, key: tuple[str, str], now: float) -> None:
    running = core.store.log(key).followers()
    if not running:
        return

    def finish(_: float) -> None:
        for one in running:
            one.finish()

    core.schedule.at(now + TEAR_DOWN_S, finish)


def _forget(core: Core, record: Record, now: float) -> None:
    core.custom.changed()
    definition = definition_for(record)
    _end_watches(core, (definition.group, definition.plural), now)
    _unregister(core, record, now)
    _reconsider(core, record, now)


def _services_of(record: Record) -> dict[str, tuple[str, str]]:
    """Names of the APIServices that announce a definition, with group and version."""
    definition = definition_for(record)
    served = [one.name for one in definition.versions if one.served]
    return {f"{version}.{definition.group}": (definition.group, version) for version in served}


def _register(core: Core, record: Record, now: float) -> None:
    """Every group version that definitions serve has an APIService (fields as recorded)."""
    if not record.holds(ESTABLISHED):
        return
    resource = core.builtin("apiregistration.k8s.io", "v1", "apiservices")
    for name, (group, version) in _services_of(record).items():
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


def _unregister(core: Core, record: Record, now: float) -> None:
    """The last definition of a group version takes its APIService along."""
    resource = core.builtin("apiregistration.k8s.io", "v1", "apiservices")
    left = {(one.group, one.version) for one in core.custom.all()}
    for name, place in _services_of(record).items():
        version = core.store.get(resource.key, "", name)
        if version is not None and place not in left and AUTOMANAGED in version.labels:
            writes.delete(core, resource, version, writes.DeleteOptions(), actor(now, APISERVER))


def _finalize(core: Core, record: Record, now: float) -> None:
    """Delete a deleted definition's objects; it goes when they are gone."""
    condition = record.condition(TERMINATING) or {}
    if CLEANUP not in (record.head["metadata"].get("finalizers") or ()) or condition.get("reason") in _STARTED:
        return
    message = "CustomResource deletion is in progress"
    record.set_condition(TERMINATING, True, "InstanceDeletionInProgress", message, moments.stamp(now))
    _write(core, record, now)
    if not record.holds(ESTABLISHED):
        _finish(core, record.name, ("NeverEstablished", "resource was never established"), now)
        return
    _delete_objects(core, record, now)
    _await_objects(core, record.name, now, now + PATIENCE_S)


_STARTED = ("InstanceDeletionInProgress", "InstanceDeletionCheck", "InstanceDeletionCompleted", "NeverEstablished")


def _delete_objects(core: Core, record: Record, now: float) -> None:
    definition = definition_for(record)
    resource = core.any_version(definition.group, definition.plural)
    if resource is None:
        return
    for version in core.store.list(resource.key):
        writes.delete(core, resource, version, writes.DeleteOptions(), actor(now, ""))


def _await_objects(core: Core, name: str, now: float, until: float) -> None:
    """Look every few seconds whether the objects of a deleted definition are gone; say in the end that they are not."""
    version = core.store.get(DEFINITIONS, "", name)
    if version is None:
        return
    record = Record.of(version)
    definition = definition_for(record)
    if not core.store.list((definition.group, definition.plural)):
        _finish(core, name, ("InstanceDeletionCompleted", "removed all instances"), now)
        return
    if now >= until and (record.condition(TERMINATING) or {}).get("reason") != "InstanceDeletionCheck":
        message = "could not confirm zero CustomResources remaining: context deadline exceeded"
        record.set_condition(TERMINATING, True, "InstanceDeletionCheck", message, moments.stamp(now))
        _write(core, record, now)
    core.schedule.at(now + POLL_S, lambda later: _await_objects(core, name, later, until))


def _finish(core: Core, name: str, why: tuple[str, str], now: float) -> None:
    """Take the finalizer off; without any other the definition goes."""
    version = core.store.get(DEFINITIONS, "", name)
    if version is None:
        return
    record = Record.of(version)
    meta: dict[str, Any] = record.head["metadata"]
    left = [one for one in meta.get("finalizers") or () if one != CLEANUP]
    if not left:
        core.store.remove(DEFINITIONS, "", name, now)
        return
    meta["finalizers"] = left
    record.set_condition(TERMINATING, False, *why, moments.stamp(now))
    _write(core, record, now)
