"""Connections to Rancher's REST API that are kept and used again, the one used last first."""

from __future__ import annotations

import socket
from collections.abc import Callable

from scale_agent.rancher.tls import TlsPolicy
from scale_agent.rancher.url import ServerUrl
from scale_agent.rancher.wire import Deadline, connect_tcp, wrap_tls


class KeptConnections:
    """At most ``most`` idle ones. Whoever takes a connection gives it back, or closes it."""

    def __init__(self, server: ServerUrl, tls: TlsPolicy, most: int, clock: Callable[[], float]) -> None:
        self._server = server
        self._tls = tls
        self._most = most
        self._clock = clock
        self._idle: list[socket.socket] = []

    def take(self, connect_s: float) -> socket.socket:
        """A kept connection that is still open, or a new one within ``connect_s``. Raises ``OSError``."""
        while self._idle:
            sock = self._idle.pop()
            if is_quiet(sock):
                return sock
            sock.close()
        deadline = Deadline(self._clock() + connect_s, self._clock)
        return wrap_tls(connect_tcp(self._server, deadline), self._server, self._tls, deadline)

    def give(self, sock: socket.socket) -> None:
        """Keep it for the next call."""
        if len(self._idle) < self._most:
            self._idle.append(sock)
        else:
            sock.close()

    def close(self) -> None:
        """Close the idle ones."""
        while self._idle:
            self._idle.pop().close()


def is_quiet(sock: socket.socket) -> bool:
    """Whether nothing came on an idle connection: its end, or bytes that nobody asked for, make it useless."""
    sock.settimeout(0)
    try:
        # The plain socket's: an SSLSocket cannot peek, and what is asked is whether the system has anything for it.
        socket.socket.recv(sock, 1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
