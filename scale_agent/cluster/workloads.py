"""Workloads as a cluster shows them long after they were applied: with replica sets and pods, all ready."""

from __future__ import annotations

import copy
import hashlib
import ipaddress
import json
from collections.abc import Sequence

from scale_agent.cluster.entries import MADE_AT, Obj, Workload, metadata_of
from scale_agent.cluster.identity import SUFFIX_ALPHABET


def expand(workload: Workload, name: str, nodes: Sequence[str]) -> list[Obj]:
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
    metadata = metadata_of(name, labels) | {"namespace": namespace}
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
