"""Objects → bytes in the representation that was negotiated: JSON, protobuf, YAML.

An encoder is made per request (it holds two references); the bytes of an object are cached in its version.
Lists of built-in kinds repeat no kind in their items, lists of custom resources do (Go's typed and untyped JSON).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from scale_agent.kube.catalog import Catalog
from scale_agent.kube.codec import gojson
from scale_agent.kube.representation import negotiation, yaml_text
from scale_agent.kube.representation.bookmarks import Bookmarks
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.version import Obj, Version

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class ListMeta:
    """A list's metadata. ``remaining`` is given only when there is a next page."""

    rv: int
    continue_token: str = ""
    remaining: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The wire form, in Go's order."""
        out: dict[str, Any] = {"resourceVersion": str(self.rv)}
        if self.continue_token:
            out["continue"] = self.continue_token
        if self.remaining is not None:
            out["remainingItemCount"] = self.remaining
        return out


class Encoder(Protocol):
    """One representation of one resource type."""

    content_type: str
    stream_type: str

    def one(self, version: Version) -> bytes:
        """An object."""

    def many(self, versions: Sequence[Version], meta: ListMeta) -> bytes:
        """A list."""

    def event(self, kind: EventType, version: Version) -> bytes:
        """A watch event."""

    def bookmark(self, rv: int, *, initial_end: bool) -> bytes:
        """A bookmark event."""

    def error(self, refusal: Mapping[str, Any]) -> bytes:
        """An ERROR event."""


def bookmark_object(resource: ResourceType, rv: int, *, initial_end: bool) -> Obj:
    """The otherwise empty object inside a bookmark."""
    meta: dict[str, Any] = {"resourceVersion": str(rv)}
    if initial_end:
        meta["annotations"] = {INITIAL_EVENTS_END: "true"}
    return resource.ordered({"metadata": meta})


def json_event(kind: str, encoded: bytes) -> bytes:
    """One line of a JSON watch."""
    return b'{"type":"' + kind.encode() + b'","object":' + encoded + b"}\n"


class JsonErrors:
    """What every representation in JSON says last on a watch that cannot go on."""

    def error(self, refusal: Mapping[str, Any]) -> bytes:
        """An ERROR event."""
        return json_event(EventType.ERROR, gojson.dumps(refusal))


class ProtobufErrors:
    """The same in protobuf."""

    catalog: Catalog

    def error(self, refusal: Mapping[str, Any]) -> bytes:
        """An ERROR event."""
        return self.catalog.watch_frame(EventType.ERROR, self.catalog.encode(dict(refusal)))


class JsonEncoder(JsonErrors):
    """Compact JSON; documents end with a newline, as Go's encoder ends them."""

    content_type = negotiation.JSON
    stream_type = negotiation.JSON

    def __init__(self, catalog: Catalog, resource: ResourceType) -> None:
        self.catalog = catalog
        self.resource = resource
        self._bookmarks = Bookmarks(self._bookmark)

    def plain(self, version: Version) -> bytes:
        """The object's JSON in the asked version of its group."""
        encoded = version.json
        if encoded.startswith(self.resource.prefix):
            return encoded
        return gojson.dumps(self.catalog.converted(version.object(), self.resource))

    def one(self, version: Version) -> bytes:
        """An object."""
        return self.plain(version) + b"\n"

    def many(self, versions: Sequence[Version], meta: ListMeta) -> bytes:
        """A list."""
        kind = self.resource.list_kind.encode()
        api_version = self.resource.api_version.encode()
        head = gojson.dumps(meta.as_dict())
        if self.resource.typed:
            cut = len(self.resource.prefix)
            items = b",".join([b"{" + self.plain(one)[cut:] for one in versions])
            return b'{"kind":"%s","apiVersion":"%s","metadata":%s,"items":[%s]}\n' % (kind, api_version, head, items)
        items = b",".join([self.plain(one) for one in versions])
        head = gojson.dumps({"continue": "", **meta.as_dict()}, option=orjson.OPT_SORT_KEYS)
        return b'{"apiVersion":"%s","items":[%s],"kind":"%s","metadata":%s}\n' % (api_version, items, kind, head)

    def event(self, kind: EventType, version: Version) -> bytes:
        """A watch event."""
        return json_event(kind, self.plain(version))

    def bookmark(self, rv: int, *, initial_end: bool) -> bytes:
        """A bookmark event."""
        return self._bookmarks.of(rv, initial_end=initial_end)

    def _bookmark(self, rv: int, initial_end: bool) -> bytes:
        obj = bookmark_object(self.resource, rv, initial_end=initial_end)
        return json_event(EventType.BOOKMARK, gojson.dumps(self.catalog.normalize(obj, self.resource)))


class ProtobufEncoder(ProtobufErrors):
    """Kubernetes protobuf: the ``k8s\\0`` envelope; watch events are framed by a four-byte length."""

    content_type = negotiation.PROTOBUF
    stream_type = f"{negotiation.PROTOBUF};stream=watch"

    def __init__(self, catalog: Catalog, resource: ResourceType) -> None:
        self.catalog = catalog
        self.resource = resource
        self._bookmarks = Bookmarks(self._bookmark)

    def raw(self, version: Version) -> bytes:
        """The message in the asked version of its group."""
        if version.starts(self.resource.prefix):
            return version.raw(self.catalog.encode_raw)
        return self.catalog.encode_raw(self.catalog.converted(version.object(), self.resource))

    def one(self, version: Version) -> bytes:
        """An object."""
        return self.catalog.envelope(self.resource.api_version, self.resource.kind, self.raw(version))

    def many(self, versions: Sequence[Version], meta: ListMeta) -> bytes:
        """A list."""
        raws = [self.raw(one) for one in versions]
        return self.catalog.encode_list(self.resource.api_version, self.resource.list_kind, meta.as_dict(), raws)

    def event(self, kind: EventType, version: Version) -> bytes:
        """A watch event."""
        if kind is EventType.ADDED:
            return version.added(self.resource, self._added)
        return self.catalog.watch_frame(kind, self.one(version))

    def _added(self, version: Version) -> bytes:
        return self.catalog.watch_frame(EventType.ADDED, self.one(version))

    def bookmark(self, rv: int, *, initial_end: bool) -> bytes:
        """A bookmark event."""
        return self._bookmarks.of(rv, initial_end=initial_end)

    def _bookmark(self, rv: int, initial_end: bool) -> bytes:
        obj = bookmark_object(self.resource, rv, initial_end=initial_end)
        return self.catalog.watch_frame(EventType.BOOKMARK, self.catalog.encode(obj))


class YamlEncoder(JsonEncoder):
    """YAML, made from the JSON; nobody in a hurry asks for it."""

    content_type = negotiation.YAML
    stream_type = negotiation.YAML

    def one(self, version: Version) -> bytes:
        """An object."""
        return yaml_text.from_json(super().one(version))

    def many(self, versions: Sequence[Version], meta: ListMeta) -> bytes:
        """A list."""
        return yaml_text.from_json(super().many(versions, meta))
