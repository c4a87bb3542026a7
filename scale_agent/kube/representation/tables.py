"""Tables for kubectl (``as=Table``): rows of cells instead of objects. Shapes: observed from 1.36.2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scale_agent.kube.catalog import Catalog
from scale_agent.kube.codec import gojson
from scale_agent.kube.representation import columns, negotiation, yaml_text
from scale_agent.kube.representation.cells_pods import row_conditions
from scale_agent.kube.representation.columns import Column, Reader
from scale_agent.kube.representation.negotiation import Choice
from scale_agent.kube.representation.partial import bookmark_meta, partial_object
from scale_agent.kube.representation.representations import JsonErrors, ListMeta, json_event
from scale_agent.kube.schema import conversion
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.version import Obj, Version

_EVENTS = ("", "events")
_PODS = ("", "pods")


#: Cells that a printer makes and no column defines.
_EXTRA: dict[ResourceKey, Sequence[Reader]] = {("networking.k8s.io", "ipaddresses"): (columns.age,)}


class TableEncoder(JsonErrors):
    """``as=Table``; rows carry their object's metadata, the whole object, or nothing (``includeObject``)."""

    content_type = negotiation.JSON
    stream_type = negotiation.JSON

    def __init__(self, catalog: Catalog, resource: ResourceType, choice: Choice, include: str, now: float) -> None:
        self.catalog = catalog
        self.resource = resource
        self.choice = choice
        self.include = include
        self._meta_version = f"meta.k8s.io/{choice.version}"
        self.now = now
        self.columns: Sequence[Column] = columns.columns_of(resource, catalog.version)
        self._announced = False
        # kinds without a printer of their own have rest.NewDefaultTableConvertor, which makes no empty list
        self._printed = not resource.typed or all(one.name != "Created At" for one in self.columns)

    def _table(self, meta: Mapping[str, Any], rows: list[Obj], *, defined: bool = True) -> Obj:
        definitions = [one.definition() for one in self.columns] if defined else None
        return {
            "kind": "Table",
            "apiVersion": self._meta_version,
            "metadata": dict(meta),
            "columnDefinitions": definitions,
            "rows": rows or ([] if self._printed else None),
        }

    def _row(self, obj: Obj) -> Obj:
        obj = conversion.renamed(obj, "v1") if self.resource.key == _EVENTS else obj
        cells = [one.cell(obj, self.now) for one in self.columns]
        row: Obj = {"cells": [*cells, *(read(obj, self.now) for read in _EXTRA.get(self.resource.key, ()))]}
        conditions = row_conditions(obj) if self.resource.key == _PODS else []
        if conditions:
            row["conditions"] = conditions
        if self.include == "Object":
            row["object"] = obj
        else:
            row["object"] = None if self.include == "None" else self._partial(obj)
        return row

    def _partial(self, obj: Obj) -> Obj:
        return partial_object(self.catalog.metadata(obj, self.resource), self._meta_version)

    def one(self, version: Version) -> bytes:
        """An object: a table of one row."""
        meta = {"resourceVersion": str(version.rv)} if version.rv else {}
        return gojson.dumps(self._table(meta, [self._row(version.object())])) + b"\n"

    def many(self, versions: Sequence[Version], meta: ListMeta) -> bytes:
        """A list."""
        rows = [self._row(one.object()) for one in versions]
        return gojson.dumps(self._table(meta.as_dict(), rows)) + b"\n"

    def event(self, kind: EventType, version: Version) -> bytes:
        """A watch event: a table of one row."""
        return self._event(kind, {"resourceVersion": str(version.rv)}, self._row(version.object()))

    def bookmark(self, rv: int, *, initial_end: bool) -> bytes:
        """A bookmark: a table of one empty row."""
        row = self._row({"metadata": bookmark_meta(rv, initial_end=initial_end)})
        return self._event(EventType.BOOKMARK, {"resourceVersion": str(rv)}, row)

    def _event(self, kind: EventType, meta: Mapping[str, Any], row: Obj) -> bytes:
        """The first event of a watch defines the columns, the others do not (``watchEmbeddedEncoder``)."""
        defined, self._announced = not self._announced, True
        return json_event(kind, gojson.dumps(self._table(meta, [row], defined=defined)))


class YamlTableEncoder(TableEncoder):
    """The same as YAML."""

    content_type = negotiation.YAML

    def one(self, version: Version) -> bytes:
        """An object: a table of one row."""
        return yaml_text.from_json(super().one(version))

    def many(self, versions: Sequence[Version], meta: ListMeta) -> bytes:
        """A list."""
        return yaml_text.from_json(super().many(versions, meta))
