"""From a profile's short words to Kubernetes objects: nodes, namespaces, workloads with what controllers make of them.

The node is the recorded cluster's (agent-own-requests.jsonl, Rancher 2.15.0).
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import orjson

from scale_agent.cluster import filler
from scale_agent.cluster import workloads as workloads_of
from scale_agent.cluster.entries import (
    MADE_AT,
    Contents,
    CustomKind,
    Namespace,
    Node,
    Obj,
    Sized,
    Workload,
    metadata_of,
    numbered,
)
from scale_agent.kube.controllers import heartbeats


def objects(version: str, contents: Contents, made_at: str) -> list[Obj]:
    """All objects, owners before what they own, fresh on every call. ``made_at``: their age (RFC 3339)."""
    made_nodes = [
        _node(version, node, name, number)
        for number, (node, name) in enumerate(((one, name) for one in contents.nodes for name in _names(one)), start=1)
    ]
    ground = workloads_of.Ground(version, [workloads_of.Place.of(node) for node in made_nodes])
    leases = [_lease(node["metadata"]["name"], made_at) for node in made_nodes]
    made = [*made_nodes, *leases, *_namespaces(contents)]
    for workload in contents.workloads:
        made += _expanded(workload, ground)
    for sized in contents.sized:
        made += filler.sized(sized)
    for custom in contents.custom:
        made += [*filler.definitions(custom, version), *filler.custom_objects(custom)]
    made += [workloads_of.bare(pod, ground) for pod in contents.pods]
    packed = _TIMES.sub(_when(made_at), orjson.dumps([*made, *contents.extra]))
    unpacked: list[Obj] = orjson.loads(packed)
    return unpacked


_TIMES = re.compile(MADE_AT.encode() + rb"(?:-([0-9]+)@)?")


def _when(made_at: str) -> Callable[[re.Match[bytes]], bytes]:
    """What stands for a time becomes one."""
    made = datetime.fromisoformat(made_at)

    def when(found: re.Match[bytes]) -> bytes:
        if found[1] is None:
            return made_at.encode()
        return (made - timedelta(seconds=int(found[1]))).strftime("%Y-%m-%dT%H:%M:%SZ").encode()

    return when


def _namespaces(contents: Contents) -> list[Obj]:
    """Those that are listed, and those that are only named."""
    made = [_namespace(namespace, name) for namespace in contents.namespaces for name in _names(namespace)]
    there = {namespace["metadata"]["name"] for namespace in made} | set(BOOTSTRAP)
    named = (name for name in namespace_names(contents) if name not in there)
    return [*made, *(_namespace(Namespace(name, 1, (), ()), name) for name in named)]


def _expanded(workload: Workload, ground: workloads_of.Ground) -> Iterator[Obj]:
    for number in range(1, workload.count + 1):
        one = replace(workload, namespace=numbered(workload.namespace, number))
        yield from workloads_of.expand(one, numbered(workload.name, number), ground)


#: Namespaces that every cluster has by itself.
BOOTSTRAP = ("default", "kube-system", "kube-public", "kube-node-lease")


def namespace_names(contents: Contents) -> tuple[str, ...]:
    """All namespaces of the cluster: every cluster's, those listed, those that something is in."""
    listed = [name for namespace in contents.namespaces for name in _names(namespace)]
    entries: tuple[Workload | Sized, ...] = (*contents.workloads, *contents.sized)
    inside = [name for entry in entries for name in _places(entry, entry.count)]
    custom = [name for entry in contents.custom if entry.namespace for name in _places(entry, entry.objects)]
    pods = [pod.namespace for pod in contents.pods]
    return tuple(dict.fromkeys([*BOOTSTRAP, *listed, *inside, *custom, *pods]))


def _names(entry: Node | Namespace) -> Iterator[str]:
    return (numbered(entry.name, number) for number in range(1, entry.count + 1))


def _places(entry: Workload | Sized | CustomKind, count: int) -> Iterator[str]:
    return (numbered(entry.namespace, number) for number in range(1, count + 1))


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
    annotations = (("node.alpha.kubernetes.io/ttl", "0"), *node.annotations)
    age_s = node.told.age_s if node.told is not None else 0
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata_of(name, labels | dict(node.labels), annotations, age_s),
        "spec": {"podCIDR": pods, "podCIDRs": [pods]},
        "status": _node_status(version, node, name, number),
    }


def _node_status(version: str, node: Node, name: str, number: int) -> Obj:
    identity = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    told = node.told
    addresses = dict(told.addresses) if told is not None else {}
    inside = addresses.pop("InternalIP", str(ipaddress.ip_address("10.0.0.10") + number))
    return {
        "capacity": dict(node.capacity),
        "allocatable": dict((told.allocatable if told is not None else ()) or node.capacity),
        "conditions": [_node_condition(*(_NOT_READY if told is not None and not told.ready else _READY))],
        "addresses": [
            {"type": "InternalIP", "address": inside},
            *({"type": kind, "address": address} for kind, address in addresses.items()),
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
            **dict(told.info if told is not None else ()),
        },
    }


#: The recorded node has Ready only: Rancher copies what there is.
_READY = ("Ready", "True", "KubeletReady", "kubelet is posting ready status")
_NOT_READY = ("Ready", "False", "KubeletNotReady", "container runtime is down")


def _node_condition(kind: str, status: str, reason: str, message: str) -> Obj:
    times = {"lastHeartbeatTime": MADE_AT, "lastTransitionTime": MADE_AT}
    return {"type": kind, "status": status, **times, "reason": reason, "message": message}
