"""A cluster's state as Rancher tells it, from either API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Condition:
    """``status`` is ``True``, ``False`` or ``Unknown``."""

    type: str
    status: str
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ClusterState:
    """One cluster at one moment. ``version`` orders two moments of the same cluster (0: unknown)."""

    id: str
    name: str
    state: str
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    removing: bool = False
    removed: bool = False
    version: int = 0

    def true(self, condition: str) -> bool:
        """Whether the condition is there and True."""
        found = self.conditions.get(condition)
        return found is not None and found.status == "True"

    @property
    def connected(self) -> bool:
        return self.true("Connected")

    @property
    def ready(self) -> bool:
        return self.true("Ready")

    @property
    def agent_deployed(self) -> bool:
        return self.true("AgentDeployed")

    @property
    def truly_active(self) -> bool:
        """Ready, Connected and ``active``: a new cluster has no conditions and reads ``active`` (protocol 1.2, 3.4)."""
        return self.state == "active" and self.ready and self.connected and not self.removing


def from_steve(item: Mapping[str, Any]) -> ClusterState:
    """From a ``management.cattle.io.cluster`` of ``/v1``. Raises ``ValueError`` if it is none."""
    metadata = _mapping(item.get("metadata"))
    shown = _mapping(metadata.get("state"))
    cluster_id = item.get("id") or metadata.get("name")
    if not isinstance(cluster_id, str) or not cluster_id:
        raise ValueError("a cluster without an id")
    return ClusterState(
        id=cluster_id,
        name=str(_mapping(item.get("spec")).get("displayName") or ""),
        state=str(shown.get("name") or ""),
        conditions=_conditions(_mapping(item.get("status")).get("conditions")),
        labels=_strings(metadata.get("labels")),
        message=str(shown.get("message") or ""),
        removing=bool(metadata.get("deletionTimestamp")),
        version=_version(metadata.get("resourceVersion")),
    )


def from_norman(item: Mapping[str, Any]) -> ClusterState:
    """From a ``cluster`` of ``/v3/clusters``. Raises ``ValueError`` if it is none."""
    cluster_id = item.get("id")
    if not isinstance(cluster_id, str) or not cluster_id:
        raise ValueError("a cluster without an id")
    return ClusterState(
        id=cluster_id,
        name=str(item.get("name") or ""),
        state=str(item.get("state") or ""),
        conditions=_conditions(item.get("conditions")),
        labels=_strings(item.get("labels")),
        message=str(item.get("transitioningMessage") or ""),
        removing=bool(item.get("removed")),
    )


def _conditions(raw: Any) -> dict[str, Condition]:
    found: dict[str, Condition] = {}
    for one in _items(raw):
        kind = str(one.get("type") or "")
        texts = (str(one.get(key) or "") for key in ("status", "reason", "message"))
        found[kind] = Condition(kind, *texts)
    return found


def _items(raw: Any) -> Iterable[Mapping[str, Any]]:
    return (one for one in raw if isinstance(one, Mapping)) if isinstance(raw, list) else ()


def _mapping(raw: Any) -> Mapping[str, Any]:
    return raw if isinstance(raw, Mapping) else {}


def _strings(raw: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in _mapping(raw).items()}


def _version(raw: Any) -> int:
    return int(raw) if isinstance(raw, str) and raw.isascii() and raw.isdigit() else 0
