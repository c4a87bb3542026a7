"""The scheduler: each pod gets the node with the fewest pods that it fits on, or waits for one.

A pod fits where nodeSelector, required node affinity, taints and cordons let it, and where there is room for one more
(``status.allocatable.pods``). Requests of CPU and memory are not added up.
"""

from __future__ import annotations

import re

from scale_agent.kube.codec import gonumbers, moments
from scale_agent.kube.controllers import claims, events, taints
from scale_agent.kube.controllers.common import NODES, PODS, deleting, read, set_status
from scale_agent.kube.core import Core
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj, Version

NAME = "default-scheduler"
_NODE = re.compile(rb'"nodeName":"([^"]*)"')


def pod_changed(core: Core, change: Change, _: float) -> None:
    """Rule: a new pod wants a node; one that came or went changes how full its node is."""
    event = change.event
    at = (event.after.namespace, event.after.name)
    after = b"" if event.type is EventType.DELETED else _node_in(event.after)
    before = _node_in(event.before)
    load = core.memo.get("load")
    if load is not None and after != before:
        for node, more in ((after, 1), (before, -1)):
            load[node] = load.get(node, 0) + more
    waiting = core.memo.get("unscheduled", {})
    if event.type is EventType.DELETED or after:
        waiting.pop(at, None)
    elif event.type is EventType.ADDED:
        core.queue.add(reconcile, *at)


def node_changed(core: Core, change: Change, _: float) -> None:
    """Rule: another node, or another state of one: those who wait try again."""
    if change.event.type is not EventType.DELETED:
        for namespace, name in core.memo.get("unscheduled", {}):
            core.queue.add(reconcile, namespace, name)


def claim_changed(core: Core, change: Change, _: float) -> None:
    """Rule: a claim changed: the pods of its namespace that wait try again."""
    for namespace, name in core.memo.get("unscheduled", {}):
        if namespace == change.event.after.namespace:
            core.queue.add(reconcile, namespace, name)


def _node_in(version: Version | None) -> bytes:
    found = _NODE.search(version.json) if version is not None else None
    return found.group(1) if found is not None else b""


def reconcile(core: Core, namespace: str, name: str, now: float) -> None:
    """Give a pod its node."""
    pod = read(core, PODS, namespace, name)
    if pod is None or deleting(pod) or pod["spec"].get("nodeName"):
        return
    if pod["spec"].get("schedulerName") != NAME or pod["spec"].get("schedulingGates"):
        return
    nodes = [core.seen(version) for version in core.store.list(NODES)]
    load = _load(core) if len(nodes) > 1 else {}
    refused = claims.unusable(core, pod, now)
    reasons = [refused or _against(pod["spec"], node, load) for node in nodes]
    fit = [node for node, reason in zip(nodes, reasons, strict=True) if not reason]
    if not fit:
        _wait(core, pod, _refusal(reasons, bare=bool(refused)), now)
        return
    best = min(fit, key=lambda node: load.get(node["metadata"]["name"].encode(), 0))
    if claims.place(core, pod, best, now):
        bind(core, pod, best["metadata"]["name"], now)
    else:
        _remember(core, pod)


def _load(core: Core) -> dict[bytes, int]:
    """How many pods each node has; counted once, then kept by :func:`pod_changed`."""
    found: dict[bytes, int] | None = core.memo.get("load")
    if found is None:
        found = core.memo["load"] = {}
        for version in core.store.list(PODS):
            node = _node_in(version)
            found[node] = found.get(node, 0) + 1
    return found


def _against(spec: Obj, node: Obj, load: dict[bytes, int]) -> str:
    """Why a pod does not fit on a node; ``""`` if it does."""
    if not taints.wants(spec, node):
        return "node(s) didn't match Pod's node affinity/selector"
    taint = taints.untolerated(spec, node)
    if taint is not None and taint["key"] == taints.UNSCHEDULABLE:
        return "node(s) were unschedulable"
    if taint is not None:
        return "node(s) had untolerated taint(s)"
    room = gonumbers.whole(str(((node.get("status") or {}).get("allocatable") or {}).get("pods")))
    if room is not None and load.get(node["metadata"]["name"].encode(), 0) >= room:
        return "Too many pods"
    return ""


def _refusal(reasons: list[str], *, bare: bool) -> str:
    """Why there is no node (``FitError``). ``bare``: the pod itself is not ready for one, so nodes are not counted."""
    total = len(reasons)
    if not total:
        return "no nodes available to schedule pods"
    counts = reasons[:1] if bare else sorted(f"{reasons.count(reason)} {reason}" for reason in set(reasons))
    helps = f"0/{total} nodes are available: {total} Preemption is not helpful for scheduling."
    return f"0/{total} nodes are available: {', '.join(counts)}. preemption: {helps}"


def _remember(core: Core, pod: Obj) -> None:
    core.memo.setdefault("unscheduled", {})[(pod["metadata"]["namespace"], pod["metadata"]["name"])] = None


def _wait(core: Core, pod: Obj, message: str, now: float) -> None:
    """Say why there is no node, and remember who waits."""
    time = moments.stamp(now)
    bad = {"type": "PodScheduled", "status": "False", "lastProbeTime": None, "lastTransitionTime": time}
    bad |= {"reason": "Unschedulable", "message": message, "observedGeneration": pod["metadata"].get("generation", 1)}
    old = (pod.get("status") or {}).get("conditions") or ()
    bad["lastTransitionTime"] = next(
        (one.get("lastTransitionTime", time) for one in old if one.get("type") == "PodScheduled"), time
    )
    status = {**pod.get("status", {}), "conditions": [bad]}
    if set_status(core, core.builtin("", "v1", "pods"), pod, status, now, manager=events.SCHEDULER.manager):
        words = events.Words("FailedScheduling", message, warning=True, action="Scheduling")
        events.record(core, pod, events.SCHEDULER, words, now)
    _remember(core, pod)


def bind(core: Core, pod: Obj, node: str, now: float) -> None:
    """As POST …/binding: nobody becomes the owner of the node's name and of the condition."""
    version = core.store.get(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])
    if version is None:
        return
    stored = core.seen(version)
    meta = stored["metadata"]
    scheduled = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": moments.stamp(now),
    }
    others = [one for one in stored["status"].get("conditions") or () if one["type"] != "PodScheduled"]
    topology = _topology(core, node)
    if topology:
        meta = {**meta, "labels": {**(meta.get("labels") or {}), **topology}}
    resource = core.builtin("", "v1", "pods")
    spec = core.catalog.member(resource, "spec", {**stored["spec"], "nodeName": node})
    status = {**stored["status"], "conditions": [*others, scheduled]}
    body = {**stored, "metadata": meta, "spec": spec, "status": status}
    made = core.catalog.normalize(body, resource, {**stored, "spec": spec})
    made["metadata"] = dict(made["metadata"])
    core.remember(core.store.put(PODS, made, now), made)
    message = f"Successfully assigned {meta['namespace']}/{meta['name']} to {node}"
    events.record(core, pod, events.SCHEDULER, events.Words("Scheduled", message, action="Binding"), now)


#: Labels of a node that its pods get (admission plugin PodTopologyLabels).
_TOPOLOGY = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


def _topology(core: Core, node: str) -> dict[str, str]:
    version = core.store.get(NODES, "", node)
    labels = version.labels if version is not None else {}
    return {name: labels[name] for name in _TOPOLOGY if name in labels}
