"""Kubernetes' protobuf: the ``k8s\\0`` envelope around a message, lists made of encoded items, watch frames.

Written and read by tables that come from the Go structs (:mod:`.encoder`, :mod:`.decoder`); what this room answers
is byte-identical to a real 1.36.2 server's for the same object (proved against recordings in ``tests/kube``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from scale_agent.kube.codec.decoder import decoder
from scale_agent.kube.codec.encoder import encode as encode_message
from scale_agent.kube.codec.normalizer import normalize
from scale_agent.kube.codec.wire import BYTES, DecodeError, EncodeError, delimited, read_varint, varint
from scale_agent.kube.schema.schema import Schema
from scale_agent.kube.schema.types import Type

__all__ = [
    "DecodeError",
    "EncodeError",
    "decode",
    "encode",
    "encode_list",
    "encode_raw",
    "envelope",
    "normalize",
    "watch_frame",
]

#: What every envelope starts with.
MAGIC = b"k8s\0"
#: contentEncoding and contentType, which Go always writes.
_TAIL = b"\x1a\x00\x22\x00"
Obj = dict[str, Any]


def _split(api_version: str) -> tuple[str, str]:
    """Group and version; the few kinds that are sent without any (``APIVersions``) are registered in v1."""
    group, _, version = api_version.rpartition("/")
    return group, version or "v1"


def _type(schema: Schema, api_version: str, kind: str) -> Type | None:
    return schema.kind(*_split(api_version), kind)


def _unknown(api_version: str, kind: str) -> str:
    return f'no kind "{kind}" is registered for version "{api_version}" in scheme "pkg/runtime/scheme.go:111"'


def open_envelope(body: bytes) -> tuple[str, str, bytes]:
    """apiVersion, kind and message of an envelope. Raises :class:`DecodeError`."""
    if not body:
        raise DecodeError("empty data")
    if not body.startswith(MAGIC):
        raise DecodeError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    if len(body) == len(MAGIC):
        raise DecodeError("empty body")
    try:
        parts = _parts(body, len(MAGIC), len(body))
        names = fields_of(parts.get(1, b""))
        return names.get(1, b"").decode(), names.get(2, b"").decode(), parts.get(2, b"")
    except (IndexError, UnicodeDecodeError) as error:
        raise DecodeError("unexpected EOF") from error


def fields_of(message: bytes) -> dict[int, bytes]:
    """The length-delimited fields of a small message by number. Raises ``DecodeError``, ``IndexError`` when cut."""
    return _parts(message, 0, len(message))


def _parts(data: bytes, at: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at < end:
        key, at = read_varint(data, at)
        if key & 7 != BYTES:
            raise DecodeError(f"proto: wrong wireType = {key & 7} in the envelope")
        size, at = read_varint(data, at)
        if at + size > end:
            raise DecodeError("unexpected EOF")
        found[key >> 3], at = data[at : at + size], at + size
    return found


def decode(body: bytes, schema: Schema) -> Obj:
    """The object of a ``k8s\\0`` body, JSON-shaped, ``kind`` and ``apiVersion`` first. Raises :class:`DecodeError`."""
    return decode_message(*open_envelope(body), schema)


def decode_message(api_version: str, kind: str, raw: bytes, schema: Schema) -> Obj:
    """The object of an opened envelope. Raises :class:`DecodeError`."""
    found = _type(schema, api_version, kind)
    if found is None:
        raise DecodeError(_unknown(api_version, kind))
    obj = decode_raw(raw, found)
    obj.pop("kind", None)
    obj.pop("apiVersion", None)
    return {"kind": kind, "apiVersion": api_version, **obj}


def decode_raw(raw: bytes, kind: Type) -> Obj:
    """The object of a message without envelope. Raises :class:`DecodeError`."""
    try:
        return decoder(kind).decode(raw, 0, len(raw))
    except (IndexError, RecursionError, OverflowError) as error:
        raise DecodeError("unexpected EOF") from error


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    """A message in its envelope."""
    return b"".join((_head(api_version, kind), varint(len(raw)), raw, _TAIL))


@lru_cache(maxsize=1024)
def _head(api_version: str, kind: str) -> bytes:
    """What stands before a message's length: the same for all objects of a kind, of which an import sends 700."""
    names = delimited(b"\x0a", api_version.encode()) + delimited(b"\x12", kind.encode())
    return MAGIC + delimited(b"\x0a", names) + b"\x12"


def encode(obj: Obj, schema: Schema) -> bytes:
    """The object as a real server sends it. Raises :class:`EncodeError` (unknown kind, values of wrong types)."""
    return envelope(str(obj.get("apiVersion", "")), str(obj.get("kind", "")), encode_raw(obj, schema))


def encode_raw(obj: Obj, schema: Schema) -> bytes:
    """The object's message without its envelope. Raises :class:`EncodeError`."""
    api_version, kind = str(obj.get("apiVersion", "")), str(obj.get("kind", ""))
    found = _type(schema, api_version, kind)
    if found is None:
        raise EncodeError(_unknown(api_version, kind))
    return encode_message(found, obj)


def encode_list(api_version: str, kind: str, metadata: Mapping[str, Any], items: Sequence[bytes]) -> bytes:
    """A list in its envelope from the messages of its items (:func:`encode_raw`).

    Every list kind has the same form: ListMeta is field 1, items are field 2 (``metadata`` keys as in JSON).
    """
    parts = [delimited(b"\x0a", _list_meta(metadata))]
    parts += [delimited(b"\x12", item) for item in items]
    return envelope(api_version, kind, b"".join(parts))


def _list_meta(metadata: Mapping[str, Any]) -> bytes:
    out = [delimited(prefix, str(metadata.get(name) or "").encode()) for name, prefix in _LIST_META]
    remaining = metadata.get("remainingItemCount")
    if remaining is not None:
        out.append(b"\x20" + varint(int(remaining)))
    return b"".join(out)


_LIST_META = (("selfLink", b"\x0a"), ("resourceVersion", b"\x12"), ("continue", b"\x1a"))


def watch_frame(event_type: str, object_envelope: bytes) -> bytes:
    """One event of ``application/vnd.kubernetes.protobuf;stream=watch``: big-endian length, then the event.

    The event is a bare ``WatchEvent`` message whose object is the whole envelope.
    """
    start = b"\x0a" + varint(len(object_envelope))
    head = _event_head(event_type) + varint(len(start) + len(object_envelope)) + start
    return b"".join(((len(head) + len(object_envelope)).to_bytes(4, "big"), head, object_envelope))


@lru_cache(maxsize=16)
def _event_head(event_type: str) -> bytes:
    return delimited(b"\x0a", event_type.encode()) + b"\x12"
