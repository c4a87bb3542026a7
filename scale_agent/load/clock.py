"""The phase clock of one cluster: when each phase was reached first, since the start of its life."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from scale_agent.records import PHASES

#: Phases that lead to an active cluster, in the order in which a stuck one is reported.
WAY_UP = PHASES[: PHASES.index("active") + 1]


class PhaseClock:
    """First times only. ``clock`` is monotonic, in seconds; times come out in milliseconds.

    Only which phases were reached is kept (0.1 KB instead of 0.7): when, is told once, by :meth:`mark`.
    """

    __slots__ = ("_clock", "_start_s", "reached")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start_s = clock()
        #: The phases that were reached, in that order.
        self.reached: tuple[str, ...] = ()

    def mark(self, phase: str) -> float | None:
        """Milliseconds since the start, ``None`` if the phase was reached before. ``KeyError`` for an unknown one."""
        if phase not in PHASES:
            raise KeyError(phase)
        if phase in self.reached:
            return None
        self.reached = (*self.reached, phase)
        return self.elapsed_ms()

    def elapsed_ms(self) -> float:
        """Milliseconds since the start of the cluster's life."""
        return (self._clock() - self._start_s) * 1000

    def stuck_before(self) -> str:
        """The first phase on the way to ``active`` that is missing; empty when there is none."""
        return first_missing(self.reached)


def first_missing(reached: Collection[str]) -> str:
    """The first phase on the way up that is not in ``reached``; later ones prove earlier ones.

    A phase that a Rancher skips (2.10 opens no second tunnel on some paths) is not what a cluster is stuck before
    when a later one was reached.
    """
    last = max((WAY_UP.index(phase) for phase in reached if phase in WAY_UP), default=-1)
    return WAY_UP[last + 1] if last + 1 < len(WAY_UP) else ""
