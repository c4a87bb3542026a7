"""A client websocket for an event loop: nothing here waits.

Its owner is told by the loop when there is something to read, or room to write; an idle one so needs no greenlet and no
stack (8 KB), and a frame that comes costs no switch. Under gevent a read through the patched socket costs 1 µs more
than OpenSSL's own; a frame read by websocket-client 20.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress

from scale_agent.errors import DialError
from scale_agent.rancher.causes import WHAT, reason_of
from scale_agent.rancher.frames import CLOSE, MAX_FRAME_BYTES, PING, Frame, FrameReader, header

_BINARY = 2
#: One TLS record holds no more plaintext: after a read of so much OpenSSL never keeps any that no loop would tell of.
_RECEIVE = 16 << 10
#: So often one :meth:`ReadyWebSocket.receive` reads at most, for the rest of a frame; then others have their turn.
_READS = 16

_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class ReadyWebSocket:
    """Implements ``cluster.ports.WebSocket``. All methods of one websocket belong into one thread.

    Whatever goes wrong raises :class:`DialError` (``closed``, ``protocol``, ``tls``); the websocket is closed then.
    """

    __slots__ = ("_over", "_reader", "_rest", "_sock", "_unsent")

    def __init__(self, sock: socket.socket, rest: bytes = b"", *, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        sock.settimeout(0.0)
        self._sock = sock
        self._rest = rest
        self._reader = FrameReader(max_frame_bytes)
        self._unsent: bytes | memoryview = b""
        self._over = False

    def fileno(self) -> int:
        """The descriptor to be watched; -1 when it is over."""
        return self._sock.fileno()

    def receive(self) -> list[Frame]:
        """The frames that are there: (opcode, payload, fin); none is no error. Pings and a close are answered, too.

        One read, more only for the rest of a frame: a loop that looks at the level tells of what remains.
        """
        found: list[Frame] = []
        try:
            self._check()
            for _ in range(_READS):
                data = self._read()
                if data is None:
                    break
                found += self._reader.feed(data)
                if not self._reader.incomplete:
                    break
        except (OSError, ValueError, DialError) as error:
            if not found:
                raise self._failed(error) from None
            # what came before is told first; the end is still there with the next read
        for frame in found:
            if frame[0] in (PING, CLOSE):
                self._reply(frame[0], frame[1])
        return found

    def send(self, messages: Sequence[bytes]) -> int:
        """Each as one binary message in one frame, in one write; the number of bytes that wait (see :meth:`flush`)."""
        return self._put(b"".join([part for one in messages for part in (header(_BINARY, len(one)), one)]))

    def ping(self) -> int:
        """An empty ping; the number of bytes that wait."""
        return self._put(_PING_FRAME)

    def flush(self) -> int:
        """Send what waits, as much as there is room for; the number of bytes that still wait."""
        if not self._unsent:
            return 0
        data, self._unsent = self._unsent, b""
        return self._put(data)

    def shutdown(self) -> None:
        """End the connection at once. Idempotent."""
        if self._over:
            return
        self._over = True
        with suppress(OSError):  # not connected any more
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
        self._sock.close()

    def _read(self) -> bytes | None:
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        try:
            data = self._sock.recv(_RECEIVE)
        except _NOT_NOW:
            return None
        if not data:
            raise ConnectionResetError("closed")
        return data

    def _reply(self, opcode: int, payload: bytes) -> None:
        reply = header(PING + 1, len(payload)) + payload if opcode == PING else header(CLOSE, 2) + payload[:2]
        if opcode == CLOSE and not payload:
            reply = header(CLOSE, 0)
        with suppress(DialError):  # the peer may be gone already; what it said is returned all the same
            self._put(reply)

    def _put(self, data: bytes | memoryview) -> int:
        if self._unsent:
            data, self._unsent = memoryview(bytes(self._unsent) + bytes(data)), b""
        try:
            self._check()
            sent = self._sock.send(data)
            if sent == len(data):
                return 0
            if sent:  # else: gevent's word for not now
                data = self._write(memoryview(data)[sent:])
        except _NOT_NOW:
            pass
        except (OSError, ValueError, DialError) as error:
            raise self._failed(error) from None
        self._unsent = data
        return len(data)

    def _write(self, data: memoryview) -> memoryview:
        """What could not be sent: with TLS one record goes at a time."""
        while data:
            try:
                sent = self._sock.send(data)
            except _NOT_NOW:
                break
            if not sent:
                break
            data = data[sent:]
        return data

    def _check(self) -> None:
        if self._over:
            raise DialError("closed", "the websocket is closed")

    def _failed(self, error: Exception) -> DialError:
        over = self._over
        self.shutdown()
        if isinstance(error, DialError):
            return error
        # ValueError: gevent's word for a socket that was closed meanwhile
        reason = "closed" if over or isinstance(error, ValueError) else reason_of(error)
        return DialError(reason, WHAT[reason])


_PING_FRAME = header(PING, 0)
