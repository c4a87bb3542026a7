"""Pods and events that only a person's ``kubectl get`` shows: as rows of a Table, with their metadata beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def _pod(row: dict[str, Any], _: str) -> dict[str, Any]:
    """Pending, one container, no node: what the rows show. The image is the agent's or that of ``kubectl create``."""
    image = "rancher/rancher-agent" if "cattle" in row["object"]["metadata"]["name"] else "nginx"
    container = {"name": "main", "image": image, "imagePullPolicy": "IfNotPresent"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {"containers": [container], "restartPolicy": "Always"},
        "status": {"phase": row["cells"][2], "qosClass": "BestEffort"},
    }


def _event(row: dict[str, Any], node_uid: str) -> dict[str, Any]:
    cells, meta = row["cells"], row["object"]["metadata"]
    kind, _, name = cells[OBJECT].partition("/")
    version, title = KINDS[kind]
    involved = {"kind": title, "name": name, "apiVersion": version}
    if title == "Node":
        involved |= {"uid": node_uid}
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


BUILDERS: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {"/api/v1/pods": _pod, "/api/v1/events": _event}


def appearances(timeline: Timeline, ordered: Sequence[Recorded]) -> Additions:
    """Objects for the rows: in the initial state if older, else written before the line that shows them."""
    out = Additions()
    node_uid = _node_uid(ordered)
    for line in ordered:
        builder = BUILDERS.get(line.path)
        value = decoded(line.content_type, line.answer_bytes) if builder and line.has_answer else None
        if builder is None or not isinstance(value, dict) or value.get("kind") != "Table":
            continue
        for row in value["rows"]:
            made = builder(row, node_uid)
            made["metadata"] = _bare(row["object"]["metadata"])
            _place(out, timeline, ordered, made)
    return out


def _bare(meta: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in meta.items() if key != "resourceVersion"}


def _place(out: Additions, timeline: Timeline, ordered: Sequence[Recorded], made: dict[str, Any]) -> None:
    """In the initial state, or before the first request of the second after its creation."""
    meta = made["metadata"]
    born_s = datetime.fromisoformat(meta["creationTimestamp"].replace("Z", "+00:00")).timestamp()
    if born_s <= timeline.started_s:
        out.objects.append(made)
        return
    line = next(line for line in ordered if line.at_s >= born_s - timeline.started_s and not line.is_watch)
    path = f"/api/v1/namespaces/{meta['namespace']}/{made['kind'].lower()}s"
    out.writes.append(Write(line.where, "POST", path, unmanaged(made), meta["uid"], "a table shows it"))


def _node_uid(ordered: Sequence[Recorded]) -> str:
    for line in ordered:
        shows = line.path == "/api/v1/nodes" and line.has_answer and not line.is_watch
        value = decoded(line.content_type, line.answer_bytes) if shows else None
        for row in value.get("rows", ()) if isinstance(value, dict) else ():
            return str(row["object"]["metadata"]["uid"])
    return ""
