"""PartialObjectMetadata: objects without anything but their metadata, for clients that ask for nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scale_agent.kube.catalog import Catalog
from scale_agent.kube.codec import gojson
from scale_agent.kube.representation import negotiation, yaml_text
from scale_agent.kube.representation.bookmarks import Bookmarks
from scale_agent.kube.representation.representations import (
    INITIAL_EVENTS_END,
    JsonErrors,
    ListMeta,
    ProtobufErrors,
    json_event,
)
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.version import Obj, Version

META_VERSION = "meta.k8s.io/v1"


def partial_object(meta: dict[str, Any], api_version: str = META_VERSION) -> Obj:
    """The metadata as an object of its own."""
    return {"kind": "PartialObjectMetadata", "apiVersion": api_version, "metadata": meta}


def bookmark_meta(rv: int, *, initial_end: bool) -> dict[str, Any]:
    """The metadata of a bookmark."""
    meta: dict[str, Any] = {"resourceVersion": str(rv)}
    if initial_end:
        meta["annotations"] = {INITIAL_EVENTS_END: "true"}
    return meta


def list_of(items: Sequence[Obj], meta: ListMeta, api_version: str) -> Obj:
    """A PartialObjectMetadataList; its items name their kind (observed from 1.36.2)."""
    return {"kind": "PartialObjectMetadataList", "apiVersion": api_version, "metadata": meta.as_dict(), "items": items}


class PartialJson(JsonErrors):
    """Metadata only, as JSON."""

    content_type = negotiation.JSON
    stream_type = negotiation.JSON

    def __init__(self, catalog: Catalog, resource: ResourceType, version: str = "v1") -> None:
        self.catalog = catalog
        self.resource = resource
        self._bookmarks = Bookmarks(self._bookmark)
        self.api_version = f"meta.k8s.io/{version}"

    def _object(self, version: Version) -> Obj:
        return partial_object(self.catalog.metadata(version.object(), self.resource), self.api_version)

    def one(self, version: Version) -> bytes:
        """An object."""
        return gojson.dumps(self._object(version)) + b"\n"

    def many(self, versions: Sequence[Version], meta: ListMeta) -> bytes:
        """A list."""
        return gojson.dumps(list_of([self._object(one) for one in versions], meta, self.api_version)) + b"\n"

    def event(self, kind: EventType, version: Version) -> bytes:
        """A watch event."""
        return json_event(kind, gojson.dumps(self._object(version)))

    def bookmark(self, rv: int, *, initial_end: bool) -> bytes:
        """A bookmark event."""
        return self._bookmarks.of(rv, initial_end=initial_end)

    def _bookmark(self, rv: int, initial_end: bool) -> bytes:
        obj = partial_object(bookmark_meta(rv, initial_end=initial_end), self.api_version)
        return json_event(EventType.BOOKMARK, gojson.dumps(obj))


class PartialProtobuf(ProtobufErrors):
    """Metadata only, as protobuf."""

    content_type = negotiation.PROTOBUF
    stream_type = f"{negotiation.PROTOBUF};stream=watch"

    def __init__(self, catalog: Catalog, resource: ResourceType, version: str = "v1") -> None:
        self.catalog = catalog
        self.resource = resource
        self._bookmarks = Bookmarks(self._bookmark)
        self.api_version = f"meta.k8s.io/{version}"

    def _object(self, version: Version) -> Obj:
        return partial_object(self.catalog.metadata(version.object(), self.resource), self.api_version)

    def one(self, version: Version) -> bytes:
        """An object."""
        return self.catalog.encode(self._object(version))

    def many(self, versions: Sequence[Version], meta: ListMeta) -> bytes:
        """A list."""
        return self.catalog.encode(list_of([self._object(one) for one in versions], meta, self.api_version))

    def event(self, kind: EventType, version: Version) -> bytes:
        """A watch event."""
        return self.catalog.watch_frame(kind, self.one(version))

    def bookmark(self, rv: int, *, initial_end: bool) -> bytes:
        """A bookmark event."""
        return self._bookmarks.of(rv, initial_end=initial_end)

    def _bookmark(self, rv: int, initial_end: bool) -> bytes:
        obj = partial_object(bookmark_meta(rv, initial_end=initial_end), self.api_version)
        return self.catalog.watch_frame(EventType.BOOKMARK, self.catalog.encode(obj))


class PartialYaml(PartialJson):
    """Metadata only, as YAML."""

    content_type = negotiation.YAML

    def one(self, version: Version) -> bytes:
        """An object."""
        return yaml_text.from_json(super().one(version))

    def many(self, versions: Sequence[Version], meta: ListMeta) -> bytes:
        """A list."""
        return yaml_text.from_json(super().many(versions, meta))
