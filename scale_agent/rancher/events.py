"""The messages of ``/v1/subscribe`` (seen at 2.15.0): JSON texts with ``name``, ``resourceType``, ``data``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson

from scale_agent.errors import RemoteProtocolError
from scale_agent.rancher.causes import without_ids
from scale_agent.rancher.state import ClusterState, from_steve

RESOURCE_TYPE = "management.cattle.io.cluster"


class EventKind(Enum):
    STARTED = "started"
    STOPPED = "stopped"
    CHANGED = "changed"
    REMOVED = "removed"
    PING = "ping"
    FAILED = "failed"


_KINDS = {
    "resource.start": EventKind.STARTED,
    # Sent when the schema changed or we read too slowly: what came meanwhile is lost, subscribe and list again.
    "resource.stop": EventKind.STOPPED,
    "resource.create": EventKind.CHANGED,
    "resource.change": EventKind.CHANGED,
    "resource.remove": EventKind.REMOVED,
    "resource.error": EventKind.FAILED,
    "ping": EventKind.PING,
}


@dataclass(frozen=True, slots=True)
class Event:
    """``state`` for changes and removals, ``text`` for failures (without ids)."""

    kind: EventKind
    state: ClusterState | None = None
    text: str = ""


def subscription(selector: str) -> str:
    """The message that asks for the clusters with these labels (every event of other clusters stays in Rancher)."""
    return json.dumps({"resourceType": RESOURCE_TYPE, "selector": selector})


def parse(text: bytes) -> Event | None:
    """One message; ``None`` for a name we do not know. Raises :class:`RemoteProtocolError` for what is no message."""
    try:
        message = orjson.loads(text)
        name = message.get("name")
        kind = _KINDS.get(name)
        if kind is None:
            return None
        return _event(kind, message.get("data"))
    except (ValueError, AttributeError, TypeError):
        raise RemoteProtocolError("a message of the subscription cannot be read") from None


def _event(kind: EventKind, data: Any) -> Event:
    if kind in (EventKind.CHANGED, EventKind.REMOVED):
        return Event(kind, state=from_steve(data))
    if kind is EventKind.FAILED:
        return Event(kind, text=without_ids(str(data.get("error") if isinstance(data, dict) else data)))
    return Event(kind)
