"""Custom resources: the types that CustomResourceDefinitions in the store declare.

A definition is served from the moment its names are accepted, at every version it serves, as plain JSON. Each
:class:`ResourceType` refers to the version of the definition behind it (``declared``); both are made once per distinct
spec and process and shared by all clusters.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from weakref import WeakKeyDictionary

import orjson

from scale_agent.kube.custom.definition import Definition, ServedVersion
from scale_agent.kube.custom.record import ESTABLISHED, TERMINATING, Record
from scale_agent.kube.schema.resources import Names, ResourceType
from scale_agent.kube.storage.snapshot import SharedVersion, Snapshot
from scale_agent.kube.storage.store import Store
from scale_agent.kube.storage.version import Version, encoded

DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")
#: The finalizer of a definition that is being deleted while its objects are.
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
VERBS = frozenset(("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"))

_Key = tuple[str, str, str]


def types_of(version: Version) -> tuple[ResourceType, ...]:
    """The resource types that a stored definition serves, one per served version; none before it is Established."""
    record = Record.of(version)
    if not record.holds(ESTABLISHED):
        return ()
    return _types(record.spec, record.accepted, record.holds(TERMINATING))


def definition_for(record: Record) -> Definition:
    """What a stored definition says."""
    return _definition(record.spec, record.accepted, record.holds(TERMINATING))


@lru_cache(maxsize=2048)
def _definition(spec: bytes, names: bytes, terminating: bool) -> Definition:
    return Definition(orjson.loads(spec), orjson.loads(names), terminating=terminating)


@lru_cache(maxsize=2048)
def _types(spec: bytes, names: bytes, terminating: bool) -> tuple[ResourceType, ...]:
    definition = _definition(spec, names, terminating)
    return tuple(_type(definition, one) for one in definition.versions if one.served)


def _type(definition: Definition, version: ServedVersion) -> ResourceType:
    names = definition.names
    subresources = [name for name, there in (("scale", version.scale), ("status", version.has_status)) if there]
    return ResourceType(
        group=definition.group,
        version=version.name,
        plural=definition.plural,
        kind=definition.kind,
        namespaced=definition.namespaced,
        verbs=VERBS,
        subresources=frozenset(subresources),
        typed=False,
        list_kind=names.get("listKind", ""),
        columns=tuple(version.raw.get("additionalPrinterColumns") or ()),
        names=Names(
            names.get("singular", ""), tuple(names.get("shortNames") or ()), tuple(names.get("categories") or ())
        ),
        selectable_fields=version.selectable,
        declared=version,
    )


_Table = dict[_Key, ResourceType]
#: The types that a snapshot's definitions declare, which all its clusters share: a profile may have hundreds.
_OF_SNAPSHOT: WeakKeyDictionary[Snapshot, _Table] = WeakKeyDictionary()


def _table_of(versions: Iterable[Version]) -> _Table:
    found = (one for version in versions for one in types_of(version))
    return {(one.group, one.version, one.plural): one for one in found}


class CustomTypes:
    """The custom types of one cluster; looked up in the store's definitions, remembered until one changes."""

    __slots__ = ("_own", "_shared", "_store")

    def __init__(self, snapshot: Snapshot, store: Store) -> None:
        self._store = store
        self._own: _Table | None = None
        self._shared: _Table = {}
        if DEFINITIONS not in snapshot.resources:
            self._own = {}

    def changed(self) -> None:
        """A definition was written or deleted."""
        self._own = None

    def recode(self, definition: Definition) -> None:
        """From now on read what is stored by a definition's new schema: pruned, with defaults; nothing is written."""
        for version in self._store.list((definition.group, definition.plural)):
            self._store.show(version, recoded(version, definition), (definition.group, definition.plural))

    def _tables(self) -> tuple[_Table, _Table]:
        """Those of definitions that are the cluster's own or that it changed, and those that it has like all others."""
        if self._own is None:
            changed = self._store.changed(DEFINITIONS)
            self._own = _table_of(version for version in changed.values() if version is not None)
            self._shared = self._unchanged({name for _, name in changed})
        return self._own, self._shared

    def _unchanged(self, changed: set[str]) -> _Table:
        snapshot = self._store.snapshot
        shared = _OF_SNAPSHOT.get(snapshot)
        if shared is None:
            there = snapshot.resources.get(DEFINITIONS)
            entries = there.by_key.values() if there is not None else ()
            shared = _table_of(SharedVersion(one, self._store.identity) for one in entries)
            _OF_SNAPSHOT[snapshot] = shared
        if not any(f"{plural}.{group}" in changed for group, _, plural in shared):
            return shared
        return {key: one for key, one in shared.items() if f"{one.plural}.{one.group}" not in changed}

    def find(self, group: str, version: str, plural: str) -> ResourceType | None:
        """A served custom type."""
        own, shared = self._tables()
        return own.get((group, version, plural)) or shared.get((group, version, plural))

    def any_version(self, group: str, plural: str) -> ResourceType | None:
        """A resource in one of its served versions."""
        return next((one for table in self._tables() for one in table.values() if one.key == (group, plural)), None)

    def all(self) -> list[ResourceType]:
        """All of them, by group, version and plural."""
        own, shared = self._tables()
        table = {**shared, **own} if shared else own
        return [table[key] for key in sorted(table)]


class Recoded(Version):
    """A stored object as a newer schema shows it; ``original`` is what is in etcd."""

    __slots__ = ("original",)

    def __init__(self, original: Version, json: bytes) -> None:
        super().__init__(original.namespace, original.name, original.rv, json)
        self.original = original


def recoded(version: Version, definition: Definition) -> Version:
    """A stored object as a definition shows it that may not be the one by which it was written."""
    original = version.original if isinstance(version, Recoded) else version
    obj = original.object()
    declared = definition.version(str(obj["apiVersion"]).rpartition("/")[2]) or definition.storage
    return Recoded(original, encoded(declared.converted(obj, defaults=True)))
