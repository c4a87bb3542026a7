"""Taints and tolerations, and what else keeps a pod off a node (k8s.io/component-helpers/scheduling/corev1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from scale_agent.kube.codec import gonumbers
from scale_agent.kube.controllers.common import labels_of, selected
from scale_agent.kube.storage.version import Obj

UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"


def tolerates(tolerations: Iterable[Obj], taint: Obj) -> bool:
    """Whether one of the tolerations is for the taint."""
    return any(_tolerates(one, taint) for one in tolerations)


def _tolerates(toleration: Obj, taint: Obj) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def untolerated(pod_spec: Obj, node: Obj, effects: Collection[str] = ("NoSchedule", "NoExecute")) -> Obj | None:
    """The first taint of a node that a pod does not tolerate."""
    tolerations = pod_spec.get("tolerations") or ()
    for taint in taints_of(node):
        if taint.get("effect") in effects and not tolerates(tolerations, taint):
            return taint
    return None


def taints_of(node: Obj) -> list[Obj]:
    """A node's taints; a cordoned node has one even before the node controller wrote it down."""
    spec = node.get("spec") or {}
    taints = list(spec.get("taints") or ())
    if spec.get("unschedulable") and all(one.get("key") != UNSCHEDULABLE for one in taints):
        taints.append({"key": UNSCHEDULABLE, "effect": "NoSchedule"})
    return taints


def wants(pod_spec: Obj, node: Obj) -> bool:
    """Whether nodeSelector and required node affinity let a pod onto a node."""
    labels = labels_of(node)
    if any(labels.get(name) != value for name, value in (pod_spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (pod_spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term(one, node, labels) for one in required.get("nodeSelectorTerms") or ())


def _term(term: Obj, node: Obj, labels: Mapping[str, str]) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    names = {"metadata.name": node["metadata"]["name"]}
    if not expressions and not fields:
        return False
    return all(_expression(one, labels) for one in expressions) and all(_expression(one, names) for one in fields)


def _expression(expression: Obj, labels: Mapping[str, str]) -> bool:
    operator, key = expression.get("operator"), str(expression.get("key"))
    if operator in ("Gt", "Lt"):
        return _compares(operator, labels.get(key, ""), expression.get("values") or ())
    return selected({"matchExpressions": [expression]}, labels)


def _compares(operator: str, text: str, values: Any) -> bool:
    if len(values) != 1:
        return False
    is_now, bound = gonumbers.integer(text), gonumbers.integer(str(values[0]))
    if is_now is None or bound is None:
        return False
    return is_now > bound if operator == "Gt" else is_now < bound
