"""A client websocket after its upgrade: one reader, any number of senders.

Frames are read by websocket-client's frame reader; sending is our own: a zero mask (masking protects proxies, there is
none) makes large payloads fourteen times cheaper, and many messages leave in one write.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from websocket import ABNF, WebSocketException, frame_buffer

from scale_agent.errors import DialError
from scale_agent.rancher.causes import WHAT, reason_of

_ZERO_MASK = b"\0\0\0\0"
_RECEIVE = 16 << 10
#: Rancher's frames carry at most some MiB (protocol 2.7); a longer one is hostile, and would be collected in memory.
MAX_FRAME_BYTES = 32 << 20
_CONTROL_LIMIT = 125  # RFC 6455, 5.5


class ClientWebSocket:
    """Implements ``cluster.ports.WebSocket``. ``idle_timeout_s``: ``receive`` raises ``timeout`` after silence.

    A greenlet (or thread) that is inside ``receive`` or ``send`` holds the socket open; the last one to leave after
    :meth:`shutdown` or an error closes it. Under plain threads OpenSSL does not promise that one may read while
    another writes; under gevent only one runs at a time.
    """

    def __init__(self, sock: socket.socket, rest: bytes = b"", *, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._sock = sock
        self._rest = rest
        self._frames = _Frames(self._receive_some, max_frame_bytes)
        self._sending = threading.Lock()
        self._counting = threading.Lock()
        self._inside = 0
        self._over = False
        self._closed = False
        self.idle_timeout_s: float | None = None

    def receive(self) -> tuple[int, bytes, bool]:
        """The next frame: (opcode, payload, fin). Pings and a close are answered, and returned too.

        Raises :class:`DialError`: ``closed``, ``protocol`` (then the websocket is closed), ``timeout``.
        """
        with self._use():
            frame = self._frames.recv_frame()
            payload = frame.data if isinstance(frame.data, bytes) else frame.data.encode()
            self._answer(frame.opcode, payload)
            return frame.opcode, payload, bool(frame.fin)

    def send(self, messages: Sequence[bytes]) -> None:
        """Each as one binary message in one frame, joined into one write. Raises like :meth:`receive`."""
        self._send(b"".join(part for message in messages for part in (_header(ABNF.OPCODE_BINARY, message), message)))

    def send_text(self, text: str) -> None:
        """One text message. Raises like :meth:`receive`."""
        data = text.encode()
        self._send(_header(ABNF.OPCODE_TEXT, data) + data)

    def ping(self) -> None:
        """An empty ping. Raises like :meth:`receive`."""
        self._send(_header(ABNF.OPCODE_PING, b""))

    def shutdown(self) -> None:
        """End the connection at once, from any greenlet or thread; never blocks. Idempotent."""
        with self._counting:
            first, self._over = not self._over, True
        if first:
            self._cut()
        self._close_if_free()

    def _answer(self, opcode: int, payload: bytes) -> None:
        if opcode == ABNF.OPCODE_PING:
            self._send(_header(ABNF.OPCODE_PONG, payload) + payload)
        elif opcode == ABNF.OPCODE_CLOSE:
            code = payload[:2]
            with suppress(DialError):  # the peer may be gone already; the frame is returned all the same
                self._send(_header(ABNF.OPCODE_CLOSE, code) + code)

    def _send(self, data: bytes) -> None:
        with self._use(), self._sending:
            self._sock.sendall(data)

    def _receive_some(self, _wanted: int) -> bytes:
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        if self._sock.gettimeout() != self.idle_timeout_s:
            self._sock.settimeout(self.idle_timeout_s)
        data = self._sock.recv(_RECEIVE)
        if not data:
            raise ConnectionResetError("closed")
        return data

    @contextmanager
    def _use(self) -> Iterator[None]:
        """Count who is inside; turn what goes wrong into a :class:`DialError`, and end the websocket for all."""
        with self._counting:
            if self._over:
                raise DialError("closed", "the websocket is closed")
            self._inside += 1
        try:
            yield
        except DialError:
            raise
        except WebSocketException as error:
            self._end()
            raise DialError("protocol", f"Rancher broke the websocket protocol: {error}") from None
        except (OSError, ValueError) as error:  # ValueError: gevent's word for a socket that was closed meanwhile
            reason = "closed" if self._over or isinstance(error, ValueError) else reason_of(error)
            self._end()
            raise DialError(reason, WHAT[reason]) from None
        finally:
            with self._counting:
                self._inside -= 1
            self._close_if_free()

    def _end(self) -> None:
        with self._counting:
            self._over = True

    def _cut(self) -> None:
        # The plain socket's shutdown: an SSLSocket's own would take the TLS object away from the reader that is in it.
        with suppress(OSError):  # not connected any more
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def _close_if_free(self) -> None:
        with self._counting:
            due = self._over and not self._inside and not self._closed
            self._closed = self._closed or due
        if due:
            self._sock.close()


class _Frames(frame_buffer):
    """websocket-client's reader with limits: it would collect whatever length a header announces."""

    def __init__(self, receive: object, max_frame_bytes: int) -> None:
        super().__init__(receive, skip_utf8_validation=True)  # type: ignore[arg-type]
        self._max_frame_bytes = max_frame_bytes

    def recv_length(self) -> None:
        """Read the length. Raises ``WebSocketException`` for one that nobody needs."""
        super().recv_length()
        opcode = self.header[4] if self.header else 0
        limit = _CONTROL_LIMIT if opcode & 8 else self._max_frame_bytes
        if self.length is not None and self.length > limit:
            raise WebSocketException(f"a frame of {self.length} bytes, the limit is {limit}")


def _header(opcode: int, payload: bytes) -> bytes:
    """Header of a final frame with a zero mask (RFC 6455, 5.2)."""
    size = len(payload)
    first = 0x80 | opcode
    if size < 126:
        return bytes((first, 0x80 | size)) + _ZERO_MASK
    if size < 1 << 16:
        return struct.pack("!BBH", first, 0x80 | 126, size) + _ZERO_MASK
    return struct.pack("!BBQ", first, 0x80 | 127, size) + _ZERO_MASK
