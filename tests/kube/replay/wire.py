"""The few protobuf fields that the replay itself needs, read and rewritten on the wire.

This is deliberately not ``scale_agent.kube.codec.protobuf``: what maps requests must not share bugs with the answerer.
Layout: ``k8s\\0`` and a ``runtime.Unknown`` (1 typeMeta, 2 raw); an object's field 1 is its ``ObjectMeta`` (1 name,
2 generateName, 3 namespace, 5 uid, 6 resourceVersion), a list's field 1 its ``ListMeta`` (2 resourceVersion).
"""

from __future__ import annotations

from collections.abc import Iterator

MAGIC = b"k8s\x00"
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Field = tuple[int, int, int | bytes]

META_FIELDS = {1: "name", 2: "generateName", 3: "namespace", 5: "uid", 6: "resourceVersion"}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _encode_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def fields(data: bytes) -> Iterator[Field]:
    """The fields of one message: (number, wire type, value)."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            value, at = _varint(data, at)
            yield number, wire_type, value
            continue
        if wire_type == BYTES:
            size, at = _varint(data, at)
        else:
            size = {FIXED64: 8, FIXED32: 4}[wire_type]
        yield number, wire_type, data[at : at + size]
        at += size


def message(items: Iterator[Field]) -> bytes:
    """Inverse of :func:`fields`."""
    out = bytearray()
    for number, wire_type, value in items:
        out += _encode_varint(number << 3 | wire_type)
        if isinstance(value, int):
            out += _encode_varint(value)
            continue
        if wire_type == BYTES:
            out += _encode_varint(len(value))
        out += value
    return bytes(out)


def first(data: bytes, number: int) -> bytes:
    """The value of the first length-delimited field ``number``, empty if there is none."""
    for found, wire_type, value in fields(data):
        if found == number and wire_type == BYTES and isinstance(value, bytes):
            return value
    return b""


def type_meta(body: bytes) -> tuple[str, str]:
    """(apiVersion, kind) of a ``k8s\\0`` body."""
    meta = first(body[len(MAGIC) :], 1)
    return first(meta, 1).decode(), first(meta, 2).decode()


def metadata(body: bytes) -> dict[str, str]:
    """The identifying metadata of a ``k8s\\0`` object; empty values left out. A list has its ``resourceVersion``."""
    meta = first(first(body[len(MAGIC) :], 2), 1)
    if type_meta(body)[1].endswith("List"):
        version = first(meta, 2).decode()
        return {"resourceVersion": version} if version else {}
    found = {META_FIELDS[n]: v.decode() for n, _, v in fields(meta) if n in META_FIELDS and isinstance(v, bytes)}
    return {key: value for key, value in found.items() if value}


def _replaced(data: bytes, number: int, value: bytes) -> bytes:
    return message((n, t, value if n == number and t == BYTES else v) for n, t, v in fields(data))


def with_version(body: bytes, version: str) -> bytes:
    """The ``k8s\\0`` object with another ``resourceVersion``."""
    unknown = body[len(MAGIC) :]
    raw = first(unknown, 2)
    meta = _replaced(first(raw, 1), 6, version.encode())
    return MAGIC + _replaced(unknown, 2, _replaced_first(raw, 1, meta))


def _replaced_first(data: bytes, number: int, value: bytes) -> bytes:
    done = False
    out: list[Field] = []
    for n, t, v in fields(data):
        if n == number and not done:
            v, done = value, True
        out.append((n, t, v))
    return message(iter(out))


def frames(stream: bytes) -> Iterator[tuple[str, bytes]]:
    """(event type, ``k8s\\0`` object) of every whole event of a protobuf watch."""
    at = 0
    while at + 4 <= len(stream):
        size = int.from_bytes(stream[at : at + 4], "big")
        frame = stream[at + 4 : at + 4 + size]
        if len(frame) < size:
            return
        yield first(frame, 1).decode(), first(first(frame, 2), 1)
        at += 4 + size


def watched(stream: bytes) -> Iterator[dict[str, str]]:
    """The identifying metadata of every event of a protobuf watch."""
    return (metadata(found) for _, found in frames(stream))
