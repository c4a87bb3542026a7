"""What one agent pod holds while it lives."""

from __future__ import annotations

import gevent

from scale_agent.cluster.manifest import Credentials
from scale_agent.cluster.runtime import Timer
from scale_agent.cluster.transport import Tunnel


class Hands:
    """Timers, greenlets, tunnels and credentials of one agent pod."""

    __slots__ = ("cacerts", "checksum", "credentials", "greenlets", "timers", "tunnels")

    def __init__(self) -> None:
        self.timers: dict[str, Timer] = {}
        self.greenlets: set[gevent.Greenlet[..., None]] = set()
        self.tunnels: dict[str, Tunnel] = {}
        self.credentials: Credentials | None = None
        self.cacerts = ""
        self.checksum = ""

    def let_go(self) -> None:
        """Close, cancel and end everything, except the greenlet that asks for it."""
        for timer in self.timers.values():
            timer.cancel()
        for tunnel in list(self.tunnels.values()):
            tunnel.close()
        current = gevent.getcurrent()
        for greenlet in self.greenlets:
            if greenlet is not current:
                greenlet.kill(block=False)
        self.timers.clear()
        self.greenlets.clear()
