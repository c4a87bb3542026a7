"""Resource quantities: names, signs, and what is compared (``ValidateResourceRequirements``)."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any

from scale_agent.kube.admission.rules import formats
from scale_agent.kube.admission.rules.checks import AT_LEAST_0
from scale_agent.kube.admission.rules.report import Check, Key, Path, Report
from scale_agent.kube.codec.quantities import number
from scale_agent.kube.codec.wire import DecodeError

_WHOLE = frozenset(("pods", "services", "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims"))
#: Resources of containers that have no prefix.
CONTAINER_RESOURCES = frozenset(("cpu", "memory", "ephemeral-storage"))


@lru_cache(maxsize=4096)
def amount(quantity: str) -> Decimal:
    """The number that a quantity stands for; zero for what is none (the decoder refused it before)."""
    try:
        return number(quantity)
    except DecodeError:
        return Decimal(0)


def not_below_zero(words: str = AT_LEAST_0) -> Check:
    """A quantity that is not negative."""

    def check(value: Any, path: Path, report: Report) -> None:
        if amount(str(value)) < 0:
            report.invalid(path, str(value), words)

    return check


def _value(name: str, quantity: str, path: Path, report: Report) -> None:
    value = amount(quantity)
    if value < 0:
        report.invalid(path, quantity, AT_LEAST_0)
    counted = name in _WHOLE or name.startswith(("count/", "hugepages-")) or "/" in name
    if counted and value != value.to_integral_value():
        report.invalid(path, quantity, "must be an integer")


def _container_name(name: str, path: Path, report: Report) -> None:
    faults = formats.qualified_name(name)
    report.each_invalid(path, name, faults)
    if "/" not in name and name not in CONTAINER_RESOURCES and not name.startswith("hugepages-"):
        if faults:
            return
        report.invalid(path, name, "must be a standard resource type or fully qualified")
        report.invalid(path, name, "must be a standard resource for containers")


def requirements(value: Any, path: Path, report: Report) -> None:
    """A container's limits and requests."""
    limits, requests = (value or {}).get("limits") or {}, (value or {}).get("requests") or {}
    for name in sorted(limits):
        at = (*path, "limits", Key(name))
        _container_name(name, (*path, "limits", Key(name)), report)
        _value(name, str(limits[name]), at, report)
    for name in sorted(requests):
        at = (*path, "requests", Key(name))
        _container_name(name, at, report)
        _value(name, str(requests[name]), at, report)
        limit = limits.get(name)
        if limit is None:
            if not _overcommits(name):
                report.required((*path, "limits"), "Limit must be set for non overcommitable resources")
            continue
        wanted, most = amount(str(requests[name])), amount(str(limit))
        if not _overcommits(name) and wanted != most:
            report.invalid((*path, "requests"), str(requests[name]), f"must be equal to {name} limit of {limit}")
        elif wanted > most:
            report.invalid(
                (*path, "requests"), str(requests[name]), f"must be less than or equal to {name} limit of {limit}"
            )


def _overcommits(name: str) -> bool:
    return not name.startswith("hugepages-") and ("/" not in name or name.partition("/")[0].endswith("kubernetes.io"))


def quota_amounts(value: Any, path: Path, report: Report) -> None:
    """``ValidateResourceQuotaSpec``'s names and amounts."""
    for name in sorted(value or ()):
        at = (*path, Key(name))
        faults = formats.qualified_name(name)
        report.each_invalid(at, name, faults)
        if "/" not in name and name not in QUOTA_RESOURCES and not name.startswith(("requests.", "limits.")):
            report.invalid(at, name, "must be a standard resource for quota")
        _value(name, str(value[name]), at, report)


QUOTA_RESOURCES = frozenset(
    (
        *CONTAINER_RESOURCES,
        *_WHOLE,
        "resourcequotas",
        "services.nodeports",
        "services.loadbalancers",
        "requests.storage",
        "storage",
    )
)
