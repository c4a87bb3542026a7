"""What the kubelets of all nodes do with pods: start them, make them ready, end them.

The times are how long a small cluster takes; images are there at once, probes succeed, and who may end ends well.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from scale_agent.kube import writes
from scale_agent.kube.controllers import containers, events
from scale_agent.kube.controllers.common import (
    KUBELET,
    NODES,
    PODS,
    actor,
    current,
    deleting,
    newly_marked,
    read,
    set_status,
)
from scale_agent.kube.controllers.hashes import digest
from scale_agent.kube.core import Core
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

#: From being bound to running, for each init container, from being deleted to being gone, and how long a pod that ends
#: by itself runs (seconds).
START_S, INIT_S, STOP_S, RUN_S = 1.0, 0.5, 0.5, 5.0
#: Pods' addresses on a node that has no podCIDR: a /24 of this /16 that belongs to its name.
POD_NETWORK = "10.42"


def look(core: Core, change: Change, now: float) -> None:
    """Rule: a pod came to a node, or is to leave it."""
    event = change.event
    if event.type is EventType.DELETED or b'"nodeName":"' not in event.after.json:
        return
    if newly_marked(change, b'"deletionTimestamp":"'):
        _end(core, core.seen(event.after), now)
    elif newly_marked(change, b'"nodeName":"'):
        _begin(core, event.after.namespace, event.after.name, now)


def _begin(core: Core, namespace: str, name: str, now: float) -> None:
    pod = read(core, PODS, namespace, name)
    if pod is None or deleting(pod):
        return
    node = pod["spec"].get("nodeName", "")
    if core.store.get(NODES, "", node) is None or pod["status"].get("phase") != "Pending":
        return
    status = containers.creating(pod, host_address(core, node), now)
    set_status(core, core.builtin("", "v1", "pods"), pod, status, now, manager=KUBELET)
    slow = [one for one in containers.init_containers(pod) if not containers.is_sidecar(one)]
    core.schedule.at(now + START_S + INIT_S * len(slow), lambda later: _start(core, pod, later))


def host_address(core: Core, node: str) -> str:
    """The InternalIP of a node; ``""`` if it has none."""
    found = read(core, NODES, "", node)
    for one in ((found or {}).get("status") or {}).get("addresses") or ():
        if one.get("type") == "InternalIP":
            return str(one.get("address", ""))
    return ""


def _alive(core: Core, pod: Obj, phase: str) -> Obj | None:
    """The pod as it is now, if it is still the same, not being deleted and in that phase."""
    version = current(core, core.builtin("", "v1", "pods"), pod)
    found = core.seen(version) if version is not None else None
    if found is None or deleting(found) or found["status"].get("phase") != phase:
        return None
    return found


def _start(core: Core, pod: Obj, now: float) -> None:
    """The containers run; those without a readiness probe are ready at once."""
    found = _alive(core, pod, "Pending")
    if found is None:
        return
    node = found["spec"]["nodeName"]
    for container in (*containers.init_containers(found), *found["spec"]["containers"]):
        _tell_start(core, found, container, node, now)
    delays = {one["name"]: _ready_after(one) for one in found["spec"]["containers"]}
    address = _free_address(core, node)
    _say(core, found, {name for name, delay in delays.items() if not delay}, address, now)
    for delay in sorted({delay for delay in delays.values() if delay}):
        _appoint_ready(core, found, delay, now)
    if found["spec"].get("restartPolicy") != containers.ALWAYS:
        core.schedule.at(now + RUN_S, lambda later: _finish(core, found, later))


def _appoint_ready(core: Core, pod: Obj, delay: float, now: float) -> None:
    core.schedule.at(now + delay, lambda later: _ready(core, pod, delay, later))


def _ready_after(container: Obj) -> float:
    """How long a container takes from its start until its probes have passed, seconds."""
    delay = 0.0
    for probe in (container.get("startupProbe"), container.get("readinessProbe")):
        if probe:
            more = (int(probe.get("successThreshold") or 1) - 1) * int(probe.get("periodSeconds") or 10)
            delay += float(int(probe.get("initialDelaySeconds") or 0) + more)
    return delay


def _ready(core: Core, pod: Obj, delay: float, now: float) -> None:
    found = _alive(core, pod, "Running")
    if found is not None:
        names = {one["name"] for one in found["spec"]["containers"] if _ready_after(one) <= delay}
        _say(core, found, names, str(found["status"].get("podIP", "")), now)


def _say(core: Core, pod: Obj, ready: set[str], address: str, now: float) -> None:
    host = host_address(core, pod["spec"]["nodeName"])
    status = containers.running(pod, host, address, ready, now)
    set_status(core, core.builtin("", "v1", "pods"), pod, status, now, manager=KUBELET)


def _finish(core: Core, pod: Obj, now: float) -> None:
    """A pod that ends by itself ends well."""
    found = _alive(core, pod, "Running")
    if found is not None:
        status = containers.ended(found, 0, now)
        set_status(core, core.builtin("", "v1", "pods"), found, status, now, manager=KUBELET)


def _tell_start(core: Core, pod: Obj, container: Obj, node: str, now: float) -> None:
    image = str(container.get("image", ""))
    here = core.memo.setdefault("images", {}).setdefault(node, set())
    if image in here and container.get("imagePullPolicy") != "Always":
        present = f'Container image "{image}" already present on machine and can be accessed by the pod'
        told = [("Pulled", present)]
    else:
        size = 10_000_000 + int(digest(image, 6), 16)
        pulled = f'Successfully pulled image "{image}" in 412ms (412ms including waiting). Image size: {size} bytes.'
        told = [("Pulling", f'Pulling image "{image}"'), ("Pulled", pulled)]
        here.add(image)
    for reason, message in (*told, ("Created", "Container created"), ("Started", "Container started")):
        _tell(core, pod, container, reason, message, now)


def _tell(core: Core, pod: Obj, container: Obj, reason: str, message: str, now: float) -> None:
    part = "initContainers" if container in containers.init_containers(pod) else "containers"
    words = events.Words(reason, message, field_path=f"spec.{part}{{{container['name']}}}")
    events.record(core, pod, events.kubelet(pod["spec"]["nodeName"]), words, now)


def _end(core: Core, pod: Obj, now: float) -> None:
    """A deleted pod is gone a moment later, long before its grace period is over; without a kubelet, not at all."""
    if core.store.get(NODES, "", pod["spec"]["nodeName"]) is None:
        return
    if pod["status"].get("phase") == "Running":
        for container in pod["spec"]["containers"]:
            _tell(core, pod, container, "Killing", f"Stopping container {container['name']}", now)
    grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
    core.schedule.at(now + min(STOP_S, grace), lambda later: _gone(core, pod, later))


def _gone(core: Core, pod: Obj, now: float) -> None:
    """The containers have ended: that is said first, then the pod is taken away."""
    resource = core.builtin("", "v1", "pods")
    version = current(core, resource, pod)
    if version is None:
        return
    found = core.seen(version)
    if found["status"].get("phase") == "Running":
        set_status(core, resource, found, containers.ended(found, 0, now), now, manager=KUBELET)
        version = current(core, resource, pod)
    if version is not None:
        writes.delete(core, resource, version, writes.DeleteOptions(grace_s=0), actor(now, KUBELET))


def _free_address(core: Core, node: str) -> str:
    """The next address of the node's podCIDR, as a host-local plugin gives them out: in turn, not those in use."""
    network = _network(core, node)
    turn: dict[str, int] = core.memo.setdefault("addresses", {})
    usable = network.num_addresses - 3  # without network, gateway and broadcast
    if node not in turn:
        turn[node] = core.store.snapshot.highest_address(network)
    used: set[str] | None = None
    for _ in range(usable):
        number = turn[node] = turn[node] + 1
        address = str(network.network_address + 2 + (number - 1) % usable)
        if number <= usable:
            return address
        if used is None:
            used = _addresses(core)
        if address not in used:
            return address
    return ""


def _network(core: Core, node: str) -> ipaddress.IPv4Network:
    spec = (read(core, NODES, "", node) or {}).get("spec") or {}
    return _parsed(str(spec.get("podCIDR") or "")) or _own_network(node)


@lru_cache(maxsize=1024)
def _parsed(network: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(network)
    except ValueError:
        return None


def _own_network(node: str) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(f"{POD_NETWORK}.{int(digest(node, 2), 16)}.0/24")


def _addresses(core: Core) -> set[str]:
    """The addresses of all pods: only asked for when a node's have all been given out once."""
    found = (core.seen(version) for version in core.store.list(PODS))
    return {str((pod.get("status") or {}).get("podIP", "")) for pod in found}
