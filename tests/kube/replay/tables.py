"""Pods and events that only a person's ``kubectl get`` shows: as rows of a Table, with their metadata beside."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.kube.replay.decode import decoded
from tests.kube.replay.nodes import Additions, unmanaged
from tests.kube.replay.recording import Recorded
from tests.kube.replay.state import Write
from tests.kube.replay.timeline import Timeline

#: ``cells`` of an event row: last seen, type, reason, object, subobject, source, message, first seen, count, name.
TYPE, REASON, OBJECT, SOURCE, MESSAGE, COUNT = 1, 2, 3, 5, 6, 8

KINDS = {
    "replicaset": ("apps/v1", "ReplicaSet"),
    "deployment": ("apps/v1", "Deployment"),
    "node": ("v1", "Node"),
    "pod": ("v1", "Pod"),
    "lease": ("coordination.k8s.io/v1", "Lease"),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rows refer to. ``templates``: (Unix time, path of the Deployment, pod template's spec)."""

    node_uid: str
    templates: Sequence[tuple[float, str, dict[str, Any]]]

    def template(self, deployment: str, meta: dict[str, Any]) -> dict[str, Any]:
        """The newest template that was there when an object was created, else the first."""
        mine = [(at_s, spec) for at_s, path, spec in self.templates if path == deployment]
        old = [spec for at_s, spec in mine if at_s < _seconds(meta["creationTimestamp"]) + 1]
        return copy.deepcopy(old[-1] if old else mine[0][1])


def _templates(timeline: Timeline, ordered: Sequence[Recorded]) -> list[tuple[float, str, dict[str, Any]]]:
    found = []
    for line in ordered:
        value = (
            decoded(line.content_type, line.answer_bytes) if "/deployments" in line.path and line.has_answer else None
        )
        if isinstance(value, dict) and value.get("kind") == "Deployment":
            meta = value["metadata"]
            path = f"/apis/apps/v1/namespaces/{meta['namespace']}/deployments/{meta['name']}"
            found.append((timeline.started_s + line.at_s, path, value["spec"]["template"]["spec"]))
    return found


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()


def _pod(row: dict[str, Any], seen: Seen) -> dict[str, Any]:
    """Pending, without a node, made from the pod template that its Deployment had at the time."""
    meta = row["object"]["metadata"]
    name = meta["generateName"].rsplit("-", 2)[0]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": seen.template(f"/apis/apps/v1/namespaces/{meta['namespace']}/deployments/{name}", meta),
        "status": {"phase": row["cells"][2], "qosClass": "BestEffort"},
    }


def _event(row: dict[str, Any], seen: Seen) -> dict[str, Any]:
    cells, meta = row["cells"], row["object"]["metadata"]
    kind, _, name = cells[OBJECT].partition("/")
    version, title = KINDS[kind]
    involved = {"kind": title, "name": name, "apiVersion": version}
    if title == "Node":
        involved |= {"uid": seen.node_uid}
    else:
        involved |= {"namespace": meta["namespace"]}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "involvedObject": involved,
        "reason": cells[REASON],
        "message": cells[MESSAGE],
        "source": {"component": cells[SOURCE]},
        "firstTimestamp": meta["creationTimestamp"],
        "lastTimestamp": meta["creationTimestamp"],
        "count": cells[COUNT],
        "type": cells[TYPE],
        "eventTime": None,
        "reportingComponent": cells[SOURCE],
        "reportingInstance": "",
    }


BUILDERS: dict[str, Callable[[dict[str, Any], Seen], dict[str, Any]]] = {"/api/v1/pods": _pod, "/api/v1/events": _event}


def appearances(timeline: Timeline, ordered: Sequence[Recorded]) -> Additions:
    """Objects for the rows: in the initial state if older, else written before the line that shows them."""
    out = Additions()
    seen = Seen(_node_uid(ordered), _templates(timeline, ordered))
    for line in ordered:
        builder = BUILDERS.get(line.path)
        value = decoded(line.content_type, line.answer_bytes) if builder and line.has_answer else None
        if builder is None or not isinstance(value, dict) or value.get("kind") != "Table":
            continue
        for row in value["rows"]:
            made = builder(row, seen)
            made["metadata"] = _bare(row["object"]["metadata"])
            for one in (*_owner(made), made):
                _place(out, timeline, ordered, one)
    return out


#: What a Deployment's controller notes on its ReplicaSets; the first is the agent's own, copied.
COPIED = {
    "management.cattle.io/scale-available": "2",
    "deployment.kubernetes.io/desired-replicas": "1",
    "deployment.kubernetes.io/max-replicas": "2",
    "deployment.kubernetes.io/revision": "2",
}


def _owner(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The ReplicaSet of a pod of the agent: no answer shows one, but the pod names it."""
    meta = pod["metadata"]
    for owner in meta.get("ownerReferences", ()) if "cattle" in meta["name"] else ():
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "name": owner["name"].rpartition("-")[0]}
        made = {name: meta[name] for name in ("namespace", "creationTimestamp", "labels")}
        made |= {"name": owner["name"], "uid": owner["uid"], "annotations": COPIED}
        made["ownerReferences"] = [deployment | {"uid": meta["uid"], "controller": True, "blockOwnerDeletion": True}]
        template = {"metadata": {"labels": meta["labels"]}, "spec": copy.deepcopy(pod["spec"])}
        spec = {"replicas": 1, "selector": {"matchLabels": meta["labels"]}, "template": template}
        yield {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": made, "spec": spec}


def _bare(meta: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in meta.items() if key != "resourceVersion"}


def _place(out: Additions, timeline: Timeline, ordered: Sequence[Recorded], made: dict[str, Any]) -> None:
    """In the initial state, or before the first request of the second after its creation."""
    meta = made["metadata"]
    born_s = _seconds(meta["creationTimestamp"])
    if born_s <= timeline.started_s:
        out.objects.append(made)
        return
    line = next(line for line in ordered if line.at_s >= born_s - timeline.started_s and not line.is_watch)
    root = "/api/v1" if made["apiVersion"] == "v1" else f"/apis/{made['apiVersion']}"
    path = f"{root}/namespaces/{meta['namespace']}/{made['kind'].lower()}s"
    out.writes.append(Write(line.where, "POST", path, unmanaged(made), meta["uid"], "a table shows it"))


def _node_uid(ordered: Sequence[Recorded]) -> str:
    for line in ordered:
        shows = line.path == "/api/v1/nodes" and line.has_answer and not line.is_watch
        value = decoded(line.content_type, line.answer_bytes) if shows else None
        for row in value.get("rows", ()) if isinstance(value, dict) else ():
            return str(row["object"]["metadata"]["uid"])
    return ""
