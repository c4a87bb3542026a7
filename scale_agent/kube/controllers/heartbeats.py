"""Leases and heartbeats of the nodes: what every kubelet writes while nothing happens, at next to no cost.

A kubelet renews its lease in kube-node-lease every 10 s and says every 5 minutes that its node is well (defaults of
``nodeLeaseDurationSeconds``/4 and ``nodeStatusReportFrequency``). Nobody looks at most of these writes. So they are not
made: how many there were follows from the time, and the newest of each node is put into the store when a request comes,
if that is about leases or nodes; other requests only find the resourceVersion as far on as it would be. While a watch
is open on either, each write is made when it is due. A stored heartbeat is a time beside the version it belongs to.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import orjson

from scale_agent.kube import writes
from scale_agent.kube.codec import gojson, moments
from scale_agent.kube.controllers.common import KUBELET, NODES, actor, gone, read
from scale_agent.kube.controllers.events import micro
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj, RawEncoder, Version

LEASES: ResourceKey = ("coordination.k8s.io", "leases")
NAMESPACE = "kube-node-lease"
RENEW_S, REPORT_S = 10.0, 300.0
#: ``nodeLeaseDurationSeconds``.
LASTS_S = 40
SWITCH = "node-heartbeat"


class Beat(Version):
    """A version of a node or a lease that differs from an earlier one in its times only."""

    __slots__ = ("_at_s", "_of")

    def __init__(self, of: Version, at_s: float) -> None:
        super().__init__(of.namespace, of.name, 0, b"")
        self._of: Version = of._of if isinstance(of, Beat) else of
        self._at_s = at_s

    def object(self) -> Obj:
        """The object with the heartbeat's times."""
        out = self._of.object()
        out["metadata"]["resourceVersion"] = str(self.rv)
        renew = out["kind"] == "Lease"
        if renew:
            out["spec"]["renewTime"] = micro(self._at_s)
        stamp = moments.stamp(self._at_s)
        for condition in (out.get("status") or {}).get("conditions") or ():
            condition["lastHeartbeatTime"] = stamp
        for entry in out["metadata"].get("managedFields") or ():
            if entry.get("manager") == KUBELET and (renew or entry.get("subresource") == "status"):
                entry["time"] = stamp
        return out

    @property
    def json(self) -> bytes:
        """Compact JSON without a newline."""
        return gojson.dumps(self.object())

    def starts(self, prefix: bytes) -> bool:
        """As before."""
        return self._of.starts(prefix)

    @property
    def references(self) -> bytes:
        """Whoever owned the object before."""
        return self._of.references

    @property
    def uid(self) -> str:
        """``metadata.uid``."""
        return self._of.uid

    def raw(self, encode: RawEncoder) -> bytes:
        """The protobuf message."""
        return encode(self.object())

    @property
    def labels(self) -> Mapping[str, str]:
        """The object's labels."""
        return self._of.labels

    def forget(self) -> None:
        """Nothing is held here."""

    def pack(self) -> None:
        """Nothing is held here."""


