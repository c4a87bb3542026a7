"""Names and uids that the recorded server chose, gathered before the replay so that ours can choose the same.

A generated name that the recorded answer does not show (old recordings keep no protobuf answers) is the one that a
later request asks for and that nobody else created.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.kube.replay import wire
from tests.kube.replay.meta import answered, asked, target
from tests.kube.replay.recording import Recorded

SUFFIX = 5


@dataclass(slots=True)
class Names:
    """``created``: the name a line's POST made. ``uids``: (line's place in time, uid) of each object key."""

    created: dict[str, str] = field(default_factory=dict)
    uids: dict[str, list[tuple[float, str]]] = field(default_factory=dict)

    def uid_after(self, key: str, at_s: float) -> str:
        """The uid that ``key`` was first seen with at or after a time, else the last one seen, else empty."""
        seen = self.uids.get(key, [])
        for seen_s, uid in seen:
            if seen_s >= at_s:
                return uid
        return seen[-1][1] if seen else ""


def gather(lines: Iterable[Recorded]) -> Names:
    """Everything the lines show."""
    ordered = sorted(lines, key=lambda line: line.at_s)
    names = Names()
    claimed = {key for line in ordered if (key := _created_key(line))}
    mentioned = _mentioned(ordered)
    for line in ordered:
        if line.method == "POST" and line.status == 201:
            names.created[line.where] = _name(line, mentioned, claimed)
    for line in ordered:
        _note_uids(names, line)
    for seen in names.uids.values():
        seen.sort(key=lambda item: item[0])
    return names


def _created_key(line: Recorded) -> str:
    place = target(line.path)
    if place is None or line.method != "POST" or line.status != 201:
        return ""
    name = answered(line).get("name") or asked(line).get("name")
    return place.key(name) if name else ""


def _mentioned(lines: Iterable[Recorded]) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    for line in lines:
        place = target(line.path)
        if place is not None and place.name:
            found.append((line.at_s, place.key()))
    return found


def _name(line: Recorded, mentioned: list[tuple[float, str]], claimed: set[str]) -> str:
    name = answered(line).get("name") or asked(line).get("name")
    place = target(line.path)
    if name or place is None:
        return str(name or "")
    start = place.key(asked(line).get("generateName", ""))
    for at_s, key in mentioned:
        fits = key.startswith(start) and len(key) == len(start) + SUFFIX
        if fits and at_s >= line.at_s and key not in claimed:
            claimed.add(key)
            return key.rsplit("/", 1)[1]
    return ""


def _note_uids(names: Names, line: Recorded) -> None:
    place = target(line.path)
    if place is None:
        return
    for meta in (asked(line), answered(line)):
        name = place.name or names.created.get(line.where) or meta.get("name")
        if name and meta.get("uid") and place.sub in ("", "status"):
            names.uids.setdefault(place.key(name), []).append((line.at_s, meta["uid"]))
        for owner in meta.get("ownerReferences", ()):
            _note_owner(names, line, place.namespace, owner)
    if line.method == "DELETE" and (uid := _deleted_uid(line)):
        names.uids.setdefault(place.key(), []).append((line.at_s, uid))
    for key, uid in _listed(line, place.collection):
        names.uids.setdefault(key, []).append((line.at_s, uid))


#: Owners whose path follows from their kind.
OWNERS = {
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts/{name}",
    "Cluster": "/apis/management.cattle.io/v3/clusters/{name}",
    "ReplicaSet": "/apis/apps/v1/namespaces/{namespace}/replicasets/{name}",
}


def _note_owner(names: Names, line: Recorded, namespace: str, owner: Mapping[str, Any]) -> None:
    pattern = OWNERS.get(owner.get("kind", ""))
    if pattern and owner.get("uid"):
        key = pattern.format(namespace=namespace, name=owner["name"])
        names.uids.setdefault(key, []).append((line.at_s, owner["uid"]))


def _deleted_uid(line: Recorded) -> str:
    """The uid in the details of the Status that answers a deletion."""
    if line.answer_bytes.startswith(wire.MAGIC):
        return wire.first(wire.first(wire.first(line.answer_bytes[len(wire.MAGIC) :], 2), 5), 6).decode()
    details = line.answer.get("details") or {} if isinstance(line.answer, dict) else {}
    return str(details.get("uid", ""))


def _listed(line: Recorded, collection: str) -> Iterator[tuple[str, str]]:
    """(key, uid) of the rows or items of a recorded list, when it is JSON, and of the events of a protobuf watch."""
    body = line.answer_bytes
    if line.is_watch and "protobuf" in line.content_type:
        for meta in wire.watched(body):
            if "uid" in meta:
                yield _item_key(collection, meta), meta["uid"]
    if line.is_watch or body.startswith(wire.MAGIC) or not body.startswith(b"{"):
        return
    found = json.loads(body)
    for item in [row.get("object", {}) for row in found.get("rows") or ()] + list(found.get("items") or ()):
        meta = item.get("metadata", {})
        if "uid" in meta:
            yield _item_key(collection, meta), meta["uid"]


def _item_key(collection: str, meta: Mapping[str, Any]) -> str:
    namespace = meta.get("namespace")
    if namespace and "/namespaces/" not in collection:
        root, _, resource = collection.rpartition("/")
        return f"{root}/namespaces/{namespace}/{resource}/{meta['name']}"
    return f"{collection}/{meta['name']}"
