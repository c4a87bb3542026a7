"""One timer for the whole process: callbacks at times, in a greenlet of its own."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

import gevent
from gevent.event import Event


class Handle:
    """A callback that is due once; :meth:`cancel` forgets it."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Idempotent; does nothing once it has run."""
        self.callback = None


class Wheel:
    """``clock`` gives seconds; every callback runs in a greenlet of its own."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._heap: list[tuple[float, int, Handle]] = []
        self._count = itertools.count()
        self._wake = Event()
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Begin to run callbacks."""
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """End; callbacks that are not yet due never run."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def after(self, delay_s: float, callback: Callable[[], None]) -> Handle:
        """Call once, ``delay_s`` seconds from now."""
        return self.at(self.clock() + delay_s, callback)

    def at(self, when_s: float, callback: Callable[[], None]) -> Handle:
        """Call once, at that time of the clock."""
        handle = Handle(callback)
        heapq.heappush(self._heap, (when_s, next(self._count), handle))
        if self._heap[0][2] is handle:
            self._wake.set()
        return handle

    def _run(self) -> None:
        while True:
            wait_s = self._heap[0][0] - self.clock() if self._heap else None
            if wait_s is None or wait_s > 0:
                self._wake.wait(wait_s)
                self._wake.clear()
                continue
            handle = heapq.heappop(self._heap)[2]
            callback, handle.callback = handle.callback, None
            if callback is not None:
                gevent.spawn(callback)  # in a greenlet of its own: a bug in one cluster's callback ends only that
                gevent.sleep(0)