class Heartbeats:
    """The heartbeats of one cluster's nodes. Each node has its own place within the periods, by its name."""

    __slots__ = ("_made", "_nodes", "_ticking", "since_s")

    def __init__(self) -> None:
        self.since_s = -math.inf  # up to when the resourceVersion has gone on
        self._nodes: dict[str, float] | None = None
        self._made: dict[tuple[ResourceKey, str], float] = {}
        self._ticking = False

    def catch_up(self, core: Core, now: float) -> None:
        """Let the resourceVersion go on as far as the writes since the last time would have taken it."""
        if self.since_s == -math.inf:
            self.since_s = now
            return
        if now - self.since_s < 1.0:
            return
        phases = self.phases(core)
        passed = sum(_passed(phase, RENEW_S, self.since_s, now) for phase in phases.values())
        passed += sum(_passed(phase, REPORT_S, self.since_s, now) for phase in phases.values())
        core.store.rv += passed
        self.since_s = now

    def phases(self, core: Core) -> dict[str, float]:
        """Each node's place within the periods, in [0, 1)."""
        if self._nodes is None:
            self._nodes = {version.name: _phase(version.name) for version in core.store.list(NODES)}
        return self._nodes

    def forget_nodes(self) -> None:
        """A node came or went."""
        self._nodes = None

    def show(self, core: Core, key: ResourceKey, now: float) -> None:
        """Put the newest heartbeats of a resource into the store, each if it is not there yet."""
        period, namespace = (RENEW_S, NAMESPACE) if key == LEASES else (REPORT_S, "")
        for name, phase in self.phases(core).items():
            at_s = _newest(phase, period, now)
            version = core.store.get(key, namespace, name)
            made = self._made.get((key, name))
            if version is None or made == at_s:
                continue
            self._made[(key, name)] = at_s
            if made is not None or at_s > core.store.snapshot.built_s:
                core.store.place(key, Beat(version, at_s), now)

    def follow(self, core: Core, now: float) -> None:
        """Somebody watches: make each write when it is due, as long as somebody does."""
        if not self._ticking:
            self._ticking = True
            self._tick(core, now)

    def _tick(self, core: Core, now: float) -> None:
        watched = [key for key in (LEASES, NODES) if core.store.log(key).followers()]
        if not watched or not self.phases(core):
            self._ticking = False
            return
        self.catch_up(core, now)
        for key in watched:
            self.show(core, key, now)
        due = min(
            _newest(phase, RENEW_S if key == LEASES else REPORT_S, now) + (RENEW_S if key == LEASES else REPORT_S)
            for key in watched
            for phase in self.phases(core).values()
        )
        core.schedule.at(max(due, now + 0.01), lambda later: self._tick(core, later))


def _phase(name: str) -> float:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big") / (1 << 32)


def _newest(phase: float, period: float, now: float) -> float:
    """The last time up to ``now`` at which a node of that phase wrote."""
    offset = phase * period
    return (now - offset) // period * period + offset


def _passed(phase: float, period: float, since: float, now: float) -> int:
    return round((_newest(phase, period, now) - _newest(phase, period, since)) / period)


def of(core: Core) -> Heartbeats | None:
    """The cluster's heartbeats; ``None`` when they are switched off."""
    found: Heartbeats | None = core.memo.get(SWITCH)
    if found is None and SWITCH not in core.store.snapshot.without and core.store.has(NODES):
        found = core.memo[SWITCH] = Heartbeats()
    return found


def before(core: Core, key: ResourceKey | None, now: float) -> None:
    """A request for a resource comes: bring the store up to the time."""
    beats: Heartbeats | None = core.memo.get(SWITCH) or of(core)
    if beats is not None:
        if now - beats.since_s >= 1.0:
            beats.catch_up(core, now)
        if key in (LEASES, NODES) and key is not None:
            beats.show(core, key, now)


def watched(core: Core, key: ResourceKey, now: float) -> None:
    """A watch of a resource was opened."""
    beats = of(core) if key in (LEASES, NODES) else None
    if beats is not None:
        beats.follow(core, now)


def node_changed(core: Core, change: Change, now: float) -> None:
    """Rule: a new node has a lease from now on; one that is gone takes its lease along, as what it owned."""
    if change.event.type is EventType.MODIFIED:
        return
    beats = of(core)
    if beats is not None:
        beats.forget_nodes()
    if not gone(change):
        give_lease(core, change.event.after.name, now)


def give_lease(core: Core, name: str, now: float) -> None:
    """The lease of a node's kubelet, if it has none."""
    node = read(core, NODES, "", name)
    if node is not None and core.store.get(LEASES, NAMESPACE, name) is None:
        body = orjson.loads(orjson.dumps(lease_of(name, node["metadata"]["uid"], now)))
        writes.create(core, core.builtin("coordination.k8s.io", "v1", "leases"), body, actor(now, KUBELET))


def lease_of(name: str, uid: str, now: float) -> Obj:
    """What a kubelet writes as its node's lease."""
    owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}
    spec = {"holderIdentity": name, "leaseDurationSeconds": LASTS_S, "renewTime": micro(now)}
    return {"metadata": {"name": name, "namespace": NAMESPACE, "ownerReferences": [owner]}, "spec": spec}
