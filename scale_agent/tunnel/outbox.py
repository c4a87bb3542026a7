"""Bytes that wait to be sent, taken in pieces without copying the rest."""

from __future__ import annotations

from collections import deque


class Outbox:
    """First in, first out. ``size`` is the number of bytes that wait."""

    __slots__ = ("_parts", "size")

    def __init__(self) -> None:
        #: Bytes as long as there is one part, as of nearly all answers; a deque costs 0.6 KB.
        self._parts: deque[bytes | memoryview] | bytes | None = None
        self.size = 0

    def put(self, data: bytes) -> None:
        """Add bytes at the end."""
        if data:
            parts = self._parts
            if parts is None:
                self._parts = data
            elif isinstance(parts, deque):
                parts.append(data)
            else:
                self._parts = deque((parts, data))
            self.size += len(data)

    def take(self, max_bytes: int | None = None) -> bytes:
        """At most ``max_bytes`` (None: all) from the front, removed."""
        parts = self._parts
        if parts is None:
            return b""
        if max_bytes is None or self.size <= max_bytes:
            self._parts = None
            self.size = 0
            return b"".join(parts) if isinstance(parts, deque) else parts
        if not isinstance(parts, deque):
            parts = self._parts = deque((parts,))
        out: list[bytes | memoryview] = []
        wanted = max_bytes
        while wanted > 0:
            part = parts.popleft()
            if len(part) > wanted:
                view = memoryview(part)
                parts.appendleft(view[wanted:])
                part = view[:wanted]
            out.append(part)
            wanted -= len(part)
        self.size -= max_bytes
        return b"".join(out)
