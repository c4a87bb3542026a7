"""One cluster's objects: an overlay on the shared snapshot, and the history that watches follow.

An untouched cluster holds a few empty dicts. A changed object is held as compact encoded bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scale_agent.kube.codec import gojson
from scale_agent.kube.identity import Identity
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.history import Event, EventType, Log
from scale_agent.kube.storage.snapshot import Shared, SharedVersion, Snapshot
from scale_agent.kube.storage.version import Obj, Version, encoded

NameKey = tuple[str, str]
Versions = list[Version]
_NOTHING: Mapping[NameKey, Version | None] = {}


@dataclass(frozen=True, slots=True)
class Change:
    """What controllers are told: an event of a resource."""

    key: ResourceKey
    event: Event


class Store:
    """Objects by resource, namespace and name; ``rv`` is the cluster's newest resourceVersion."""

    __slots__ = ("_logs", "_overlay", "identity", "on_change", "rv", "snapshot")

    def __init__(self, snapshot: Snapshot, identity: Identity) -> None:
        self.snapshot = snapshot
        self.identity = identity
        self.rv = snapshot.rv
        self.on_change: Callable[[Change], None] | None = None
        self._overlay: dict[ResourceKey, dict[NameKey, Version | None]] = {}
        self._logs: dict[ResourceKey, Log] = {}

    def get(self, key: ResourceKey, namespace: str, name: str) -> Version | None:
        """The current version of an object."""
        overlay = self._overlay.get(key)
        if overlay is not None:
            at = (namespace, name)
            if at in overlay:
                return overlay[at]
        shared = self.snapshot.resources.get(key)
        entry = shared.by_key.get((namespace, name)) if shared is not None else None
        return SharedVersion(entry, self.identity) if entry is not None else None

    def list(self, key: ResourceKey, namespace: str = "") -> Versions:
        """All objects of a resource, or of one namespace, in the order of their storage keys."""
        overlay, shared, identity = self._overlay.get(key), self.snapshot.resources.get(key), self.identity
        merged: dict[NameKey, Shared | Version] = {}
        if shared is not None:
            merged |= shared.by_namespace.get(namespace, {}) if namespace else shared.by_key
        ordered = not overlay or not self._laid_over(merged, overlay, namespace)
        found = [SharedVersion(one, identity) if isinstance(one, Shared) else one for one in merged.values()]
        if not ordered:
            found.sort(key=storage_order)
        return found

    @staticmethod
    def _laid_over(
        merged: dict[NameKey, Shared | Version], overlay: Mapping[NameKey, Version | None], namespace: str
    ) -> bool:
        """Put what changed over what was; whether there is more than before, not in its order."""
        more = False
        for at, version in overlay.items():
            if namespace and at[0] != namespace:
                continue
            if version is None:
                merged.pop(at, None)
                continue
            more = more or at not in merged
            merged[at] = version
        return more

    def list_at(self, key: ResourceKey, namespace: str, rv: int) -> Versions:
        """The list as it was at ``rv``: the newer events undone. Raises ``LookupError`` if they were forgotten."""
        past: dict[NameKey, Version | None] = {}
        for event in self.log(key).newer_than(rv):
            if not namespace or event.after.namespace == namespace:
                past[(event.after.namespace, event.after.name)] = event.before
        if not past:
            return self.list(key, namespace)
        merged: dict[NameKey, Version | None] = {(one.namespace, one.name): one for one in self.list(key, namespace)}
        merged.update(past)
        return sorted((one for one in merged.values() if one is not None), key=storage_order)

    @staticmethod
    def draft(obj: Obj) -> Version:
        """A version that is not stored: what a dry run would have written."""
        meta = obj["metadata"]
        return Version(meta.get("namespace", ""), meta.get("name", ""), 0, gojson.dumps(obj))

    def put(self, key: ResourceKey, obj: Obj, now: float) -> Version:
        """Create or replace an object; its ``metadata.resourceVersion`` is set here."""
        meta = obj["metadata"]
        namespace, name = meta.get("namespace", ""), meta["name"]
        before = self.get(key, namespace, name)
        self.rv += 1
        if "resourceVersion" in meta:
            meta["resourceVersion"] = str(self.rv)
        else:
            obj["metadata"] = _with_version(meta, str(self.rv))
        after = Version(namespace, name, self.rv, encoded(obj))
        self._overlay.setdefault(key, {})[(after.namespace, after.name)] = after
        kind = EventType.MODIFIED if before is not None else EventType.ADDED
        self._append(key, Event(self.rv, kind, after, before, now))
        return after

    def place(self, key: ResourceKey, version: Version, now: float) -> None:
        """Store a version that was made elsewhere; its ``rv`` is set here."""
        at = (version.namespace, version.name)
        before = self.get(key, *at)
        self.rv += 1
        version.rv = self.rv
        self._overlay.setdefault(key, {})[at] = version
        kind = EventType.MODIFIED if before is not None else EventType.ADDED
        self._append(key, Event(self.rv, kind, version, before, now))

    def show(self, version: Version, as_version: Version, key: ResourceKey) -> None:
        """Let an object be seen in another form from now on: nothing was written, nobody is told."""
        self._overlay.setdefault(key, {})[(version.namespace, version.name)] = as_version

    def has(self, key: ResourceKey) -> bool:
        """Whether there may be objects of a resource: false only when there are none."""
        return key in self.snapshot.resources or bool(self._overlay.get(key))

    def remove(self, key: ResourceKey, namespace: str, name: str, now: float) -> Version:
        """Delete an object; returns its last state with the deletion's resourceVersion. Raises ``KeyError``."""
        before = self.get(key, namespace, name)
        if before is None:
            raise KeyError((key, namespace, name))
        self.rv += 1
        obj = before.object()
        obj["metadata"]["resourceVersion"] = str(self.rv)
        after = Version(namespace, name, self.rv, encoded(obj))
        shared = self.snapshot.resources.get(key)
        overlay = self._overlay.setdefault(key, {})
        if shared is not None and (namespace, name) in shared.by_key:
            overlay[(namespace, name)] = None
        else:
            overlay.pop((namespace, name), None)
        self._append(key, Event(self.rv, EventType.DELETED, after, before, now))
        return after

    def _append(self, key: ResourceKey, event: Event) -> None:
        self.log(key).append(event)
        if self.on_change is not None:
            self.on_change(Change(key, event))

    def log(self, key: ResourceKey) -> Log:
        """The history of a resource; made when first needed."""
        log = self._logs.get(key)
        if log is None:
            log = self._logs[key] = Log(self.snapshot.rv)
        return log

    def trim(self, now: float) -> float | None:
        """Let every history forget what is too old; returns when there will be more to do, ``None`` for never."""
        due: float | None = None
        for log in self._logs.values():
            log.trim(now)
            next_s = log.due_s
            if next_s is not None and (due is None or next_s < due):
                due = next_s
        return due

    def changed(self, key: ResourceKey) -> Mapping[NameKey, Version | None]:
        """What of a resource is not as the snapshot has it; ``None`` for what is gone. Not to be changed."""
        return self._overlay.get(key, _NOTHING)

    def keys(self) -> set[ResourceKey]:
        """Resources that have, or had, objects."""
        return set(self.snapshot.resources) | set(self._overlay)


def _with_version(meta: Obj, version: str) -> Obj:
    """Metadata with its resourceVersion in Go's place: after the uid."""
    out: Obj = {}
    for name, value in meta.items():
        out[name] = value
        if name == "uid":
            out["resourceVersion"] = version
    out.setdefault("resourceVersion", version)
    return out


def storage_order(version: Version) -> str:
    """Sort key of lists: the path in etcd."""
    return f"{version.namespace}/{version.name}" if version.namespace else version.name
