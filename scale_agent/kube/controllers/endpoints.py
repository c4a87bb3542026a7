"""Endpoints and EndpointSlices follow the pods that a Service selects (pkg/controller/endpoint, endpointslice)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from scale_agent.kube import writes
from scale_agent.kube.codec import gonumbers, moments
from scale_agent.kube.controllers import podcontrol
from scale_agent.kube.controllers.common import (
    NODES,
    PODS,
    actor,
    deleting,
    find_condition,
    gone,
    labels_of,
    owned,
    owner_reference,
    read,
    remove,
    selected,
)
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

SERVICES: ResourceKey = ("", "services")
ENDPOINTS: ResourceKey = ("", "endpoints")
SLICES: ResourceKey = ("discovery.k8s.io", "endpointslices")
TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
HEADLESS = "service.kubernetes.io/headless"
#: A slice holds this many endpoints (--max-endpoints-per-slice).
MOST_PER_SLICE = 100


def of_pod(core: Core, change: Change, _: float) -> None:
    """Rule: a pod with an address changed: the Services that select it, or selected it, look."""
    event = change.event
    has = b'"podIP":"' in event.after.json or (event.before is not None and b'"podIP":"' in event.before.json)
    if not has or not core.store.has(SERVICES):
        return
    shown = [core.seen(one) for one in (event.after, event.before) if one is not None]
    labels = [labels_of(one) for one in shown]
    for version in core.store.list(SERVICES, event.after.namespace):
        selector = (core.seen(version).get("spec") or {}).get("selector")
        if selector and any(selected({"matchLabels": selector}, each) for each in labels):
            for switch, reconcile in (("endpoints", reconcile_endpoints), ("endpointslice", reconcile_slices)):
                if switch not in core.store.snapshot.without:
                    core.queue.add(reconcile, version.namespace, version.name)


def service_gone(core: Core, change: Change, now: float) -> None:
    """Rule: a Service's Endpoints go with it; its slices are collected as what it owned."""
    if gone(change):
        found = read(core, ENDPOINTS, change.event.after.namespace, change.event.after.name)
        if found is not None:
            remove(core, core.builtin("", "v1", "endpoints"), found, now)


@dataclass(frozen=True, slots=True)
class _Member:
    """A pod behind a Service."""

    pod: Obj
    node: Obj
    ports: tuple[Obj, ...]
    serving: bool
    ready: bool

    @property
    def address(self) -> str:
        return str(self.pod["status"]["podIP"])

    @property
    def target(self) -> Obj:
        meta = self.pod["metadata"]
        return {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}


def _members(core: Core, service: Obj) -> list[_Member]:
    """The pods of a Service that have an address and a node, by their names."""
    spec, namespace = service["spec"], service["metadata"]["namespace"]
    found = []
    for version in core.store.list(PODS, namespace):
        pod = core.seen(version)
        if not selected({"matchLabels": spec["selector"]}, labels_of(pod)):
            continue
        if not pod["status"].get("podIP") or podcontrol.phase(pod) in ("Succeeded", "Failed"):
            continue
        node = read(core, NODES, "", pod["spec"].get("nodeName", ""))
        if node is not None:
            serving = podcontrol.is_ready(pod)
            ready = bool(spec.get("publishNotReadyAddresses")) or (serving and not deleting(pod))
            found.append(_Member(pod, node, _ports(service, pod), serving, ready))
    return found


def _ports(service: Obj, pod: Obj) -> tuple[Obj, ...]:
    """A Service's ports as a pod has them: named ones are looked up in its containers."""
    found = []
    for port in service["spec"].get("ports") or ():
        number = _number(port.get("targetPort", port.get("port")), port.get("protocol", "TCP"), pod)
        if number is not None:
            made = {"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")}
            found.append({**made, **({"appProtocol": port["appProtocol"]} if port.get("appProtocol") else {})})
    return tuple(found)


def _number(target: Any, protocol: str, pod: Obj) -> int | None:
    number = gonumbers.whole(str(target))
    if number is not None:
        return number
    sidecars = (one for one in pod["spec"].get("initContainers") or () if one.get("restartPolicy") == "Always")
    for container in (*pod["spec"]["containers"], *sidecars):
        for port in container.get("ports") or ():
            if port.get("name") == target and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return None


def _selecting(core: Core, namespace: str, name: str) -> Obj | None:
    """A Service that selects pods."""
    service = read(core, SERVICES, namespace, name)
    spec = (service or {}).get("spec") or {}
    return service if spec.get("selector") and spec.get("type") != "ExternalName" else None


