"""Label selectors, node selectors, and what pods are scheduled by (``ValidateLabelSelector``, ``validateAffinity``)."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission.rules import formats
from scale_agent.kube.admission.rules.checks import each, filled, given, need, one_of, struct, text
from scale_agent.kube.admission.rules.metadata import labels
from scale_agent.kube.admission.rules.report import Path, Report, value_text

_NO_OPERATOR = "not a valid selector operator"
_WITH_VALUES = "must be specified when `operator` is 'In' or 'NotIn'"
_WITHOUT_VALUES = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
key = text(formats.qualified_name)


def _counted(operator: str, values: Any, path: Path, report: Report) -> bool:
    """Whether the operator is one of sets; it has values, or none, as it needs."""
    if operator in ("In", "NotIn"):
        if not values:
            report.required((*path, "values"), _WITH_VALUES)
        return True
    if operator in ("Exists", "DoesNotExist"):
        if values:
            report.forbidden((*path, "values"), _WITHOUT_VALUES)
        return True
    return False


def requirement(value: Any, path: Path, report: Report) -> None:
    """One expression of a label selector."""
    operator, values = value.get("operator") or "", value.get("values") or ()
    if not _counted(operator, values, path, report):
        report.invalid((*path, "operator"), operator, _NO_OPERATOR)
    key(value.get("key"), (*path, "key"), report)
    for index, one in enumerate(values):
        report.each_invalid((*path, "values", index), one, formats.label_value(one))


#: ``ValidateLabelSelector``; absent ones are fine.
label_selector = given(struct(("matchLabels", filled(labels)), ("matchExpressions", each(requirement))))


def _node_requirement(value: Any, path: Path, report: Report) -> None:
    operator, values = value.get("operator") or "", value.get("values") or ()
    if operator in ("Gt", "Lt"):
        if len(values) != 1:
            report.required((*path, "values"), "must be specified single value when `operator` is 'Lt' or 'Gt'")
    elif not _counted(operator, values, path, report):
        report.invalid((*path, "operator"), operator, _NO_OPERATOR)
    key(value.get("key"), (*path, "key"), report)
    for index, one in enumerate(values):
        report.each_invalid((*path, "values", index), one, formats.label_value(one))


def _field_requirement(value: Any, path: Path, report: Report) -> None:
    operator, values = value.get("operator") or "", value.get("values") or ()
    if operator not in ("In", "NotIn"):
        report.invalid((*path, "operator"), operator, _NO_OPERATOR)
    elif len(values) != 1:
        words = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        report.required((*path, "values"), words)
    if value.get("key") != "metadata.name":
        report.invalid((*path, "key"), value.get("key") or "", "not a valid field selector key")
        return
    for index, one in enumerate(values):
        report.each_invalid((*path, "values", index), one, formats.subdomain(one))


#: ``ValidateNodeSelectorTerm``.
node_term = struct(("matchExpressions", each(_node_requirement)), ("matchFields", each(_field_requirement)))
#: ``ValidateNodeSelector``.
node_selector = struct(
    ("nodeSelectorTerms", need(each(node_term), detail="must have at least one node selector term")),
)


def _weight(value: Any, path: Path, report: Report) -> None:
    if not 0 < (value or 0) <= 100:
        report.invalid(path, value or 0, "must be in the range 1-100")


def _topology_key(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path, "can not be empty")
    key(value, path, report)


def _namespaces(value: Any, path: Path, report: Report) -> None:
    for one in value.get("namespaces") or ():
        report.each_invalid((*path, "namespace"), one, formats.label(one))


_affinity_term = struct(
    ("labelSelector", label_selector),
    ("namespaceSelector", label_selector),
    _namespaces,
    ("topologyKey", _topology_key),
)
_weighted_term = struct(("weight", _weight), ("podAffinityTerm", _affinity_term))
_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
_pod_affinity = given(struct((_REQUIRED, each(_affinity_term)), (_PREFERRED, each(_weighted_term))))
#: ``validateAffinity``.
affinity = given(
    struct(
        (
            "nodeAffinity",
            given(
                struct(
                    (_REQUIRED, given(node_selector)),
                    (_PREFERRED, each(struct(("weight", _weight), ("preference", node_term)))),
                )
            ),
        ),
        ("podAffinity", _pod_affinity),
        ("podAntiAffinity", _pod_affinity),
    )
)
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def _toleration(value: Any, path: Path, report: Report) -> None:
    name, operator, effect = value.get("key"), value.get("operator") or "", value.get("effect") or ""
    if name:
        key(name, (*path, "key"), report)
    if not name and operator != "Exists":
        words = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        report.invalid((*path, "operator"), operator, words)
    if value.get("tolerationSeconds") is not None and effect != "NoExecute":
        report.invalid((*path, "effect"), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
    content = value.get("value") or ""
    if operator in ("Equal", ""):
        report.each_invalid((*path, "operator"), content, formats.label_value(content))
    elif operator == "Exists":
        if content:
            report.invalid((*path, "operator"), content, "value must be empty when `operator` is 'Exists'")
    else:
        report.unsupported((*path, "operator"), operator, ("Equal", "Exists"))
    if effect and effect not in _EFFECTS:
        report.unsupported((*path, "effect"), effect, _EFFECTS)


#: ``ValidateTolerations``.
tolerations = each(_toleration)


def _spread(value: Any, path: Path, report: Report) -> None:
    for index, one in enumerate(value or ()):
        at, unsatisfiable = (*path, index), one.get("whenUnsatisfiable") or ""
        if (one.get("maxSkew") or 0) <= 0:
            report.invalid((*at, "maxSkew"), one.get("maxSkew") or 0, "must be greater than zero")
        if not one.get("topologyKey"):
            report.required((*at, "topologyKey"), "can not be empty")
        if unsatisfiable not in ("DoNotSchedule", "ScheduleAnyway"):
            report.unsupported((*at, "whenUnsatisfiable"), unsatisfiable, ("DoNotSchedule", "ScheduleAnyway"))
        _repeated(value, index, path, report)
        _spread_rest(one, unsatisfiable, at, report)


def _repeated(constraints: Any, index: int, path: Path, report: Report) -> None:
    """Two constraints of the same key and policy."""
    this = constraints[index]
    for one in constraints[index + 1 :]:
        if all(one.get(name) == this.get(name) for name in ("topologyKey", "whenUnsatisfiable")):
            shown = f"{{{this.get('topologyKey') or ''}, {this.get('whenUnsatisfiable') or ''}}}"
            report.duplicate((*path, index, "{topologyKey, whenUnsatisfiable}"), shown)
            return


def _spread_rest(one: Any, unsatisfiable: str, path: Path, report: Report) -> None:
    domains = one.get("minDomains")
    if domains is not None:
        if domains <= 0:
            report.invalid((*path, "minDomains"), domains, "must be greater than zero")
        if unsatisfiable != "DoNotSchedule":
            words = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {unsatisfiable}"
            report.invalid((*path, "minDomains"), domains, words)
    for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        given(one_of("Honor", "Ignore"))(one.get(name), (*path, name), report)
    label_selector(one.get("labelSelector"), (*path, "labelSelector"), report)


#: ``validateTopologySpreadConstraints``.
topology_spread = _spread


def _taint_effect(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path)
    elif value not in _EFFECTS:
        report.unsupported(path, value, _EFFECTS)


def _taints(value: Any, path: Path, report: Report) -> None:
    seen = set()
    for index, one in enumerate(value or ()):
        at = (*path, index)
        key(one.get("key"), (*at, "key"), report)
        content = one.get("value") or ""
        report.each_invalid((*at, "value"), content, formats.label_value(content))
        _taint_effect(one.get("effect"), (*at, "effect"), report)
        pair = (one.get("key"), one.get("effect"))
        if pair in seen:
            shown = {name: one.get(name[0].lower() + name[1:]) for name in ("Key", "Value", "Effect", "TimeAdded")}
            words = f"Duplicate value: {value_text(shown)}: taints must be unique by key and effect pair"
            report.add("FieldValueDuplicate", at, words)
        seen.add(pair)


#: ``validateNodeTaints``.
taints = _taints


def selects(selector: Any, labels: dict[str, str]) -> bool:
    """Whether a label selector that can be read selects the labels."""
    if any(labels.get(name) != value for name, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(one, labels) for one in selector.get("matchExpressions") or ())


def _meets(one: Any, found: dict[str, str]) -> bool:
    name, operator, values = one.get("key"), one.get("operator"), one.get("values") or ()
    if operator in ("Exists", "DoesNotExist"):
        return (name in found) is (operator == "Exists")
    return (found.get(name) in values) is (operator != "NotIn") if name in found else operator == "NotIn"
