"""Which objects name which owner: kept with every change, so that nobody has to search the store."""

from __future__ import annotations

from collections.abc import Iterator

from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change, Store
from scale_agent.kube.storage.version import Version, uids_of

Place = tuple[ResourceKey, str, str]


def uid_key(key: ResourceKey, namespace: str, name: str) -> str:
    """What ``Identity.uid`` is asked for: ``plural.group/namespace/name``."""
    plural = f"{key[1]}.{key[0]}" if key[0] else key[1]
    return f"{plural}/{namespace}/{name}"


class Owners:
    """Dependents by their owner's uid. Those of the snapshot are known to all clusters of it together."""

    __slots__ = ("_places", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._places: dict[bytes, dict[Place, None]] = {}

    def changed(self, change: Change) -> bool:
        """Learn from a change of the store; whether the object has other owners than before."""
        event = change.event
        new = b"" if event.type is EventType.DELETED else event.after.references
        old = event.before.references if event.before is not None else b""
        if new == old:
            return False
        place = (change.key, event.after.namespace, event.after.name)
        for uid in uids_of(old):
            self._forget(uid, place)
        for uid in uids_of(new):
            self._places.setdefault(uid, {})[place] = None
        return True

    def _forget(self, uid: bytes, place: Place) -> None:
        places = self._places.get(uid)
        if places is not None:
            places.pop(place, None)
            if not places:
                del self._places[uid]

    def dependents(
        self, key: ResourceKey, namespace: str, name: str, uid: str
    ) -> Iterator[tuple[ResourceKey, Version]]:
        """Everything stored now that names this object as an owner, in the order in which it came to be."""
        needle = uid.encode()
        first = self._store.snapshot.owned_by(uid_key(key, namespace, name))
        for place in dict.fromkeys((*first, *self._places.get(needle, ()))):
            version = self._store.get(*place)
            if version is not None and needle in version.references:
                yield place[0], version
