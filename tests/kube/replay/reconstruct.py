"""Makes ``tests/kube/data/initial-<timeline>.json.gz`` out of the recordings; run by hand.

``python -m tests.kube.replay.reconstruct`` reads each timeline in the order of effect and keeps what each object looked
like when last seen. What is seen before anyone recorded created it was there at second 0; what has changed although no
recorded client wrote it was written by somebody else, and becomes a write before the first line that could see it.
Nothing here asks our server anything: a wrong answer of ours cannot find its way into the data.
"""

from __future__ import annotations

import copy
import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from tests.kube.replay import agents, definitions, nodes, tables
from tests.kube.replay.decode import decoded
from tests.kube.replay.meaning import normal
from tests.kube.replay.meta import asked, target
from tests.kube.replay.names import Names, gather
from tests.kube.replay.order import by_effect
from tests.kube.replay.recording import Recorded
from tests.kube.replay.state import Write, file_of
from tests.kube.replay.timeline import TIMELINES, Timeline

#: What the recorded writer of the first version that we see had just added: taken back to get at the one before.
UNDO_FINALIZERS = frozenset({"controller.cattle.io/namespace-auth"})
UNDO_ANNOTATIONS = frozenset({agents.REFERENCE, "field.cattle.io/projectId"})
UNDO_FIELDS = ("automountServiceAccountToken",)

#: Kinds whose later changes the API server's own rules explain: filled tokens, finished deletions.
OWN_RULES = frozenset({"Secret", "Namespace"})


@dataclass(slots=True)
class Walk:
    """What is known while the timeline is walked. ``latest``: (recorded version or empty, object) by key."""

    timeline: Timeline
    names: Names
    latest: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    unseen_since: dict[str, str] = field(default_factory=dict)
    namespaces_made: set[str] = field(default_factory=set)
    objects: list[dict[str, Any]] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)

    def line(self, line: Recorded) -> None:
        """Take one line into account."""
        place = target(line.path)
        if place is None or line.is_watch or line.status >= 300:
            return
        if line.method == "GET":
            if place.name and not _json_or_protobuf(line):
                self.unseen_since.setdefault(place.key(), line.where)
            for key, seen in _shown(line):
                self._seen(key, seen, line)
            return
        name = place.name or self.names.created.get(line.where) or asked(line).get("name", "")
        if name:
            self._written(place.key(name), line, place.sub)

    def _seen(self, key: str, seen: dict[str, Any], line: Recorded) -> None:
        version = seen["metadata"].get("resourceVersion", "")
        before = self.unseen_since.pop(key, line.where)
        if key not in self.latest:
            self._appeared(key, seen, before)
        elif self.latest[key][0] != version:
            self._changed(key, self.latest[key][1], seen, before)
        self.latest[key] = (version, seen)

    def _appeared(self, key: str, seen: dict[str, Any], before: str) -> None:
        if self._is_old(seen["metadata"]):
            self.objects.append(_bare(seen))
            return
        collection, uid = key.rpartition("/")[0], seen["metadata"].get("uid", "")
        self.writes.append(Write(before, "POST", collection, _bare(seen), uid, "appears in this answer"))

    def _is_old(self, meta: dict[str, Any]) -> bool:
        made_s = _seconds(meta["creationTimestamp"])
        return made_s <= self.timeline.started_s and meta.get("namespace") not in self.namespaces_made

    def _changed(self, key: str, old: dict[str, Any], new: dict[str, Any], before: str) -> None:
        if new.get("kind") in OWN_RULES:
            return
        old, new = _bare(old), _bare(new)
        if normal(_without_status(old)) != normal(_without_status(new)):
            self.writes.append(Write(before, "PUT", key, new, "", "changed since it was last written"))
        if normal(old.get("status")) != normal(new.get("status")):
            self.writes.append(Write(before, "PUT", f"{key}/status", new, "", "its status changed"))

    def _written(self, key: str, line: Recorded, sub: str) -> None:
        self.unseen_since.pop(key, None)
        if line.method == "POST" and line.path == "/api/v1/namespaces":
            self.namespaces_made.add(key.rpartition("/")[2])
        body = _object(line, line.body)
        if key not in self.latest and line.method == "PUT" and body and not sub:
            self._existed(key, body, line)
        if line.method == "DELETE":
            self.latest.pop(key, None)
        elif line.has_answer and not sub and (answer := _object(line, line.answer_bytes)):
            self.latest[key] = (answer["metadata"].get("resourceVersion", ""), answer)
        elif body and not sub and line.method != "PATCH":
            self.latest[key] = ("", body)

    def _existed(self, key: str, body: dict[str, Any], line: Recorded) -> None:
        """A PUT to what nobody had shown: its body says what was there before, but for what it has just added."""
        if not body["metadata"].get("creationTimestamp"):
            return
        self._appeared(key, _undone(body), line.where)


