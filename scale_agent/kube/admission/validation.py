"""Whether an object may be stored: the rules of its kind, and those of everyone's metadata, in the server's order.

Sources: ``rest.BeforeCreate`` and ``rest.BeforeUpdate`` of k8s.io/apiserver, and the registries' strategies.
"""

from __future__ import annotations

from collections.abc import Iterable

from scale_agent.kube import status
from scale_agent.kube.admission.rules import formats, metadata
from scale_agent.kube.admission.rules.kinds import CUSTOM, NEW_EVENTS, RULES, Rules
from scale_agent.kube.admission.rules.report import Report
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.status import Cause
from scale_agent.kube.storage.version import Obj

#: Replacing these needs the version that is replaced (``AllowUnconditionalUpdate``), as with custom resources.
VERSION_NEEDED: frozenset[ResourceKey] = frozenset(
    [("apiregistration.k8s.io", "apiservices"), ("policy", "poddisruptionbudgets"), ("coordination.k8s.io", "leases")]
    + [("node.k8s.io", "runtimeclasses"), ("apiextensions.k8s.io", "customresourcedefinitions")]
    + [("storage.k8s.io", one) for one in ("csidrivers", "csinodes", "csistoragecapacities", "volumeattachments")]
    + [
        ("admissionregistration.k8s.io", f"{kind}{tail}")
        for kind in ("mutating", "validating")
        for tail in ("webhookconfigurations", "admissionpolicies", "admissionpolicybindings")
    ]
)


def rules_of(resource: ResourceType) -> Rules:
    """The rules of a resource."""
    if resource.group == "events.k8s.io":
        return NEW_EVENTS
    return RULES.get(resource.key, CUSTOM)


def check(resource: ResourceType, obj: Obj, more: Iterable[Cause] = ()) -> None:
    """Refuse a new object that breaks its kind's rules (422); ``more``: those of its definition."""
    rules, report = rules_of(resource), Report()
    metadata.whole(obj["metadata"], rules.names, report, built_in=_is_core(resource))
    rules.whole(obj, (), report)
    rules.new(obj, (), report)
    report.causes += more
    _refuse(resource, obj, report)


def check_update(resource: ResourceType, old: Obj, new: Obj, subresource: str = "", more: Iterable[Cause] = ()) -> None:
    """Refuse a change that breaks the rules (422). Status writes are looked at for their metadata."""
    rules, report = rules_of(resource), Report()
    before, after = old["metadata"], new["metadata"]
    changed = metadata.differs(after, before)
    if changed:
        metadata.whole(after, formats.path_segment, report)
        metadata.updated(after, before, report)
    for how in (rules.repeated if not subresource else "u") if changed else "":
        if how == "u":
            metadata.updated(after, before, report, built_in=_is_core(resource))
        else:
            metadata.whole(after, rules.names, report, built_in=_is_core(resource))
    if not subresource:
        if rules.change_first:
            rules.change(new, old, report)
        for _ in range(2 if rules.twice else 1):
            rules.whole(new, (), report)
        if not rules.change_first:
            rules.change(new, old, report)
    report.causes += more
    _refuse(resource, new, report)


def _is_core(resource: ResourceType) -> bool:
    """Whether the kind's metadata is looked at by the functions of the core group."""
    return resource.typed and resource.group not in _APART


_APART = frozenset(("admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io"))


def _refuse(resource: ResourceType, obj: Obj, report: Report) -> None:
    if report.causes:
        raise status.invalid(resource.kind, resource.key[0], obj["metadata"].get("name", ""), report.causes)
