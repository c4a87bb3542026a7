"""When the garbage collector looks at what: at thousands of clusters it would look at millions of objects that stay.

A cluster is 1,300 objects that the collector knows, on top of the compiled profile's, and nearly nothing of it is ever
garbage. While 40 clusters were imported on a busy machine, full collections took 30 ms an import, the longest 240 ms;
with what is here 5 ms, the longest 35 ms, however many clusters there are already.

What survived a full collection of the ramp is put aside (``gc.freeze``), and the next one looks only at what came
since. What is put aside and dies is freed as usual, unless it hangs together in a circle, as a whole cluster does:
circles are looked for when a quarter of the clusters have ended. Not when the ramp is over: looking through 300
clusters took a second of CPU, and six on the clock of a busy machine. After the ramp nothing more is put aside, so what
comes and goes in hours of steady load is collected as everywhere.
"""

from __future__ import annotations

import gc

#: Clusters that may end before everything is looked through again: a quarter of those that live, and at least so many.
_WORN = 20
_WORN_SHARE = 0.25
_OLDEST = 2


class Collector:
    """One per process and run: between :meth:`start` and :meth:`stop` the collector of this process is ours."""

    def __init__(self) -> None:
        self._started = self._growing = False
        self._worn = self._known = 0

    def start(self) -> None:
        """What was compiled is there: put it aside."""
        self._started = self._growing = True
        gc.callbacks.append(self._note)
        gc.collect()
        gc.freeze()

    def stop(self) -> None:
        """Leave things as they were; idempotent."""
        if self._started:
            self._started = False
            gc.callbacks.remove(self._note)
            gc.unfreeze()

    def note_end(self) -> None:
        """A cluster ended."""
        self._worn += 1

    def tick(self, *, spawned: bool, settling: int, lives: int) -> None:
        """A few times a second: ``settling`` of ``lives`` are on their way to active; ``spawned``: all are there."""
        if not self._started:
            return
        self._growing = lives > self._known
        if self._worn >= max(_WORN, lives * _WORN_SHARE):
            self._look_through(lives)
        elif self._growing and spawned and not settling:
            self._known = lives
            self._put_aside()

    def _look_through(self, lives: int) -> None:
        """Everything, also what was put aside."""
        self._worn, self._known = 0, lives
        gc.unfreeze()
        self._put_aside()

    def _put_aside(self) -> None:
        self._growing = False
        gc.collect()
        gc.freeze()

    def _note(self, phase: str, info: dict[str, int]) -> None:
        if self._growing and phase == "stop" and info["generation"] == _OLDEST:
            gc.freeze()
