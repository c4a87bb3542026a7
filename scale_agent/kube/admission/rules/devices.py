"""Devices: classes, claims, slices (``pkg/apis/resource/validation``); expressions are not compiled."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission.rules import formats
from scale_agent.kube.admission.rules.checks import IMMUTABLE, each, need, one_of, struct, text
from scale_agent.kube.admission.rules.goform import form
from scale_agent.kube.admission.rules.report import Key, Path, Report
from scale_agent.kube.admission.rules.volumes import driver

_subdomain = text(formats.subdomain)


def _selector(value: Any, path: Path, report: Report) -> None:
    if value.get("cel") is None:
        report.required((*path, "cel"))


def _configuration(value: Any, path: Path, report: Report) -> None:
    opaque = value.get("opaque")
    if opaque is None:
        report.required((*path, "opaque"))
        return
    driver(opaque.get("driver"), (*path, "opaque", "driver"), report)
    if opaque.get("parameters") is None:
        report.required((*path, "opaque", "parameters"))


device_class = struct(("spec", struct(("selectors", each(_selector)), ("config", each(_configuration)))))
_mode = one_of("All", "ExactCount")


def _exact(value: Any, path: Path, report: Report) -> None:
    need(_subdomain)(value.get("deviceClassName"), (*path, "deviceClassName"), report)
    each(_selector)(value.get("selectors"), (*path, "selectors"), report)
    mode, count = value.get("allocationMode") or "", value.get("count") or 0
    _mode(mode, (*path, "allocationMode"), report)
    if mode == "ExactCount" and count <= 0:
        report.invalid((*path, "count"), count, "must be greater than zero")
    if mode == "All" and count:
        report.invalid((*path, "count"), count, "must not be specified when allocationMode is 'All'")


def _request(value: Any, path: Path, report: Report) -> None:
    name = value.get("name") or ""
    report.each_invalid((*path, "name"), name, formats.label(name))
    exactly, first = value.get("exactly"), value.get("firstAvailable") or ()
    if exactly is None and not first:
        report.required(path, "exactly one of `exactly` or `firstAvailable` is required")
    elif exactly is not None and first:
        report.invalid(
            path, None, "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set"
        )
    elif exactly is not None:
        _exact(exactly, (*path, "exactly"), report)
    for index, one in enumerate(first):
        here = (*path, "firstAvailable", index)
        report.each_invalid((*here, "name"), one.get("name") or "", formats.label(one.get("name") or ""))
        _exact(one, here, report)


_UNKNOWN = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"


def _names(value: Any, path: Path, report: Report, known: set[str]) -> None:
    for index, one in enumerate(value or ()):
        here = (*path, index)
        for part in one.split("/"):
            report.each_invalid(here, part, formats.label(part))
        if one not in known:
            report.invalid(here, one, _UNKNOWN)
        if one in value[:index]:
            report.duplicate(here, one)


def _attribute(value: Any, path: Path, report: Report) -> None:
    domain, slash, name = value.rpartition("/")
    if len(name) > 32:
        report.too_long(path, 32)
    report.each_invalid(path, name, formats.c_identifier(name))
    if not slash:
        report.invalid(path, value, "a fully qualified name must be a domain and a name separated by a slash")
    else:
        report.each_invalid(path, domain, formats.subdomain(domain))


def _constraint(value: Any, path: Path, report: Report, known: set[str]) -> None:
    _names(value.get("requests"), (*path, "requests"), report, known)
    same, distinct = value.get("matchAttribute"), value.get("distinctAttribute")
    if same is None and distinct is None:
        words = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
        report.required(path, words)
    for name, one in (("matchAttribute", same), ("distinctAttribute", distinct)):
        if one is not None:
            _attribute(one, (*path, name), report)


def _devices(value: Any, path: Path, report: Report) -> None:
    requests = value.get("requests") or ()
    known: set[str] = set()
    for index, one in enumerate(requests):
        here, name = (*path, "requests", index), one.get("name") or ""
        _request(one, here, report)
        if name in known:
            report.duplicate(here, name)
        known.add(name)
        known |= {f"{name}/{inner.get('name') or ''}" for inner in one.get("firstAvailable") or ()}
    for index, one in enumerate(value.get("constraints") or ()):
        _constraint(one, (*path, "constraints", index), report, known)
    for index, one in enumerate(value.get("config") or ()):
        _names(one.get("requests"), (*path, "config", index, "requests"), report, known)
        _configuration(one, (*path, "config", index), report)


_claim_spec = struct(("devices", struct(_devices)))
claim = struct(("spec", _claim_spec))
claim_template = struct(("spec", struct(("spec", _claim_spec))))


def same_spec(new: Any, old: Any, report: Report) -> None:
    """Claims never change."""
    if (new.get("spec") or {}) != (old.get("spec") or {}):
        name = "ResourceClaimTemplateSpec" if "spec" in (old.get("spec") or {}) else "ResourceClaimSpec"
        report.invalid(("spec",), form(f"k8s.io/api/resource/v1.{name}", new.get("spec")), IMMUTABLE)


def _pool(value: Any, path: Path, report: Report) -> None:
    name = value.get("name") or ""
    if not name:
        report.required((*path, "name"))
    else:
        if len(name) > 253:
            report.too_long((*path, "name"), 253)
        for part in name.split("/"):
            report.each_invalid((*path, "name"), part, formats.subdomain(part))
    if (value.get("resourceSliceCount") or 0) <= 0:
        count = value.get("resourceSliceCount") or 0
        report.invalid((*path, "resourceSliceCount"), count, "must be greater than zero")
    if (value.get("generation") or 0) < 0:
        report.invalid((*path, "generation"), value["generation"], "must be greater than or equal to zero")


_PLACES = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
_VALUES = ("int", "bool", "string", "version")


def _device(value: Any, path: Path, report: Report) -> None:
    name = value.get("name") or ""
    report.each_invalid((*path, "name"), name, formats.label(name))
    for key in sorted(value.get("attributes") or ()):
        one, here = value["attributes"][key], (*path, "attributes", Key(key))
        if sum(one.get(kind) is not None for kind in _VALUES) != 1:
            report.invalid(here, "", "exactly one value must be specified")
        if len(one.get("string") or "") > 64:
            report.too_long((*here, "string"), 64)


def _slice(spec: Any, path: Path, report: Report) -> None:
    driver(spec.get("driver"), (*path, "driver"), report)
    _pool(spec.get("pool") or {}, (*path, "pool"), report)
    node, here = spec.get("nodeName"), (*path, "nodeName")
    if node == "":
        report.invalid(here, node, "must be either unset or set to a non-empty string")
    elif node is not None:
        report.each_invalid(here, node, formats.subdomain(node))
    if not any(spec.get(name) for name in _PLACES):
        report.required(
            path, "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
        )
    seen: set[Any] = set()
    for index, one in enumerate(spec.get("devices") or ()):
        _device(one, (*path, "devices", index), report)
        if one.get("name") in seen:
            report.duplicate((*path, "devices", index), one.get("name") or "")
        seen.add(one.get("name"))


resource_slice = struct(("spec", struct(_slice)))


def slice_update(new: Any, old: Any, report: Report) -> None:
    """``ValidateResourceSliceUpdate``."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    if ((now.get("pool") or {}).get("name") or "") != ((before.get("pool") or {}).get("name") or ""):
        report.invalid(("spec", "pool", "name"), (now.get("pool") or {}).get("name") or "", IMMUTABLE)
    for name, empty in (("driver", ""), ("nodeName", None)):
        if now.get(name) != before.get(name):
            report.invalid(("spec", name), now.get(name) or empty if name == "driver" else now.get(name), IMMUTABLE)
