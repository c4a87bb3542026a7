"""Workloads as a cluster shows them long after they were applied: with all that controllers and kubelets made of them.

Names, hashes, statuses and revisions come from the controllers' own functions, so that a controller that looks at one
of these later finds nothing to do.
"""

from __future__ import annotations

import copy
import hashlib
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from scale_agent.cluster.entries import MADE_AT, BarePod, Obj, Workload, aged, metadata_of
from scale_agent.cluster.identity import SUFFIX_ALPHABET
from scale_agent.kube import catalog
from scale_agent.kube.admission import defaults, podadmission
from scale_agent.kube.controllers import containers, daemonsets, revisions, rollouts, statefulsets
from scale_agent.kube.controllers.hashes import revision_hash, template_hash

_TIME = "2026-01-01T00:00:00Z"


@dataclass(slots=True)
class Place:
    """A node as its pods see it: its address, and the next free one of its pods."""

    name: str
    host: str
    pods: ipaddress.IPv4Network
    used: int = 0

    @classmethod
    def of(cls, node: Obj) -> Place:
        """A node's."""
        host = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
        return cls(node["metadata"]["name"], host, ipaddress.IPv4Network(node["spec"]["podCIDR"]))

    def address(self) -> str:
        """The next pod's address, as a host-local plugin gives them out."""
        self.used += 1
        return str(self.pods.network_address + 1 + self.used)


@dataclass(frozen=True, slots=True)
class Ground:
    """Where workloads stand: the Kubernetes version and the nodes."""

    version: str
    places: Sequence[Place] = field(default_factory=tuple)

    def place(self, number: int, name: str) -> Place | None:
        """The node of a workload's pod."""
        if not self.places:
            return None
        start = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=2).digest(), "big")
        return self.places[(start + number) % len(self.places)]

    def filled(self, obj: Obj) -> Obj:
        """An object with its defaults, and its spec in the form in which a server keeps it."""
        api = catalog.for_version(self.version)
        resource = api.by_kind(obj["apiVersion"], obj["kind"])
        defaults.fill(self.version, resource, obj, _TIME)
        obj["spec"] = api.normalize({"metadata": {}, "spec": obj["spec"]}, resource)["spec"]
        return obj


def expand(workload: Workload, name: str, ground: Ground) -> list[Obj]:
    """The workload and everything below it, owners first."""
    made = {"Deployment": _deployment, "StatefulSet": _stateful_set, "DaemonSet": _daemon_set}
    return list(made[workload.kind](workload, name, ground))


def _owner(workload: Workload, name: str, ground: Ground, **spec: object) -> Obj:
    """The workload itself, with its defaults."""
    labels = {"app": name} | dict(workload.labels)
    body = {"selector": {"matchLabels": {"app": name}}, "template": _template(workload, name), **spec}
    return ground.filled(_object("apps/v1", workload.kind, workload.namespace, name, labels, body, {}))


def _deployment(workload: Workload, name: str, ground: Ground) -> Iterator[Obj]:
    replicas = workload.replicas
    owner = _owner(workload, name, ground, replicas=replicas)
    template = copy.deepcopy(owner["spec"]["template"])
    hashed = template_hash(template)
    labels = {"app": name, rollouts.HASH_LABEL: hashed}
    template["metadata"]["labels"] = labels
    sizes = rollouts.sizes_of(owner)
    owner["metadata"]["annotations"] = {rollouts.REVISION: "1"}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    own = _object("apps/v1", "ReplicaSet", workload.namespace, f"{name}-{hashed}", labels, spec, {})
    own["metadata"]["annotations"] = {
        rollouts.DESIRED: str(sizes.wanted),
        rollouts.MAXIMUM: str(sizes.most),
        rollouts.REVISION: "1",
    }
    own["metadata"]["ownerReferences"] = [_owned_by(owner)]
    counts = _counts(replicas, "replicas", "readyReplicas", "availableReplicas")
    own["status"] |= counts | _counts(replicas, "fullyLabeledReplicas") | {"terminatingReplicas": 0}
    owner["status"] |= counts | _counts(replicas, "updatedReplicas") | {"terminatingReplicas": 0}
    owner["status"]["conditions"] = _deployment_conditions(own["metadata"]["name"])
    yield owner
    yield ground.filled(own)
    for number in range(replicas):
        tail = _tail(f"{name}/{number}", 5)
        yield _pod(own, template, f"{own['metadata']['name']}-{tail}", number, ground)


