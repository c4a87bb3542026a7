"""What a server does to an object before it is stored: metadata, generation, status kept apart from spec.

Rules: k8s.io/apiserver's ``rest.BeforeCreate``/``BeforeUpdate`` and the registry's strategies, as tables.
"""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission import parts
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.storage.version import Obj

#: Built-in resources whose generation a server counts (custom resources always have one).
GENERATED: frozenset[ResourceKey] = frozenset(
    [("apps", plural) for plural in ("deployments", "replicasets", "daemonsets", "statefulsets")]
    + [("batch", plural) for plural in ("jobs", "cronjobs")]
    + [("", plural) for plural in ("pods", "podtemplates", "replicationcontrollers")]
    + [("networking.k8s.io", plural) for plural in ("ingresses", "networkpolicies", "ingressclasses")]
    + [("admissionregistration.k8s.io", f"{kind}webhookconfigurations") for kind in ("mutating", "validating")]
    + [
        ("admissionregistration.k8s.io", f"{kind}admissionpolic{tail}")
        for kind in ("mutating", "validating")
        for tail in ("ies", "ybindings")
    ]
    + [("flowcontrol.apiserver.k8s.io", plural) for plural in ("flowschemas", "prioritylevelconfigurations")]
    + [("resource.k8s.io", plural) for plural in ("deviceclasses", "resourceslices")]
    + [
        ("policy", "poddisruptionbudgets"),
        ("scheduling.k8s.io", "priorityclasses"),
        ("discovery.k8s.io", "endpointslices"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
    ]
)
#: Whose changes are counted although nothing is there at first.
COUNTED_LATER: frozenset[ResourceKey] = frozenset([("storage.k8s.io", "csidrivers")])
#: Kinds whose new objects may have a status.
KEEPS_NEW_STATUS: frozenset[ResourceKey] = frozenset([("", "nodes")])
#: Whose annotations or labels count too (``apps/deployment/strategy.go``: rollbacks were once said in them).
METADATA_COUNTS: dict[ResourceKey, str] = {
    ("apps", "deployments"): "annotations",
    ("discovery.k8s.io", "endpointslices"): "labels",
}
#: Fields whose change does not count, besides metadata and status: whole objects without a spec count any field.
_UNCOUNTED = frozenset(("kind", "apiVersion", "metadata", "status"))
#: Metadata that only the server writes.
SERVER_METADATA = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "selfLink",
)


def has_generation(resource: ResourceType) -> bool:
    """Whether the server counts changes of the spec."""
    return not resource.typed or resource.key in GENERATED


def has_status(resource: ResourceType) -> bool:
    """Whether status is written through its own subresource only."""
    return "status" in resource.subresources


def begin(resource: ResourceType, obj: Obj, *, uid: str, time: str) -> None:
    """Fill the metadata of a new object in place; its name and namespace are set."""
    meta: dict[str, Any] = obj["metadata"]
    for name in (*SERVER_METADATA, "resourceVersion"):
        meta.pop(name, None)
    meta["uid"] = uid
    meta["creationTimestamp"] = time
    if has_generation(resource):
        meta["generation"] = 1
    if has_status(resource) and resource.key not in KEEPS_NEW_STATUS and (resource.typed or "status" in obj):
        obj.pop("status", None)


def carry_over(resource: ResourceType, old: Obj, new: Obj, subresource: str) -> Obj:
    """What an update may change of ``old``: everything but status, or what ``subresource`` is about."""
    out = dict(new)
    if subresource in parts.PARTS:
        changed = {**new, "metadata": _metadata(old["metadata"], new.get("metadata") or {})}
        return parts.carried(resource, old, changed, subresource)
    if has_status(resource):
        out.pop("status", None)
        if "status" in old:
            out["status"] = old["status"]
    out["metadata"] = _metadata(old["metadata"], new.get("metadata") or {})
    return out


def _metadata(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    out = {name: value for name, value in new.items() if name not in SERVER_METADATA}
    for name in SERVER_METADATA:
        if name in old:
            out[name] = old[name]
    if "generateName" in old:
        out.setdefault("generateName", old["generateName"])
    return out


def count_generation(resource: ResourceType, old: Obj, new: Obj, subresource: str = "") -> None:
    """Raise ``metadata.generation`` in place when something but metadata and status changed."""
    if not has_generation(resource) and resource.key not in COUNTED_LATER:
        return
    names = (old.keys() | new.keys()) - _UNCOUNTED
    if not resource.typed and not has_status(resource):
        names |= {"status"}
    changed = any(old.get(name) != new.get(name) for name in names)
    counted = METADATA_COUNTS.get(resource.key)
    if not (changed or subresource) and counted is not None:
        changed = (old["metadata"].get(counted) or {}) != (new["metadata"].get(counted) or {})
    if changed:
        new["metadata"]["generation"] = int(old["metadata"].get("generation", 0)) + 1


def same(old: Obj, new: Obj) -> bool:
    """Whether an update changes nothing: then nothing is written. managedFields and resourceVersion do not count."""
    return _essence(old) == _essence(new)


def _essence(obj: Obj) -> Obj:
    meta = {name: value for name, value in obj["metadata"].items() if name not in ("managedFields", "resourceVersion")}
    return {**obj, "metadata": meta}


def sorted_metadata(meta: dict[str, Any]) -> dict[str, Any]:
    """Metadata in the order of Go's ObjectMeta."""
    return {name: meta[name] for name in METADATA_ORDER if name in meta and not _omitted(meta[name])}


def _omitted(value: object) -> bool:
    return value is None or value == "" or value == {} or value == []


METADATA_ORDER = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
