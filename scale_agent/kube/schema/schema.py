"""What one Kubernetes version serves, as data: resources, and the struct types of all kinds.

Made by ``tools/schemagen`` from the published modules of that version; nothing here knows a kind by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

import orjson

from scale_agent.kube import data_files
from scale_agent.kube.schema.types import Field, Type, read_types

__all__ = ["DEFAULT_VERSION", "Field", "Resource", "Schema", "Subresource", "Type"]

#: The newest version whose data is in the package.
DEFAULT_VERSION = data_files.versions()[0]


@dataclass(frozen=True, slots=True)
class Subresource:
    """``status``, ``scale``, ``log``: group, version and kind are those of its object."""

    name: str
    kind: str
    group: str
    version: str
    verbs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Resource:
    """One served resource; ``subresources`` by name; objects are stored in ``storage_version`` (empty: this one)."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    verbs: frozenset[str]
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: Mapping[str, Subresource] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    storage_version: str = ""


@dataclass(frozen=True, eq=False)
class Schema:
    """One version's resources and types, immutable; :meth:`load` shares one per version and process."""

    version: str
    resources: tuple[Resource, ...]
    types: Mapping[str, Type] = field(repr=False)
    _kinds: Mapping[tuple[str, str, str], Type] = field(repr=False)
    _by_place: Mapping[tuple[str, str, str], Resource] = field(repr=False)

    @classmethod
    def load(cls, version: str = DEFAULT_VERSION) -> Schema:
        """The schema of ``version`` (``v1.36.2``); ``FileNotFoundError`` if the package has no data for it."""
        return _load(data_files.base(version))

    def resource(self, group: str, version: str, plural: str) -> Resource | None:
        """The served resource, or ``None``."""
        return self._by_place.get((group, version, plural))

    def kind(self, group: str, version: str, kind: str) -> Type | None:
        """The struct of a kind, served or not (lists, options, Status), or ``None``."""
        return self._kinds.get((group, version, kind))


@cache
def _load(version: str) -> Schema:
    table = data_files.load_json(version, "types.json")
    types = read_types(table)
    kinds = {_place(key): types[name] for key, name in table["kinds"].items()}
    resources = tuple(_resources(data_files.load_json(version, "discovery.json")))
    places = {(resource.group, resource.version, resource.plural): resource for resource in resources}
    return Schema(version, resources, MappingProxyType(types), MappingProxyType(kinds), MappingProxyType(places))


def _place(key: str) -> tuple[str, str, str]:
    group, version, kind = key.split("/")
    return group, version, kind


def _resources(answers: Mapping[str, str]) -> Iterator[Resource]:
    for path in ("/api aggregated", "/apis aggregated"):
        for group in orjson.loads(answers[path])["items"]:
            name = group["metadata"].get("name", "")
            for version in group["versions"]:
                for row in version["resources"]:
                    yield _resource(name, version["version"], row)


def _resource(group: str, version: str, row: Mapping[str, Any]) -> Resource:
    return Resource(
        group=group,
        version=version,
        plural=row["resource"],
        kind=row["responseKind"]["kind"],
        namespaced=row["scope"] == "Namespaced",
        verbs=frozenset(row["verbs"]),
        singular=row["singularResource"],
        short_names=tuple(row.get("shortNames", ())),
        categories=tuple(row.get("categories", ())),
        subresources=MappingProxyType(
            {sub["subresource"]: _subresource(group, version, sub) for sub in row.get("subresources", ())}
        ),
    )


def _subresource(group: str, version: str, row: Mapping[str, Any]) -> Subresource:
    kind = row.get("responseKind") or {}
    return Subresource(
        name=row["subresource"],
        kind=kind.get("kind", ""),
        group=kind.get("group") or group,
        version=kind.get("version") or version,
        verbs=frozenset(row["verbs"]),
    )
