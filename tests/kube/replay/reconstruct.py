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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from tests.kube.replay import agents, definitions, furnishings, nodes, tables
from tests.kube.replay.agents import PROJECT
from tests.kube.replay.decode import decoded
from tests.kube.replay.meaning import normal
from tests.kube.replay.meta import Target, asked, target
from tests.kube.replay.names import Names, gather
from tests.kube.replay.nodes import unmanaged
from tests.kube.replay.order import by_effect
from tests.kube.replay.recording import Recorded
from tests.kube.replay.state import Write, file_of
from tests.kube.replay.timeline import TIMELINES, Timeline

#: What the recorded writer of the first version that we see had just added: taken back to get at the one before.
UNDO_FINALIZERS = frozenset({"controller.cattle.io/namespace-auth"})
UNDO_ANNOTATIONS = frozenset({agents.REFERENCE, "field.cattle.io/projectId", "cattle.io/status"})
#: What that label adds to a secret, with its managed fields.
USED_LENGTH, USED_SLACK = 150, 40
#: Where the agent's label of its project first shows, and what it adds there.
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
PROJECT_LENGTH, PROJECT_SLACK = 130, 40
#: The timeline whose recorder kept the managed fields of JSON answers.
LENDER = "rancher-2.15.0-steve"
USED = "kubernetes.io/legacy-token-last-used"
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
    lengths: dict[str, int] = field(default_factory=dict)
    namespaces_made: set[str] = field(default_factory=set)
    objects: list[dict[str, Any]] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)

    def line(self, line: Recorded) -> None:
        """Take one line into account."""
        place = target(line.path)
        if place is None or line.is_watch or line.status >= 300:
            return
        if line.method == "GET":
            if place.name and not line.has_answer:
                self._unseen(place.key(), line)
            for key, seen in _shown(line, self.latest):
                self._seen(key, seen, line)
            return
        name = place.name or self.names.created.get(line.where) or asked(line).get("name", "")
        if name:
            self._written(place.key(name), line, place.sub)

    def _unseen(self, key: str, line: Recorded) -> None:
        """Of a read that kept nothing but its length: whether the object had changed by then."""
        old, self.lengths[key] = self.lengths.get(key, 0), line.length
        if old != line.length:
            self.unseen_since[key] = line.where
        if "-token-" in key and 0 < line.length - old - USED_LENGTH < USED_SLACK:
            patch = {"metadata": {"labels": {USED: "2026-11-21"}}}
            self.writes.append(Write(line.where, "PATCH", key, patch, "", "its token was used"))
        if key == KUBE_SYSTEM and 0 < line.length - old - PROJECT_LENGTH < PROJECT_SLACK:
            self._label_projects(line.where)

    def _label_projects(self, before: str) -> None:
        """The agent copies the project of every namespace from its annotation to a label, all of them at once."""
        for key, (version, namespace) in self.latest.items():
            project = (namespace["metadata"].get("annotations") or {}).get(PROJECT, "").rpartition(":")[2]
            if namespace.get("kind") == "Namespace" and project and PROJECT not in _labels(namespace):
                labels = {PROJECT: project}
                patch = {"metadata": {"labels": labels}}
                self.writes.append(Write(before, "PATCH", key, patch, "", "the agent's label", self._actor(key)))
                meta = {**namespace["metadata"], "labels": {**_labels(namespace), **labels}}
                self.latest[key] = (version, {**namespace, "metadata": meta})
                self._annotate_secrets(key, before)

    def _annotate_secrets(self, namespace: str, before: str) -> None:
        """With it, every secret of such a namespace gets the namespace's annotation."""
        project = self.latest[namespace][1]["metadata"]["annotations"][PROJECT]
        patch = {"metadata": {"annotations": {PROJECT: project}}}
        for key in self.latest:
            if key.startswith(f"{namespace}/secrets/"):
                actor = self._actor(namespace)
                self.writes.append(Write(before, "PATCH", key, patch, "", "the agent's annotation", actor))

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
        if key.endswith("/serviceaccounts/default"):
            return  # every new namespace gets one by our server's own rules
        collection, uid = key.rpartition("/")[0], seen["metadata"].get("uid", "")
        self.writes.append(
            Write(before, "POST", collection, unmanaged(_bare(seen)), uid, "appears here", self._actor(key))
        )

    def _actor(self, key: str) -> str:
        """Namespaces are the agent's to make and to label, the rest is the controller manager's."""
        return nodes.agent_of(self.timeline.lines()[0]) if "/namespaces/" in key and key.count("/") == 4 else "kcm"

    def _is_old(self, meta: dict[str, Any]) -> bool:
        made_s = _seconds(meta["creationTimestamp"])
        return made_s <= self.timeline.started_s and meta.get("namespace") not in self.namespaces_made

    def _changed(self, key: str, old: dict[str, Any], new: dict[str, Any], before: str) -> None:
        if new.get("kind") == "Secret" and USED in _labels(new):
            self._labelled(key, new, before)
        if key == KUBE_SYSTEM and PROJECT in _labels(new) and PROJECT not in _labels(old):
            self._label_projects(before)
            return
        if new.get("kind") == "Secret" or (new.get("kind") in OWN_RULES and _labels(new) == _labels(old)):
            return
        old, new = _bare(old), _bare(new)
        if normal(old.get("status")) != normal(new.get("status")):  # first: a deployment's revision comes with it
            self.writes.append(Write(before, "PUT", f"{key}/status", unmanaged(new), "", "its status changed"))
        if normal(_without_status(old)) != normal(_without_status(new)):
            self.writes.append(Write(before, "PUT", key, unmanaged(new), "", "changed unrecorded", self._actor(key)))

    def _written(self, key: str, line: Recorded, sub: str) -> None:
        self.unseen_since.pop(key, None)
        self.lengths[key] = line.length
        if line.method == "POST" and line.path == "/api/v1/namespaces":
            self.namespaces_made.add(key.rpartition("/")[2])
        body = _object(line, line.body)
        if key not in self.latest and line.method == "PUT" and body and not sub:
            self._existed(key, body, line)
        elif line.method == "PUT" and not sub and body:
            self._observed(key, body, line.where)
        if line.method == "DELETE":
            self.latest.pop(key, None)
        elif line.has_answer and not sub and (answer := _object(line, line.answer_bytes)):
            self.latest[key] = (answer["metadata"].get("resourceVersion", ""), answer)
        elif body and not sub and line.method != "PATCH":
            self.latest[key] = ("", body)

    def _observed(self, key: str, body: dict[str, Any], before: str) -> None:
        """A PUT's body says how its writer had seen what only others write: the label of a used token, a status."""
        version, known = self.latest[key]
        if body["kind"] == "Secret" and USED in _labels(body):
            self._labelled(key, body, before)
        seen = unmanaged({**_bare(known), "status": body.get("status")})
        if body["kind"] == "Deployment" and version and normal(known.get("status")) != normal(seen["status"]):
            self.writes.append(Write(before, "PUT", f"{key}/status", seen, "", "its next writer had seen this status"))

    def _labelled(self, key: str, secret: dict[str, Any], before: str) -> None:
        """The API server notes on a token secret when its token was last used."""
        if USED not in _labels(self.latest[key][1]):
            patch = {"metadata": {"labels": {USED: _labels(secret)[USED]}}}
            self.writes.append(Write(before, "PATCH", key, patch, "", "its token was used"))

    def _existed(self, key: str, body: dict[str, Any], line: Recorded) -> None:
        """A PUT to what nobody had shown: its body says what was there before, but for what it has just added."""
        if not body["metadata"].get("creationTimestamp"):
            return
        self._appeared(key, _undone(body), line.where)


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()


