"""The recorded node's life: applied without a kubelet, annotated by the agent, given up by the node controller.

Three facts make four looks: with or without the agent's annotations ``management.cattle.io/pod-*``, with or without
what the node lifecycle controller writes 40 s after creation (taint, conditions). Which one a line shows is read from
its body, or from its length where that is all that was kept (protobuf: 2705, +243 for the annotations, +964 for the
conditions; measured in 2.15.0, where both are recorded).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

from tests.kube.replay.decode import decoded
from tests.kube.replay.meta import target
from tests.kube.replay.names import gather
from tests.kube.replay.recording import Recorded
from tests.kube.replay.state import Write
from tests.kube.replay.timeline import TIMELINES, Timeline

KEY = "/api/v1/nodes/node-1"
PLAIN, ANNOTATIONS, CONDITIONS = 2705, 243, 964
AGENT = ("management.cattle.io/pod-limits", "management.cattle.io/pod-requests")
UNKNOWN = "Kubelet stopped posting node status."


@dataclass(slots=True)
class Additions:
    """What a special case adds to the data."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Look:
    """Which of the two later writers had written."""

    annotated: bool
    given_up: bool


def _nodes(line: Recorded) -> list[dict[str, Any]]:
    value = decoded(line.content_type, line.answer_bytes)
    if not isinstance(value, dict) or value.get("kind") not in ("Node", "NodeList"):
        return []
    return [value] if value["kind"] == "Node" else list(value.get("items") or ())


def _look(line: Recorded) -> Look | None:
    place = target(line.path)
    if place is None or place.resource != "nodes" or line.is_watch or line.method != "GET":
        return None
    if line.has_answer:
        return next((_look_of(node) for node in _nodes(line)), None)
    more = line.length - PLAIN
    if more < 0 or "protobuf" not in line.content_type:
        return None
    given_up = more >= CONDITIONS - 50
    return Look(more - CONDITIONS * given_up > ANNOTATIONS // 2, given_up)


def _look_of(node: dict[str, Any]) -> Look:
    annotations = node["metadata"].get("annotations", {})
    return Look(AGENT[0] in annotations, any(c.get("message") == UNKNOWN for c in node["status"]["conditions"]))


@cache
def _template(given_up: bool) -> dict[str, Any]:
    """The first recorded node of that look, without annotations of the agent; all laboratories applied the same one."""
    for timeline in TIMELINES:
        for line in timeline.lines():
            look = _look(line) if line.has_answer else None
            if look is not None and look.given_up == given_up:
                return _plain(_nodes(line)[0])
    raise LookupError("no recording shows the node")


def _plain(node: dict[str, Any]) -> dict[str, Any]:
    out = copy.deepcopy(node)
    out.update(kind="Node", apiVersion="v1")
    for name in ("resourceVersion", "uid", "creationTimestamp"):
        out["metadata"].pop(name, None)
    for name in AGENT:
        out["metadata"]["annotations"].pop(name, None)
    managed = out["metadata"].get("managedFields", ())
    out["metadata"]["managedFields"] = [one for one in managed if not one["manager"].startswith("agent")]
    return out


def _dressed(look: Look, meta: dict[str, Any]) -> dict[str, Any]:
    node = copy.deepcopy(_template(look.given_up))
    node["metadata"].update(meta)
    if look.annotated:
        node["metadata"]["annotations"].update(dict.fromkeys(AGENT, "{}"))
    return node


def unmanaged(value: dict[str, Any]) -> dict[str, Any]:
    """Without managed fields: a server keeps its own and adds the writer's."""
    meta = {name: item for name, item in value["metadata"].items() if name != "managedFields"}
    return {**value, "metadata": meta}


def agent_of(line: Recorded) -> str:
    """The name that the agent of that recording's version writes under."""
    version = line.file.partition("/")[0].removeprefix("rancher-")
    return "agent" if version == "2.15.0" else f"agent-{version}"


def history(timeline: Timeline, ordered: Sequence[Recorded]) -> Additions:
    """The node at second 0, and the writes that changed its look."""
    looks = [(line, look) for line in ordered if (look := _look(line)) is not None]
    looks.insert(0, (ordered[0], Look(False, looks[0][1].given_up)))  # the agent annotates 10 s after its start
    uid = gather(ordered).uid_after(KEY, 0)
    meta: dict[str, Any] = {"creationTimestamp": _created(ordered)} | ({"uid": uid} if uid else {})
    out = Additions([_dressed(looks[0][1], meta)])
    agent_recorded = any(line.path == KEY and line.method == "PUT" for line in ordered)
    for (_, old), (line, new) in pairwise(looks):
        out.writes += _writes(line, old, new, meta, agent_recorded)
    return out


def _writes(line: Recorded, old: Look, new: Look, meta: dict[str, Any], agent_recorded: bool) -> Iterator[Write]:
    node = unmanaged(_dressed(new, meta))
    if old.annotated != new.annotated and not agent_recorded:
        annotated = unmanaged(_dressed(Look(new.annotated, old.given_up), meta))
        yield Write(line.where, "PUT", KEY, annotated, "", "the agent's annotations", agent_of(line))
    if old.given_up != new.given_up:
        yield Write(line.where, "PUT", f"{KEY}/status", node, "", "the node lifecycle controller's conditions")
        yield Write(line.where, "PUT", KEY, node, "", "the node lifecycle controller's taint")


def _created(ordered: Sequence[Recorded]) -> str:
    for line in ordered:
        if line.has_answer and not line.is_watch and line.path.startswith("/api/v1/nodes"):
            value = decoded(line.content_type, line.answer_bytes)
            rows = [row["object"] for row in value.get("rows", ())] if isinstance(value, dict) else []
            for node in rows or _nodes(line):
                return str(node["metadata"]["creationTimestamp"])
    return next(_first_created(ordered))


def _first_created(ordered: Sequence[Recorded]) -> Iterator[str]:
    """Where nothing shows the node: as old as the namespace kube-system."""
    for line in ordered:
        for body in (line.answer_bytes, line.body):
            value = decoded(line.content_type, body) if body and line.path == "/api/v1/namespaces/kube-system" else None
            if isinstance(value, dict) and value.get("metadata", {}).get("creationTimestamp"):
                yield value["metadata"]["creationTimestamp"]
