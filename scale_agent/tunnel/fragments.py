"""Websocket frames to websocket messages (RFC 6455, section 5.4), with a limit on the whole message."""

from __future__ import annotations

from typing import Final

from scale_agent.errors import RemoteProtocolError

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CONTROL: Final = frozenset({8, 9, 10})

#: Largest message that is taken, in bytes. The Go module has no limit; it sends at most 32 KiB bodies, but a plain HTTP
#: request whose body is one buffer goes out as one message of any size.
MAX_MESSAGE_BYTES: Final = 16 << 20

_WHERE: Final = "websocket frame from the peer"


class MessageJoiner:
    """Joins the frames of one websocket; control frames may stand between them and are none of its business.

    ``begun``: what is there of a message, None between two.
    """

    __slots__ = ("begun", "limit")

    def __init__(self, limit: int = MAX_MESSAGE_BYTES) -> None:
        self.limit = limit
        self.begun: bytearray | None = None  # not a list of frames: a hostile one-byte frame would cost 80 bytes

    def receive(self, opcode: int, payload: bytes, fin: bool) -> bytes | None:
        """A complete binary message, or None while frames of it are missing.

        Raises :class:`RemoteProtocolError` for text, unknown opcodes, frames out of turn and messages above the limit.
        """
        if opcode == BINARY and fin and self.begun is None and len(payload) <= self.limit:
            return payload
        self._check(opcode, len(payload))
        if self.begun is None:
            self.begun = bytearray()
        self.begun += payload
        if not fin:
            return None
        whole, self.begun = bytes(self.begun), None
        return whole

    def _check(self, opcode: int, size: int) -> None:
        if opcode == TEXT:
            raise RemoteProtocolError("wrong websocket message type: text", where=_WHERE)
        if opcode not in (CONTINUATION, BINARY):
            raise RemoteProtocolError(f"unknown websocket opcode {opcode}", where=_WHERE)
        if (opcode == CONTINUATION) != (self.begun is not None):
            raise RemoteProtocolError("continuation frame out of turn", where=_WHERE)
        if len(self.begun or b"") + size > self.limit:
            raise RemoteProtocolError(f"message of more than {self.limit} bytes", where=_WHERE)
