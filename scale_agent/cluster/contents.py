"""From a profile's short words to Kubernetes objects: nodes, namespaces, workloads with what controllers make of them.

The node is the recorded cluster's (agent-own-requests.jsonl, Rancher 2.15.0). Workloads come as a cluster shows them
long after they were applied: replica sets and pods exist, and everything is ready.
"""

from __future__ import annotations

import copy
import hashlib
import ipaddress
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from scale_agent.cluster.identity import SUFFIX_ALPHABET

Obj = dict[str, Any]
Texts = tuple[tuple[str, str], ...]

ROLES = ("control-plane", "etcd", "worker")
WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet")
DEFAULT_CAPACITY = {"cpu": "4", "ephemeral-storage": "100Gi", "memory": "8Gi", "pods": "110"}

#: Stands for the time since when everything is as it is.
MADE_AT = "@made-at@"


@dataclass(frozen=True, slots=True)
class Node:
    """``count`` nodes; ``{n}`` in the name is the number from 1."""

    name: str
    count: int
    roles: tuple[str, ...]
    labels: Texts
    annotations: Texts
    capacity: Texts


@dataclass(frozen=True, slots=True)
class Namespace:
    """``count`` namespaces."""

    name: str
    count: int
    labels: Texts
    annotations: Texts


@dataclass(frozen=True, slots=True)
class Workload:
    """``count`` Deployments, StatefulSets or DaemonSets of ``replicas`` pods each (a DaemonSet: one per node)."""

    kind: str
    namespace: str
    name: str
    count: int
    replicas: int
    image: str
    requests: Texts
    labels: Texts


def objects(
    version: str,
    nodes: Sequence[Node],
    namespaces: Sequence[Namespace],
    workloads: Sequence[Workload],
    extra: Sequence[Obj],
    made_at: str,
) -> list[Obj]:
    """All objects, owners before what they own, fresh on every call. ``made_at``: their age (RFC 3339)."""
    made_nodes = [
        _node(version, node, name, number)
        for number, (node, name) in enumerate(((node, name) for node in nodes for name in _names(node)), start=1)
    ]
    node_names = [node["metadata"]["name"] for node in made_nodes]
    made: list[Obj] = [_namespace(namespace, name) for namespace in namespaces for name in _names(namespace)]
    listed = {namespace["metadata"]["name"] for namespace in made}
    for name in namespace_names(namespaces, workloads):
        if name not in listed and name not in BOOTSTRAP:
            made.append(_namespace(Namespace(name, 1, (), ()), name))
    for workload in workloads:
        for name in _names(workload):
            made += _workload(workload, name, node_names)
    packed = orjson.dumps([*made_nodes, *made, *extra]).replace(MADE_AT.encode(), made_at.encode())
    unpacked: list[Obj] = orjson.loads(packed)
    return unpacked


#: Namespaces that every cluster has by itself.
BOOTSTRAP = ("default", "kube-system", "kube-public", "kube-node-lease")


def namespace_names(namespaces: Sequence[Namespace], workloads: Sequence[Workload]) -> tuple[str, ...]:
    """All namespaces of the cluster: every cluster's, those listed, those of workloads."""
    listed = [name for namespace in namespaces for name in _names(namespace)]
    return tuple(dict.fromkeys([*BOOTSTRAP, *listed, *(workload.namespace for workload in workloads)]))


def _names(entry: Node | Namespace | Workload) -> Iterator[str]:
    for number in range(1, entry.count + 1):
        yield entry.name.replace("{n}", str(number))


def _metadata(name: str, labels: Texts | dict[str, str] = (), annotations: Texts = ()) -> Obj:
    metadata: Obj = {"name": name, "creationTimestamp": MADE_AT}
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    return metadata


def _namespace(namespace: Namespace, name: str) -> Obj:
    labels = {"kubernetes.io/metadata.name": name} | dict(namespace.labels)
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": _metadata(name, labels, namespace.annotations),
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _node(version: str, node: Node, name: str, number: int) -> Obj:
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
    }
    labels |= {f"node-role.kubernetes.io/{role}": "true" for role in node.roles}
    pods = str(ipaddress.ip_network("10.42.0.0/16").network_address + 256 * (number - 1)) + "/24"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": _metadata(
            name, labels | dict(node.labels), (("node.alpha.kubernetes.io/ttl", "0"), *node.annotations)
        ),
        "spec": {"podCIDR": pods, "podCIDRs": [pods]},
        "status": _node_status(version, node, name, number),
    }