def _labels(service: Obj, **more: str) -> dict[str, str]:
    labels = {name: value for name, value in labels_of(service).items() if name != HEADLESS}
    if service["spec"].get("clusterIP") in ("None", "", None):
        labels[HEADLESS] = ""
    return {**labels, **more}


def _trigger(service: Obj, members: Iterable[_Member], known: dict[str, bool]) -> str:
    """When a pod that came, or changed, became ready or not; ``""`` when pods only left."""
    times: list[float] = []
    for member in members:
        name = member.pod["metadata"]["name"]
        if known.get(name) != member.serving and not deleting(member.pod):
            condition = find_condition(member.pod, "Ready") or {}
            times.append(moments.parse(condition.get("lastTransitionTime") or "") or 0.0)
    earliest = min(times, default=0.0)
    return moments.stamp(earliest) if earliest else ""


def _annotated(old: Obj | None, service: Obj, trigger: str) -> dict[str, str]:
    annotations = {} if old is None else dict(old["metadata"].get("annotations") or {})
    annotations.pop(TRIGGER, None)
    if old is None:
        trigger = trigger or service["metadata"]["creationTimestamp"]
    return {**annotations, TRIGGER: trigger} if trigger else annotations


def reconcile_endpoints(core: Core, namespace: str, name: str, now: float) -> None:
    """Look at a Service's Endpoints."""
    service = _selecting(core, namespace, name)
    if service is None or deleting(service):
        return
    tolerant = bool(service["spec"].get("publishNotReadyAddresses"))
    members = [one for one in _members(core, service) if tolerant or not deleting(one.pod)]
    subsets = _subsets(members, service)
    labels = _labels(service, **{"endpoints.kubernetes.io/managed-by": "endpoint-controller"})
    resource = core.builtin("", "v1", "endpoints")
    version = core.store.get(ENDPOINTS, namespace, name)
    old = core.seen(version) if version is not None else None
    if old is not None and (old.get("subsets") or []) == subsets and labels_of(old) == labels:
        return
    annotations = _annotated(old, service, _trigger(service, members, _known(old)))
    meta = {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations}
    if version is None or old is None:
        body = {"metadata": meta, **({"subsets": subsets} if subsets else {})}
        writes.create(core, resource, body, actor(now))
        return
    kept = {**old["metadata"], "labels": labels, "annotations": annotations}
    body = {**old, "metadata": kept, "subsets": subsets}
    writes.update(core, resource, version, body, actor(now))


def _known(endpoints: Obj | None) -> dict[str, bool]:
    """Names of the pods in Endpoints, and whether they were ready."""
    found = {}
    for subset in (endpoints or {}).get("subsets") or ():
        for part, ready in (("addresses", True), ("notReadyAddresses", False)):
            found.update({_pod_of(one): ready for one in subset.get(part) or ()})
    return found


def _pod_of(endpoint: Obj) -> str:
    """The name of the pod behind an endpoint; ``""`` for those that somebody else wrote."""
    return str((endpoint.get("targetRef") or {}).get("name") or "")


def _subsets(members: list[_Member], service: Obj) -> list[Obj]:
    """Addresses with equal ports together, ordered as ``RepackSubsets`` orders them."""
    groups: dict[bytes, Obj] = {}
    for member in sorted(members, key=lambda one: one.address):
        ports = sorted((_sparse_port(port) for port in member.ports), key=lambda one: str(one.get("name", "")))
        group = groups.setdefault(orjson.dumps(ports), {})
        address: Obj = {
            "ip": member.address,
            "nodeName": member.pod["spec"].get("nodeName", ""),
            "targetRef": member.target,
        }
        if _is_named(member.pod, service):
            address["hostname"] = member.pod["spec"]["hostname"]
        group.setdefault("addresses" if member.ready else "notReadyAddresses", []).append(address)
        if ports:
            group["ports"] = ports
    order = ("addresses", "notReadyAddresses", "ports")
    return [{part: groups[key][part] for part in order if part in groups[key]} for key in sorted(groups)]


def _sparse_port(port: Obj) -> Obj:
    return {name: value for name, value in port.items() if value != ""}


def _is_named(pod: Obj, service: Obj) -> bool:
    spec = pod["spec"]
    return bool(spec.get("hostname")) and spec.get("subdomain") == service["metadata"]["name"]


