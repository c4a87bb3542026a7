"""Persistent volumes' claims (``ValidatePersistentVolumeClaimSpec``): by themselves, in volumes, in stateful sets."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission.rules import formats, quantities
from scale_agent.kube.admission.rules.checks import filled, given, one_of, struct, text
from scale_agent.kube.admission.rules.metadata import labels, notes
from scale_agent.kube.admission.rules.report import Key, Path, Report
from scale_agent.kube.admission.rules.selectors import label_selector

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")


def access_modes(value: Any, path: Path, report: Report) -> None:
    """Known ones; the one for a single pod stands alone."""
    for mode in value or ():
        if mode not in ACCESS_MODES:
            report.unsupported(path, mode, ACCESS_MODES)
    if value and "ReadWriteOncePod" in value and len(value) > 1:
        report.forbidden(path, "may not use ReadWriteOncePod with other access modes")


def _storage(value: Any, path: Path, report: Report) -> None:
    requests = (value or {}).get("requests") or {}
    if "storage" not in requests:
        report.required((*path, Key("storage")))
        return
    wanted = str(requests["storage"])
    if quantities.amount(wanted) <= 0:
        report.invalid((*path, Key("storage")), wanted, "must be greater than zero")
    limit = ((value or {}).get("limits") or {}).get("storage")
    if limit is not None and quantities.amount(wanted) > quantities.amount(str(limit)):
        report.invalid((*path, "requests"), wanted, f"must be less than or equal to storage limit of {limit}")


def _source(value: Any, path: Path, report: Report) -> None:
    for name in ("name", "kind"):
        if not value.get(name):
            report.required((*path, name))
    group = value.get("apiGroup")
    if not group and value.get("kind") != "PersistentVolumeClaim":
        report.invalid(
            path, value.get("kind") or "", "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        )
    if group:
        report.each_invalid((*path, "apiGroup"), group, formats.subdomain(group))


def _modes(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path, "at least 1 access mode is required")
    access_modes(value, path, report)


def _same_source(spec: Any, path: Path, report: Report) -> None:
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    names = ("apiGroup", "kind", "name")
    if source and reference and any((source.get(one) or "") != (reference.get(one) or "") for one in names):
        report.invalid(path, {}, "must match dataSourceRef")


#: The spec of a claim.
claim_spec = struct(
    ("accessModes", _modes),
    ("selector", label_selector),
    ("resources", _storage),
    ("storageClassName", filled(text(formats.subdomain))),
    ("volumeMode", given(one_of("Block", "Filesystem"))),
    ("dataSource", given(_source)),
    ("dataSourceRef", given(_source)),
    ("volumeAttributesClassName", filled(text(formats.subdomain))),
    _same_source,
)
#: ``validatePersistentVolumeClaimTemplate``.
claim_template = struct(
    ("metadata", struct(("annotations", notes), ("labels", filled(labels)))),
    ("spec", claim_spec),
)