def _node_status(version: str, node: Node, name: str, number: int) -> Obj:
    identity = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    return {
        "capacity": dict(node.capacity),
        "allocatable": dict(node.capacity),
        "conditions": [_node_condition(*condition) for condition in _NODE_CONDITIONS],
        "addresses": [
            {"type": "InternalIP", "address": str(ipaddress.ip_address("10.0.0.10") + number)},
            {"type": "Hostname", "address": name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
        "nodeInfo": {
            "machineID": identity,
            "systemUUID": identity,
            "bootID": identity,
            "kernelVersion": "6.1.0",
            "osImage": "Debian GNU/Linux 12",
            "containerRuntimeVersion": "containerd://1.7.11",
            "kubeletVersion": version,
            "kubeProxyVersion": version,
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }


#: The recorded node has Ready only: Rancher copies what there is.
_NODE_CONDITIONS = (("Ready", "True", "KubeletReady", "kubelet is posting ready status"),)


def _node_condition(kind: str, status: str, reason: str, message: str) -> Obj:
    times = {"lastHeartbeatTime": MADE_AT, "lastTransitionTime": MADE_AT}
    return {"type": kind, "status": status, **times, "reason": reason, "message": message}


# -- workloads --------------------------------------------------------------------------------------------------------


def _workload(workload: Workload, name: str, nodes: Sequence[str]) -> list[Obj]:
    template = _template(workload, name)
    if workload.kind == "Deployment":
        return _deployment(workload, name, template, nodes)
    replicas = len(nodes) if workload.kind == "DaemonSet" else workload.replicas
    spec: Obj = {"selector": {"matchLabels": {"app": name}}, "template": template}
    if workload.kind == "StatefulSet":
        spec |= {"replicas": replicas, "serviceName": name}
        status = _counts(replicas, "replicas", "readyReplicas", "availableReplicas", "currentReplicas")
    else:
        kinds = ("currentNumberScheduled", "desiredNumberScheduled", "numberAvailable", "numberReady")
        status = _counts(replicas, *kinds) | {"numberMisscheduled": 0}
    owner = _object("apps/v1", workload.kind, workload.namespace, name, _labels(workload, name), spec, status)
    hashed = _template_hash(template)
    tails = [str(n) if workload.kind == "StatefulSet" else _tail(f"{name}/{n}", 5) for n in range(replicas)]
    labels = {"app": name, "controller-revision-hash": hashed if workload.kind == "DaemonSet" else f"{name}-{hashed}"}
    pods = [_pod(owner, f"{name}-{tail}", labels, template, _node_of(nodes, n, name)) for n, tail in enumerate(tails)]
    return [owner, *pods]


def _deployment(workload: Workload, name: str, template: Obj, nodes: Sequence[str]) -> list[Obj]:
    replicas, hashed = workload.replicas, _template_hash(template)
    labels = {"app": name, "pod-template-hash": hashed}
    counts = ("replicas", "readyReplicas", "availableReplicas")
    spec: Obj = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    status = _counts(replicas, *counts, "updatedReplicas") | {"conditions": _deployment_conditions(name, hashed)}
    owner = _object("apps/v1", "Deployment", workload.namespace, name, _labels(workload, name), spec, status)
    owner["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1"}
    set_template = copy.deepcopy(template)
    set_template["metadata"]["labels"] = labels
    set_spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": set_template}
    replica_set = _object(
        "apps/v1", "ReplicaSet", workload.namespace, f"{name}-{hashed}", labels, set_spec, _counts(replicas, *counts)
    )
    replica_set["metadata"]["ownerReferences"] = [_owned_by(owner)]
    pods = [
        _pod(replica_set, f"{name}-{hashed}-{_tail(f'{name}/{n}', 5)}", labels, template, _node_of(nodes, n, name))
        for n in range(replicas)
    ]
    return [owner, replica_set, *pods]


def _deployment_conditions(name: str, hashed: str) -> list[Obj]:
    times = {"lastUpdateTime": MADE_AT, "lastTransitionTime": MADE_AT}
    progress = f'ReplicaSet "{name}-{hashed}" has successfully progressed.'
    available = "Deployment has minimum availability."
    return [
        {"type": "Available", "status": "True", **times, "reason": "MinimumReplicasAvailable", "message": available},
        {"type": "Progressing", "status": "True", **times, "reason": "NewReplicaSetAvailable", "message": progress},
    ]


def _template(workload: Workload, name: str) -> Obj:
    container: Obj = {"name": "main", "image": workload.image}
    if workload.requests:
        container["resources"] = {"requests": dict(workload.requests)}
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}


def _pod(owner: Obj, name: str, labels: dict[str, str], template: Obj, node: str) -> Obj:
    spec = copy.deepcopy(template["spec"]) | {"nodeName": node}
    number = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=2).digest(), "big")
    address = str(ipaddress.ip_address("10.42.0.2") + number % 65000)
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": MADE_AT}
        for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    image = spec["containers"][0]["image"]
    running = {
        "name": "main",
        "image": image,
        "imageID": image,
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": MADE_AT}},
    }
    status = {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "qosClass": "Burstable" if spec["containers"][0].get("resources") else "BestEffort",
        "startTime": MADE_AT,
        "conditions": conditions,
        "containerStatuses": [running],
    }
    pod = _object("v1", "Pod", owner["metadata"]["namespace"], name, labels, spec, status)
    pod["metadata"]["ownerReferences"] = [_owned_by(owner)]
    return pod


def _object(api_version: str, kind: str, namespace: str, name: str, labels: Obj, spec: Obj, status: Obj) -> Obj:
    metadata = _metadata(name, labels) | {"namespace": namespace}
    if api_version != "v1":
        metadata["generation"] = 1
        status = {"observedGeneration": 1} | status
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec, "status": status}


def _owned_by(owner: Obj) -> Obj:
    """Without a uid: the snapshot puts each cluster's in."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _labels(workload: Workload, name: str) -> dict[str, str]:
    return {"app": name} | dict(workload.labels)


def _counts(value: int, *names: str) -> Obj:
    return dict.fromkeys(names, value)


def _node_of(nodes: Sequence[str], number: int, name: str) -> str:
    if not nodes:
        return ""
    start = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=2).digest(), "big")
    return nodes[(start + number) % len(nodes)]


def _template_hash(template: Obj) -> str:
    return _tail(json.dumps(template, sort_keys=True), 9)


def _tail(text: str, length: int) -> str:
    """The kind of text that Kubernetes ends generated names with, made of ``text``."""
    raw = hashlib.blake2b(text.encode(), digest_size=length).digest()
    return "".join(SUFFIX_ALPHABET[byte % len(SUFFIX_ALPHABET)] for byte in raw)
