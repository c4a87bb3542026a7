"""Controllers that have one thing to say of an object, by server-side apply of its status, and protect it meanwhile.

Flow schemas (the API server's own, ``pkg/util/flowcontrol/apf_controller.go``), validating admission policies
(``pkg/controller/validatingadmissionpolicystatus``), service CIDRs (``pkg/controller/servicecidrs``) and volume
attributes classes (``pkg/controller/volume/vacprotection``).
"""

from __future__ import annotations

import json

from scale_agent.kube.codec import moments
from scale_agent.kube.controllers.common import change_meta, deleting, drop_finalizer, find_condition, read
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.version import Obj

FLOWS: ResourceKey = ("flowcontrol.apiserver.k8s.io", "flowschemas")
LEVELS: ResourceKey = ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations")
POLICIES: ResourceKey = ("admissionregistration.k8s.io", "validatingadmissionpolicies")
RANGES: ResourceKey = ("networking.k8s.io", "servicecidrs")
CLASSES: ResourceKey = ("storage.k8s.io", "volumeattributesclasses")
RANGE_FINALIZER, CLASS_FINALIZER = "networking.k8s.io/service-cidr-finalizer", "kubernetes.io/vac-protection"
#: What may name a volume attributes class.
_USERS: tuple[ResourceKey, ...] = (("", "persistentvolumeclaims"), ("", "persistentvolumes"))
_PARTS = ("lastTransitionTime", "message", "reason", "status", "type")


def flow(core: Core, _: str, name: str, now: float) -> None:
    """Say whether the priority level that a flow schema names is there."""
    found = read(core, FLOWS, "", name)
    if found is None:
        return
    level = str(((found.get("spec") or {}).get("priorityLevelConfiguration") or {}).get("name", ""))
    there = core.store.get(LEVELS, "", level) is not None
    said = "and it exists" if there else "but there is no such object"
    message = f'This FlowSchema references the PriorityLevelConfiguration object named "{level}" {said}'
    wanted = {"status": "False" if there else "True", "reason": "Found" if there else "NotFound", "message": message}
    _tell(core, FLOWS, found, "api-priority-and-fairness-config-consumer-v1", {"type": "Dangling", **wanted}, now)


def policy(core: Core, _: str, name: str, now: float) -> None:
    """Say that the expressions of the newest spec were checked against the types that they are about."""
    found = read(core, POLICIES, "", name)
    if found is None:
        return
    status = {"observedGeneration": found["metadata"].get("generation", 1), "typeChecking": {}}
    if (found.get("status") or {}).get("observedGeneration") != status["observedGeneration"]:
        fields: Obj = {"f:observedGeneration": {}, "f:typeChecking": {}}
        _apply(core, POLICIES, found, "validatingadmissionpolicy-status", status, fields, now)


def service_range(core: Core, _: str, name: str, now: float) -> None:
    """Protect a range of addresses, say that it is ready, and let it go."""
    found = read(core, RANGES, "", name)
    if found is None:
        return
    resource = core.builtin(RANGES[0], "v1", RANGES[1])
    finalizers = found["metadata"].get("finalizers") or []
    if deleting(found):
        if RANGE_FINALIZER in finalizers:
            drop_finalizer(core, resource, found, RANGE_FINALIZER, now)
    elif RANGE_FINALIZER not in finalizers:
        change_meta(core, resource, found, now, finalizers=[*finalizers, RANGE_FINALIZER])
    else:
        ready = {"type": "Ready", "status": "True", "reason": "", "message": "Kubernetes Service CIDR is ready"}
        _tell(core, RANGES, found, "service-cidr-controller", ready, now)


def attributes_class(core: Core, _: str, name: str, now: float) -> None:
    """Let a volume attributes class go that no claim and no volume names."""
    found = read(core, CLASSES, "", name)
    if found is None or not deleting(found) or CLASS_FINALIZER not in (found["metadata"].get("finalizers") or ()):
        return
    needle = f'"volumeAttributesClassName":{json.dumps(name)}'.encode()
    if not any(needle in version.json for key in _USERS for version in core.store.list(key)):
        drop_finalizer(core, core.builtin(CLASSES[0], "v1", CLASSES[1]), found, CLASS_FINALIZER, now)


def _tell(core: Core, key: ResourceKey, obj: Obj, manager: str, condition: Obj, now: float) -> None:
    """Apply one condition, if it says anything new; its time is that of its last change of status."""
    before = find_condition(obj, condition["type"])
    if before is not None and all(before.get(part) == value for part, value in condition.items()):
        return
    same = before is not None and before.get("status") == condition["status"]
    since = before["lastTransitionTime"] if same and before else moments.stamp(now)
    others = [one for one in (obj.get("status") or {}).get("conditions") or () if one is not before]
    made = {"type": condition["type"], "status": condition["status"], "lastTransitionTime": since}
    name = json.dumps({"type": condition["type"]}, separators=(",", ":"))
    fields: Obj = {"f:conditions": {f"k:{name}": {".": {}, **{f"f:{part}": {} for part in _PARTS}}}}
    _apply(core, key, obj, manager, {"conditions": [*others, {**made, **condition}]}, fields, now)


def _apply(core: Core, key: ResourceKey, obj: Obj, manager: str, status: Obj, fields: Obj, now: float) -> None:
    """As a controller's server-side apply of a status: nobody else writes it."""
    resource = core.builtin(key[0], "v1", key[1])
    meta = obj["metadata"]
    own: Obj = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": resource.api_version,
        "time": moments.stamp(now),
    }
    own |= {"fieldsType": "FieldsV1", "fieldsV1": {"f:status": fields}, "subresource": "status"}
    others = [one for one in meta.get("managedFields") or () if one.get("manager") != manager]
    body = {**obj, "metadata": {**meta, "managedFields": [own, *others]}, "status": status}
    core.store.put(key, core.catalog.normalize(body, resource), now)
