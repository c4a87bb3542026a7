"""Objects of one storage that are served in several groups or versions: which members change their names.

Only Events differ; all other built-in kinds keep their members' names between the versions that 1.36 serves, and
members that a version does not know are dropped by its schema.
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]
#: Members of a core/v1 Event and their names in events.k8s.io/v1.
_EVENT = {
    "involvedObject": "regarding",
    "message": "note",
    "count": "deprecatedCount",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "source": "deprecatedSource",
    "reportingComponent": "reportingController",
}
_NAMES: dict[tuple[str, str], dict[str, str]] = {
    ("v1", "events.k8s.io/v1"): _EVENT,
    ("events.k8s.io/v1", "v1"): {new: old for old, new in _EVENT.items()},
}


def renamed(obj: Obj, api_version: str) -> Obj:
    """The object with the member names of another apiVersion."""
    if obj.get("kind") != "Event":
        return obj
    names = _NAMES.get((obj.get("apiVersion", ""), api_version), {})
    return {names.get(name, name): value for name, value in obj.items()}