def _object(line: Recorded, body: bytes) -> dict[str, Any]:
    value = decoded(line.content_type, body) if body else None
    return value if isinstance(value, dict) and value.get("metadata") else {}


def _shown(line: Recorded, known: Mapping[str, tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(key, full object) of everything that an answer shows."""
    place, value = target(line.path), _object(line, line.answer_bytes)
    if place is None or not value or place.sub:
        return
    if value.get("kind") == "Table":
        yield from _rows(value, place, known)
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


def _rows(
    table: dict[str, Any], place: Target, known: Mapping[str, tuple[str, dict[str, Any]]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A row shows metadata only: the rest is as it was last seen, of what was seen at all."""
    for row in table["rows"]:
        meta = row["object"]["metadata"]
        key = place.key(meta["name"])
        if key in known:
            yield key, {**known[key][1], "metadata": meta}


def _bare(value: dict[str, Any]) -> dict[str, Any]:
    """Without its version: what the recorded server counted is not ours."""
    out = copy.deepcopy(value)
    out["metadata"].pop("resourceVersion", None)
    return out


def _labels(value: dict[str, Any]) -> dict[str, str]:
    """A token secret also gets a label from the server when its token is first used."""
    return value["metadata"].get("labels") or {}


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


def lend(objects: Sequence[dict[str, Any]], lenders: Sequence[dict[str, Any]]) -> None:
    """Managed fields for what the old recorder stripped of them: those of the same object in the newest recording."""
    found = {_place(one): one["metadata"]["managedFields"] for one in lenders if "managedFields" in one["metadata"]}
    for one in objects:
        if "managedFields" not in one["metadata"] and _place(one) in found:
            one["metadata"]["managedFields"] = found[_place(one)]


def reconstruct(timeline: Timeline, lenders: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
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
    index = {line.where: i for i, line in enumerate(ordered)}
    seen = {_place(o) for o in objects} | {_place(w.object) for w in writes if w.method == "POST" and w.object}
    for more in special:
        objects += [o for o in more.objects if _place(o) not in seen]
        writes += [w for w in more.writes if w.method != "POST" or w.object is None or _place(w.object) not in seen]
        writes = [_earliest(w, more.writes, index) for w in writes]
    objects += [*agents.credentials(objects, ordered), *agents.secrets(objects)]
    objects += [*furnishings.missing(objects), *furnishings.behind(objects)]
    lend(objects, lenders)
    for label in [write for write in writes if write.path == KUBE_SYSTEM and write.why == "the agent's label"]:
        writes += agents.later_writes(objects, label)
    return {"objects": objects, "writes": [asdict(write) for write in _in_order(writes, ordered)]}


def _place(value: dict[str, Any]) -> tuple[str, str, str]:
    meta = value["metadata"]
    return value["kind"], meta.get("namespace", ""), meta["name"]


def _earliest(write: Write, others: Sequence[Write], index: Mapping[str, int]) -> Write:
    """What two sources know of appears where the earlier of them shows it."""
    if write.method != "POST" or write.object is None:
        return write
    same = [w.before for w in others if w.method == "POST" and w.object and _place(w.object) == _place(write.object)]
    return replace(write, before=min([write.before, *same], key=lambda where: index[where]))


def _in_order(writes: list[Write], ordered: Sequence[Recorded]) -> list[Write]:
    index = {line.where: i for i, line in enumerate(ordered)}
    return sorted(writes, key=lambda write: index[write.before])


def main() -> int:
    """Write every data file."""
    lenders = reconstruct(next(t for t in TIMELINES if t.name == LENDER))["objects"]
    for timeline in TIMELINES:
        state = reconstruct(timeline, lenders)
        text = json.dumps(state, separators=(",", ":"), sort_keys=True)
        file_of(timeline.name).write_bytes(gzip.compress(text.encode(), mtime=0))
        sys.stdout.write(f"{timeline.name}: {len(state['objects'])} objects, {len(state['writes'])} writes\n")
        for write in state["writes"]:
            sys.stdout.write(f"    before {write['before']}: {write['method']} {write['path']} ({write['why']})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
