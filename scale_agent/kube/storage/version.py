"""One version of one object: immutable, encoded, parsed only when somebody looks inside.

``json`` is compact and starts with ``{"kind":…,"apiVersion":…,`` for built-in kinds.
``raw`` is the protobuf message without the envelope, encoded once per version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from sys import intern
from typing import Any, Protocol

import orjson

from scale_agent.kube.codec import gojson
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.packing import MOULDS, Packing
from scale_agent.kube.storage.recent import Common, Recent

Obj = dict[str, Any]
#: Encodes an object as a protobuf message without envelope.
RawEncoder = Callable[[Obj], bytes]
#: How the JSON of built-in kinds starts; their metadata comes first, and in it the uid before any other object's.
_BUILT_IN = b'{"kind":"'
_UID = b'"uid":"'
#: Protobuf messages of packed objects, bytes: what few ask for is held for few.
_MESSAGES = Recent(8 << 20)
#: Labels that were asked for: many objects of many clusters have the same.
_LABELS = Common(5000)
_NO_LABELS: Mapping[str, str] = {}

_REFERENCES = b'"ownerReferences":[{'
_UIDS = re.compile(rb'"uid":"([^"]+)"')


def references(json: bytes) -> bytes:
    """The JSON of an object's ownerReferences without their brackets; ``b""`` if it has none.

    Cut out, not parsed: they hold no brackets, and inside of texts quotes are escaped.
    """
    start = json.find(_REFERENCES)
    if start < 0:
        return b""
    start += len(_REFERENCES) - 1
    return json[start : json.index(b"]", start)]


def uids_of(found: bytes) -> list[bytes]:
    """The uids in what :func:`references` found."""
    return _UIDS.findall(found)


def encoded(obj: Obj) -> bytes:
    """Compact JSON to be kept. orjson's own bytes stand in a block of 4 KB or a double of it: two to twelve times."""
    return bytes(memoryview(gojson.dumps(obj)))


class Message(Protocol):
    """An object's protobuf message that can be made without the object."""

    def raw(self, encode: RawEncoder) -> bytes | None:
        """The message; ``None`` if it has to be encoded."""


class Version:
    """An object version owned by one cluster."""

    __slots__ = ("_json", "_labels", "_packing", "_raw", "name", "namespace", "rv")

    def __init__(self, namespace: str, name: str, rv: int, json: bytes, message: Message | None = None) -> None:
        self.namespace = intern(namespace)
        self.name = intern(name)
        self.rv = rv
        self._json = json
        self._packing: Packing | None = None
        self._raw: bytes | Message | None = message
        self._labels: Mapping[str, str] | None = None

    @property
    def json(self) -> bytes:
        """Compact JSON without a newline."""
        return self._json if self._packing is None else self._packing.text(self._json)

    def starts(self, prefix: bytes) -> bool:
        """Whether the JSON starts so: of which kind and version it is."""
        if self._packing is not None:
            return self._packing.starts(self._json, prefix)
        return self.json.startswith(prefix)

    @property
    def references(self) -> bytes:
        """The JSON of its ownerReferences without their brackets; ``b""`` if it has none."""
        return references(self.json)

    @property
    def packed(self) -> bool:
        """Whether the JSON is held as what differs from others."""
        return self._packing is not None

    def object(self) -> Obj:
        """A fresh dict; the caller may change it."""
        out: Obj = orjson.loads(self.json)
        return out

    @property
    def uid(self) -> str:
        """``metadata.uid``, without parsing what does not have to be."""
        json = self.json
        start = json.find(_UID) + len(_UID)
        if start < len(_UID) or not json.startswith(_BUILT_IN):
            return str(self.object()["metadata"].get("uid", ""))
        return json[start : json.index(b'"', start)].decode()

    def raw(self, encode: RawEncoder) -> bytes:
        """The protobuf message, encoded once; of a packed object, once in a while."""
        found = self._raw
        if isinstance(found, bytes):
            return found
        if self._packing is not None:
            return _MESSAGES.get(self, lambda: encode(self.object()))
        made = found.raw(encode) if found is not None else None
        if made is None:
            made = encode(self.object())
        self._raw = made
        return made

    def added(self, resource: ResourceType, make: Callable[[Version], bytes]) -> bytes:
        """What a watch of ``resource`` says of an object that is there: made now, or what was made before.

        ``make`` depends on the two alone, and writes uids and the authority as they are.
        """
        return make(self)

    @property
    def labels(self) -> Mapping[str, str]:
        """The object's labels, parsed once."""
        if self._labels is None:
            labels = self.object()["metadata"].get("labels")
            self._labels = _LABELS.one(labels) if labels else _NO_LABELS
        return self._labels

    def forget(self) -> None:
        """Drop what can be encoded again: nobody has asked for it for a while."""
        self._raw = None
        self._labels = None

    def pack(self) -> None:
        """Hold the JSON, which was written a while ago, as small as it goes. It can still be read."""
        if self._packing is None and (packed := MOULDS.pack(self.namespace, self.name, self._json)) is not None:
            self._packing, self._json = packed
        if not isinstance(self._raw, bytes):
            self._raw = None
