"""Events as the real emitters record them: correlated before they are written, kept for an hour.

Correlation is client-go's (tools/record, EventCorrelator): an equal event counts up, the tenth of a kind with another
text within ten minutes begins a combined one, and one source may write 25 about an object, then one in five minutes.
The scheduler records through events.k8s.io, whose events have an action and an eventTime instead of count and source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from scale_agent.kube.codec import gojson, moments
from scale_agent.kube.controllers.common import KUBELET, MANAGER
from scale_agent.kube.core import Core
from scale_agent.kube.identity import Identity
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.packing import MOULDS
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj, RawEncoder, Version, encoded

EVENTS: ResourceKey = ("", "events")
#: apiserver: --event-ttl (seconds); ended ones are looked for this often.
TTL_S, SWEEP_S = 3600.0, 60.0
#: client-go: defaultAggregateMaxEvents, defaultAggregateIntervalInSeconds, defaultSpamBurst, 1 / defaultSpamQPS.
MOST_ALIKE, ALIKE_S, BURST, REFILL_S = 10, 600.0, 25, 300.0
COMBINED = "(combined from similar events): "
_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """Who tells: component, the host of a kubelet, and the field manager of its writes."""

    component: str
    host: str = ""
    manager: str = MANAGER


SCHEDULER = Source("default-scheduler", manager="kube-scheduler")


@lru_cache(maxsize=512)
def kubelet(host: str) -> Source:
    """The kubelet of a node."""
    return Source("kubelet", host, KUBELET)


@dataclass(frozen=True, slots=True)
class Words:
    """What is told. ``field_path`` is the part of the object, ``action`` what the scheduler was at."""

    reason: str
    message: str
    warning: bool = False
    field_path: str = ""
    action: str = ""


#: Equal words, once: nearly all clusters are told the same. So many are remembered.
_WORDS: dict[Words, Words] = {}
_MOST_WORDS = 2000


def _shared(words: Words) -> Words:
    found = _WORDS.get(words)
    if found is None:
        found = words
        if len(_WORDS) < _MOST_WORDS:
            _WORDS[words] = words
    return found


class Told(Version):
    """A recorded event: its facts, from which it is written down whenever somebody looks.

    What is held as JSON is the object that it is about.
    """

    __slots__ = ("_identity", "count", "first_s", "last_s", "source", "words")

    def __init__(
        self, identity: Identity, about: bytes, namespace: str, name: str, source: Source, words: Words
    ) -> None:
        super().__init__(namespace, name, 0, about)
        self._identity, self.source, self.words = identity, source, _shared(words)
        self.count = 1
        self.first_s = self.last_s = 0.0

    def again(self, words: Words, now: float) -> Told:
        """The same event, seen once more."""
        told = Told(self._identity, self._about(), self.namespace, self.name, self.source, words)
        told.count, told.first_s, told.last_s = self.count + 1, self.first_s, now
        return told

    @property
    def json(self) -> bytes:
        """Compact JSON without a newline."""
        return gojson.dumps(self.object())

    def starts(self, prefix: bytes) -> bool:
        """Whether the JSON starts so."""
        return _START.startswith(prefix)

    def object(self) -> Obj:
        """The event as Kubernetes writes it (core/v1)."""
        words, source = self.words, self.source
        first, last = moments.stamp(self.first_s), moments.stamp(self.last_s)
        scheduler = bool(words.action)
        out: Obj = {"kind": "Event", "apiVersion": "v1", "metadata": self._metadata(last)}
        out |= {"involvedObject": self._involved(), "reason": words.reason, "message": words.message}
        out["source"] = {} if scheduler else _sparse(component=source.component, host=source.host)
        out |= {"firstTimestamp": None if scheduler else first, "lastTimestamp": None if scheduler else last}
        if not scheduler:
            out["count"] = self.count
        out |= {
            "type": "Warning" if words.warning else "Normal",
            "eventTime": micro(self.first_s) if scheduler else None,
        }
        if scheduler:
            out["action"] = words.action
        combined = words.message.startswith(COMBINED)
        out["reportingComponent"] = "" if combined else source.component
        out["reportingInstance"] = f"{source.component}-{_HOST}" if scheduler else "" if combined else source.host
        return out

    def _metadata(self, time: str) -> Obj:
        uid = self._identity.uid(f"events/{self.namespace}/{self.name}")
        meta: Obj = {"name": self.name, "namespace": self.namespace, "uid": uid, "resourceVersion": str(self.rv)}
        scheduler = bool(self.words.action)
        fields = _SCHEDULER_FIELDS if scheduler else _fields_of(self)
        entry = {"manager": self.source.manager, "operation": "Update"}
        entry |= {"apiVersion": "events.k8s.io/v1" if scheduler else "v1", "time": time}
        entries = [{**entry, "fieldsType": "FieldsV1", "fieldsV1": fields}]
        return {**meta, "creationTimestamp": moments.stamp(self.first_s), "managedFields": entries}

    def _about(self) -> bytes:
        return self._json if self._packing is None else self._packing.text(self._json)

    def _involved(self) -> Obj:
        found: Obj = orjson.loads(self._about())
        return {**found, **_sparse(fieldPath=self.words.field_path)}

    @property
    def references(self) -> bytes:
        """Nobody owns events."""
        return b""

    @property
    def uid(self) -> str:
        """``metadata.uid``."""
        return self._identity.uid(f"events/{self.namespace}/{self.name}")

    def raw(self, encode: RawEncoder) -> bytes:
        """The protobuf message."""
        return encode(self.object())

    @property
    def labels(self) -> Mapping[str, str]:
        """Events have none."""
        return {}

    def forget(self) -> None:
        """Nothing is held here."""

    def pack(self) -> None:
        """Hold the reference to the object as small as it goes; their names are no events' names."""
        if self._packing is None and (packed := MOULDS.pack(self.namespace, "", self._json)) is not None:
            self._packing, self._json = packed