def reconcile_slices(core: Core, namespace: str, name: str, now: float) -> None:
    """Look at a Service's EndpointSlices."""
    service = _selecting(core, namespace, name)
    if service is None or deleting(service):
        return
    members = _members(core, service)
    wanted: dict[bytes, list[Obj]] = {}
    ports: dict[bytes, list[Obj]] = {}
    for member in members:
        key = orjson.dumps(member.ports)
        ports[key] = list(member.ports)
        wanted.setdefault(key, []).append(_endpoint(member, service))
    services = core.builtin("", "v1", "services")
    old = sorted(owned(core, services, service, SLICES), key=lambda one: str(one["metadata"]["name"]))
    plan = _plan(wanted, ports, old)
    known = {_pod_of(one): _serves(one) for each in old for one in each.get("endpoints") or ()}
    trigger = _trigger(service, members, known)
    for each, endpoints, of_ports in plan:
        _write_slice(core, service, each, endpoints, of_ports, trigger, now)
    used = {each["metadata"]["name"] for each, _, _ in plan if each is not None}
    for each in old:
        if each["metadata"]["name"] not in used:
            remove(core, core.builtin("discovery.k8s.io", "v1", "endpointslices"), each, now)


def _serves(endpoint: Obj) -> bool:
    return bool((endpoint.get("conditions") or {}).get("serving"))


Plan = list[tuple[Obj | None, list[Obj], list[Obj]]]


def _plan(wanted: dict[bytes, list[Obj]], ports: dict[bytes, list[Obj]], old: list[Obj]) -> Plan:
    """Which slice holds which endpoints: they stay where they are, fill what has room, and then take slices anew.

    Slices whose ports nobody has any more are used again. A Service without endpoints keeps one empty slice.
    """
    free = [one for one in old if orjson.dumps(one.get("ports") or []) not in wanted]
    plan: Plan = []
    for key, endpoints in wanted.items():
        mine = [one for one in old if orjson.dumps(one.get("ports") or []) == key]
        left = {str(one["targetRef"]["name"]): one for one in endpoints}
        chunks: list[tuple[Obj | None, list[Obj]]] = []
        for each in mine:
            names = [_pod_of(one) for one in each.get("endpoints") or ()]
            chunks.append((each, [left.pop(name) for name in names if name in left]))
        waiting = list(left.values())
        for _, chunk in chunks:
            room = MOST_PER_SLICE - len(chunk)
            chunk += waiting[:room]
            waiting = waiting[room:]
        while waiting:
            chunks.append((free.pop(0) if free else None, waiting[:MOST_PER_SLICE]))
            waiting = waiting[MOST_PER_SLICE:]
        plan += [(each, chunk, ports[key]) for each, chunk in chunks if chunk]
    return plan or [(old[0] if old else None, [], [])]


def _endpoint(member: _Member, service: Obj) -> Obj:
    terminating = deleting(member.pod)
    made: Obj = {
        "addresses": [member.address],
        "conditions": {"ready": member.ready, "serving": member.serving, "terminating": terminating},
        "targetRef": member.target,
        "nodeName": member.pod["spec"].get("nodeName", ""),
    }
    zone = labels_of(member.node).get("topology.kubernetes.io/zone")
    if zone:
        made["zone"] = zone
    if _is_named(member.pod, service):
        made["hostname"] = member.pod["spec"]["hostname"]
    return made


def _write_slice(
    core: Core, service: Obj, old: Obj | None, endpoints: list[Obj], ports: list[Obj], trigger: str, now: float
) -> None:
    resource = core.builtin("discovery.k8s.io", "v1", "endpointslices")
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    own = {
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": name,
    }
    labels = _labels(service, **own)
    content = {"endpoints": endpoints or None, "ports": ports or None}
    if old is None:
        meta: Obj = {"generateName": f"{name}-", "namespace": namespace, "labels": labels}
        meta["ownerReferences"] = [owner_reference(core.builtin("", "v1", "services"), service)]
        meta["annotations"] = _annotated(None, service, trigger)
        family = (service["spec"].get("ipFamilies") or ["IPv4"])[0]
        writes.create(core, resource, {"metadata": meta, "addressType": family, **content}, actor(now))
        return
    if {part: old.get(part) or None for part in content} == content and labels_of(old) == labels:
        return
    version = core.store.get(SLICES, namespace, old["metadata"]["name"])
    if version is not None:
        kept = {**old["metadata"], "resourceVersion": str(version.rv), "labels": labels}
        body = {**old, "metadata": {**kept, "annotations": _annotated(old, service, trigger)}, **content}
        writes.update(core, resource, version, body, actor(now))
