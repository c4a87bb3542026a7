"""ReplicaSets and ReplicationControllers: as many pods as they say (pkg/controller/replicaset)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scale_agent.kube.codec import moments
from scale_agent.kube.controllers import events, podcontrol
from scale_agent.kube.controllers.common import (
    controller_of,
    deleting,
    find_condition,
    labels_of,
    owned,
    read,
    selected,
    set_status,
)
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj

#: A controller makes or deletes this many pods at a time (BurstReplicas).
BURST = 500


@dataclass(frozen=True, slots=True)
class _Kind:
    """What differs between the two: ``terminating`` pods are counted, the selector is a LabelSelector or bare."""

    group: str
    plural: str
    source: events.Source
    terminating: bool
    bare_selector: bool

    def resource(self, core: Core) -> ResourceType:
        return core.builtin(self.group, "v1", self.plural)

    def selector(self, obj: Obj) -> Any:
        selector = obj["spec"].get("selector")
        return {"matchLabels": selector} if self.bare_selector else selector


_SET = _Kind("apps", "replicasets", events.Source("replicaset-controller"), True, False)
_CONTROLLER = _Kind("", "replicationcontrollers", events.Source("replication-controller"), False, True)


def reconcile(core: Core, namespace: str, name: str, now: float) -> None:
    """Look at a ReplicaSet."""
    _reconcile(core, _SET, namespace, name, now)


def reconcile_controller(core: Core, namespace: str, name: str, now: float) -> None:
    """Look at a ReplicationController."""
    _reconcile(core, _CONTROLLER, namespace, name, now)


def _reconcile(core: Core, kind: _Kind, namespace: str, name: str, now: float) -> None:
    resource = kind.resource(core)
    obj = read(core, resource.key, namespace, name)
    if obj is None:
        return
    selector = kind.selector(obj)
    pods = podcontrol.claimed(core, resource, obj, selector, now)
    active = [pod for pod in pods if podcontrol.is_active(pod)]
    refusal = None
    if not deleting(obj):
        try:
            active = _manage(core, kind, obj, active, now)
        except StatusError as error:
            refusal = error
            active = [
                pod for pod in podcontrol.claimed(core, resource, obj, selector, now) if podcontrol.is_active(pod)
            ]
    ending = sum(deleting(pod) and podcontrol.phase(pod) not in _ENDED for pod in pods)
    status = counted_status(obj, active, now)
    if kind.terminating:
        status["terminatingReplicas"] = ending
    status |= _failure(obj, refusal, len(active), now)
    set_status(core, resource, obj, status, now)
    _wait_for_availability(core, kind, obj, active, now)


_ENDED = ("Succeeded", "Failed")


def _manage(core: Core, kind: _Kind, obj: Obj, active: list[Obj], now: float) -> list[Obj]:
    """Make what is missing, delete what is too much; the pods there are then. Raises what a creation raises."""
    wanted = int(obj["spec"].get("replicas") or 0)
    resource = kind.resource(core)
    template = obj["spec"]["template"]
    made = []
    for _ in range(min(wanted - len(active), BURST)):
        pod = podcontrol.pod_from(resource, obj, template)
        made.append(podcontrol.create(core, obj, pod, kind.source, now))
    if len(active) <= wanted:
        return [*active, *(pod for pod in made if pod is not None)]
    order = podcontrol.first_to_go(active, _related(core, kind, obj), now)
    count = min(len(active) - wanted, BURST)
    for pod in order[:count]:
        podcontrol.delete(core, obj, pod, kind.source, now)
    return order[count:]


def _related(core: Core, kind: _Kind, obj: Obj) -> list[Obj]:
    """The pods of all ReplicaSets that have the same controller."""
    reference = controller_of(obj)
    resource = kind.resource(core)
    pods = core.builtin("", "v1", "pods").key
    if reference is None or reference["kind"] != "Deployment":
        return owned(core, resource, obj, pods)
    deployment = read(core, ("apps", "deployments"), obj["metadata"]["namespace"], reference["name"])
    if deployment is None:
        return owned(core, resource, obj, pods)
    sets = owned(core, core.builtin("apps", "v1", "deployments"), deployment, resource.key)
    return [pod for one in sets for pod in owned(core, resource, one, pods)]


def counted_status(obj: Obj, pods: list[Obj], now: float) -> Obj:
    """The numbers of a status; zeros are left out as Go leaves them out."""
    min_ready_s = int(obj["spec"].get("minReadySeconds") or 0)
    wanted = {"matchLabels": (obj["spec"]["template"].get("metadata") or {}).get("labels") or {}}
    counts = {
        "fullyLabeledReplicas": sum(selected(wanted, labels_of(pod)) for pod in pods),
        "readyReplicas": sum(map(podcontrol.is_ready, pods)),
        "availableReplicas": sum(podcontrol.is_available(pod, min_ready_s, now) for pod in pods),
    }
    status: dict[str, Any] = {"replicas": len(pods)}
    status |= {name: value for name, value in counts.items() if value}
    return status | {"observedGeneration": obj["metadata"].get("generation", 1)}


def _failure(obj: Obj, refusal: StatusError | None, count: int, now: float) -> Obj:
    """The condition that says why there are too few pods."""
    others = [one for one in (obj.get("status") or {}).get("conditions") or () if one["type"] != "ReplicaFailure"]
    if refusal is not None:
        reason = "FailedCreate" if count < int(obj["spec"].get("replicas") or 0) else "FailedDelete"
        made = {"type": "ReplicaFailure", "status": "True", "lastTransitionTime": moments.stamp(now)}
        others.append(find_condition(obj, "ReplicaFailure") or {**made, "reason": reason, "message": refusal.message})
    return {"conditions": others} if others else {}


def _wait_for_availability(core: Core, kind: _Kind, obj: Obj, pods: list[Obj], now: float) -> None:
    min_ready_s = int(obj["spec"].get("minReadySeconds") or 0)
    wait = podcontrol.available_in(pods, min_ready_s, now) if min_ready_s else None
    if wait is not None:
        look = reconcile_controller if kind.bare_selector else reconcile
        core.later(now + wait, look, obj["metadata"]["namespace"], obj["metadata"]["name"])
