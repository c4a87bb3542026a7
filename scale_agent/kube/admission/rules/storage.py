"""Persistent volumes and claims, storage classes, CSI objects, attachments (``pkg/apis/storage/validation``)."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission.rules import formats, quantities
from scale_agent.kube.admission.rules.checks import (
    IMMUTABLE,
    Change,
    at,
    changes,
    filled,
    given,
    needs_pointer,
    not_negative,
    one_of,
    struct,
    text,
    unchanged,
)
from scale_agent.kube.admission.rules.claims import access_modes, claim_spec
from scale_agent.kube.admission.rules.goform import CORE, difference, form
from scale_agent.kube.admission.rules.report import Key, Path, Report
from scale_agent.kube.admission.rules.security import internal
from scale_agent.kube.admission.rules.selectors import key, label_selector, node_selector
from scale_agent.kube.admission.rules.volumes import PERSISTENT_SOURCES, driver, one_source

_RECLAIM = ("Delete", "Recycle", "Retain")


def _capacity(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path)
    if value is None or set(value) != {"storage"}:
        report.unsupported(path, value, ("storage",))
    for name in sorted(value or ()):
        amount = quantities.amount(str(value[name]))
        if amount < 0:
            report.invalid((*path, Key(name)), str(value[name]), "must be greater than or equal to 0")
        if amount <= 0:
            report.invalid((*path, Key(name)), str(value[name]), "must be greater than zero")


def _host_root(spec: Any, path: Path, report: Report) -> None:
    if at(spec, "hostPath", "path") == "/" and spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        words = "may not be 'recycle' for a hostPath mount of '/'"
        report.forbidden((*path, "persistentVolumeReclaimPolicy"), words)


_affinity = given(
    struct(("required", needs_pointer(node_selector, detail="must specify required node constraints"))),
)


def _modes(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path)
    access_modes(value, path, report)


volume = struct(
    (
        "spec",
        struct(
            ("accessModes", _modes),
            ("capacity", _capacity),
            ("persistentVolumeReclaimPolicy", filled(one_of(*_RECLAIM))),
            ("nodeAffinity", _affinity),
            one_source(PERSISTENT_SOURCES, "must specify a volume type"),
            _host_root,
            ("storageClassName", filled(text(formats.subdomain))),
            ("volumeMode", given(one_of("Block", "Filesystem"))),
            ("volumeAttributesClassName", filled(text(formats.subdomain))),
        ),
    )
)


def volume_update(new: Any, old: Any, report: Report) -> None:
    """``ValidatePersistentVolumeUpdate``: what a volume is made of stays, and its mode."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    if any(now.get(name) != before.get(name) for name in PERSISTENT_SOURCES):
        shown = difference(f"{CORE}PersistentVolumeSpec", before, now, PERSISTENT_SOURCES)
        words = f"spec.persistentvolumesource is immutable after creation\n{shown}"
        report.forbidden(("spec", "persistentvolumesource"), words)
    if now.get("volumeMode") != before.get("volumeMode"):
        report.invalid(("volumeMode",), now.get("volumeMode"), IMMUTABLE)
    if before.get("nodeAffinity") is not None and now.get("nodeAffinity") != before["nodeAffinity"]:
        shown_affinity = now.get("nodeAffinity")
        if shown_affinity is not None:
            shown_affinity = form(f"{CORE}VolumeNodeAffinity", shown_affinity)
        words = "field is immutable, except for updating from beta label to GA"
        report.invalid(("nodeAffinity",), shown_affinity, words)


claim = struct(("spec", claim_spec))
_CLAIM_WORDS = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)


