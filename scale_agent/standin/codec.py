"""Answers and bodies of the Kubernetes API as JSON values, whatever their encoding on the wire."""

from __future__ import annotations

import zlib
from functools import cache
from typing import Any

import orjson

from scale_agent.kube.codec import protobuf
from scale_agent.kube.schema.schema import Schema
from scale_agent.standin.wire import MAGIC

PROTOBUF = "application/vnd.kubernetes.protobuf"
#: JSON bodies above this (bytes) are OpenAPI documents: only their beginning is looked at.
LARGE = 200_000
_GZIP, _GZIP_ONLY = b"\x1f\x8b", 31
#: More than any answer is, unpacked.
_MOST = 1 << 26


@cache
def _schema() -> Schema:
    return Schema.load()


def decode_protobuf(body: bytes) -> dict[str, Any]:
    """The object in a protobuf body that starts with ``k8s\\0``. ``ValueError`` for what is none."""
    return dict(protobuf.decode(body, _schema()))


def encode(body: Any, encoding: str) -> bytes:
    """A request body in the recorded encoding: ``json`` or ``protobuf``."""
    if encoding == "protobuf":
        return protobuf.encode(body, _schema())
    return body.encode() if isinstance(body, str) else orjson.dumps(body)


def decode(content_type: str, body: bytes) -> Any:
    """The object in an answer; text where it is neither JSON nor protobuf, or broken."""
    try:
        if body.startswith(_GZIP):
            body = _unpacked(body)
        if content_type.startswith(PROTOBUF) or body.startswith(MAGIC):
            return decode_protobuf(body)
        if content_type.startswith(("application/json", "text/plain")) and body[:1] in b"{[":
            return _large(body) if len(body) > LARGE else orjson.loads(body)
    except (ValueError, orjson.JSONDecodeError):
        return f"(broken: {len(body)} bytes)"
    return body.decode(errors="replace")


def _unpacked(body: bytes) -> bytes:
    """What a server packs because it is large (lists above 128 KiB). ``ValueError`` where it is cut off or too much."""
    reader = zlib.decompressobj(_GZIP_ONLY)
    try:
        made = reader.decompress(body, _MOST)
    except zlib.error as error:
        raise ValueError(f"broken gzip: {error}") from None
    if not reader.eof:
        raise ValueError("gzip that is cut off, or without end")
    return made


def _large(body: bytes) -> Any:
    """The keys that are looked at of an OpenAPI document, without parsing 1.6 MB per kubectl and cluster."""
    if body.rstrip()[-1:] != b"}":
        return f"(cut off: {len(body)} bytes)"
    return {key: True for key in ("openapi", "paths", "components") if b'"%s"' % key.encode() in body}
