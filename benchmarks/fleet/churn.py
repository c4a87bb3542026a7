"""Steady churn: objects change, clusters leave and others come, all at a constant rate. Does memory grow?"""

from __future__ import annotations

import time

from benchmarks.fleet.books import summed
from benchmarks.fleet.running import Fleet
from benchmarks.slope import slope_of

_LOOK_S = 5.0
_TURN_S = 60.0
#: The first part of the time fills histories up to their limits and is no leak; it is not in the slope.
_SETTLING_SHARE = 0.2


class Turnover:
    """Clusters leave in the first half of each minute, others come in the second. ``now_s`` counts from the start."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._halves = 0

    def look(self, now_s: float) -> None:
        """Ask the masters for fewer users, or for all again, when it is time."""
        plan, half = self._fleet.plan, int(now_s / (_TURN_S / 2))
        if not plan.turnover or half <= self._halves:
            return
        self._halves = half
        self.ask(plan.turnover if half % 2 else 0)

    def ask(self, fewer: int) -> None:
        """So many less than all, at the ramp's rate."""
        plan = self._fleet.plan
        for swarm in self._fleet.swarms:
            swarm.grow((self._fleet.found["clusters"] - fewer) // plan.peers, plan.rate(0) / plan.peers)


def churn(fleet: Fleet) -> None:
    """Into ``found["churn"]``: the slope of memory with its interval, and what was changed meanwhile."""
    plan, clusters = fleet.plan, fleet.found["clusters"]
    before, points, turnover = fleet.books(), list[tuple[float, float]](), Turnover(fleet)
    start_s = time.monotonic()

    def look() -> None:
        now_s = time.monotonic() - start_s
        points.append((now_s, float(fleet.sample().resident_bytes)))
        turnover.look(now_s)

    fleet.post(f"/churn?rate={plan.churn_rate * clusters / plan.peers:g}")
    try:
        fleet.pause("steady churn", plan.churn_s, _LOOK_S, look)
    finally:
        fleet.post("/churn?rate=0")
    turnover.ask(0)
    after = fleet.books()
    trend = slope_of([point for point in points if point[0] >= plan.churn_s * _SETTLING_SHARE])
    fleet.found["churn"] = {
        "seconds": plan.churn_s,
        "clusters": clusters,
        "slope": trend.told(),
        "is_zero": trend.holds_zero,
        "bytes_per_cluster_and_hour": round(trend.value * 3600 / clusters, 1),
        "points": [[round(at_s, 1), size] for at_s, size in points],
        **{part: dict(summed(after, part) - summed(before, part)) for part in ("errors", "events", "rest", "clusters")},
    }
