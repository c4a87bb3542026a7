"""The phase clock of one cluster: when each phase was reached first, since the start of its life."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from scale_agent.records import PHASES

#: Phases that lead to an active cluster, in the order in which a stuck one is reported.
WAY_UP = PHASES[: PHASES.index("active") + 1]


class PhaseClock:
    """First times only. ``clock`` is monotonic, in seconds; times come out in milliseconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start_s = clock()
        self._reached_ms: dict[str, float] = {}

    def mark(self, phase: str) -> float | None:
        """Milliseconds since the start, ``None`` if the phase was reached before. ``KeyError`` for an unknown one."""
        if phase not in PHASES:
            raise KeyError(phase)
        if phase in self._reached_ms:
            return None
        self._reached_ms[phase] = self.elapsed_ms()
        return self._reached_ms[phase]

    def elapsed_ms(self) -> float:
        """Milliseconds since the start of the cluster's life."""
        return (self._clock() - self._start_s) * 1000

    @property
    def reached(self) -> Mapping[str, float]:
        """Phase → milliseconds."""
        return self._reached_ms

    def stuck_before(self) -> str:
        """The first phase on the way to ``active`` that is missing; empty when there is none."""
        return first_missing(self._reached_ms)


def first_missing(reached: Mapping[str, float]) -> str:
    """The first phase on the way up that is not in ``reached``; later ones prove earlier ones.

    A phase that a Rancher skips (2.10 opens no second tunnel on some paths) is not what a cluster is stuck before
    when a later one was reached.
    """
    last = max((WAY_UP.index(phase) for phase in reached if phase in WAY_UP), default=-1)
    return WAY_UP[last + 1] if last + 1 < len(WAY_UP) else ""
