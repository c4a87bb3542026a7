"""A watch's body as events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.kube.replay import wire
from tests.kube.replay.decode import decoded

#: What a protobuf event has around its type and its object.
FRAME = 13
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``object`` is JSON-shaped, ``size`` what it took on the wire."""

    type: str
    object: dict[str, Any]
    size: int

    @property
    def metadata(self) -> dict[str, Any]:
        """The object's metadata."""
        found: dict[str, Any] = self.object.get("metadata") or {}
        return found

    @property
    def name(self) -> str:
        """``namespace/name``."""
        return f"{self.metadata.get('namespace', '')}/{self.metadata.get('name', '')}"

    @property
    def ends_initial(self) -> bool:
        """Whether this is the bookmark after a WatchList's initial events."""
        return (self.metadata.get("annotations") or {}).get(INITIAL_EVENTS_END) == "true"


def events(content_type: str, body: bytes) -> list[Event]:
    """Every whole event of a stream."""
    return list(_protobuf(body) if "protobuf" in content_type else _json(body))


def _json(body: bytes) -> Iterator[Event]:
    for text in body.splitlines():
        raw = json.loads(text)
        yield Event(raw["type"], raw["object"], len(text) + 1)


def _protobuf(body: bytes) -> Iterator[Event]:
    for kind, found in wire.frames(body):
        yield Event(kind, decoded("protobuf", found), len(found) + len(kind) + FRAME)


def last_version(content_type: str, body: bytes) -> str:
    """The version that a client of this stream would go on from, empty if it saw no event."""
    found = ""
    for frame in _metadata_frames(content_type, body):
        found = frame.get("resourceVersion") or found
    return found


def _metadata_frames(content_type: str, body: bytes) -> Iterator[dict[str, Any]]:
    if "protobuf" in content_type:
        return wire.watched(body)
    return (event.metadata for event in _json(body))
