"""Steady churn: objects of all clusters change at a constant rate; does memory grow?"""

from __future__ import annotations

import time

from benchmarks.fleet.books import summed
from benchmarks.fleet.running import Fleet
from benchmarks.slope import slope_of

_LOOK_S = 5.0
#: The first part of the time fills histories up to their limits and is no leak; it is not in the slope.
_SETTLING_SHARE = 0.2


def churn(fleet: Fleet) -> None:
    """Into ``found["churn"]``: the slope of memory with its interval, and what was changed meanwhile."""
    plan, clusters = fleet.plan, fleet.found["clusters"]
    before, points = fleet.books(), list[tuple[float, float]]()
    start_s = time.monotonic()
    fleet.post(f"/churn?rate={plan.churn_rate * clusters / plan.peers:g}")
    try:
        fleet.pause(
            "steady churn",
            plan.churn_s,
            _LOOK_S,
            lambda: points.append((time.monotonic() - start_s, float(fleet.sample().resident_bytes))),
        )
    finally:
        fleet.post("/churn?rate=0")
    after = fleet.books()
    judged = [point for point in points if point[0] >= plan.churn_s * _SETTLING_SHARE]
    trend = slope_of(judged)
    fleet.found["churn"] = {
        "seconds": plan.churn_s,
        "clusters": clusters,
        "slope": trend.told(),
        "is_zero": trend.holds_zero,
        "bytes_per_cluster_and_hour": round(trend.value * 3600 / clusters, 1),
        "points": [[round(at_s, 1), size] for at_s, size in points],
        "errors": dict(summed(after, "errors") - summed(before, "errors")),
        "events": dict(summed(after, "events") - summed(before, "events")),
        "rest": dict(summed(after, "rest") - summed(before, "rest")),
    }
