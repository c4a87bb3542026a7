"""Custom resources: the types that CustomResourceDefinitions in the store declare.

A definition is served from the moment it is Established, at every version it serves, as plain JSON. Its printer
columns, scale and status subresources are taken along; its validation schema is kept but not applied yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scale_agent.kube.schema.resources import Names, ResourceType
from scale_agent.kube.storage.snapshot import Snapshot
from scale_agent.kube.storage.store import Store
from scale_agent.kube.storage.version import Obj

DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")
#: The finalizer of a definition that is being deleted while its objects are.
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
VERBS = frozenset(("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"))

_Key = tuple[str, str, str]


def types_of(definition: Obj) -> Iterator[ResourceType]:
    """The resource types that an established definition serves, one per served version."""
    if not established(definition):
        return
    spec: dict[str, Any] = definition["spec"]
    names = spec["names"]
    for version in spec.get("versions") or ():
        if version.get("served"):
            yield ResourceType(
                group=spec["group"],
                version=version["name"],
                plural=names["plural"],
                kind=names["kind"],
                namespaced=spec.get("scope") == "Namespaced",
                verbs=VERBS,
                subresources=frozenset(version.get("subresources") or ()),
                typed=False,
                list_kind=names.get("listKind", ""),
                columns=tuple(version.get("additionalPrinterColumns") or ()),
                names=Names(names.get("singular", ""), tuple(names.get("shortNames") or ())),
            )


def established(definition: Obj) -> bool:
    """Whether the definition's names were accepted and its resources are served."""
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Established" and one.get("status") == "True" for one in conditions)


class CustomTypes:
    """The custom types of one cluster; looked up in the store's definitions, remembered until one changes."""

    __slots__ = ("_store", "_types")

    def __init__(self, snapshot: Snapshot, store: Store) -> None:
        self._store = store
        self._types: dict[_Key, ResourceType] | None = None
        if DEFINITIONS not in snapshot.resources:
            self._types = {}

    def changed(self) -> None:
        """A definition was written or deleted."""
        self._types = None

    def _table(self) -> dict[_Key, ResourceType]:
        if self._types is None:
            found = [one for version in self._store.list(DEFINITIONS) for one in types_of(version.object())]
            self._types = {(one.group, one.version, one.plural): one for one in found}
        return self._types

    def find(self, group: str, version: str, plural: str) -> ResourceType | None:
        """A served custom type."""
        return self._table().get((group, version, plural))

    def any_version(self, group: str, plural: str) -> ResourceType | None:
        """A resource in one of its served versions."""
        return next((one for one in self._table().values() if one.key == (group, plural)), None)

    def all(self) -> list[ResourceType]:
        """All of them, by group, version and plural."""
        return [self._table()[key] for key in sorted(self._table())]
