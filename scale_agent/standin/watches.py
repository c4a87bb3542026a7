"""The body of a watch, piece by piece: events out, in JSON lines or protobuf frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from scale_agent.errors import RemoteProtocolError
from scale_agent.standin import codec, wire

MAX_FRAME = 64 << 20


class WatchReader:
    """Reads one watch. ``broken`` is text when the stream was not what a watch of ``kind`` may say."""

    __slots__ = ("_buffer", "_expected", "_interest", "_protobuf", "broken")

    def __init__(
        self, content_type: str, expected: tuple[str, str] | None, interest: Callable[[dict[str, Any]], bool]
    ) -> None:
        self._protobuf = content_type.startswith("application/vnd.kubernetes.protobuf")
        self._expected = expected
        self._interest = interest
        self._buffer = b""
        self.broken = (
            ""
            if self._protobuf or content_type.startswith("application/json")
            else f"a watch in {content_type or 'no content type'}"
        )

    def receive(self, data: bytes) -> list[tuple[str, dict[str, Any]]]:
        """(type, object) of every event that ``data`` completes; objects of no interest come with metadata only."""
        self._buffer += data
        try:
            return [self._checked(kind, obj) for kind, obj in (self._frames() if self._protobuf else self._lines())]
        except (RemoteProtocolError, ValueError) as error:
            self.broken = f"the watch's body cannot be read: {error}"
            self._buffer = b""
            return []

    def _lines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            if line.strip():
                yield _event(orjson.loads(line))

    def _frames(self) -> Iterator[tuple[str, dict[str, Any]]]:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 4:
            size = int.from_bytes(buffer[at : at + 4], "big")
            if size > MAX_FRAME:
                raise RemoteProtocolError(f"a frame of {size} bytes", where="watch")
            if len(buffer) - at - 4 < size:
                break
            kind, body = wire.watch_event(buffer[at + 4 : at + 4 + size])
            at += 4 + size
            obj = wire.glance(body)
            yield kind, codec.decode_protobuf(body) if kind == "ERROR" or self._interest(obj) else obj
        self._buffer = buffer[at:]

    def _checked(self, kind: str, obj: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        about = (obj.get("apiVersion", ""), obj.get("kind", ""))
        if self._expected and kind != "ERROR" and about != self._expected:
            self.broken = f"{kind} of {about[1] or 'no kind'} {about[0]} in a watch of {self._expected[1]}"
        elif kind in ("ADDED", "MODIFIED", "DELETED") and not _complete(obj):
            self.broken = f"{kind} of an object without name, uid or resourceVersion"
        return kind, obj


def _event(event: Any) -> tuple[str, dict[str, Any]]:
    obj = event.get("object") if isinstance(event, dict) else None
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata", {}), dict):
        raise RemoteProtocolError("a line that is no watch event", where="watch")
    return str(event.get("type", "")), obj


def _complete(obj: dict[str, Any]) -> bool:
    metadata = obj.get("metadata", {})
    return all(metadata.get(key) for key in ("name", "uid", "resourceVersion"))
