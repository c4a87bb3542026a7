"""A glance into Kubernetes' protobuf without a schema: the envelope and the metadata that all kinds share.

Every object's first field is its ObjectMeta (name 1, namespace 3, uid 5, resourceVersion 6, annotations 12); the
envelope is ``k8s\\0`` and runtime.Unknown (TypeMeta 1, raw 2). A watch's frames are a length of four bytes and a
WatchEvent (type 1, RawExtension 2 with the envelope in 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scale_agent.errors import RemoteProtocolError

MAGIC = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, content) of the length-delimited fields of a message; others are skipped. ``RemoteProtocolError``."""
    at = 0
    try:
        while at < len(data):
            key, at = _varint(data, at)
            number, wire = key >> 3, key & 7
            if wire == _VARINT:
                _, at = _varint(data, at)
            elif wire == _BYTES:
                size, at = _varint(data, at)
                if at + size > len(data):
                    raise IndexError
                yield number, data[at : at + size]
                at += size
            else:
                at += _SIZES[wire]
    except (IndexError, KeyError) as error:
        raise RemoteProtocolError("a protobuf message is cut off or broken", where="answer of the cluster") from error


def envelope(body: bytes) -> tuple[str, str, bytes]:
    """(apiVersion, kind, raw) of a body that starts with ``k8s\\0``. ``RemoteProtocolError`` if it does not."""
    if not body.startswith(MAGIC):
        raise RemoteProtocolError("protobuf without the magic k8s\\0", where="answer of the cluster")
    unknown = dict(fields(body[4:]))
    meta = dict(fields(unknown.get(1, b"")))
    return meta.get(1, b"").decode(errors="replace"), meta.get(2, b"").decode(errors="replace"), unknown.get(2, b"")


def glance(body: bytes) -> dict[str, Any]:
    """apiVersion, kind and the common metadata of an object in protobuf."""
    api_version, kind, raw = envelope(body)
    metadata: dict[str, Any] = {}
    notes: dict[str, str] = {}
    first = next((content for number, content in fields(raw) if number == 1), b"")
    names = {1: "name", 3: "namespace", 5: "uid", 6: "resourceVersion"}
    for number, content in fields(first):
        if number in names:
            metadata[names[number]] = content.decode(errors="replace")
        elif number == 12:
            entry = dict(fields(content))
            notes[entry.get(1, b"").decode(errors="replace")] = entry.get(2, b"").decode(errors="replace")
    if notes:
        metadata["annotations"] = notes
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def watch_event(frame: bytes) -> tuple[str, bytes]:
    """(type, envelope of the object) of one watch frame without its length."""
    event = dict(fields(frame))
    return event.get(1, b"").decode(errors="replace"), dict(fields(event.get(2, b""))).get(1, b"")
