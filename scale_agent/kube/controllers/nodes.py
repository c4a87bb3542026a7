"""What follows from a node's state: taints, evictions, the end of pods without a node (pkg/controller/nodelifecycle,
tainteviction, podgc, ttl)."""

from __future__ import annotations

from scale_agent.kube import writes
from scale_agent.kube.codec import moments
from scale_agent.kube.controllers import events, taints
from scale_agent.kube.controllers.common import (
    NODES,
    PODS,
    actor,
    annotations_of,
    change_meta,
    deleting,
    find_condition,
    gone,
    read,
    remove,
    set_status,
)
from scale_agent.kube.core import Core
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

CONTROLLER = events.Source("node-controller")
EVICTION = events.Source("taint-eviction-controller")
TTL = "node.alpha.kubernetes.io/ttl"
#: How long nodes may keep secrets and config maps, by the number of nodes (pkg/controller/ttl), seconds.
_TTLS = ((100, 0), (500, 15), (1000, 30), (2000, 60))
#: A pod whose node is gone is taken away this much later (podgc: quarantine and half a period), seconds.
COLLECT_S = 50.0
#: Ready's value to the taint that a node gets for it.
_FOR_READY = {"False": taints.NOT_READY, "Unknown": taints.UNREACHABLE}
_OURS = frozenset((taints.UNSCHEDULABLE, taints.NOT_READY, taints.UNREACHABLE))


def tell(core: Core, change: Change, now: float) -> None:
    """Rule: nodes that come and go are told of."""
    event = change.event
    if event.type is EventType.MODIFIED:
        return
    node = core.seen(event.after)
    about = {**node, "metadata": {"name": event.after.name, "uid": event.after.name}}
    reason, text = ("RemovingNode", "Removing Node {} from Controller")
    if event.type is EventType.ADDED:
        reason, text = ("RegisteredNode", "Registered Node {} in Controller")
    message = f"Node {event.after.name} event: {text.format(event.after.name)}"
    events.record(core, about, CONTROLLER, events.Words(reason, message), now)


def give_ttl(core: Core, change: Change, now: float) -> None:
    """Rule: a new node is told how long it may keep what it read."""
    if gone(change) or b'"' + TTL.encode() + b'"' in change.event.after.json:
        return
    node = read(core, NODES, "", change.event.after.name)
    if node is not None:
        count = len(core.store.list(NODES))
        seconds = next((lasts for most, lasts in _TTLS if count <= most), 300)
        annotations = {**annotations_of(node), TTL: str(seconds)}
        change_meta(core, core.builtin("", "v1", "nodes"), node, now, annotations=annotations)


def reconcile(core: Core, _: str, name: str, now: float) -> None:
    """Give a node the taints that its state means."""
    node = read(core, NODES, "", name)
    if node is None:
        return
    spec = node.get("spec") or {}
    present = list(spec.get("taints") or ())
    wanted = _wanted(node, spec)
    kept = [one for one in present if one["key"] not in _OURS or (one["key"], one["effect"]) in wanted]
    known = {(one["key"], one["effect"]) for one in kept}
    new = [
        {"key": key, "effect": effect, "timeAdded": moments.stamp(now)}
        for key, effect in wanted
        if (key, effect) not in known
    ]
    if new or len(kept) != len(present):
        resource = core.builtin("", "v1", "nodes")
        version = core.store.get(NODES, "", name)
        if version is not None:
            body = version.object()
            body["spec"] = {key: value for key, value in spec.items() if key != "taints"}
            if kept or new:
                body["spec"]["taints"] = [*kept, *new]
            writes.update(core, resource, version, body, actor(now))


def _wanted(node: Obj, spec: Obj) -> list[tuple[str, str]]:
    """Taints that belong to the node's state, as key and effect. A node that never spoke is not judged."""
    found = []
    if spec.get("unschedulable"):
        found.append((taints.UNSCHEDULABLE, "NoSchedule"))
    ready = find_condition(node, "Ready")
    key = _FOR_READY.get(str(ready.get("status"))) if ready is not None else None
    if key is not None:
        found += [(key, "NoSchedule"), (key, "NoExecute")]
    return found


