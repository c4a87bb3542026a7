"""What a write of a subresource may change of its object, and what stays (the strategies in registry/)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.storage.version import Obj

#: Subresources that are read and written as the whole object.
PARTS = ("status", "approval", "ephemeralcontainers", "resize")

_METADATA = ("labels", "annotations", "finalizers", "ownerReferences")
#: Metadata that a write of the status leaves as it is. Not listed: nothing.
_KEPT: dict[ResourceKey, tuple[str, ...]] = {
    ("", "pods"): ("ownerReferences",),
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
_STICKY: dict[ResourceKey, tuple[str, ...]] = {("", "pods"): ("qosClass",)}


def carried(resource: ResourceType, old: Obj, new: Obj, subresource: str) -> Obj:
    """The object after a write of a subresource; ``new``'s metadata is complete."""
    kept = _METADATA if not resource.typed else _KEPT.get(resource.key, ())
    if subresource != "status":
        kept = _METADATA if subresource in _WITHOUT_METADATA else ()
    meta = {name: value for name, value in new["metadata"].items() if name not in kept}
    meta |= {name: old["metadata"][name] for name in kept if name in old["metadata"]}
    return _CARRIERS[subresource](resource, {**old, "metadata": meta}, new)


def _status(resource: ResourceType, out: Obj, new: Obj) -> Obj:
    before = out.pop("status", None) or {}
    if "status" in new:
        out["status"] = new["status"]
    for name in _STICKY.get(resource.key, ()):
        if name in before and not (out.get("status") or {}).get(name):
            out["status"] = {**(out.get("status") or {}), name: before[name]}
    return out


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
