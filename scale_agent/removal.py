"""Removing what a run left in Rancher: list by label, delete a few at a time, wait until the list is empty.

Costs Rancher one list per round, however many clusters there are, and one DELETE per cluster. Used by the end of a
run (through Locust) and by ``python -m scale_agent sweep`` (without).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from scale_agent.errors import RancherError
from scale_agent.rancher.refs import ClusterRef
from scale_agent.rancher.state import ClusterState

#: The label whose value is the id of the run that created a cluster.
RUN_LABEL = "scale-agent/run"

#: Ids of clusters made by /v3/clusters; those of the other path are c-m-xxxxxxxx.
_NORMAN_ID = re.compile(r"c-[a-z0-9]{5}")
_SHORTEST_ROUND_S = 0.5
_LONGEST_ROUND_S = 10.0
_MOST_ATTEMPTS = 5


class Client(Protocol):
    """The part of ``rancher.RancherClient`` that removal needs."""

    def provisioned(self, labels: Mapping[str, str]) -> list[ClusterRef]: ...
    def clusters(self, labels: Mapping[str, str]) -> list[ClusterState]: ...
    def delete(self, ref: ClusterRef) -> None: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """Something of a cluster is still in Rancher. ``name`` is its display name, also where ``ref`` goes by the id."""

    name: str
    ref: ClusterRef
    labels: Mapping[str, str]


def listed(client: Client, labels: Mapping[str, str], names_by_id: dict[str, str]) -> list[Listed]:
    """What exists of the clusters that carry ``labels``: provisioning objects and management clusters, joined by id.

    ``names_by_id`` remembers display names from round to round: of a ``/v3`` cluster the last thing to go can be an
    object that bears only the id. Raises :class:`RancherError`.
    """
    states = {state.id: state for state in client.clusters(labels)}
    names_by_id.update((state.id, state.name) for state in states.values())
    found: dict[str, Listed] = {}
    for ref in client.provisioned(labels):
        name = names_by_id.get(ref.id, ref.name)
        if _NORMAN_ID.fullmatch(ref.id):
            # Rancher's mirror of a /v3 cluster: deleting the mirror would not delete the cluster.
            ref = ClusterRef(name, "v3", id=ref.id, labels=ref.labels)
        found[name] = Listed(name, ref, ref.labels)
    for state in states.values():
        ref = ClusterRef(state.name, "v3", id=state.id, labels=state.labels)
        found.setdefault(state.name, Listed(state.name, ref, state.labels))
    return list(found.values())


@dataclass(slots=True)
class Outcome:
    """What a removal did. ``refused`` maps names to the reason of the last refusal; ``left`` are names still listed."""

    deleted: int = 0
    gone: int = 0
    lists: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    error: str = ""

    @property
    def clean(self) -> bool:
        """Nothing is left, and we know it."""
        return not self.left and not self.error


@dataclass(slots=True)
class Removal:
    """One removal. ``timeout_s`` counts from the last sign of progress (a cluster gone).

    ``on_deleting`` and ``on_gone`` are told names. ``sleep`` and ``clock`` are seconds.
    """

    client: Client
    labels: Mapping[str, str]
    selects: Callable[[Listed], bool] = lambda listed: RUN_LABEL in listed.labels
    concurrency: int = 10
    timeout_s: float = 600.0
    on_deleting: Callable[[str], None] = lambda name: None
    on_gone: Callable[[str], None] = lambda name: None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    cancelled: bool = False
    outcome: Outcome = field(default_factory=Outcome)
    _attempts: dict[str, int] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _present: set[str] = field(default_factory=set)
    _names_by_id: dict[str, str] = field(default_factory=dict)

    def run(self) -> Outcome:
        """Delete and wait; returns when the list was empty twice, or on the deadline, or after :meth:`cancel`."""
        progress_s, empty, pause_s = self.clock(), 0, _SHORTEST_ROUND_S
        with ThreadPoolExecutor(max_workers=self.concurrency) as pool:
            while not self.cancelled:
                started_s = self.clock()
                present = self._list()
                if present is not None:
                    if self._note_gone(present):
                        progress_s, pause_s = self.clock(), _SHORTEST_ROUND_S
                    empty = 0 if present else empty + 1
                    if empty > 1:
                        break
                    if self._delete(pool, present):
                        progress_s = self.clock()
                    if present and all(map(self._hopeless, present)):
                        break
                if self.clock() - progress_s > self.timeout_s:
                    break
                spent_s = self.clock() - started_s
                self.sleep(max(pause_s, min(4 * spent_s, _LONGEST_ROUND_S)))
                pause_s = min(pause_s * 1.5, 5.0)
        return self.outcome

    def cancel(self) -> None:
        """Leave after the round that is under way."""
        self.cancelled = True

    def _list(self) -> list[Listed] | None:
        """One round's list; ``None`` and a remembered error when Rancher does not answer (the next round may)."""
        try:
            self.outcome.lists += 1
            present = [one for one in listed(self.client, self.labels, self._names_by_id) if self.selects(one)]
        except RancherError as error:
            self.outcome.error = f"{error.reason} {error.status or ''}".strip()
            return None
        self.outcome.error = ""
        self.outcome.left = tuple(sorted(cluster.name for cluster in present))
        return present

    def _note_gone(self, present: list[Listed]) -> bool:
        names = {cluster.name for cluster in present}
        gone, self._present = self._present - names, names
        for name in sorted(gone):
            self.outcome.gone += 1
            self.outcome.refused.pop(name, None)
            self._asked.discard(name)  # a cluster of the same name may come, and be deleted, while this goes on
            self.on_gone(name)
        return bool(gone)

    def _delete(self, pool: ThreadPoolExecutor, present: list[Listed]) -> bool:
        due = [c for c in present if c.name not in self._asked and not self._hopeless(c)]
        return any(list(pool.map(self._delete_one, due)))

    def _hopeless(self, cluster: Listed) -> bool:
        return self._attempts.get(cluster.name, 0) >= _MOST_ATTEMPTS

    def _delete_one(self, cluster: Listed) -> bool:
        if self.cancelled:
            return False
        self._attempts[cluster.name] = self._attempts.get(cluster.name, 0) + 1
        self.on_deleting(cluster.name)
        try:
            self.client.delete(cluster.ref)
        except RancherError as error:
            if error.reason != "not-found":
                self.outcome.refused[cluster.name] = f"{error.reason} {error.status or ''}".strip()
                return False
        self._asked.add(cluster.name)
        self._attempts[cluster.name] = 0
        self.outcome.deleted += 1
        return True
