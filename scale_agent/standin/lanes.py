"""Tunnelled connections by the number that the recording gave them; idle ones end after 90 seconds, as Rancher's do."""

from __future__ import annotations

from collections.abc import Callable

from scale_agent.standin.tunnels import Connection

#: How long Rancher's transports keep an idle connection (protocol section 12).
IDLE_S = 90.0
#: How often they are looked at.
SWEEP_S = 15.0
#: The number of the connection that the health probe keeps for itself.
PROBES = -1
#: Added to the numbers of a deletion's connections, which are not the import's.
DELETION = 10_000


class Lanes:
    """``dial`` opens a new connection, or says ``None`` when there is no way to."""

    def __init__(self, dial: Callable[[], Connection | None], clock: Callable[[], float]) -> None:
        self._dial = dial
        self._clock = clock
        self._known: dict[int, Connection] = {}

    def get(self, number: int) -> Connection | None:
        """The idle connection of that number, or a new one in its place."""
        known = self._known.get(number)
        if known is None or not known.idle:
            known = self._dial()
            if known is None:
                return None
            self._known[number] = known
        known.used_s = self._clock()
        return known

    def sweep(self) -> None:
        """Close those that have been idle for too long; forget those that are closed."""
        now = self._clock()
        for number, connection in list(self._known.items()):
            if connection.closed or (connection.idle and now - connection.used_s > IDLE_S):
                connection.close()
                del self._known[number]

    def close(self) -> None:
        """Close all of them; whoever waits for an answer is told."""
        connections, self._known = list(self._known.values()), {}
        for connection in connections:
            connection.fail("closed by the stand-in")
