"""The clusters that the stand-in knows: what was created, how far each is, who listens to changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scale_agent.standin.conditions import Condition, State, summarize
from scale_agent.standin.names import Names, stable_suffix, stable_uuid

#: How long after its creation a cluster has an id (``/v1`` path), and a registration token (recordings, 2.15.0).
NAMED_AFTER_S = 0.08
TOKEN_AFTER_S = {"steve": 0.2, "norman": 0.24}
WORKSPACE = "fleet-default"


@dataclass(slots=True, eq=False)
class Cluster:
    """One cluster as the stand-in sees it. Secrets are not shown by ``repr``."""

    id: str
    name: str
    path: str
    labels: dict[str, str]
    annotations: dict[str, str]
    created_s: float
    token: str = field(repr=False)
    system_token: str = field(repr=False)
    revision: int = 0
    conditions: dict[str, Condition] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict, repr=False)
    problems: list[str] = field(default_factory=list)
    removed_s: float | None = None
    ready_once: bool = False

    @property
    def uid(self) -> str:
        """Of the management cluster."""
        return stable_uuid("management", self.id)

    @property
    def provisioning_uid(self) -> str:
        """Of the provisioning cluster."""
        return stable_uuid("provisioning", self.id)

    @property
    def state(self) -> State:
        """What lists show now."""
        return summarize(self.conditions.values(), removing=self.removed_s is not None)

    def project(self, which: str) -> str:
        """Name of the ``default`` or the ``system`` project."""
        return f"p-{stable_suffix(5, self.id, which)}"

    def named(self, now: float) -> bool:
        """True once its id shows on the ``/v1`` path."""
        return self.path == "norman" or now >= self.created_s + NAMED_AFTER_S

    def has_token(self, now: float) -> bool:
        """True once its registration token shows."""
        return now >= self.created_s + TOKEN_AFTER_S[self.path]


Listener = Callable[[str, Cluster], None]


class Registry:
    """All clusters by id, by name and by token. Not thread-safe: one process, greenlets, no switch inside a call."""

    def __init__(self, names: Names, first_revision: int = 4000) -> None:
        self._names = names
        self._by_id: dict[str, Cluster] = {}
        self._by_token: dict[str, Cluster] = {}
        self._by_name: dict[str, Cluster] = {}
        self._listeners: list[Listener] = []
        self.revision = first_revision
        self.created = 0
        self.removed = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def all(self) -> list[Cluster]:
        """In the order of their ids, as lists show them."""
        return [self._by_id[key] for key in sorted(self._by_id)]

    def get(self, cluster_id: str) -> Cluster | None:
        """By id."""
        return self._by_id.get(cluster_id)

    def named(self, name: str) -> Cluster | None:
        """By display name, which is unique."""
        return self._by_name.get(name)

    def by_token(self, token: str) -> Cluster | None:
        """By either of its registration tokens."""
        return self._by_token.get(token)

    def create(
        self, name: str, path: str, labels: Mapping[str, str], annotations: Mapping[str, str], now: float
    ) -> Cluster:
        """A new cluster with a new id; the caller has made sure that the name is free."""
        cluster_id = self._names.cluster_id(path)
        while cluster_id in self._by_id:
            cluster_id = self._names.cluster_id(path)
        cluster = Cluster(
            cluster_id, name, path, dict(labels), dict(annotations), now, self._names.token(), self._names.token()
        )
        self._by_id[cluster_id] = self._by_name[name] = cluster
        self._by_token[cluster.token] = self._by_token[cluster.system_token] = cluster
        self.created += 1
        self.touch(cluster, "resource.create")
        return cluster

    def touch(self, cluster: Cluster, event: str = "resource.change") -> None:
        """The cluster changed: a new revision, and everyone who listens is told."""
        self.revision += 1
        cluster.revision = self.revision
        for listener in tuple(self._listeners):
            listener(event, cluster)

    def set_conditions(self, cluster: Cluster, conditions: Iterable[Condition]) -> None:
        """Lay conditions over those that are there; told once, and only if something moved."""
        moved = False
        for one in conditions:
            known = cluster.conditions.get(one.type)
            if known is None or (known.status, known.reason, known.message) != (one.status, one.reason, one.message):
                cluster.conditions[one.type] = one
                moved = True
        if moved:
            self.touch(cluster)

    def remove(self, cluster: Cluster) -> None:
        """Forget it; told as ``resource.remove``."""
        if self._by_id.pop(cluster.id, None) is None:
            return
        self._by_name.pop(cluster.name, None)
        self._by_token.pop(cluster.token, None)
        self._by_token.pop(cluster.system_token, None)
        self.removed += 1
        self.touch(cluster, "resource.remove")

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener(event, cluster)`` at every change; returns the cancel."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None


def matches(labels: Mapping[str, str], selector: str) -> bool:
    """Does a label selector (``a=b,c!=d,e,!f``) choose these labels? Set-based requirements are not known."""
    for part in filter(None, (one.strip() for one in selector.split(","))):
        if "!=" in part:
            key, value = part.split("!=", 1)
            good = labels.get(key.strip()) != value.strip()
        elif "=" in part:
            key, value = part.replace("==", "=").split("=", 1)
            good = labels.get(key.strip()) == value.strip()
        else:
            good = part[1:].strip() not in labels if part.startswith("!") else part in labels
        if not good:
            return False
    return True
