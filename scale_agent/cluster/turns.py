"""Whose turn it is: what sockets, timers and clusters have to do, done one after the other in one greenlet for all.

A greenlet per websocket would hold a stack (8 KB) while nothing happens, and a greenlet per thing to do costs 5 µs to
start. Here the event loop switches into one waiting worker, which does everything that is ready and waits again. A
turn may block (an observer that asks something of the network): the next wake-up then takes another worker.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
from greenlet import getcurrent, greenlet

Turn = Callable[[], None]
_READ, _WRITE = 1, 2


class Turns:
    """One per process and event loop."""

    def __init__(self) -> None:
        self._ready: deque[Turn] = deque()
        self._spare: greenlet | None = None
        self._working: greenlet | None = None
        self._called = False

    def soon(self, turn: Turn) -> None:
        """After what runs now; with what is ready then, in order."""
        self._ready.append(turn)
        if getcurrent() is not self._working:
            self.look()

    def again(self, turn: Turn) -> None:
        """As :meth:`soon`, but not before the event loop has looked at everybody's sockets."""
        gevent.get_hub().loop.run_callback(self.run, turn)

    def look(self) -> None:
        """See to it that what is ready is done: also what a turn that blocks keeps waiting."""
        if self._ready and not self._called:
            self._called = True
            gevent.get_hub().loop.run_callback(self._wake)

    def run(self, turn: Turn) -> None:
        """At once; for callbacks of the event loop only."""
        self._ready.append(turn)
        self._wake()

    def _wake(self) -> None:
        self._called = False
        if not self._ready:
            return
        worker, self._spare = self._spare, None
        if worker is None:
            worker = greenlet(self._work, gevent.get_hub())
        worker.switch()

    def _work(self) -> None:
        me, ready = getcurrent(), self._ready
        hub = gevent.get_hub()
        while True:
            self._working = me
            while ready:
                turn = ready.popleft()
                try:
                    turn()
                except Exception:  # noqa: BLE001 - a failure of one is told as a greenlet's, and survived by the others
                    hub.handle_error(turn, *sys.exc_info())
            self._working = None
            if self._spare is not None:
                return  # one that blocked; another has taken its place
            self._spare = me
            hub.switch()


class Watching:
    """A descriptor that is watched: ``readable`` has its turn whenever there is something to read."""

    __slots__ = ("_fd", "_read", "_readable", "_turns", "_writable", "_write")

    def __init__(self, turns: Turns, fd: int, readable: Turn, writable: Turn) -> None:
        self._turns = turns
        self._fd = fd
        self._readable = readable
        self._writable = writable
        self._write: Any = None  # made when a socket is full for the first time
        self._read: Any = gevent.get_hub().loop.io(fd, _READ)
        self._read.start(turns.run, readable)

    def read(self, wanted: bool) -> None:
        """Whether reading is of interest."""
        if self._read is None:
            return
        if not wanted:
            self._read.stop()
        elif not self._read.active:
            self._read.start(self._turns.run, self._readable)

    def write(self, wanted: bool) -> None:
        """Whether ``writable`` shall have its turn when there is room."""
        if self._read is None:
            return
        if wanted:
            if self._write is None:
                self._write = gevent.get_hub().loop.io(self._fd, _WRITE)
            if not self._write.active:
                self._write.start(self._turns.run, self._writable)
        elif self._write is not None:
            self._write.stop()

    def stop(self) -> None:
        """Before the descriptor is closed. Idempotent."""
        for watcher in (self._read, self._write):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._read = self._write = None
