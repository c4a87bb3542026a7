"""Websocket frames of a client, without I/O (RFC 6455, section 5): bytes to frames, and the header of a frame to send.

Sent frames have a zero mask: masking protects proxies, there is none, and large payloads are fourteen times cheaper.
"""

from __future__ import annotations

import struct

from scale_agent.errors import DialError

CLOSE, PING, PONG = 8, 9, 10
#: Rancher's frames carry at most some MiB (protocol 2.7); a longer one is hostile, and would be collected in memory.
MAX_FRAME_BYTES = 32 << 20

#: Opcode, payload, fin.
Frame = tuple[int, bytes, bool]

_ZERO_MASK = b"\0\0\0\0"
_CONTROL_LIMIT = 125  # RFC 6455, 5.5
_NAMES = {0: "continuation", 1: "text", 2: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


def header(opcode: int, size: int) -> bytes:
    """Header of a final frame with a zero mask (5.2)."""
    first = 0x80 | opcode
    if size < 126:
        return bytes((first, 0x80 | size)) + _ZERO_MASK
    if size < 1 << 16:
        return struct.pack("!BBH", first, 0x80 | 126, size) + _ZERO_MASK
    return struct.pack("!BBQ", first, 0x80 | 127, size) + _ZERO_MASK


class FrameReader:
    """What a server sends, in pieces of any size. ``incomplete``: a frame has begun and not ended."""

    __slots__ = ("_buffer", "_limit", "_wanted")

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._limit = max_frame_bytes
        self._buffer: bytearray | None = None  # most frames come whole
        self._wanted = 2

    @property
    def incomplete(self) -> bool:
        """More bytes are needed for what has come."""
        return self._buffer is not None

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete now. Raises :class:`DialError` ``protocol`` for what no server may send."""
        if self._buffer is not None:
            self._buffer += data
            if len(self._buffer) < self._wanted:
                return []
            data = bytes(self._buffer)
        return self._frames(data)

    def _frames(self, data: bytes) -> list[Frame]:
        found: list[Frame] = []
        at, end = 0, len(data)
        while at < end:
            start, size = self._head(data, at)
            if start + size > end:
                self._wanted = start + size - at
                self._buffer = bytearray(data[at:])
                return found
            first, payload = data[at], data[start : start + size]
            if first & 0x0F == CLOSE and payload:
                _check_close(payload)
            found.append((first & 0x0F, payload, first > 0x7F))
            at = start + size
        self._buffer = None
        return found

    def _head(self, data: bytes, at: int) -> tuple[int, int]:
        """Where the payload begins and how long it is, at least, as far as can be seen."""
        if len(data) - at < 2:
            return at + 2, 0
        first, size = data[at], data[at + 1]
        if first not in _PLAIN:
            _check_first(first)
        start = at + 2
        if size < 126:
            return start, size
        if size > 127:
            raise _broken("a masked frame from a server")
        width = 2 if size == 126 else 8
        if len(data) - start < width:
            return start + width, 0
        return start + width, self._checked(first, int.from_bytes(data[start : start + width], "big"))

    def _checked(self, first: int, size: int) -> int:
        limit = _CONTROL_LIMIT if first & 8 else self._limit
        if size > limit:
            raise _broken(f"a frame of {size} bytes, the limit is {limit}")
        return size


#: First bytes of frames that are well-formed by themselves.
_PLAIN = frozenset({0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x80 | CLOSE, 0x80 | PING, 0x80 | PONG})


def _check_first(first: int) -> None:
    if first & 0x70:
        raise _broken("rsv bits are set, and no extension was agreed on")
    name = _NAMES.get(first & 0x0F)
    if name is None:
        raise _broken(f"unknown opcode {first & 0x0F}")
    raise _broken(f"a {name} in pieces")


def _check_close(payload: bytes) -> None:
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or not (code in _CLOSE_CODES or 3000 <= code < 5000):
        raise _broken("a close without a code that may be sent")


def _broken(what: str) -> DialError:
    return DialError("protocol", f"Rancher broke the websocket protocol: {what}")