def _deployment_conditions(set_name: str) -> list[Obj]:
    times = {"lastUpdateTime": MADE_AT, "lastTransitionTime": MADE_AT}
    progress = f'ReplicaSet "{set_name}" has successfully progressed.'
    available = "Deployment has minimum availability."
    return [
        {"type": "Available", "status": "True", **times, "reason": "MinimumReplicasAvailable", "message": available},
        {"type": "Progressing", "status": "True", **times, "reason": "NewReplicaSetAvailable", "message": progress},
    ]


def _revision(owner: Obj, hashed: str, label: str) -> Obj:
    """The ControllerRevision of a set's template."""
    meta = owner["metadata"]
    labels = {**owner["spec"]["template"]["metadata"]["labels"], label: hashed}
    made = metadata_of(f"{meta['name']}-{hashed}", labels) | {"namespace": meta["namespace"]}
    if meta.get("annotations"):
        made["annotations"] = dict(meta["annotations"])
    made["ownerReferences"] = [_owned_by(owner)]
    kind = {"apiVersion": "apps/v1", "kind": "ControllerRevision"}
    return {**kind, "metadata": made, "data": revisions.data_of(owner), "revision": 1}


def _stateful_set(workload: Workload, name: str, ground: Ground) -> Iterator[Obj]:
    replicas = workload.replicas
    owner = _owner(workload, name, ground, replicas=replicas, serviceName=name)
    revision = _revision(owner, revision_hash(revisions.data_of(owner)), revisions.SET_LABEL)
    current = revision["metadata"]["name"]
    counts = ("readyReplicas", "currentReplicas", "updatedReplicas")
    owner["status"] |= {"replicas": replicas, "availableReplicas": replicas} | _counts(replicas, *counts)
    owner["status"] |= {"currentRevision": current, "updateRevision": current, "collisionCount": 0}
    yield owner
    yield revision
    for number in range(replicas):
        pod_name = f"{name}-{number}"
        template = copy.deepcopy(owner["spec"]["template"])
        numbered = {statefulsets.NAME_LABEL: pod_name, statefulsets.INDEX_LABEL: str(number)}
        template["metadata"]["labels"] |= {**numbered, revisions.POD_LABEL: current}
        template["spec"] |= {"hostname": pod_name, "subdomain": name}
        yield _pod(owner, template, pod_name, number, ground)


def _daemon_set(workload: Workload, name: str, ground: Ground) -> Iterator[Obj]:
    count = len(ground.places)
    owner = _owner(workload, name, ground)
    owner["metadata"]["annotations"] = {daemonsets.GENERATION: "1"}
    hashed = template_hash(owner["spec"]["template"])
    kept = ("currentNumberScheduled", "desiredNumberScheduled", "numberReady")
    owner["status"] |= dict.fromkeys(kept, count) | _counts(count, "numberAvailable", "updatedNumberScheduled")
    owner["status"]["numberMisscheduled"] = 0
    yield owner
    yield _revision(owner, hashed, revisions.POD_LABEL)
    for number, place in enumerate(ground.places):
        template = daemonsets.template_for(owner, hashed)
        template["spec"]["affinity"] = daemonsets.on_node({}, place.name)
        pod = _pod(owner, template, f"{name}-{_tail(f'{name}/{number}', 5)}", number, Ground(ground.version, (place,)))
        yield pod


def _template(workload: Workload, name: str) -> Obj:
    container: Obj = {"name": "main", "image": workload.image}
    if workload.requests:
        container["resources"] = {"requests": dict(workload.requests)}
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}


