"""When a process may begin another import: as many at once as were asked for, and none while it is late itself.

A process that takes in more than it can serve answers nobody in time: handshakes fail, agents dial again, and what one
measures is the generator (500 clusters at once on a busy machine: every dial timed out, none became active). Waiting is
never silent: each wait is a record, and a cluster's life begins after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent
from gevent.lock import BoundedSemaphore

from scale_agent.load.health import PERIOD_S

#: No import begins while the loop is later than this, in milliseconds. Rancher gives a dial 10 s, and an import is a
#: chain of some sixty handshakes: at half a second each step still comes in time, and the backlog can shrink.
BUSY_MS = 500.0


class Admission:
    """``at_once``: how many imports may be under way (0: any number). ``waited(why, ms)`` is told what waiting took."""

    def __init__(
        self,
        at_once: int,
        lag_ms: Callable[[], float],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = gevent.sleep,
    ) -> None:
        self._slots = BoundedSemaphore(at_once) if at_once else None
        self._lag_ms = lag_ms
        self._clock = clock
        self._sleep = sleep
        self._turn = BoundedSemaphore(1)
        #: How many imports have entered and not left; those that are held back have not entered.
        self.under_way = 0

    def enter(self, waited: Callable[[str, float], None]) -> None:
        """Wait until an import may begin; :meth:`leave` when it is through."""
        if self._slots is not None:
            began_s = self._clock()
            self._slots.acquire()
            waited("import-slot", (self._clock() - began_s) * 1000)
        try:
            self._wait_while_busy(waited)
        except BaseException:  # the greenlet is killed while it waits
            self._give_back()
            raise
        self.under_way += 1

    def leave(self) -> None:
        """An import that had entered is active, has failed, or was given up."""
        self.under_way -= 1
        self._give_back()

    def _give_back(self) -> None:
        if self._slots is not None:
            self._slots.release()

    def _wait_while_busy(self, waited: Callable[[str, float], None]) -> None:
        """One after the other, and each a look later: those who waited must not all begin in the same instant."""
        if not self._turn.locked() and self._lag_ms() <= BUSY_MS:
            return
        began_s = self._clock()
        with self._turn:
            while self._lag_ms() > BUSY_MS:
                self._sleep(PERIOD_S)
            waited("generator-busy", (self._clock() - began_s) * 1000)
            self._sleep(PERIOD_S)
