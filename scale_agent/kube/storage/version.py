"""One version of one object: immutable, encoded, parsed only when somebody looks inside.

``json`` is compact and starts with ``{"kind":…,"apiVersion":…,`` for built-in kinds.
``raw`` is the protobuf message without the envelope, encoded once per version.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from scale_agent.kube.codec import gojson

Obj = dict[str, Any]
#: Encodes an object as a protobuf message without envelope.
RawEncoder = Callable[[Obj], bytes]
#: How the JSON of built-in kinds starts; their metadata comes first, and in it the uid before any other object's.
_BUILT_IN = b'{"kind":"'
_UID = b'"uid":"'
_WORTH_PACKING_BYTES = 512
#: By the beginning of their JSON, which is their kind: the first object of a kind that this process packed. Others of
#: that kind are packed as what differs from it: a tenth is left of what is much the same in all clusters.
_ALIKE: dict[bytes, bytes] = {}
_MOST_KINDS, _WINDOW = 500, 32768


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


class Version:
    """An object version owned by one cluster."""

    __slots__ = ("_alike", "_json", "_labels", "_raw", "name", "namespace", "rv")

    def __init__(self, namespace: str, name: str, rv: int, json: bytes) -> None:
        self.namespace = namespace
        self.name = name
        self.rv = rv
        self._json = json
        self._alike: bytes | None = None
        self._raw: bytes | None = None
        self._labels: Mapping[str, str] | None = None

    @property
    def json(self) -> bytes:
        """Compact JSON without a newline."""
        if self._alike is None:
            return self._json
        return zlib.decompressobj(zdict=self._alike).decompress(self._json)

    @property
    def references(self) -> bytes:
        """The JSON of its ownerReferences without their brackets; ``b""`` if it has none."""
        return references(self.json)

    @property
    def packed(self) -> bool:
        """Whether the JSON is held compressed."""
        return self._alike is not None

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
        """The protobuf message, encoded once."""
        if self._raw is None:
            self._raw = encode(self.object())
        return self._raw

    @property
    def labels(self) -> Mapping[str, str]:
        """The object's labels, parsed once."""
        if self._labels is None:
            self._labels = self.object()["metadata"].get("labels") or {}
        return self._labels

    def forget(self) -> None:
        """Drop what can be encoded again: nobody has asked for it for a while."""
        self._raw = None
        self._labels = None

    def pack(self) -> None:
        """Hold a version that was replaced a while ago as small as it goes: a quarter. It can still be read."""
        self.forget()
        if self._alike is None and len(self._json) >= _WORTH_PACKING_BYTES:
            self._alike = _alike(self._json)
            packer = zlib.compressobj(1, zdict=self._alike)
            self._json = packer.compress(self._json) + packer.flush()


def _alike(json: bytes) -> bytes:
    """An object of the same kind, or nothing."""
    kind = json[: json.find(b",")]
    found = _ALIKE.get(kind)
    if found is None and len(_ALIKE) < _MOST_KINDS:
        found = _ALIKE[kind] = json[-_WINDOW:]
    return found or b""
