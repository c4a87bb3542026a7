"""What a Deployment's status says, from its ReplicaSets (deployment/progress.go, ``calculateStatus``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scale_agent.kube.codec import moments
from scale_agent.kube.controllers.common import find_condition, find_in
from scale_agent.kube.controllers.rollouts import Sizes, counted, size
from scale_agent.kube.storage.version import Obj

#: ``progressDeadlineSeconds`` that means none (MaxInt32).
NO_DEADLINE = (1 << 31) - 1


def has_deadline(deployment: Obj) -> bool:
    """Whether lack of progress is reported."""
    return deployment["spec"].get("progressDeadlineSeconds") not in (None, NO_DEADLINE)


def condition(kind: str, value: str, reason: str, message: str, now: float) -> Obj:
    """A condition that begins now."""
    time = moments.stamp(now)
    times = {"lastUpdateTime": time, "lastTransitionTime": time}
    return {"type": kind, "status": value, **times, "reason": reason, "message": message}


def put(conditions: Sequence[Obj], new: Obj) -> list[Obj]:
    """The list with a condition set. Of equal status and reason it stays; of equal status it keeps its time."""
    old = find_in(conditions, new["type"])
    if old is not None and (old.get("status"), old.get("reason")) == (new["status"], new.get("reason")):
        return list(conditions)
    if old is not None and old.get("status") == new["status"]:
        new = {**new, "lastTransitionTime": old.get("lastTransitionTime")}
    return [*(one for one in conditions if one["type"] != new["type"]), new]


def calculated(deployment: Obj, sizes: Sizes, newest: Obj | None, sets: Sequence[Obj], now: float) -> Obj:
    """The numbers and the condition Available."""
    available = counted(sets, "availableReplicas")
    numbers = {
        "replicas": counted(sets, "replicas"),
        "updatedReplicas": counted([newest], "replicas") if newest is not None else 0,
        "readyReplicas": counted(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(sum(map(size, sets)) - available, 0),
    }
    status: dict[str, Any] = {"observedGeneration": deployment["metadata"].get("generation", 1)}
    status |= {name: value for name, value in numbers.items() if value}
    status["terminatingReplicas"] = counted(sets, "terminatingReplicas")
    before = deployment.get("status") or {}
    if before.get("collisionCount"):
        status["collisionCount"] = before["collisionCount"]
    enough = available >= sizes.least
    text = "has" if enough else "does not have"
    status["conditions"] = put(
        before.get("conditions") or (),
        condition(
            "Available",
            "True" if enough else "False",
            "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
            f"Deployment {text} minimum availability.",
            now,
        ),
    )
    return status


def complete(deployment: Obj, status: Obj) -> bool:
    """Whether all pods are new and available (``DeploymentComplete``)."""
    wanted = int(deployment["spec"].get("replicas") or 0)
    numbers = {int(status.get(name) or 0) for name in ("updatedReplicas", "replicas", "availableReplicas")}
    generation = int(deployment["metadata"].get("generation") or 0)
    return numbers == {wanted} and int(status.get("observedGeneration") or 0) >= generation


def _progressed(before: Obj, after: Obj) -> bool:
    def number(status: Obj, name: str) -> int:
        return int(status.get(name) or 0)

    def old(status: Obj) -> int:
        return number(status, "replicas") - number(status, "updatedReplicas")

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return any(number(after, name) > number(before, name) for name in grown) or old(after) < old(before)


def deadline(deployment: Obj, conditions: Sequence[Obj]) -> float | None:
    """When lack of progress becomes known, seconds; ``None`` if there is nothing to wait for."""
    found = find_in(conditions, "Progressing")
    if found is None or not has_deadline(deployment) or found.get("reason") in _SETTLED:
        return None
    since = moments.parse(found.get("lastUpdateTime") or "") or 0.0
    return since + int(deployment["spec"]["progressDeadlineSeconds"])


_SETTLED = ("NewReplicaSetAvailable", "ProgressDeadlineExceeded")


def with_progress(deployment: Obj, status: Obj, newest: Obj | None, now: float) -> Obj:
    """The status with the condition Progressing (``syncRolloutStatus``)."""
    conditions = status["conditions"]
    if not has_deadline(deployment):
        return {**status, "conditions": [one for one in conditions if one["type"] != "Progressing"]}
    old = find_condition(deployment, "Progressing")
    updated = int(status.get("updatedReplicas") or 0)
    if old is not None and old.get("reason") == _SETTLED[0] and int(status.get("replicas") or 0) == updated:
        return status
    who = f'ReplicaSet "{newest["metadata"]["name"]}"' if newest else f'Deployment "{deployment["metadata"]["name"]}"'
    due = deadline(deployment, conditions)
    if complete(deployment, status):
        done = condition("Progressing", "True", _SETTLED[0], f"{who} has successfully progressed.", now)
        conditions = put(conditions, done)
    elif _progressed(deployment.get("status") or {}, status):
        going = condition("Progressing", "True", "ReplicaSetUpdated", f"{who} is progressing.", now)
        if old is not None and old.get("status") == "True":
            going["lastTransitionTime"] = old.get("lastTransitionTime")
        conditions = [*(one for one in conditions if one["type"] != "Progressing"), going]
    elif due is not None and due < now:
        late = condition("Progressing", "False", _SETTLED[1], f"{who} has timed out progressing.", now)
        conditions = put(conditions, late)
    return {**status, "conditions": conditions}


def with_failure(status: Obj, sets: Sequence[Obj]) -> Obj:
    """The status with the first ReplicaSet's ReplicaFailure, the newest's first; without one if there is none."""
    found = next((one for one in (find_condition(each, "ReplicaFailure") for each in sets) if one is not None), None)
    if found is None:
        return {**status, "conditions": [one for one in status["conditions"] if one["type"] != "ReplicaFailure"]}
    copied = {**found, "lastUpdateTime": found.get("lastTransitionTime")}
    return {**status, "conditions": put(status["conditions"], copied)}
