"""PodDisruptionBudgets: how many pods may go now (k8s.io/kubernetes/pkg/controller/disruption)."""

from __future__ import annotations

from scale_agent.kube.codec import moments
from scale_agent.kube.controllers import events, podcontrol
from scale_agent.kube.controllers.common import (
    PODS,
    controller_of,
    deleting,
    find_condition,
    read,
    scaled,
    selected,
    set_status,
)
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

SOURCE = events.Source("controllermanager")
BUDGETS: ResourceKey = ("policy", "poddisruptionbudgets")
#: Controllers that say how many pods there are to be: kind to resource.
_SCALES = {
    "ReplicaSet": ("apps", "replicasets"),
    "StatefulSet": ("apps", "statefulsets"),
    "ReplicationController": ("", "replicationcontrollers"),
}
#: An eviction is noted in ``disruptedPods``; one that led to nothing is forgotten after this (seconds).
FORGET_S = 120.0


def of_pod(core: Core, change: Change, _: float) -> None:
    """Rule: a pod changed: the first budget that selects it looks, as with the real controller."""
    if not core.store.has(BUDGETS):
        return
    for version in core.store.list(BUDGETS, change.event.after.namespace):
        if selected(core.seen(version)["spec"].get("selector"), change.event.after.labels):
            core.queue.add(reconcile, version.namespace, version.name)
            return


def reconcile(core: Core, namespace: str, name: str, now: float) -> None:
    """Look at a budget."""
    budget = read(core, BUDGETS, namespace, name)
    if budget is None:
        return
    pods = [
        core.seen(version)
        for version in core.store.list(PODS, namespace)
        if selected(budget["spec"].get("selector"), version.labels)
    ]
    if not pods:
        events.record(core, budget, SOURCE, events.Words("NoPods", "No matching pods found"), now)
    expected, desired = _wanted(core, budget, pods)
    disrupted = _still_disrupted(budget, pods, now)
    healthy = sum(_is_healthy(pod, disrupted) for pod in pods)
    allowed = max(healthy - desired, 0) if expected > 0 else 0
    generation = budget["metadata"].get("generation", 1)
    status: Obj = {
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "disruptionsAllowed": allowed,
        "observedGeneration": generation,
        "conditions": [_condition(budget, allowed > 0, generation, now)],
    }
    if disrupted:
        status["disruptedPods"] = disrupted
        core.later(now + FORGET_S, reconcile, namespace, name)
    set_status(core, core.builtin("policy", "v1", "poddisruptionbudgets"), budget, status, now)


def _is_healthy(pod: Obj, disrupted: dict[str, str]) -> bool:
    return podcontrol.is_ready(pod) and not deleting(pod) and pod["metadata"]["name"] not in disrupted


def _still_disrupted(budget: Obj, pods: list[Obj], now: float) -> dict[str, str]:
    """Evictions that have not led to a deletion yet."""
    waiting = {pod["metadata"]["name"] for pod in pods if not deleting(pod)}
    noted = (budget.get("status") or {}).get("disruptedPods") or {}
    return {
        name: time for name, time in noted.items() if name in waiting and (moments.parse(time) or 0.0) + FORGET_S > now
    }


def _wanted(core: Core, budget: Obj, pods: list[Obj]) -> tuple[int, int]:
    """How many pods there are to be, and how many of them healthy."""
    spec = budget["spec"]
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if most is not None:
        expected = _scale(core, pods)
        return expected, max(expected - scaled(most, expected, up=True), 0)
    if isinstance(least, str) and least.endswith("%"):
        expected = _scale(core, pods)
        return expected, scaled(least, expected, up=True)
    return len(pods), int(least or 0)


def _scale(core: Core, pods: list[Obj]) -> int:
    """The sizes of all the controllers of the pods."""
    sizes: dict[str, int] = {}
    for pod in pods:
        reference = controller_of(pod)
        key = _SCALES.get(str((reference or {}).get("kind")))
        owner = read(core, key, pod["metadata"]["namespace"], reference["name"]) if key and reference else None
        if owner is None:
            continue
        above = controller_of(owner)
        if above is not None and above["kind"] == "Deployment":
            owner = read(core, ("apps", "deployments"), pod["metadata"]["namespace"], above["name"]) or owner
        sizes[owner["metadata"]["uid"]] = int(owner["spec"].get("replicas") or 0)
    return sum(sizes.values())


def _condition(budget: Obj, allowed: bool, generation: int, now: float) -> Obj:
    value = "True" if allowed else "False"
    old = find_condition(budget, "DisruptionAllowed")
    since = old.get("lastTransitionTime") if old is not None and old.get("status") == value else moments.stamp(now)
    made = {"type": "DisruptionAllowed", "status": value, "observedGeneration": generation, "lastTransitionTime": since}
    return {**made, "reason": "SufficientPods" if allowed else "InsufficientPods", "message": ""}
