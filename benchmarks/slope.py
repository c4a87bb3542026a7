"""A straight line through points, and how sure its slope is: what "memory does not grow" means in numbers."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_CONFIDENCE = 0.95
_FEWEST = 4


@dataclass(frozen=True, slots=True)
class Slope:
    """Units of y per unit of x. The interval ``low`` to ``high`` holds the true slope in 95 of 100 cases."""

    value: float
    error: float
    low: float
    high: float
    points: int
    #: How many independent points these are worth: neighbours in time resemble each other.
    worth: float

    @property
    def holds_zero(self) -> bool:
        """Whether the slope cannot be told from none."""
        return self.low <= 0.0 <= self.high

    def told(self) -> dict[str, float]:
        """As JSON: bytes per second where y is bytes and x seconds."""
        names = ("value", "error", "low", "high", "points", "worth")
        return {name: float(f"{getattr(self, name):.5g}") for name in names if math.isfinite(getattr(self, name))}


def slope_of(points: Sequence[tuple[float, float]]) -> Slope:
    """Least squares. Too few points, or all at one place, have slope 0 and an interval without ends.

    What is left over of a process's memory is no white noise: a heap that grew stays grown for a while. The
    standard error therefore counts points as so many independent ones as the correlation of neighbouring residuals
    allows, n (1 - r) / (1 + r), the usual correction for a first-order autoregressive rest.
    """
    count = len(points)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if count < _FEWEST or max(xs) == min(xs):
        return Slope(0.0, math.inf, -math.inf, math.inf, count, float(count))
    value, at_zero = statistics.linear_regression(xs, ys)
    rest = [y - at_zero - value * x for x, y in points]
    worth = _worth(rest)
    width = sum((x - statistics.fmean(xs)) ** 2 for x in xs) * worth / count
    error = math.sqrt(sum(one * one for one in rest) * worth / count / (worth - 2) / width)
    reach = error * student_t(worth - 2)
    return Slope(value, error, value - reach, value + reach, count, worth)


def _worth(rest: Sequence[float]) -> float:
    """Independent points that the residuals are worth, never fewer than three, never more than there are."""
    square = sum(one * one for one in rest)
    if not square:
        return float(len(rest))
    r = sum(one * other for one, other in itertools.pairwise(rest)) / square
    return min(float(len(rest)), max(3.0, len(rest) * (1 - r) / (1 + r)))


def student_t(degrees: float, confidence: float = _CONFIDENCE) -> float:
    """How many standard errors a two-sided interval reaches (Cornish and Fisher's series; exact for one degree)."""
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    if degrees < 2:
        return math.tan(math.pi * confidence / 2)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / degrees**power for power, term in enumerate(terms))
