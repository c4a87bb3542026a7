"""Conditions of a cluster and the state that follows from them.

The state is computed as Rancher does (protocol section 3.4); which conditions a version sets, and in which order,
is recorded (``conditions-<version>-<path>``); what makes each of them move is :data:`CAUSES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from scale_agent.standin import templates


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; ``at`` is RFC 3339."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A recorded change of a condition, ``delay_s`` after ``cause``."""

    cause: str
    delay_s: float
    type: str
    status: str
    reason: str
    message: str


#: (type, status, reason) or (type, status) → what makes it so and how long after, in seconds. Causes: ``created``;
#: ``tunnel`` (the main tunnel opened); marks of the script; ``deployed`` is what Rancher sees of kubectl's apply.
CAUSES: dict[tuple[str, ...], tuple[str, float]] = {
    ("Pending", "Unknown"): ("created", 0.7),
    ("Provisioned", "Unknown"): ("created", 0.7),
    ("Waiting", "Unknown"): ("created", 0.7),
    ("Pending", "True"): ("tunnel", 0.25),
    ("Provisioned", "True", "Pending"): ("tunnel", 0.25),
    ("PreBootstrapped", "Unknown"): ("synced", 0.1),
    ("AgentTlsStrictCheck", "True"): ("synced", 0.1),
    ("AgentDeployed", "True"): ("deployed", 0.0),
    ("SystemAccountCreated", "True"): ("deployed", 0.0),
    ("GlobalAdminsSynced", "True"): ("admins", 1.0),
    ("Updated", "True"): ("deployed", 4.2),
}
_AT_ONCE = (
    "BackingNamespaceCreated",
    "DefaultProjectCreated",
    "SystemProjectCreated",
    "InitialRolesPopulated",
    "CreatorMadeOwner",
)
#: Set by probes, not by the script.
PROBED = ("Connected", "Ready")
PROVISIONED_AFTER_DEPLOYED_S = 3.5


def _cause(kind: str, status: str, reason: str, seen_pending: bool) -> tuple[str, float]:
    if kind in _AT_ONCE:
        return "created", 0.15
    if kind == "Provisioned" and status == "True" and not reason:
        return ("deployed", PROVISIONED_AFTER_DEPLOYED_S) if seen_pending else ("tunnel", 0.25)
    return CAUSES.get((kind, status, reason)) or CAUSES.get((kind, status)) or ("created", 0.7)


@cache
def recorded(version: str, path: str) -> tuple[Change, ...]:
    """The changes that one version's recorded import shows, without those that probes make."""
    out: list[Change] = []
    pending = False
    for entry in templates.load(f"conditions-{version}-{path}"):
        for kind, (status, reason, message) in entry["set"].items():
            if kind in PROBED or (kind == "Waiting" and status == "True"):
                continue
            cause, delay_s = _cause(kind, status, reason or "", pending)
            pending = pending or (kind == "Provisioned" and reason == "Pending")
            out.append(Change(cause, delay_s, kind, status, reason or "", message or ""))
    return tuple(out)


_TRANSITIONING = {
    "Pending": "pending",
    "Provisioned": "provisioning",
    "Waiting": "waiting",
    "Updated": "updating",
    "AgentDeployed": "provisioning",
    "BackingNamespaceCreated": "configuring",
    "DefaultProjectCreated": "configuring",
    "SystemProjectCreated": "configuring",
    "CreatorMadeOwner": "configuring",
    "InitialRolesPopulated": "activating",
}


@dataclass(frozen=True, slots=True)
class State:
    """What lists show: ``name``, whether it is on its way, whether it is an error, and why."""

    name: str
    transitioning: bool = False
    error: bool = False
    message: str = ""


def summarize(conditions: Iterable[Condition], *, removing: bool = False) -> State:
    """The state of a cluster. No conditions at all read ``active``: so does a new cluster."""
    if removing:
        return State("removing", transitioning=True, message="waiting on wrangler.cattle.io/mgmt-cluster-remove")
    found = list(_verdicts(list(conditions)))
    if not found:
        return State("active")
    return next((state for state in found if state.error), found[0])


def _verdicts(conditions: list[Condition]) -> Iterator[State]:
    for one in conditions:
        if one.reason == "Error":
            yield State("error", error=True, message=one.message)
    for one in conditions:
        if one.type in _TRANSITIONING and one.status == "False":
            yield State(_TRANSITIONING[one.type], error=True, message=one.message)
    for one in conditions:
        if one.type in _TRANSITIONING and one.status == "Unknown":
            yield State(_TRANSITIONING[one.type], transitioning=True, message=one.message)
    for one in conditions:
        if one.type == "Ready" and one.status != "True" and one.reason != "Error":
            known = one.status == "False"
            yield State("unavailable", transitioning=known, error=not known, message=one.message)
