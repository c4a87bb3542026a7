"""What the verbs and the controllers of one cluster share: its store, its catalog, its identity, its appointments."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any

from scale_agent.kube import status
from scale_agent.kube.catalog import Catalog
from scale_agent.kube.custom.types import CustomTypes
from scale_agent.kube.identity import Identity
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.owners import Owners
from scale_agent.kube.storage.snapshot import Snapshot
from scale_agent.kube.storage.store import Store
from scale_agent.kube.storage.version import Obj, Version

#: Called with the time when an appointment is due.
Action = Callable[[float], None]


class Schedule:
    """Appointments of one cluster, ordered by time; equal times keep their order."""

    __slots__ = ("_count", "_heap", "on_earlier")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Action]] = []
        self._count = 0
        self.on_earlier: Callable[[float], None] | None = None

    def at(self, due: float, action: Action) -> None:
        """Call ``action`` when ``due`` (seconds, the caller's clock) has come."""
        earlier = not self._heap or due < self._heap[0][0]
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, action))
        if earlier and self.on_earlier is not None:
            self.on_earlier(due)

    def run(self, now: float) -> float | None:
        """Do what is due; returns when the next is due."""
        while self._heap and self._heap[0][0] <= now:
            _, _, action = heapq.heappop(self._heap)
            action(now)
        return self._heap[0][0] if self._heap else None


#: A controller's look at one object: core, namespace, name, time.
Reconcile = Callable[["Core", str, str, float], None]


class Queue:
    """Objects that controllers are to look at: each once, in the order in which they were first named."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        #: The looks, in their order; to be read only.
        self.waiting: dict[tuple[Reconcile, str, str], None] = {}

    def add(self, reconcile: Reconcile, namespace: str, name: str) -> None:
        """Ask for a look; one that is waiting already stays where it is."""
        self.waiting.setdefault((reconcile, namespace, name))

    def pop(self) -> tuple[Reconcile, str, str] | None:
        """The next look, if there is one."""
        if not self.waiting:
            return None
        first = next(iter(self.waiting))
        del self.waiting[first]
        return first


_NUMBERS = itertools.count()


class Core:
    """The state of one cluster's API server. ``memo``: what controllers remember between changes, by controller.

    ``number`` tells it from all others of this process. ``parsed``: what :meth:`seen` remembers.
    """

    __slots__ = ("catalog", "custom", "identity", "memo", "number", "owners", "parsed", "queue", "schedule", "store")

    def __init__(self, snapshot: Snapshot, identity: Identity) -> None:
        self.store = Store(snapshot, identity)
        self.catalog: Catalog = snapshot.catalog
        self.identity = identity
        self.number = next(_NUMBERS)
        self.schedule = Schedule()
        self.queue = Queue()
        self.owners = Owners(self.store)
        self.memo: dict[str, Any] = {}
        self.custom = CustomTypes(snapshot, self.store)
        self.parsed: dict[tuple[int, str, str], Obj | Callable[[], Obj]] = {}

    def seen(self, version: Version) -> Obj:
        """What a stored version holds, only to be read: all who ask until the controllers are done get the same dict.

        A rollout's controllers look at each object three times on average, and parsing was a third of their time.
        """
        key = (version.rv, version.namespace, version.name)
        found = self.parsed.get(key)
        if not isinstance(found, dict):
            found = self.parsed[key] = version.object() if found is None else found()
        return found

    def remember(self, version: Version, obj: Obj | Callable[[], Obj]) -> Version:
        """``obj`` was just stored as ``version`` and is nobody's any more: whoever looks need not parse it.

        It may also be what makes the object as soon as somebody looks.
        """
        self.parsed[(version.rv, version.namespace, version.name)] = obj
        return version

    def forget_seen(self) -> None:
        """Everybody has looked: what was parsed is not worth its memory."""
        if self.parsed:
            self.parsed.clear()

    def later(self, due: float, reconcile: Reconcile, namespace: str, name: str) -> None:
        """Have a controller look at an object again when ``due`` has come."""
        self.schedule.at(due, lambda _: self.queue.add(reconcile, namespace, name))

    def find(self, group: str, version: str, plural: str) -> ResourceType | None:
        """A served resource type."""
        return self.catalog.find(group, version, plural) or self.custom.find(group, version, plural)

    def resolve(self, group: str, version: str, plural: str) -> ResourceType:
        """A served resource type; raises the 404 of an unknown built-in resource (Status) or anything else (plain)."""
        found = self.find(group, version, plural)
        if found is not None:
            return found
        if self.catalog.has_group(group):
            raise status.no_such_resource()
        raise status.page_not_found()

    def by_kind(self, api_version: str, kind: str) -> ResourceType:
        """The type of objects of that kind, built-in or custom. Raises ``LookupError``."""
        for one in self.custom.all():
            if one.api_version == api_version and one.kind == kind:
                return one
        return self.catalog.by_kind(api_version, kind)

    def any_version(self, group: str, plural: str) -> ResourceType | None:
        """A resource in one of its versions: objects of all versions are stored together."""
        return self.catalog.any_version(group, plural) or self.custom.any_version(group, plural)

    def builtin(self, group: str, version: str, plural: str) -> ResourceType:
        """A built-in type that is there for certain (controllers name them)."""
        found = self.catalog.find(group, version, plural)
        if found is None:
            raise LookupError(f"{group}/{version} {plural} is not in the schema")
        return found
