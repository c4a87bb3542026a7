"""Numbers of clusters: small, never used twice at a time, equal on every start of the same run."""

from __future__ import annotations

import heapq

#: Numbers of one worker: far more than a process can carry clusters.
BLOCK = 100_000


class Numbers:
    """Hands out ``worker_index * BLOCK + k``, the lowest free ``k`` first.

    The blocks make numbers unique without asking the master; the heap makes a restarted run ask for the names that
    the first one used, so that it adopts them.
    """

    def __init__(self, worker_index: int) -> None:
        self._base = max(worker_index, 0) * BLOCK
        self._free: list[int] = []
        self._next = 0

    def take(self) -> int:
        """The lowest free number, counted from 0 in this worker's block."""
        if self._free:
            return self._base + heapq.heappop(self._free)
        self._next += 1
        return self._base + self._next - 1

    def give(self, number: int) -> None:
        """Give a number back when nothing bears its name any more."""
        heapq.heappush(self._free, number - self._base)
