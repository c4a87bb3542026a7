"""Cells of policy, quota, autoscaling, certificate and flow control kinds. Rules: k8s.io/kubernetes/pkg/printers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scale_agent.kube.representation.cells import NONE, UNKNOWN, duration
from scale_agent.kube.selectors import selector_text
from scale_agent.kube.storage.version import Obj

UNSET = "<unset>"
_SHOWN_METRICS = 2


def quota(prefix: bool) -> Callable[[Obj, float], str]:
    """``cpu: 1/2, pods: 3/10``; limits stand in a column of their own (``prefix``)."""

    def read(obj: Obj, _: float) -> str:
        status = obj.get("status") or {}
        used = status.get("used") or {}
        found = [
            f"{name}: {used.get(name, '0')}/{hard}"
            for name, hard in sorted((status.get("hard") or {}).items())
            if (name.startswith("limits.")) is prefix
        ]
        return ", ".join(found)

    return read


def available_or_not(name: str) -> Callable[[Obj, float], str]:
    """``minAvailable`` or ``maxUnavailable`` of a budget."""
    return lambda obj, _: str((obj.get("spec") or {}).get(name, "N/A"))


def reference(obj: Obj, _: float) -> str:
    """What an autoscaler scales."""
    found = (obj.get("spec") or {}).get("scaleTargetRef") or {}
    return f"{found.get('kind', '')}/{found.get('name', '')}"


def minimum(obj: Obj, _: float) -> str:
    """Fewest pods of an autoscaler."""
    found = (obj.get("spec") or {}).get("minReplicas")
    return UNSET if found is None else str(found)


def targets(obj: Obj, _: float) -> str:
    """``cpu: 10%/80%``: present and wanted values of an autoscaler's metrics, in either version of the kind."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if "targetCPUUtilizationPercentage" in spec:
        present = status.get("currentCPUUtilizationPercentage")
        shown = UNKNOWN if present is None else f"{present}%"
        return f"cpu: {shown}/{spec['targetCPUUtilizationPercentage']}%"
    wanted, present = spec.get("metrics") or [], status.get("currentMetrics") or []
    found = [_metric(one, present[index] if index < len(present) else {}) for index, one in enumerate(wanted)]
    if not found:
        return NONE
    more = f" + {len(found) - _SHOWN_METRICS} more..." if len(found) > _SHOWN_METRICS else ""
    return ", ".join(found[:_SHOWN_METRICS]) + more


_SOURCES = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}


def _metric(spec: Obj, present: Obj) -> str:
    kind = str(spec.get("type"))
    source = _SOURCES.get(kind)
    if source is None:
        return "<unknown type>"
    wanted, now = spec.get(source) or {}, (present.get(source) or {}).get("current") or {}
    target = wanted.get("target") or {}
    if kind in ("Resource", "ContainerResource"):
        return f"{wanted.get('name', '')}: {_resource(target, now)}"
    if kind == "Pods" or target.get("averageValue") is None:
        field = "averageValue" if kind == "Pods" else "value"
        return f"{now.get(field, UNKNOWN)}/{target.get(field, '0')}"
    return f"{now.get('averageValue', UNKNOWN)}/{target['averageValue']} (avg)"


def _resource(target: Obj, now: Obj) -> str:
    if target.get("averageValue") is not None:
        return f"{now.get('averageValue', UNKNOWN)}/{target['averageValue']}"
    present = now.get("averageUtilization")
    wanted = target.get("averageUtilization")
    return f"{UNKNOWN if present is None else f'{present}%'}/{'<auto>' if wanted is None else f'{wanted}%'}"


def request_condition(obj: Obj, _: float) -> str:
    """How far a certificate request has come."""
    status = obj.get("status") or {}
    kinds = {one.get("type") for one in status.get("conditions") or ()}
    word = "Denied" if "Denied" in kinds else "Approved" if "Approved" in kinds else "Pending"
    return word + (",Failed" if "Failed" in kinds else "") + (",Issued" if status.get("certificate") else "")


def requested_duration(obj: Obj, _: float) -> str:
    """How long a certificate shall last."""
    seconds = (obj.get("spec") or {}).get("expirationSeconds")
    return NONE if seconds is None else duration(seconds)


def param_kind(obj: Obj, _: float) -> str:
    """``apiVersion/Kind`` of an admission policy's parameters."""
    found = (obj.get("spec") or {}).get("paramKind")
    return f"{found.get('apiVersion', '')}/{found.get('kind', '')}" if found else UNSET


def param_reference(obj: Obj, _: float) -> str:
    """Which parameters a binding takes."""
    found = (obj.get("spec") or {}).get("paramRef")
    if not found:
        return UNSET
    if found.get("name"):
        return f"{found.get('namespace') or '*'}/{found['name']}"
    return selector_text(found.get("selector")) or UNSET


def controller(obj: Obj, _: float) -> str:
    """``daemonset.apps/name`` of the controller that owns it."""
    for one in obj["metadata"].get("ownerReferences") or ():
        if one.get("controller"):
            group = one["apiVersion"].rpartition("/")[0]
            return f"{one['kind'].lower()}{'.' if group else ''}{group}/{one['name']}"
    return NONE


def distinguisher(obj: Obj, _: float) -> str:
    """How a flow schema tells flows apart."""
    return str(((obj.get("spec") or {}).get("distinguisherMethod") or {}).get("type") or NONE)


def dangling(obj: Obj, _: float) -> str:
    """Whether a flow schema's priority level is missing."""
    for one in (obj.get("status") or {}).get("conditions") or ():
        if one.get("type") == "Dangling":
            return str(one.get("status"))
    return "?"


def limited(*path: str) -> Callable[[Obj, float], Any]:
    """A number of a limited priority level."""

    def read(obj: Obj, _: float) -> Any:
        at: Any = (obj.get("spec") or {}).get("limited")
        for name in path:
            at = at.get(name) if isinstance(at, Mapping) else None
        return NONE if at is None else at

    return read


def claim_state(obj: Obj, _: float) -> str:
    """``pending``, ``allocated,reserved``, ``deleted,allocated``."""
    going = bool(obj["metadata"].get("deletionTimestamp"))
    status = obj.get("status") or {}
    states = ["deleted"] if going else []
    if not status.get("allocation"):
        return ",".join(states or ["pending"])
    return ",".join([*states, "allocated", *(["reserved"] if status.get("reservedFor") else [])])


def labels(obj: Obj, _: float) -> str:
    """``a=b,c=d`` of a template."""
    found = ((obj.get("template") or {}).get("metadata") or {}).get("labels") or {}
    return ",".join(f"{name}={value}" for name, value in sorted(found.items())) or NONE


def healthy(obj: Obj, _: float) -> str:
    """A component's state in one word."""
    status = _health(obj).get("status")
    return "Unknown" if status is None else "Healthy" if status == "True" else "Unhealthy"


def health(field: str) -> Callable[[Obj, float], str]:
    """A component's ``message`` or ``error``."""
    return lambda obj, _: str(_health(obj).get(field, ""))


def _health(obj: Obj) -> Obj:
    return next((one for one in obj.get("conditions") or () if one.get("type") == "Healthy"), {})