def claim_update(new: Any, old: Any, report: Report) -> None:
    """``ValidatePersistentVolumeClaimUpdate``: a claim's spec stays, but a bound one may grow."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    bound = at(old, "status", "phase") == "Bound"
    changed, was = _fixed(now, before, bound), _fixed(before, now, bound=False)
    if changed != was:
        shown = difference(f"{CORE}PersistentVolumeClaimSpec", was, changed)
        report.forbidden(("spec",), f"{_CLAIM_WORDS}\n{shown}")
    _shrunk(now, before, old, report)
    if now.get("volumeMode") != before.get("volumeMode"):
        report.invalid(("volumeMode",), now.get("volumeMode"), IMMUTABLE)


def _shrunk(now: Any, before: Any, old: Any, report: Report) -> None:
    new_size, old_size = (at(one, "resources", "requests", "storage") or "0" for one in (now, before))
    present = at(old, "status", "capacity", "storage") or "0"
    size = quantities.amount(new_size)
    if size < quantities.amount(old_size) and size <= quantities.amount(present):
        here = ("spec", "resources", "requests", "storage")
        report.forbidden(here, "field can not be less than status.capacity")


def _fixed(spec: Any, other: Any, bound: bool) -> Any:
    """A claim's spec without what may change: the volume when there was none, a bound one's size and class."""
    out = {name: value for name, value in spec.items() if value not in (None, "")}
    if not spec.get("volumeName") and other.get("volumeName"):
        out["volumeName"] = other["volumeName"]
    if bound:
        for name in ("resources", "volumeAttributesClassName"):
            out.pop(name, None)
            if name in other:
                out[name] = other[name]
    return out


def _provisioner(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path)
    else:
        report.each_invalid(path, value.lower(), formats.qualified_name(value.lower()))


def _parameters(value: Any, path: Path, report: Report) -> None:
    if value is None:
        return
    if len(value) > 512:
        report.too_long(path, 512)
    if "" in value:
        report.invalid(path, "", "field can not be empty.")
    if sum(len(name) + len(one) for name, one in value.items()) > 256 * 1024:
        report.too_long(path, 256 * 1024)


def _topology(value: Any, path: Path, report: Report) -> None:
    seen: set[Any] = set()
    for index, one in enumerate(value.get("matchLabelExpressions") or ()):
        here = (*path, "matchLabelExpressions", index)
        values = one.get("values") or ()
        if not values:
            report.required((*here, "values"))
        for number, item in enumerate(values):
            if item in values[:number]:
                report.duplicate((*here, "values", number), item)
        key(one.get("key"), (*here, "key"), report)
        if one.get("key") in seen:
            report.duplicate((*here, "key"), one.get("key") or "")
        seen.add(one.get("key"))


def _topologies(value: Any, path: Path, report: Report) -> None:
    seen: list[Any] = []
    for index, one in enumerate(value or ()):
        _topology(one, (*path, index), report)
        if one in seen or not one.get("matchLabelExpressions"):
            report.duplicate((*path, index, "matchLabelExpressions"), "")
        seen.append(one)


storage_class = struct(
    ("provisioner", _provisioner),
    ("parameters", _parameters),
    ("reclaimPolicy", filled(one_of("Delete", "Retain"))),
    ("volumeBindingMode", needs_pointer(one_of("Immediate", "WaitForFirstConsumer"))),
    ("allowedTopologies", _topologies),
)


def _class_member(name: str, words: str = IMMUTABLE) -> Change:
    def check(new: Any, old: Any, report: Report) -> None:
        if (new.get(name) or None) != (old.get(name) or None):
            report.invalid((name,), new.get(name), words)

    return check


storage_class_update = changes(
    _class_member("parameters"),
    unchanged("provisioner", shown_as=lambda value: value or ""),
    _class_member("reclaimPolicy"),
    _class_member("volumeBindingMode"),
)


def _token_requests(value: Any, path: Path, report: Report) -> None:
    seen: set[Any] = set()
    for index, one in enumerate(value or ()):
        audience, seconds = one.get("audience") or "", one.get("expirationSeconds")
        if audience in seen:
            report.duplicate((*path, index, "audience"), audience)
        seen.add(audience)
        if seconds is not None and seconds < 600:
            words = "may not specify a duration less than 10 minutes"
            report.invalid((*path, index, "expirationSeconds"), seconds, words)


def _lifecycle(value: Any, path: Path, report: Report) -> None:
    for one in value or ():
        if one not in ("Persistent", "Ephemeral"):
            report.unsupported(path, one, ("Persistent", "Ephemeral"))


csi_driver = struct(
    (
        "spec",
        struct(
            ("attachRequired", needs_pointer()),
            ("podInfoOnMount", needs_pointer()),
            ("storageCapacity", needs_pointer()),
            ("fsGroupPolicy", needs_pointer(one_of("File", "None", "ReadWriteOnceWithFSType"))),
            ("tokenRequests", _token_requests),
            ("volumeLifecycleModes", _lifecycle),
        ),
    )
)


def csi_driver_update(new: Any, old: Any, report: Report) -> None:
    """``ValidateCSIDriverUpdate``: the refusal's path is misspelt by the server."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    if now.get("attachRequired") != before.get("attachRequired"):
        report.invalid(("spec", "attachedRequired"), now.get("attachRequired"), IMMUTABLE)
    if now.get("volumeLifecycleModes") != before.get("volumeLifecycleModes"):
        report.invalid(("spec", "volumeLifecycleModes"), now.get("volumeLifecycleModes"), IMMUTABLE)