_HOST = "control-plane"
_START = b'{"kind":"Event","apiVersion":"v1","metadata":'


def _sparse(**values: Any) -> Obj:
    return {name: value for name, value in values.items() if value}


def micro(now: float) -> str:
    """A MicroTime: ``2026-11-21T10:46:13.250000Z``."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _fields_of(told: Told) -> Obj:
    names = ["count", "firstTimestamp", "involvedObject", "lastTimestamp", "message", "reason"]
    if not told.words.message.startswith(COMBINED):
        names += ["reportingComponent", *(["reportingInstance"] if told.source.host else [])]
    fields: Obj = {f"f:{name}": {} for name in names}
    fields["f:source"] = {"f:component": {}, **({"f:host": {}} if told.source.host else {})}
    return {**fields, "f:type": {}}


_SCHEDULER_FIELDS: Obj = {
    f"f:{name}": {}
    for name in (
        "action",
        "eventTime",
        "note",
        "reason",
        "regarding",
        "reportingController",
        "reportingInstance",
        "type",
    )
}


@dataclass(slots=True)
class _Memory:
    """What the emitters of one cluster remember. Keys are hashes: they need little room and nobody sees them."""

    seen: dict[int, str] = field(default_factory=dict)
    alike: dict[int, tuple[tuple[int, ...], float]] = field(default_factory=dict)
    budget: dict[int, tuple[float, float]] = field(default_factory=dict)
    number: int = 0
    sweeping: bool = False
    thinning: bool = False


def _memory(core: Core) -> _Memory:
    found = core.memo.get("events")
    if found is None:
        found = core.memo["events"] = _Memory()
    memory: _Memory = found
    return memory


def record(core: Core, about: Obj, source: Source, words: Words, now: float) -> None:
    """Tell about an object."""
    if "events" in core.store.snapshot.without:
        return
    meta = about["metadata"]
    namespace = meta.get("namespace") or "default"
    memory = _memory(core)
    who = (source.component, source.host, about["kind"], meta.get("uid"))
    if not _within_budget(memory, hash((*who, words.warning)), now):
        return
    words, key = _combined(memory, who, words, now)
    earlier = memory.seen.get(key)
    version = core.store.get(EVENTS, namespace, earlier) if earlier is not None else None
    if isinstance(version, Told):
        told = version.again(words, now)
    elif _terminating(core, namespace):
        return
    else:
        memory.number += 1
        name = f"{meta['name']}.{int(now * _NANO) + memory.number:x}"
        told = Told(core.identity, _reference(about), namespace, name, source, words)
        told.first_s = told.last_s = now
        memory.seen[key] = name
    core.store.place(EVENTS, told, now)


def _terminating(core: Core, namespace: str) -> bool:
    version = core.store.get(("", "namespaces"), "", namespace)
    return version is None or b'"deletionTimestamp"' in version.json


def _reference(about: Obj) -> bytes:
    meta = about["metadata"]
    reference = _sparse(kind=about["kind"], namespace=meta.get("namespace"), name=meta["name"], uid=meta.get("uid"))
    return encoded(reference | _sparse(apiVersion=about["apiVersion"], resourceVersion=meta.get("resourceVersion")))


def _within_budget(memory: _Memory, key: int, now: float) -> bool:
    tokens, since = memory.budget.get(key, (float(BURST), now))
    tokens = min(BURST, tokens + (now - since) / REFILL_S)
    allowed = tokens >= 1
    memory.budget[key] = (tokens - 1 if allowed else tokens, now)
    return allowed


def _combined(memory: _Memory, who: tuple[Any, ...], words: Words, now: float) -> tuple[Words, int]:
    """The words as they are to be written, and under which key they count up."""
    text = hash(words.message)
    group = hash((*who, words.reason, words.warning))
    texts, last = memory.alike.get(group, ((), now))
    if now - last > ALIKE_S:
        texts = (text,)
    elif text not in texts:
        texts = (*texts, text)
    if len(texts) < MOST_ALIKE:
        memory.alike[group] = (texts, now)
        return words, hash((group, text, words.field_path))
    memory.alike[group] = (tuple(one for one in texts if one != text), now)
    return Words(words.reason, COMBINED + words.message, words.warning, words.field_path), group


def expire(core: Core, change: Change, now: float) -> None:
    """Rule: events, whoever wrote them, end an hour after they were last written."""
    if change.event.type is EventType.DELETED:
        return
    memory = _memory(core)
    if not isinstance(change.event.after, Told):
        posted = core.memo.setdefault("posted-events", {})
        posted[(change.event.after.namespace, change.event.after.name)] = now
    if not memory.thinning:
        memory.thinning = True
        core.schedule.at(now + ALIKE_S + SWEEP_S, lambda later: _thin(core, later))
    if not memory.sweeping:
        memory.sweeping = True
        core.schedule.at(now + TTL_S, lambda later: _sweep(core, later))


def _thin(core: Core, now: float) -> None:
    """Drop what says no more than nothing would: 10 KB of a cluster that has come to rest."""
    memory: _Memory | None = core.memo.get("events")
    if memory is None:
        return
    memory.alike = {key: entry for key, entry in memory.alike.items() if now - entry[1] <= ALIKE_S}
    memory.budget = {
        key: (tokens, since)
        for key, (tokens, since) in memory.budget.items()
        if tokens + (now - since) / REFILL_S < BURST
    }
    memory.thinning = bool(memory.alike or memory.budget)
    if memory.thinning:
        core.schedule.at(now + ALIKE_S, lambda later: _thin(core, later))


def _sweep(core: Core, now: float) -> None:
    """Take away what has ended, and come again when the next does."""
    posted = core.memo.get("posted-events", {})
    oldest = None
    for version in core.store.list(EVENTS):
        told = isinstance(version, Told)
        at = version.last_s if isinstance(version, Told) else posted.get((version.namespace, version.name))
        if at is None:
            continue
        if at + TTL_S <= now:
            core.store.remove(EVENTS, version.namespace, version.name, now)
            if not told:
                del posted[(version.namespace, version.name)]
        elif oldest is None or at < oldest:
            oldest = at
    if oldest is None:
        core.memo.pop("events", None)
        return
    core.schedule.at(max(oldest + TTL_S, now + SWEEP_S), lambda later: _sweep(core, later))