def _pod(owner: Obj, template: Obj, name: str, number: int, ground: Ground) -> Obj:
    """A pod that has run for a while; without nodes, one that waits."""
    namespace, meta = owner["metadata"]["namespace"], template["metadata"]
    pod = _object("v1", "Pod", namespace, name, meta["labels"], copy.deepcopy(template["spec"]), {})
    pod["metadata"] |= {"generateName": f"{owner['metadata']['name']}-", "ownerReferences": [_owned_by(owner)]}
    spec = _admitted(pod, ground)
    place = ground.place(number, owner["metadata"]["name"])
    if place is not None:
        spec["nodeName"] = place.name
        ready = {one["name"] for one in spec["containers"]}
        running = containers.running(pod, place.host, place.address(), ready, 0.0)
        pod["status"] = _aged(running)
    del pod["metadata"]["uid"]
    return pod


def _admitted(pod: Obj, ground: Ground) -> Obj:
    """The spec of a pod that was admitted and waits; its uid stands for itself until that is taken off."""
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    pod["metadata"] |= {"uid": f"{namespace}/{name}", "generation": 1}
    spec: Obj = pod["spec"]
    spec |= {"serviceAccountName": "default", "serviceAccount": "default", "priority": 0}
    spec["preemptionPolicy"] = "PreemptLowerPriority"
    podadmission.mount_token(spec, lambda: _tail(name, 5))
    podadmission.tolerate(spec)
    spec = ground.filled(pod)["spec"]
    pod["status"] = {"phase": "Pending", "qosClass": podadmission.qos_class(spec)}
    return spec


_PAUSE = "registry.k8s.io/pause:3.10"
_ENDED = ("Succeeded", "Failed")


def bare(told: BarePod, ground: Ground) -> Obj:
    """A pod of nobody's in the state that is told of it."""
    made = [{"name": f"container-{number}", "image": _PAUSE} for number in range(1, told.containers + 1)]
    pod = _object("v1", "Pod", told.namespace, told.name, dict(told.labels), {"containers": made}, {})
    pod["metadata"]["creationTimestamp"] = aged(told.age_s)
    spec = _admitted(pod, ground)
    place = next((one for one in ground.places if one.name == told.node), None)
    if place is None and not told.node:
        place = ground.place(0, told.name)
    if place is not None and (told.state != "Pending" or told.node):
        spec["nodeName"] = place.name
    if place is not None and told.state != "Pending":
        ready = {one["name"] for one in made[: told.ready]}
        pod["status"] = _aged(containers.running(pod, place.host, told.address or place.address(), ready, 0.0))
        _tell(pod["status"], told)
    del pod["metadata"]["uid"]
    return pod


def _tell(status: Obj, told: BarePod) -> None:
    """Restarts and what is not running, in place."""
    status["phase"] = told.state if told.state in _ENDED else "Running"
    for number, one in enumerate(status.get("containerStatuses") or ()):
        one["restartCount"] = told.restarts
        if told.state in _ENDED:
            code, reason = (0, "Completed") if told.state == "Succeeded" else (1, "Error")
            times = {"startedAt": MADE_AT, "finishedAt": MADE_AT}
            one["state"] = {"terminated": {"exitCode": code, "reason": reason, **times}}
            one |= {"ready": False, "started": False}
        elif told.state != "Running" and number >= told.ready:
            one["state"] = {"waiting": {"reason": told.state}}
            one |= {"ready": False, "started": False}


_START = "1970-01-01T00:00:00Z"


def _aged(value: Obj) -> Obj:
    """A status of the beginning of time, as old as everything else."""
    return {name: _aged_value(inner) for name, inner in value.items()}


def _aged_value(value: object) -> object:
    if isinstance(value, dict):
        return _aged(value)
    if isinstance(value, list):
        return [_aged_value(one) for one in value]
    return MADE_AT if value == _START else value


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


def _counts(value: int, *names: str) -> Obj:
    """Numbers of a status; zeros are left out, as Go leaves them out."""
    return dict.fromkeys(names, value) if value else {}


def _tail(text: str, length: int) -> str:
    """The kind of text that Kubernetes ends generated names with, made of ``text``."""
    raw = hashlib.blake2b(text.encode(), digest_size=length).digest()
    return "".join(SUFFIX_ALPHABET[byte % len(SUFFIX_ALPHABET)] for byte in raw)
