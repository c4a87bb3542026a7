"""TCP and TLS to Rancher with our own hands, so that each step is timed by itself and no proxy is in between."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from scale_agent.errors import DialError
from scale_agent.rancher.causes import CURES, WHAT, reason_of, verify_message
from scale_agent.rancher.tls import TlsPolicy
from scale_agent.rancher.url import ServerUrl

_HEADER_LIMIT = 64 << 10
_RECEIVE = 16 << 10


@dataclass(slots=True)
class Deadline:
    """What is left of the time for a dial; every step gets the rest, none gets more."""

    at_s: float
    clock: Callable[[], float] = time.monotonic

    def left_s(self) -> float:
        """Seconds, always positive. Raises ``TimeoutError`` when the time is over."""
        left = self.at_s - self.clock()
        if left <= 0:
            raise TimeoutError("the time for the dial is over")
        return left


def connect_tcp(server: ServerUrl, deadline: Deadline) -> socket.socket:
    """A TCP connection without Nagle's delay. Raises ``OSError``."""
    sock = socket.create_connection((server.host, server.port), timeout=deadline.left_s())
    # Small websocket frames would wait 40 ms for the peer's delayed acknowledgement otherwise.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def wrap_tls(sock: socket.socket, server: ServerUrl, tls: TlsPolicy, deadline: Deadline) -> socket.socket:
    """TLS over ``sock`` for https, ``sock`` itself for http. Closes ``sock`` if it fails. Raises ``OSError``."""
    if not server.tls:
        return sock
    try:
        sock.settimeout(deadline.left_s())
        return tls.context().wrap_socket(sock, server_hostname=server.host)
    except BaseException:
        sock.close()
        raise


def raise_dial_error(error: BaseException, server: ServerUrl) -> NoReturn:
    """The :class:`DialError` for whatever went wrong on the wire."""
    if isinstance(error, DialError):
        raise error
    reason = reason_of(error)
    what = f"{WHAT[reason]}{verify_message(error)}"
    raise DialError(reason, what, where=str(server), cure=CURES.get(reason, "")) from None


class HeadReader:
    """Reads one HTTP response head from a socket and keeps what came after it."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self.rest = b""

    def read_head(self) -> bytes:
        """Status line and headers without the empty line. Raises ``OSError``, :class:`DialError` ``protocol``."""
        data = b""
        while b"\r\n\r\n" not in data:
            if len(data) > _HEADER_LIMIT:
                raise DialError("protocol", f"Rancher's headers are larger than {_HEADER_LIMIT >> 10} KiB")
            data += self._receive()
        head, _, self.rest = data.partition(b"\r\n\r\n")
        return head

    def read_body(self, size: int) -> bytes:
        """``size`` bytes after the head, fewer if the connection ends. Raises ``OSError``."""
        while len(self.rest) < size:
            try:
                self.rest += self._receive()
            except ConnectionError:
                break
        return self.rest[:size]

    def _receive(self) -> bytes:
        self._sock.settimeout(self._deadline.left_s())
        data = self._sock.recv(_RECEIVE)
        if not data:
            raise ConnectionResetError("closed")
        return data