def evict(core: Core, change: Change, now: float) -> None:
    """Rule: pods that do not tolerate a node's NoExecute taint go, some of them later."""
    event = change.event
    if gone(change) or b'"effect":"NoExecute"' not in event.after.json:
        return
    node = core.seen(event.after)
    found = [one for one in (node.get("spec") or {}).get("taints") or () if one.get("effect") == "NoExecute"]
    before = ((core.seen(event.before) if event.before is not None else {}).get("spec") or {}).get("taints") or ()
    if not found or found == [one for one in before if one.get("effect") == "NoExecute"]:
        return
    needle = f'"nodeName":"{event.after.name}"'.encode()
    for version in core.store.list(PODS):
        if needle in version.json:
            _judge(core, core.seen(version), found, now)


def _judge(core: Core, pod: Obj, found: list[Obj], now: float) -> None:
    """When a pod has to go: at once, when the shortest toleration ends, or never."""
    waits: list[float] = []
    for taint in found:
        fitting = [one for one in pod["spec"].get("tolerations") or () if taints.tolerates([one], taint)]
        if not fitting:
            waits.append(0.0)
        waits += [float(one["tolerationSeconds"]) for one in fitting if one.get("tolerationSeconds") is not None]
    if not waits:
        return
    if min(waits) <= 0:
        _evict(core, pod, now)
    else:
        core.schedule.at(now + min(waits), lambda later: _evict_if_tainted(core, pod, later))


def _evict_if_tainted(core: Core, pod: Obj, now: float) -> None:
    node = read(core, NODES, "", pod["spec"].get("nodeName", ""))
    if node is not None and any(one.get("effect") == "NoExecute" for one in taints.taints_of(node)):
        _evict(core, pod, now)


def _evict(core: Core, pod: Obj, now: float) -> None:
    meta = pod["metadata"]
    found = read(core, PODS, meta["namespace"], meta["name"])
    if found is None or found["metadata"]["uid"] != meta["uid"] or deleting(found):
        return
    text = f"Marking for deletion Pod {meta['namespace']}/{meta['name']}"
    about = {**found, "metadata": {"namespace": meta["namespace"], "name": meta["name"]}}
    events.record(core, about, EVICTION, events.Words("TaintManagerEviction", text), now)
    _mark(core, found, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint", now)
    remove(core, core.builtin("", "v1", "pods"), found, now)


def _mark(core: Core, pod: Obj, reason: str, message: str, now: float, **status: str) -> None:
    """Say why a pod is disrupted."""
    condition = {"type": "DisruptionTarget", "status": "True", "lastProbeTime": None, "reason": reason}
    condition |= {"lastTransitionTime": moments.stamp(now), "message": message}
    condition["observedGeneration"] = pod["metadata"].get("generation", 1)
    others = [one for one in pod["status"].get("conditions") or () if one["type"] != "DisruptionTarget"]
    body = {**pod["status"], **status, "conditions": [*others, condition]}
    set_status(core, core.builtin("", "v1", "pods"), pod, body, now)


def collect(core: Core, change: Change, now: float) -> None:
    """Rule: a node is gone: some time later so are its pods."""
    if gone(change):
        name = change.event.after.name
        core.schedule.at(now + COLLECT_S, lambda later: _collect(core, name, later))


def _collect(core: Core, node: str, now: float) -> None:
    if core.store.get(NODES, "", node) is not None:
        return
    needle = f'"nodeName":"{node}"'.encode()
    for version in core.store.list(PODS):
        if needle not in version.json:
            continue
        pod = core.seen(version)
        if pod["status"].get("phase") not in ("Succeeded", "Failed"):
            _mark(core, pod, "DeletionByPodGC", "PodGC: node no longer exists", now, phase="Failed")
        remove(core, core.builtin("", "v1", "pods"), pod, now, writes.DeleteOptions(grace_s=0))
