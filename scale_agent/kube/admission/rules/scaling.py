"""Autoscalers and disruption budgets (``pkg/apis/autoscaling/validation``, ``pkg/apis/policy/validation``)."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission.rules import formats, quantities
from scale_agent.kube.admission.rules.checks import given, one_of, struct
from scale_agent.kube.admission.rules.goform import form
from scale_agent.kube.admission.rules.report import Path, Report
from scale_agent.kube.admission.rules.selectors import label_selector
from scale_agent.kube.admission.rules.workloads import at_most_100, whole_or_percent

_TARGETS = ("Utilization", "Value", "AverageValue")


def _reference(value: Any, path: Path, report: Report, *, grouped: bool = False) -> None:
    for name in ("kind", "name"):
        if not value.get(name):
            report.required((*path, name))
        else:
            report.each_invalid((*path, name), value[name], formats.path_segment(value[name]))
    version = value.get("apiVersion") or ""
    if version.count("/") > 1:
        report.invalid((*path, "apiVersion"), version, f"unexpected GroupVersion string: {version}")
    elif grouped and "/" not in version and value.get("kind") != "ReplicationController":
        report.invalid((*path, "apiVersion"), version, "apiVersion must specify API group")


def _target(value: Any, path: Path, report: Report) -> None:
    kind = value.get("type") or ""
    if not kind:
        report.required((*path, "type"), "must specify a metric target type")
    if kind not in _TARGETS:
        report.invalid((*path, "type"), kind, "must be either Utilization, Value, or AverageValue")
    for name in ("value", "averageValue"):
        amount = value.get(name)
        if amount is not None and quantities.amount(str(amount)) <= 0:
            report.invalid((*path, name), str(amount), "must be positive")
    percent = value.get("averageUtilization")
    if percent is not None and percent < 1:
        report.invalid((*path, "averageUtilization"), percent, "must be greater than 0")


def _named_metric(value: Any, path: Path, report: Report) -> None:
    name = value.get("name")
    if not name:
        report.required((*path, "name"), "must specify a metric name")
    else:
        report.each_invalid((*path, "name"), name, formats.path_segment(name))
    label_selector(value.get("selector"), (*path, "selector"), report)


def _target_of(value: Any, path: Path, report: Report) -> Any:
    _target(value.get("target") or {}, (*path, "target"), report)
    return value.get("target") or {}


def _object(value: Any, path: Path, report: Report) -> None:
    _reference(value.get("describedObject") or {}, (*path, "describedObject"), report)
    _named_metric(value.get("metric") or {}, (*path, "metric"), report)
    target = _target_of(value, path, report)
    if target.get("value") is None and target.get("averageValue") is None:
        report.required((*path, "target", "averageValue"), "must set either a target value or averageValue")


def _external(value: Any, path: Path, report: Report) -> None:
    _named_metric(value.get("metric") or {}, (*path, "metric"), report)
    target = _target_of(value, path, report)
    here = (*path, "target")
    if target.get("value") is None and target.get("averageValue") is None:
        words = "must set either a target value for metric or a per-pod target"
        report.required((*here, "averageValue"), words)
    if target.get("value") is not None and target.get("averageValue") is not None:
        report.forbidden((*here, "value"), "may not set both a target value for metric and a per-pod target")


def _pods(value: Any, path: Path, report: Report) -> None:
    _named_metric(value.get("metric") or {}, (*path, "metric"), report)
    target = _target_of(value, path, report)
    amount = target.get("averageValue")
    if amount is None or quantities.amount(str(amount)) <= 0:
        report.required((*path, "target", "averageValue"), "must specify a positive target averageValue")


def _resource(value: Any, path: Path, report: Report) -> None:
    if not value.get("name"):
        report.required((*path, "name"), "must specify a resource name")
    if "container" in value and not value["container"]:
        report.required((*path, "container"), "must specify a container")
    target = _target_of(value, path, report)
    percent, amount, here = target.get("averageUtilization"), target.get("averageValue"), (*path, "target")
    if percent is None and amount is None:
        words = "must set either a target raw value or a target utilization"
        report.required((*here, "averageUtilization"), words)
    if percent is not None and amount is not None:
        report.forbidden((*here, "averageValue"), "may not set both a target raw value and a target utilization")


def _container_resource(value: Any, path: Path, report: Report) -> None:
    _resource({**value, "container": value.get("container") or ""}, path, report)


_SOURCES = {
    "ContainerResource": ("containerResource", _container_resource),
    "External": ("external", _external),
    "Object": ("object", _object),
    "Pods": ("pods", _pods),
    "Resource": ("resource", _resource),
}
_ORDER = ("Object", "External", "Pods", "Resource", "ContainerResource")


def _metric(value: Any, path: Path, report: Report) -> None:
    kind = value.get("type") or ""
    if not kind:
        report.required((*path, "type"), "must specify a metric source type")
    if kind not in _SOURCES:
        report.unsupported((*path, "type"), kind, tuple(_SOURCES))
    present = []
    for one in _ORDER:
        name, check = _SOURCES[one]
        if value.get(name) is not None:
            present.append(name)
            if len(present) == 1:
                check(value[name], (*path, name), report)
    if kind not in _SOURCES and present:
        report.unsupported((*path, "type"), kind, tuple(_SOURCES))  # said once more where the sources are compared
    if kind in _SOURCES and _SOURCES[kind][0] not in present:
        report.required((*path, _SOURCES[kind][0]), "must populate information for the given metric source")
    for name in present:
        if kind in _SOURCES and name != _SOURCES[kind][0]:
            report.forbidden((*path, name), "must populate the given metric source only")


def _metrics(spec: Any, path: Path, report: Report) -> None:
    percent = spec.get("targetCPUUtilizationPercentage")
    if percent is not None and percent < 1:
        here = (*path, "metrics", 0, "resource", "target", "averageUtilization")
        report.invalid(here, percent, "must be greater than 0")
    metrics = spec.get("metrics") or ()
    for index, one in enumerate(metrics):
        _metric(one, (*path, "metrics", index), report)
    if spec.get("minReplicas") == 0 and not any(one.get("type") in ("Object", "External") for one in metrics):
        words = "must specify at least one Object or External metric to support scaling to zero replicas"
        report.forbidden((*path, "metrics"), words)


def _policy(value: Any, path: Path, report: Report) -> None:
    one_of("Percent", "Pods")(value.get("type"), (*path, "type"), report)
    for name in ("value", "periodSeconds"):
        if (value.get(name) or 0) <= 0:
            report.invalid((*path, name), value.get(name) or 0, "must be greater than zero")
    if (value.get("periodSeconds") or 0) > 1800:
        report.invalid((*path, "periodSeconds"), value["periodSeconds"], "must be less than or equal to 1800")


def _scaling(value: Any, path: Path, report: Report) -> None:
    window = value.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        report.invalid((*path, "stabilizationWindowSeconds"), window, "must be greater than or equal to zero")
    if window is not None and window > 3600:
        report.invalid((*path, "stabilizationWindowSeconds"), window, "must be less than or equal to 3600")
    given(one_of("Disabled", "Max", "Min"))(value.get("selectPolicy"), (*path, "selectPolicy"), report)
    policies = value.get("policies") or ()
    if not policies:
        report.required((*path, "policies"), "must specify at least one Policy")
    for index, one in enumerate(policies):
        _policy(one, (*path, "policies", index), report)


def _replicas(spec: Any, path: Path, report: Report) -> None:
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if least is not None and least < 1:
        report.invalid((*path, "minReplicas"), least, "must be greater than or equal to 1")
    if most == 0:
        report.required((*path, "maxReplicas"), "must be set and greater than 0")
    elif most < 0:
        report.invalid((*path, "maxReplicas"), most, "must be greater than or equal to 1")
    if least is not None and most < least:
        report.invalid((*path, "maxReplicas"), most, "must be greater than or equal to `minReplicas`")
    _reference(spec.get("scaleTargetRef") or {}, (*path, "scaleTargetRef"), report, grouped=True)


_behavior = struct(("scaleUp", given(_scaling)), ("scaleDown", given(_scaling)))
autoscaler = struct(("spec", struct(_replicas, _metrics, ("behavior", given(_behavior)))))


def _budget(spec: Any, path: Path, report: Report) -> None:
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        report.invalid(
            path,
            form("k8s.io/api/policy/v1.PodDisruptionBudgetSpec", spec),
            "minAvailable and maxUnavailable cannot be both set",
        )
    for name, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            whole_or_percent(value, (*path, name), report)
            at_most_100(value, (*path, name), report)
    label_selector(spec.get("selector"), (*path, "selector"), report)
    given(one_of("AlwaysAllow", "IfHealthyBudget"))(
        spec.get("unhealthyPodEvictionPolicy"), (*path, "unhealthyPodEvictionPolicy"), report
    )


disruption_budget = struct(("spec", struct(_budget)))
