"""Pods: put on a node, started, ended. The times are how long a small cluster takes."""

from __future__ import annotations

from typing import Any

from scale_agent.kube import writes
from scale_agent.kube.codec import moments
from scale_agent.kube.controllers.common import KUBELET, actor, current, remove, set_status
from scale_agent.kube.core import Core
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

#: From being scheduled to being ready, from being deleted to being gone, and how long a pod that ends by itself runs.
START_S = 1.0
STOP_S = 0.5
RUN_S = 5.0
#: Pods' addresses come from this /16.
POD_NETWORK = "10.42"


def schedule(core: Core, change: Change, now: float) -> None:
    """Give a new pod a node and let it start there."""
    if change.event.type is not EventType.ADDED:
        return
    pod = change.event.after.object()
    node = pod["spec"].get("nodeName") or _node_for(core, pod)
    if not node:
        _unschedulable(core, pod, now)
        return
    resource = core.builtin("", "v1", "pods")
    version = current(core, resource, pod)
    if version is None or pod["metadata"].get("deletionTimestamp"):
        return
    body = version.object()
    body["spec"]["nodeName"] = node
    writes.update(core, resource, version, body, actor(now, "kube-scheduler"))
    status = {**pod.get("status", {}), "phase": "Pending", "conditions": [_condition("PodScheduled", now)]}
    set_status(core, resource, pod, status, now, manager=KUBELET)
    core.schedule.at(now + START_S, lambda later: start(core, pod, later))


def _node_for(core: Core, pod: Obj) -> str:
    """The schedulable node with the fewest pods, first by name."""
    wanted: dict[str, str] = pod["spec"].get("nodeSelector") or {}
    nodes = [version.object() for version in core.store.list(("", "nodes"))]
    fit = [
        node["metadata"]["name"]
        for node in nodes
        if not (node.get("spec") or {}).get("unschedulable")
        and all((node["metadata"].get("labels") or {}).get(name) == value for name, value in wanted.items())
    ]
    if len(fit) < 2:
        return fit[0] if fit else ""
    counts = dict.fromkeys(fit, 0)
    for version in core.store.list(("", "pods")):
        name = version.object()["spec"].get("nodeName", "")
        if name in counts:
            counts[name] += 1
    best: str = min(fit, key=lambda name: counts[name])
    return best


def _unschedulable(core: Core, pod: Obj, now: float) -> None:
    count = len(core.store.list(("", "nodes")))
    message = f"0/{count} nodes are available" if count else "no nodes available to schedule pods"
    bad = {**_condition("PodScheduled", now), "status": "False", "reason": "Unschedulable", "message": message}
    status = {**pod.get("status", {}), "phase": "Pending", "conditions": [bad]}
    set_status(core, core.builtin("", "v1", "pods"), pod, status, now, manager="kube-scheduler")


def _condition(kind: str, now: float) -> dict[str, Any]:
    return {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": moments.stamp(now)}


def start(core: Core, pod: Obj, now: float) -> None:
    """The pod runs and is ready; one that ends by itself has an appointment with its end."""
    resource = core.builtin("", "v1", "pods")
    version = current(core, resource, pod)
    if version is None:
        return
    body = version.object()
    if body["metadata"].get("deletionTimestamp") or body["status"].get("phase") != "Pending":
        return
    set_status(core, resource, pod, running_status(core, body, now), now, manager=KUBELET)
    if body["spec"].get("restartPolicy") != "Always":
        core.schedule.at(now + RUN_S, lambda later: succeed(core, pod, later))


def running_status(core: Core, pod: Obj, now: float) -> Obj:
    """The status of a pod that runs and is ready."""
    time = moments.stamp(now)
    number = core.store.rv
    address = f"{POD_NETWORK}.{number >> 8 & 255}.{number & 255}"
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    node = core.store.get(("", "nodes"), "", pod["spec"].get("nodeName", ""))
    host = _node_address(node.object()) if node is not None else ""
    status = {
        **pod.get("status", {}),
        "phase": "Running",
        "conditions": [_condition(kind, now) for kind in kinds],
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": host if pod["spec"].get("hostNetwork") else address,
        "startTime": time,
        "containerStatuses": [_container(one, {"running": {"startedAt": time}}) for one in pod["spec"]["containers"]],
    }
    status["podIPs"] = [{"ip": status["podIP"]}]
    return status


def _node_address(node: Obj) -> str:
    for one in (node.get("status") or {}).get("addresses") or ():
        if one.get("type") == "InternalIP":
            return str(one.get("address", ""))
    return ""


def _container(container: Obj, state: Obj, *, ready: bool = True) -> Obj:
    image = container.get("image", "")
    return {
        "name": container["name"],
        "state": state,
        "lastState": {},
        "ready": ready,
        "restartCount": 0,
        "image": image,
        "imageID": f"{image}@sha256:{'0' * 64}",
        "containerID": f"containerd://{'0' * 64}",
        "started": ready,
    }


def succeed(core: Core, pod: Obj, now: float) -> None:
    """A pod that ends by itself ends well."""
    resource = core.builtin("", "v1", "pods")
    version = current(core, resource, pod)
    if version is None:
        return
    body = version.object()
    if body["status"].get("phase") != "Running" or body["metadata"].get("deletionTimestamp"):
        return
    started = body["status"].get("startTime")
    state = {
        "terminated": {"exitCode": 0, "reason": "Completed", "startedAt": started, "finishedAt": moments.stamp(now)}
    }
    conditions = [_ended(one, now) for one in body["status"].get("conditions") or ()]
    containers = [_container(one, state, ready=False) for one in body["spec"]["containers"]]
    status = {**body["status"], "phase": "Succeeded", "conditions": conditions, "containerStatuses": containers}
    set_status(core, resource, pod, status, now, manager=KUBELET)


def _ended(condition: Obj, now: float) -> Obj:
    if condition["type"] not in ("Ready", "ContainersReady"):
        return condition
    return {**condition, "status": "False", "reason": "PodCompleted", "lastTransitionTime": moments.stamp(now)}


def end(core: Core, change: Change, now: float) -> None:
    """A deleted pod is gone a moment later, long before its grace period is over."""
    if change.event.type is not EventType.MODIFIED or b'"deletionTimestamp"' not in change.event.after.json:
        return
    pod = change.event.after.object()
    before = change.event.before
    if not pod["metadata"].get("deletionTimestamp"):
        return
    if before is not None and before.object()["metadata"].get("deletionTimestamp"):
        return
    grace = pod["metadata"].get("deletionGracePeriodSeconds") or 0
    resource = core.builtin("", "v1", "pods")
    options = writes.DeleteOptions(grace_s=0)
    core.schedule.at(now + min(STOP_S, float(grace)), lambda later: remove(core, resource, pod, later, options))
