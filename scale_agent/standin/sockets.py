"""Server websockets on gevent-websocket, with what that library lacks.

Its masking in pure Python takes 4.6 ms for 64 KB; XOR of whole integers takes 0.13. Its sends are not locked, so a
pong may cut into a message; here one greenlet per websocket sends, and pongs take the same lock.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import gevent
from gevent.event import Event
from gevent.lock import Semaphore
from geventwebsocket.exceptions import WebSocketError
from geventwebsocket.websocket import Header, WebSocket

#: Bytes queued for one websocket above which it is given up: its peer does not read.
MAX_QUEUED = 256 << 20
_JOINED = 256 << 10
_BINARY, _TEXT = WebSocket.OPCODE_BINARY, WebSocket.OPCODE_TEXT


def _masked(self: Any, payload: bytes) -> bytes:
    size = self.length
    mask = (self.mask * ((size + 3) // 4))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")).to_bytes(size, "little")


def patch_masking() -> None:
    """Replace gevent-websocket's two mask functions in this process."""
    Header.mask_payload = Header.unmask_payload = _masked


def set_no_delay(sock: Any) -> None:
    """Without it the answer to an upgrade waits 40 ms for a delayed acknowledgement."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class ServerSocket:
    """One accepted websocket: one reader, any number of senders that never block."""

    def __init__(self, websocket: Any) -> None:
        self._websocket = websocket
        self._raw = websocket.raw_write
        self._lock = Semaphore()
        self._queue: list[bytes] = []
        self._queued = 0
        self._some = Event()
        self.closed = False
        websocket.raw_write = self._locked_write
        self._sender = gevent.spawn(self._send_all)

    def _locked_write(self, data: bytes) -> None:
        with self._lock:
            self._raw(data)

    def receive(self) -> bytes | str | None:
        """The next message, ``None`` when the websocket is over. Pings are answered in here."""
        try:
            message = self._websocket.receive()
        except (WebSocketError, OSError):
            return None
        return bytes(message) if isinstance(message, bytearray) else message

    def send(self, messages: Sequence[bytes], *, text: bool = False) -> None:
        """Queue each as one message; returns at once."""
        if self.closed:
            return
        for message in messages:
            head = Header.encode_header(True, _TEXT if text else _BINARY, b"", len(message), 0)
            self._queue.append(head + message)
            self._queued += len(message)
        if self._queued > MAX_QUEUED:
            self.shutdown()
        self._some.set()

    def shutdown(self) -> None:
        """End the connection at once; the reader returns."""
        if self.closed:
            return
        self.closed = True
        self._some.set()
        try:
            self._websocket.stream.handler.socket.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            return  # it is over already

    def finished(self) -> None:
        """The reader left: stop the sender."""
        self.closed = True
        self._some.set()

    def _send_all(self) -> None:
        while not self.closed:
            self._some.wait()
            self._some.clear()
            while self._queue and not self.closed:
                if not self._write(self._joined()):
                    return

    def _joined(self) -> bytes:
        size = count = 0
        for frame in self._queue:
            size += len(frame)
            count += 1
            if size >= _JOINED:
                break
        data = b"".join(self._queue[:count])
        del self._queue[:count]
        self._queued -= size
        return data

    def _write(self, data: bytes) -> bool:
        try:
            self._locked_write(data)
        except (WebSocketError, OSError):
            self.closed = True
            return False
        return True