def _topology_keys(value: Any, path: Path, report: Report) -> None:
    seen: set[Any] = set()
    for one in value or ():
        if one in seen:
            report.duplicate(path, one)
        seen.add(one)
        if not one:
            report.required(path)
        report.each_invalid(path, one, formats.qualified_name(one))


def _node_driver(value: Any, path: Path, report: Report) -> None:
    driver(value.get("name"), (*path, "name"), report)
    name = value.get("nodeID") or ""
    if not name:
        report.required((*path, "nodeID"))
    elif len(name) > 256:
        report.invalid((*path, "nodeID"), name, "must be 256 characters or less")
    given(struct(("count", given(not_negative))))(value.get("allocatable"), (*path, "allocatable"), report)
    _topology_keys(value.get("topologyKeys"), path, report)


def _drivers(value: Any, path: Path, report: Report) -> None:
    seen: set[Any] = set()
    for index, one in enumerate(value or ()):
        _node_driver(one, (*path, index), report)
        if one.get("name") in seen:
            report.duplicate((*path, index, "name"), one.get("name") or "")
        seen.add(one.get("name"))


csi_node = struct(("spec", struct(("drivers", _drivers))))
_NODE_DRIVER = (
    ("Name", "name"),
    ("NodeID", "nodeID"),
    ("TopologyKeys", "topologyKeys"),
    ("Allocatable", "allocatable"),
)


def csi_node_update(new: Any, old: Any, report: Report) -> None:
    """``ValidateCSINodeUpdate``: a driver stays as it registered."""
    before = {one.get("name"): one for one in at(old, "spec", "drivers") or ()}
    for one in at(new, "spec", "drivers") or ():
        was = before.get(one.get("name"))
        if was is not None and any(was.get(name) != one.get(name) for _, name in _NODE_DRIVER[:3]):
            shown = {**one, "nodeID": one.get("nodeID") or "", "allocatable": None}
            report.invalid(("spec", "drivers"), internal(shown, _NODE_DRIVER), IMMUTABLE)


capacity = struct(
    ("storageClassName", text(formats.subdomain)),
    ("nodeTopology", label_selector),
    ("capacity", given(quantities.not_below_zero())),
    ("maximumVolumeSize", given(quantities.not_below_zero())),
)
capacity_update = changes(
    _class_member("nodeTopology"), unchanged("storageClassName", shown_as=lambda value: value or "")
)


def _attacher(value: Any, path: Path, report: Report) -> None:
    driver(value, path, report)


def _attached(value: Any, path: Path, report: Report) -> None:
    name, inline = value.get("persistentVolumeName"), value.get("inlineVolumeSpec")
    if (name is None) == (inline is None):
        if name is None:
            report.required(path, "must specify exactly one of inlineVolumeSpec and persistentVolumeName")
        else:
            report.forbidden(path, "must specify exactly one of inlineVolumeSpec and persistentVolumeName")
    elif name is not None:
        here = (*path, "persistentVolumeName")
        if not name:
            report.required(here, "must specify non empty persistentVolumeName")
        report.each_invalid(here, name, formats.subdomain(name))


attachment = struct(
    ("spec", struct(("attacher", _attacher), ("source", struct(_attached)), ("nodeName", text(formats.subdomain)))),
)
_SOURCE = (("PersistentVolumeName", "persistentVolumeName"), ("InlineVolumeSpec", "inlineVolumeSpec"))
_ATTACHMENT = (("Attacher", "attacher"), ("Source", "source"), ("NodeName", "nodeName"))


def _shown_attachment(value: Any) -> Any:
    spec = value or {}
    return internal(
        {
            "attacher": spec.get("attacher") or "",
            "source": internal(spec.get("source") or {}, _SOURCE),
            "nodeName": spec.get("nodeName") or "",
        },
        _ATTACHMENT,
    )


attachment_update = unchanged("spec", shown_as=_shown_attachment)


def _some_parameters(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path, "must contain at least one key/value pair")
    else:
        _parameters(value, path, report)


attributes_class = struct(("driverName", _provisioner), ("parameters", _some_parameters))


def attributes_class_update(new: Any, old: Any, report: Report) -> None:
    """``ValidateVolumeAttributesClassUpdate``."""
    for name in ("driverName", "parameters"):
        if (new.get(name) or None) != (old.get(name) or None):
            report.forbidden((name,), f"updates to {name} are forbidden.")
