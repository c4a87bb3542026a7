"""Small controllers that say one thing about a new object, by server-side apply to its status.

Flow schemas (``apf_controller``): whether their priority level exists. Validating admission policies
(``validatingadmissionpolicystatus``): that their rules were looked at. Service CIDRs (``servicecidrs``): ready, and a
finalizer. Managers and fields: observed from 1.36.2.
"""

from __future__ import annotations

from scale_agent.kube import writes
from scale_agent.kube.codec import moments
from scale_agent.kube.controllers.common import change_meta, current, deleting, drop_finalizer, find_condition, read
from scale_agent.kube.core import Core
from scale_agent.kube.patching import applying, ownership
from scale_agent.kube.patching.managed import By
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.storage.version import Obj

SCHEMAS: ResourceKey = ("flowcontrol.apiserver.k8s.io", "flowschemas")
LEVELS: ResourceKey = ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations")
POLICIES: ResourceKey = ("admissionregistration.k8s.io", "validatingadmissionpolicies")
RANGES: ResourceKey = ("networking.k8s.io", "servicecidrs")
RANGE_FINALIZER = "networking.k8s.io/service-cidr-finalizer"


def flow_schema(core: Core, _: str, name: str, now: float) -> None:
    """Say whether a schema's priority level exists."""
    schema = read(core, SCHEMAS, "", name)
    if schema is None:
        return
    level = ((schema.get("spec") or {}).get("priorityLevelConfiguration") or {}).get("name", "")
    found = core.store.get(LEVELS, "", level) is not None
    object_ = f'This FlowSchema references the PriorityLevelConfiguration object named "{level}"'
    condition = {
        "type": "Dangling",
        "status": "False" if found else "True",
        "reason": "Found" if found else "NotFound",
        "message": f"{object_} and it exists" if found else f"{object_} but there is no such object",
    }
    resource = core.builtin(SCHEMAS[0], "v1", SCHEMAS[1])
    _say(core, resource, schema, condition, "api-priority-and-fairness-config-consumer-v1", now)


def policy(core: Core, _: str, name: str, now: float) -> None:
    """Say of which generation a policy's rules were looked at; nothing is found in them."""
    found = read(core, POLICIES, "", name)
    if found is None:
        return
    generation = found["metadata"].get("generation", 1)
    if (found.get("status") or {}).get("observedGeneration") == generation:
        return
    resource = core.builtin(POLICIES[0], "v1", POLICIES[1])
    status = {"observedGeneration": generation, "typeChecking": {}}
    _apply_status(core, resource, found, status, "validatingadmissionpolicy-status", now)


def service_range(core: Core, _: str, name: str, now: float) -> None:
    """A range of service addresses is ready at once, and goes when nobody holds it."""
    found = read(core, RANGES, "", name)
    if found is None:
        return
    resource = core.builtin(RANGES[0], "v1", RANGES[1])
    finalizers = found["metadata"].get("finalizers") or []
    if deleting(found):
        drop_finalizer(core, resource, found, RANGE_FINALIZER, now)
        return
    if RANGE_FINALIZER not in finalizers:
        change_meta(core, resource, found, now, finalizers=[*finalizers, RANGE_FINALIZER])
    ready = {"type": "Ready", "status": "True", "reason": "", "message": "Kubernetes Service CIDR is ready"}
    _say(core, resource, found, ready, "service-cidr-controller", now)


def _say(core: Core, resource: ResourceType, obj: Obj, condition: Obj, manager: str, now: float) -> None:
    """Apply a condition, unless the object has it."""
    old = find_condition(obj, condition["type"])
    if old is not None and all(old.get(name) == value for name, value in condition.items()):
        return
    same = old is not None and old["status"] == condition["status"]
    since = old["lastTransitionTime"] if same and old is not None else moments.stamp(now)
    status = {"conditions": [{**condition, "lastTransitionTime": since}]}
    _apply_status(core, resource, obj, status, manager, now)


def _apply_status(core: Core, resource: ResourceType, obj: Obj, status: Obj, manager: str, now: float) -> None:
    version = current(core, resource, obj)
    if version is None:
        return
    config = resource.ordered({"metadata": {"name": version.name}, "status": status})
    by = By(manager, moments.stamp(now), "status")
    applied = applying.apply(core, resource, version.object(), config, by, force=True)
    owned = ownership.entries_of(applied.owners)
    made = core.catalog.normalize(applied.obj, resource)
    writes.update(core, resource, version, made, writes.Actor(manager, now), "status", owned=owned)
