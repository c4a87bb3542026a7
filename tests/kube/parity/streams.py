"""Watch streams: how many whole events, and which."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from scale_agent.kube.codec.protobuf import fields_of
from scale_agent.kube.codec.wire import DecodeError

Frame = tuple[str, bytes]


def is_framed(stream: bytes) -> bool:
    """Protobuf events have their length in front, so that the first byte is nearly always zero; JSON never has one."""
    return stream[:1] == b"\0"


def frames(stream: bytes) -> Iterator[bytes]:
    """The whole frames of a protobuf watch."""
    at = 0
    while at + 4 <= len(stream):
        size = int.from_bytes(stream[at : at + 4], "big")
        if at + 4 + size > len(stream):
            return
        yield stream[at + 4 : at + 4 + size]
        at += 4 + size


def whole(stream: bytes | bytearray) -> int:
    """How many whole events there are."""
    data = bytes(stream)
    return sum(1 for _ in frames(data)) if is_framed(data) else data.count(b"\n")


def framed_events(stream: bytes) -> Iterator[Frame]:
    """(type, object's envelope) of each protobuf event. Raises ``DecodeError``, ``IndexError``."""
    for frame in frames(stream):
        event = fields_of(frame)
        yield event.get(1, b"").decode(), fields_of(event.get(2, b"")).get(1, b"")


def parsed(stream: bytes, decode: Any) -> list[Any]:
    """The events as ``{"type", "object"}``, ``decode`` for envelopes; a line that is no JSON is text."""
    if is_framed(stream):
        return [{"type": kind, "object": _decoded(raw, decode)} for kind, raw in framed_events(stream)]
    return [_line(line) for line in stream.splitlines()]


def _decoded(raw: bytes, decode: Any) -> Any:
    try:
        return decode(raw)
    except DecodeError as error:
        return f"not protobuf: {error} {raw[:80]!r}"


def _line(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line.decode("utf-8", "replace")


__all__ = ["framed_events", "frames", "is_framed", "parsed", "whole"]