def _json_or_protobuf(line: Recorded) -> bool:
    return line.has_answer


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()


def _object(line: Recorded, body: bytes) -> dict[str, Any]:
    value = decoded(line.content_type, body) if body else None
    return value if isinstance(value, dict) and value.get("metadata") else {}


def _shown(line: Recorded) -> Iterator[tuple[str, dict[str, Any]]]:
    """(key, full object) of everything that an answer shows."""
    place, value = target(line.path), _object(line, line.answer_bytes)
    if place is None or not value or place.sub or "Table" in value.get("kind", ""):
        return
    if place.name:
        yield place.key(), value
        return
    for item in value.get("items") or ():
        item.setdefault("kind", value["kind"].removesuffix("List"))
        item.setdefault("apiVersion", value["apiVersion"])
        namespace = item["metadata"].get("namespace")
        space = f"/namespaces/{namespace}" if namespace else ""
        yield f"{place.root}{space}/{place.resource}/{item['metadata']['name']}", item


def _bare(value: dict[str, Any]) -> dict[str, Any]:
    """Without what only a server puts in."""
    out = copy.deepcopy(value)
    for name in ("managedFields", "resourceVersion"):
        out["metadata"].pop(name, None)
    return out


def _without_status(value: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key != "status"}


def _undone(body: dict[str, Any]) -> dict[str, Any]:
    out = {name: copy.deepcopy(value) for name, value in body.items() if name not in UNDO_FIELDS}
    meta = out["metadata"]
    meta["finalizers"] = [name for name in meta.get("finalizers") or () if name not in UNDO_FINALIZERS]
    annotations = meta.get("annotations") or {}
    meta["annotations"] = {name: text for name, text in annotations.items() if name not in UNDO_ANNOTATIONS}
    for name in ("finalizers", "annotations"):
        if not meta[name]:
            del meta[name]
    return out


def reconstruct(timeline: Timeline) -> dict[str, Any]:
    """The data file of one timeline."""
    lines = timeline.lines()
    names = gather(lines)
    ordered = by_effect(lines, names)
    walk = Walk(timeline, names)
    for line in ordered:
        walk.line(line)
    objects = [o for o in walk.objects if o["kind"] != "Node"]
    writes = [w for w in walk.writes if "/nodes/" not in w.path and not w.path.endswith("/nodes")]
    special = (nodes.history(timeline, ordered), tables.appearances(timeline, ordered), definitions.history(timeline))
    for more in special:
        objects += more.objects
        writes += more.writes
    objects += [*agents.credentials(objects), *agents.secrets(objects)]
    return {"objects": objects, "writes": [asdict(write) for write in _in_order(writes, ordered)]}


def _in_order(writes: list[Write], ordered: Sequence[Recorded]) -> list[Write]:
    index = {line.where: i for i, line in enumerate(ordered)}
    return sorted(writes, key=lambda write: index[write.before])


def main() -> int:
    """Write every data file."""
    for timeline in TIMELINES:
        state = reconstruct(timeline)
        text = json.dumps(state, separators=(",", ":"), sort_keys=True)
        file_of(timeline.name).write_bytes(gzip.compress(text.encode(), mtime=0))
        sys.stdout.write(f"{timeline.name}: {len(state['objects'])} objects, {len(state['writes'])} writes\n")
        for write in state["writes"]:
            sys.stdout.write(f"    before {write['before']}: {write['method']} {write['path']} ({write['why']})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
