"""Durations in log buckets: small enough to ship every second, and two of them add up to one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

#: Buckets per doubling: each is 9 % wide. The first begins at a microsecond.
_PER_DOUBLING = 8
_LAST = 319


class Histogram:
    """Milliseconds. ``counts`` maps a bucket to how many were in it; ``max_ms`` is exact."""

    __slots__ = ("counts", "max_ms")

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.max_ms = 0.0

    def __len__(self) -> int:
        return self.counts.total()

    def add(self, ms: float) -> None:
        """One more."""
        self.counts[bucket_of(ms)] += 1
        self.max_ms = max(self.max_ms, ms)

    def merge(self, counts: Mapping[int, int], max_ms: float) -> None:
        """Those of another one."""
        self.counts.update(counts)
        self.max_ms = max(self.max_ms, max_ms)

    def quantile(self, q: float) -> float:
        """The upper end of the bucket in which the ``q``-th part ends, and no more than the longest; 0 of none."""
        wanted, seen = max(1, math.ceil(q * len(self))), 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return min(self.max_ms, 2 ** ((bucket + 1) / _PER_DOUBLING) / 1000)
        return 0.0


def bucket_of(ms: float) -> int:
    """The bucket of a duration."""
    return min(int(math.log2(max(ms * 1000, 1.0)) * _PER_DOUBLING), _LAST)
