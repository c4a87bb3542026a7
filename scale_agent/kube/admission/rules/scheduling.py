"""Leases, priority and runtime classes, flow control, API services."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission.rules import formats
from scale_agent.kube.admission.rules.checks import (
    IMMUTABLE,
    between,
    each,
    filled,
    given,
    need,
    not_negative,
    one_of,
    struct,
    text,
    unchanged,
)
from scale_agent.kube.admission.rules.metadata import labels
from scale_agent.kube.admission.rules.quantities import requirements
from scale_agent.kube.admission.rules.report import Literal, Path, Report, value_text
from scale_agent.kube.admission.rules.security import internal
from scale_agent.kube.admission.rules.selectors import tolerations


def _positive(value: Any, path: Path, report: Report) -> None:
    if value <= 0:
        report.invalid(path, value, "must be greater than 0")


def _strategy(value: Any, path: Path, report: Report) -> None:
    name, preferred = value.get("strategy"), value.get("preferredHolder")
    if preferred and not name:
        report.forbidden((*path, "preferredHolder"), "may only be specified if `strategy` is defined")


lease = struct(
    (
        "spec",
        struct(
            ("leaseDurationSeconds", given(_positive)),
            ("leaseTransitions", given(not_negative)),
            _strategy,
        ),
    )
)
_SYSTEM = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
HIGHEST_USER_PRIORITY = 1_000_000_000


def _priority(value: Any, path: Path, report: Report) -> None:
    name, number = (value.get("metadata") or {}).get("name") or "", value.get("value") or 0
    if name.startswith("system-") and _SYSTEM.get(name) != number:
        why = "priority class names with 'system-' prefix are reserved for system use only"
        unknown = "" if name in _SYSTEM else f". error: {name} is not a known system priority class"
        report.forbidden(("metadata", "name"), why + unknown)
    elif not name.startswith("system-") and number > HIGHEST_USER_PRIORITY:
        words = f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"
        report.forbidden(("value",), words)
    policy = value.get("preemptionPolicy")
    if policy is not None:
        need(one_of("PreemptLowerPriority", "Never"))(policy, ("preemptionPolicy",), report)


priority_class = struct(_priority)


def priority_class_update(new: Any, old: Any, report: Report) -> None:
    """``ValidatePriorityClassUpdate``."""
    if (new.get("value") or 0) != (old.get("value") or 0):
        report.forbidden(("value",), "may not be changed in an update.")
    if new.get("preemptionPolicy") != old.get("preemptionPolicy"):
        report.invalid(("preemptionPolicy",), new.get("preemptionPolicy"), IMMUTABLE)


_TOLERATION = (
    ("Key", "key"),
    ("Operator", "operator"),
    ("Value", "value"),
    ("Effect", "effect"),
    ("TolerationSeconds", "tolerationSeconds"),
)


def _distinct(value: Any, path: Path, report: Report) -> None:
    seen: list[Any] = []
    for index, one in enumerate(value or ()):
        if one in seen:
            texts = dict.fromkeys(("key", "operator", "value", "effect"), "")
            report.duplicate((*path, index), internal({**texts, **one}, _TOLERATION))
        seen.append(one)


runtime_class = struct(
    ("handler", need(text(formats.label))),
    ("overhead", given(lambda value, path, report: requirements({"limits": value.get("podFixed")}, path, report))),
    ("scheduling", given(struct(("nodeSelector", filled(labels)), ("tolerations", tolerations, _distinct)))),
)
runtime_class_update = unchanged("handler", shown_as=lambda value: value or "")
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")


def _verbs(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path, "verbs must contain at least one value")
    elif "*" in value:
        if len(value) > 1:
            report.invalid(path, list(value), "if '*' is present, must not specify other verbs")
    elif not set(value) <= set(_VERBS):
        report.unsupported(path, list(value), _VERBS)


def _listed(what: str) -> Any:
    def check(value: Any, path: Path, report: Report) -> None:
        if not value:
            report.required(path, f"resource rules must supply at least one {what}")
        elif len(value) > 1 and "*" in value:
            report.invalid(path, list(value), f"if '*' is present, must not specify other {what}s")

    return check


def _namespaces(value: Any, path: Path, report: Report) -> None:
    names, here = value.get("namespaces") or (), (*path, "namespaces")
    if not names and not value.get("clusterScope"):
        words = "resource rules that are not cluster scoped must supply at least one namespace"
        report.required(here, words)
    for index, one in enumerate(names):
        if one != "*":
            for fault in formats.label(one):
                words = f"each member of this list must be '*' or a DNS-1123 label; {fault}"
                report.invalid((*here, index), one, words)


_resource_rule = struct(
    ("verbs", _verbs),
    ("apiGroups", _listed("api group")),
    ("resources", _listed("resource")),
    _namespaces,
)


def _urls(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path, "nonResourceURLs must contain at least one value")
    for index, one in enumerate(value or ()):
        if not one:
            report.invalid((*path, index), one, "must not be empty")
        elif not one.startswith("/") and one != "*":
            report.invalid((*path, index), one, "must start with slash")


def _subject(value: Any, path: Path, report: Report) -> None:
    kind = value.get("kind") or ""
    if kind not in ("Group", "ServiceAccount", "User"):
        report.unsupported((*path, "kind"), kind, ("Group", "ServiceAccount", "User"))
        return
    name = kind[0].lower() + kind[1:]
    if value.get(name) is None:
        report.required((*path, name), f"{name} is required when subject kind is '{kind}'")
        return
    if not value[name].get("name"):
        report.required((*path, name, "name"))
    if kind == "ServiceAccount" and not value[name].get("namespace"):
        report.required((*path, name, "namespace"), "must specify namespace for service account")


def _flow_rule(value: Any, path: Path, report: Report) -> None:
    subjects = value.get("subjects") or ()
    if not subjects:
        report.required((*path, "subjects"), "subjects must contain at least one value")
    each(_subject)(subjects, (*path, "subjects"), report)
    if not value.get("resourceRules") and not value.get("nonResourceRules"):
        report.required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")
    each(_resource_rule)(value.get("resourceRules"), (*path, "resourceRules"), report)
    each(struct(("verbs", _verbs), ("nonResourceURLs", _urls)))(
        value.get("nonResourceRules"), (*path, "nonResourceRules"), report
    )


def _precedence(value: Any, path: Path, report: Report) -> None:
    if (value or 0) <= 0:
        report.invalid(path, value or 0, "must be a positive value")
    if (value or 0) > 10000:
        report.invalid(path, value, "must not be greater than 10000")


def _distinguisher(value: Any, path: Path, report: Report) -> None:
    kind = value.get("type") or ""
    if kind not in ("ByUser", "ByNamespace"):
        report.unsupported((*path, "type"), Literal(f'{{"Type":{value_text(kind)}}}'), ("ByNamespace", "ByUser"))


_level = struct(("name", need(text(formats.subdomain), detail="must reference a priority level")))
flow_schema = struct(
    (
        "spec",
        struct(
            ("matchingPrecedence", _precedence),
            ("distinguisherMethod", given(_distinguisher)),
            ("priorityLevelConfiguration", _level),
            ("rules", each(_flow_rule)),
        ),
    )
)


def _queuing(value: Any, path: Path, report: Report) -> None:
    queues, hand, length = (value.get(name) or 0 for name in ("queues", "handSize", "queueLengthLimit"))
    if queues <= 0:
        report.invalid((*path, "queues"), queues, "must be positive")
    elif queues > 10_000_000:
        report.invalid((*path, "queues"), queues, "must not be greater than 10000000")
    if length <= 0:
        report.invalid((*path, "queueLengthLimit"), length, "must be positive")
    if hand <= 0:
        report.invalid((*path, "handSize"), hand, "must be positive")
    elif hand > queues:
        report.invalid((*path, "handSize"), hand, f"should not be greater than queues ({queues})")


def _response(value: Any, path: Path, report: Report) -> None:
    kind, queuing = value.get("type") or "", value.get("queuing")
    if kind not in ("Queue", "Reject"):
        report.unsupported((*path, "type"), kind, ("Queue", "Reject"))
    elif kind == "Reject" and queuing is not None:
        report.forbidden((*path, "queuing"), "must be nil if limited.limitResponse.type is not Limited")
    elif kind == "Queue" and queuing is None:
        report.required((*path, "queuing"), "must not be empty if limited.limitResponse.type is Limited")
    elif kind == "Queue":
        _queuing(queuing, (*path, "queuing"), report)


def _limited(value: Any, path: Path, report: Report) -> None:
    shares, borrowing = value.get("nominalConcurrencyShares") or 0, value.get("borrowingLimitPercent")
    if shares < 0:
        report.invalid((*path, "nominalConcurrencyShares"), shares, "must be a non-negative integer")
    _response(value.get("limitResponse") or {}, (*path, "limitResponse"), report)
    given(between(0, 100))(value.get("lendablePercent"), (*path, "lendablePercent"), report)
    if borrowing is not None and borrowing < 0:
        report.invalid((*path, "borrowingLimitPercent"), borrowing, "if specified, must be a non-negative integer")


def _level_spec(spec: Any, path: Path, report: Report) -> None:
    kind, limited, exempt = spec.get("type") or "", spec.get("limited"), spec.get("exempt")
    if kind == "Limited":
        if exempt is not None:
            report.forbidden((*path, "exempt"), "must be nil if the type is Limited")
        if limited is None:
            report.required((*path, "limited"), "must not be empty when type is Limited")
        else:
            _limited(limited, (*path, "limited"), report)
    elif kind == "Exempt":
        if limited is not None:
            report.forbidden((*path, "limited"), "must be nil if the type is not Limited")
    else:
        report.unsupported((*path, "type"), kind, ("Exempt", "Limited"))


priority_level = struct(("spec", struct(_level_spec)))


def _api_service(spec: Any, path: Path, report: Report) -> None:
    group, version = spec.get("group") or "", spec.get("version") or ""
    if group:
        report.each_invalid((*path, "group"), group, formats.subdomain(group))
    elif version != "v1":
        report.required((*path, "group"), "only v1 may have an empty group and it better be legacy kube")
    report.each_invalid((*path, "version"), version, formats.dns1035_label(version))
    for name, limit in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        number = spec.get(name) or 0
        if not 0 < number <= limit:
            report.invalid((*path, name), number, f"must be positive and less than {limit}")
    _backing(spec, path, report)


def _backing(spec: Any, path: Path, report: Report) -> None:
    service, insecure, bundle = spec.get("service"), spec.get("insecureSkipTLSVerify"), spec.get("caBundle")
    if service is None:
        if bundle:
            report.invalid((*path, "caBundle"), f"{len(bundle)} bytes", "local APIServices may not have a caBundle")
        if insecure:
            words = "local APIServices may not have insecureSkipTLSVerify"
            report.invalid((*path, "insecureSkipTLSVerify"), True, words)
        return
    for name in ("namespace", "name"):
        if not service.get(name):
            report.required((*path, "service", name))
    number = service.get("port")
    if number is not None and not 1 <= number <= 65535:
        words = "port is not valid: must be between 1 and 65535, inclusive"
        report.invalid((*path, "service", "port"), number, words)
    if insecure and bundle:
        words = "may not be true if caBundle is present"
        report.invalid((*path, "insecureSkipTLSVerify"), True, words)


def _service_name(value: Any, path: Path, report: Report) -> None:
    spec, name = value.get("spec") or {}, (value.get("metadata") or {}).get("name") or ""
    wanted = f"{spec.get('version') or ''}.{spec.get('group') or ''}"
    if name and name != wanted:
        report.invalid(("metadata", "name"), name, f'must be `spec.version+"."+spec.group`: "{wanted}"')


api_service = struct(_service_name, ("spec", struct(_api_service)))
