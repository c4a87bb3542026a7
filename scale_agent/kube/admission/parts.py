"""What a write of a subresource may change of its object, and what stays (the strategies in registry/)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scale_agent.kube import status
from scale_agent.kube.admission.podadmission import qos_class
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.status import Cause
from scale_agent.kube.storage.version import Obj

#: Subresources that are read and written as the whole object.
PARTS = ("status", "approval", "ephemeralcontainers", "resize")

_PODS: ResourceKey = ("", "pods")
_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")
#: Metadata that a write of the status leaves as it is. Not listed: nothing.
_KEPT: dict[ResourceKey, tuple[str, ...]] = {
    _PODS: ("ownerReferences",),
    ("apps", "deployments"): ("labels",),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"): _METADATA,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _METADATA,
    ("apiregistration.k8s.io", "apiservices"): _METADATA,
    ("flowcontrol.apiserver.k8s.io", "flowschemas"): _METADATA,
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"): _METADATA,
    ("networking.k8s.io", "servicecidrs"): _METADATA,
    ("resource.k8s.io", "resourceclaims"): _METADATA,
    ("storage.k8s.io", "volumeattachments"): _METADATA,
}
#: What a status keeps when the write leaves it out.
_STICKY: dict[ResourceKey, tuple[str, ...]] = {_PODS: ("qosClass",)}


def carried(resource: ResourceType, old: Obj, new: Obj, subresource: str) -> Obj:
    """The object after a write of a subresource; ``new``'s metadata is complete."""
    kept = _METADATA if not resource.typed else _KEPT.get(resource.key, ())
    if subresource != "status":
        kept = _METADATA if subresource in _WITHOUT_METADATA else ()
    meta = {name: value for name, value in new["metadata"].items() if name not in kept}
    meta |= {name: old["metadata"][name] for name in kept if name in old["metadata"]}
    return _CARRIERS[subresource](resource, {**old, "metadata": meta}, new)


def problems_of_update(resource: ResourceType, old: Obj, new: Obj, subresource: str) -> list[Cause]:
    """What a resize and new ephemeral containers must not do (validation.ValidatePodResize and its neighbour)."""
    if resource.key != _PODS:
        return []
    if subresource == "resize" and qos_class(old["spec"]) != qos_class(new["spec"]):
        shown = f'"{(old.get("status") or {}).get("qosClass", "")}"'
        return [status.invalid_value("spec", shown, "Pod QOS Class may not change as a result of resizing")]
    if subresource == "ephemeralcontainers":
        return _ephemeral_problems(*((each["spec"].get("ephemeralContainers") or []) for each in (old, new)))
    return []


def _ephemeral_problems(old: list[Obj], new: list[Obj]) -> list[Cause]:
    named = {one.get("name"): one for one in new}
    causes = []
    for one in old:
        what = "removed" if one["name"] not in named else "changed" if _differ(one, named[one["name"]]) else ""
        if what:
            why = f'existing ephemeral containers "{one["name"]}" may not be {what}'
            causes.append(status.forbidden_field("spec.ephemeralContainers", why))
    return causes


def _differ(one: Obj, other: Obj) -> bool:
    return any(one.get(name) != other.get(name) for name in one.keys() | other.keys())


def _status(resource: ResourceType, out: Obj, new: Obj) -> Obj:
    before = out.pop("status", None) or {}
    if "status" in new:
        out["status"] = new["status"]
    for name in _STICKY.get(resource.key, ()):
        if name in before and not (out.get("status") or {}).get(name):
            out["status"] = {**(out.get("status") or {}), name: before[name]}
    if resource.key == _PODS and out.get("status"):
        _complete_addresses(out["status"])
    return out


def _complete_addresses(state: Obj) -> None:
    """The first of a pod's addresses stands in both fields (Convert_v1_PodStatus_To_core_PodStatus). In place."""
    first, listed = state.get("podIP"), state.get("podIPs") or []
    if first and (not listed or listed[0].get("ip") != first):
        state["podIPs"] = [{"ip": first}]
    elif listed and not first:
        state["podIP"] = listed[0].get("ip")


def _approval(_: ResourceType, out: Obj, new: Obj) -> Obj:
    """Conditions only: the certificate is the status's."""
    state = {name: value for name, value in (out.get("status") or {}).items() if name != "conditions"}
    conditions = (new.get("status") or {}).get("conditions")
    out["status"] = {**({"conditions": conditions} if conditions else {}), **state}
    return out


def _ephemeral(_: ResourceType, out: Obj, new: Obj) -> Obj:
    return _with_spec(out, ephemeralContainers=(new.get("spec") or {}).get("ephemeralContainers"))


def _resized(_: ResourceType, out: Obj, new: Obj) -> Obj:
    """Resources and resize policies of containers that are there."""
    lists = {name: _sized(out["spec"].get(name), new.get("spec") or {}, name) for name in _SIZED}
    return _with_spec(out, **lists)


_SIZED = ("initContainers", "containers")


def _sized(containers: list[Obj] | None, spec: Obj, name: str) -> list[Obj] | None:
    wanted = {one.get("name"): one for one in spec.get(name) or ()}
    made = []
    for one in containers or ():
        asked = wanted.get(one["name"], one)
        fields = {field: asked.get(field) for field in ("resources", "resizePolicy") if field in asked}
        made.append({**one, **fields})
    return made or None


def _with_spec(out: Obj, **fields: Any) -> Obj:
    spec = {**out["spec"], **fields}
    return {**out, "spec": {name: value for name, value in spec.items() if value is not None}}


_WITHOUT_METADATA = ("ephemeralcontainers", "resize")
_CARRIERS: dict[str, Callable[[ResourceType, Obj, Obj], Obj]] = {
    "status": _status,
    "approval": _approval,
    "ephemeralcontainers": _ephemeral,
    "resize": _resized,
}
