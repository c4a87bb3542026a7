"""From a profile's short words to Kubernetes objects: nodes, namespaces, workloads with what controllers make of them.

The node is the recorded cluster's (agent-own-requests.jsonl, Rancher 2.15.0).
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator, Sequence

import orjson

from scale_agent.cluster import workloads as workloads_of
from scale_agent.cluster.entries import MADE_AT, Namespace, Node, Obj, Workload, metadata_of
from scale_agent.kube.controllers import heartbeats


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
    ground = workloads_of.Ground(version, [workloads_of.Place.of(node) for node in made_nodes])
    made: list[Obj] = [_namespace(namespace, name) for namespace in namespaces for name in _names(namespace)]
    listed = {namespace["metadata"]["name"] for namespace in made}
    for name in namespace_names(namespaces, workloads):
        if name not in listed and name not in BOOTSTRAP:
            made.append(_namespace(Namespace(name, 1, (), ()), name))
    for workload in workloads:
        for name in _names(workload):
            made += workloads_of.expand(workload, name, ground)
    leases = [_lease(node["metadata"]["name"], made_at) for node in made_nodes]
    packed = orjson.dumps([*made_nodes, *leases, *made, *extra]).replace(MADE_AT.encode(), made_at.encode())
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


def _namespace(namespace: Namespace, name: str) -> Obj:
    labels = {"kubernetes.io/metadata.name": name} | dict(namespace.labels)
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": metadata_of(name, labels, namespace.annotations),
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


#: Nodes have /24 networks of 10.42.0.0/16 for their pods, and when those are used up, of 10.128.0.0/9.
_POD_NETWORK, _WIDE_POD_NETWORK, _NARROW = ipaddress.IPv4Address("10.42.0.0"), ipaddress.IPv4Address("10.128.0.0"), 256


def _lease(name: str, made_at: str) -> Obj:
    """The lease of a node's kubelet, renewed when everything was made."""
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", **heartbeats.lease_of(name, "", 0.0)}
    lease["spec"]["renewTime"] = made_at.replace("Z", ".000000Z")
    return lease


def _node(version: str, node: Node, name: str, number: int) -> Obj:
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
    }
    labels |= {f"node-role.kubernetes.io/{role}": "true" for role in node.roles}
    first = _POD_NETWORK if number <= _NARROW else _WIDE_POD_NETWORK - 256 * _NARROW
    pods = f"{first + 256 * (number - 1)}/24"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata_of(
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
