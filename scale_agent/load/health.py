"""How a process that carries clusters feels itself: loop lag, garbage collection, memory, CPU.

A generator that is late measures itself instead of Rancher. So each process says every second how late its loop was,
and a run says at its end whether that was too much.
"""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent

from scale_agent.load.histogram import Histogram

#: How often the loop is asked, in seconds: 20 wake-ups a second cost 0.3 ms of CPU.
PERIOD_S = 0.05
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class LoopLag:
    """How late a timer of the loop is. ``last_ms`` is the latest look, ``histogram`` all since the last :meth:`take`.

    A loop that stood still for a second was late for everything that was due in it: each missed look counts as one.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = gevent.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._greenlet: gevent.Greenlet[[], None] | None = None
        self._due_s = 0.0
        self.last_ms = 0.0
        self.histogram = Histogram()

    def start(self) -> None:
        """Begin to look. Idempotent."""
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Idempotent."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None

    def take(self) -> Histogram:
        """What was seen since the last time."""
        taken, self.histogram = self.histogram, Histogram()
        return taken

    @property
    def now_ms(self) -> float:
        """How late the loop is: the latest look, or longer if the next one is overdue already."""
        overdue_s = self._clock() - self._due_s if self._greenlet is not None else 0.0
        return max(self.last_ms, overdue_s * 1000)

    def _run(self) -> None:
        self._due_s = self._clock() + PERIOD_S
        while True:
            self._sleep(max(0.0, self._due_s - self._clock()))
            self.look()

    def look(self) -> None:
        """A look that was due before now."""
        late_s = max(0.0, self._clock() - self._due_s)
        self.last_ms = late_s * 1000
        missed = int(late_s / PERIOD_S)
        for periods in range(missed + 1):
            self.histogram.add((late_s - periods * PERIOD_S) * 1000)
        self._due_s += (missed + 1) * PERIOD_S


class GcPauses:
    """How long the collector stops everything: ``total_ms`` and ``max_ms`` since the last :meth:`take`."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began_s = 0.0
        self.total_ms = self.max_ms = 0.0

    def start(self) -> None:
        """Begin to listen to the collector. Idempotent."""
        if self._note not in gc.callbacks:
            gc.callbacks.append(self._note)

    def stop(self) -> None:
        """Idempotent."""
        if self._note in gc.callbacks:
            gc.callbacks.remove(self._note)

    def take(self) -> tuple[float, float]:
        """Sum and longest since the last time, in milliseconds."""
        taken = self.total_ms, self.max_ms
        self.total_ms = self.max_ms = 0.0
        return taken

    def _note(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began_s = self._clock()
            return
        took_ms = (self._clock() - self._began_s) * 1000
        self.total_ms += took_ms
        self.max_ms = max(self.max_ms, took_ms)


class Health:
    """One per process and run. :meth:`sample` says what happened since the last one."""

    def __init__(self) -> None:
        self.lag = LoopLag()
        self._pauses = GcPauses()
        self._cpu_s = time.process_time()
        self._at_s = time.monotonic()

    def start(self) -> None:
        """Begin to look."""
        self.lag.start()
        self._pauses.start()

    def stop(self) -> None:
        """Idempotent."""
        self.lag.stop()
        self._pauses.stop()

    def sample(self) -> dict[str, Any]:
        """``over_s``, ``lag`` (bucket → looks), ``lag_max_ms``, ``gc_ms``, ``gc_max_ms``, ``cpu_s``, ``rss_bytes``."""
        lag, (gc_ms, gc_max_ms) = self.lag.take(), self._pauses.take()
        cpu_s, at_s = time.process_time(), time.monotonic()
        over_s, used_s = at_s - self._at_s, cpu_s - self._cpu_s
        self._cpu_s, self._at_s = cpu_s, at_s
        return {
            "over_s": round(over_s, 3),
            "lag": {str(bucket): count for bucket, count in sorted(lag.counts.items())},
            "lag_max_ms": round(lag.max_ms, 3),
            "gc_ms": round(gc_ms, 3),
            "gc_max_ms": round(gc_max_ms, 3),
            "cpu_s": round(used_s, 4),
            "rss_bytes": resident_bytes(),
        }


def resident_bytes() -> int:
    """Memory of this process now (where there is no /proc: the most it ever had)."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
