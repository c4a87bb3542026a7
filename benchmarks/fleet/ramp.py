"""The ramp: clusters in steps, each step measured when its imports are through and it is at rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.fleet.processes import Swarm
from benchmarks.fleet.rest import at_rest
from benchmarks.fleet.running import Fleet, RunFailed

#: A step goes on without so large a part of its clusters.
_FEW = 0.01
#: A worker that has not created its first cluster by then never will.
_FIRST_S, _IMPORTED_S = 120.0, 300.0


def ramp(fleet: Fleet) -> None:
    """All steps of the plan. ``found["steps"]`` gets what each was like, ``found["series"]`` the way there."""
    fleet.found |= {"clusters": 0, "steps": [], "series": []}
    for number, peer in enumerate(fleet.peers):
        fleet.swarms.append(Swarm.start(number, peer, fleet.plan, fleet.out))
    _warm(fleet)
    for number, step in enumerate(fleet.plan.steps):
        fleet.found["steps"].append(_step(fleet, number, step) | at_rest(fleet))
        fleet.keep()


def _warm(fleet: Fleet) -> None:
    """The first clusters: a process compiles its profile and fills its caches once, which is no cluster's cost."""
    first = fleet.plan.processes
    fleet.until("the first clusters", lambda: fleet.part("clusters")["created"] >= first, _FIRST_S)
    if fleet.plan.warm_s >= 0:
        fleet.pause("the first clusters begin", fleet.plan.warm_s)
    else:
        fleet.until("the first clusters are imported", lambda: fleet.part("clusters")["imported"] >= first, _IMPORTED_S)
        fleet.pause("the first clusters settle", fleet.plan.settle_s)
    fleet.base = fleet.sample()
    fleet.found |= {"first": first, "base_bytes": list(fleet.base.resident), "clusters": first}


def _step(fleet: Fleet, number: int, wanted: int) -> dict[str, Any]:
    """Grow to so many clusters; the peers tell when all are active, and when all imports are through."""
    plan, before, had = fleet.plan, fleet.sample(), fleet.found["clusters"]
    for swarm in fleet.swarms:
        swarm.grow(wanted // plan.peers, plan.rate(number) / plan.peers)
    fleet.found["clusters"] = wanted
    ramp_s = _wait(fleet, "active")
    fleet.tell(f"{wanted} clusters active, {wanted - had} of them in {ramp_s:.0f} s")
    through_s = ramp_s + _wait(fleet, "imported")
    after = fleet.sample()
    return {
        "clusters": wanted,
        "new": wanted - had,
        "missing": fleet.missing,
        "ramp_s": round(ramp_s, 1),
        "imported_s": round(through_s, 1),
        "cpu_s": round(after.cpu_s - before.cpu_s, 2),
        "peers_cpu_s": round(after.peers_cpu_s - before.peers_cpu_s, 2),
        "began_unix_s": round(time.time() - (after.at_s - before.at_s), 1),
    }


def _wait(fleet: Fleet, what: str) -> float:
    """Until all clusters are so far; how long it took. Raises ``RunFailed`` when it stalls and many are missing."""
    moving = Moving(fleet.plan.stall_s)

    def reached() -> bool:
        clusters = _look(fleet)
        if moving.stands(clusters.values()) and clusters[what] < fleet.there:
            _give_up(fleet, what, clusters[what])
        return clusters[what] >= fleet.there

    return fleet.until(f"{fleet.found['clusters']} {what}", reached)


def _give_up(fleet: Fleet, what: str, there: int) -> None:
    """Nothing moves: go on with those that are there, if they are nearly all; the run is a failed one."""
    missing = fleet.found["clusters"] - there
    why = f"{missing} of {fleet.found['clusters']} are not {what}, and nothing moved for {fleet.plan.stall_s:.0f} s"
    if missing > fleet.found["clusters"] * _FEW:
        raise RunFailed(f"{why}; {fleet.status()}")
    fleet.tell(why)
    fleet.found["failures"].append({"phase": "ramp", "why": why, "status": fleet.status(), "goes_on": True})
    fleet.missing = missing


class Moving:
    """Whether numbers still change. ``clock`` is in seconds."""

    def __init__(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._last: tuple[int, ...] = ()
        self._since_s = clock()

    def stands(self, numbers: Iterable[int]) -> bool:
        """True when they have been the same for longer than the patience."""
        now, self._last, last = tuple(numbers), tuple(numbers), self._last
        if now != last:
            self._since_s = self._clock()
        return self._clock() - self._since_s > self._patience_s


def _look(fleet: Fleet) -> dict[str, int]:
    """How far it is, noted."""
    clusters, now = fleet.part("clusters"), fleet.sample()
    far = {name: clusters[name] for name in ("created", "active", "imported")}
    fleet.found["series"].append(
        {
            "at_s": round(now.at_s - fleet.began_s, 1),
            **far,
            "resident_bytes": now.resident_bytes,
            "cpu_s": round(now.cpu_s, 2),
            "peers_cpu_s": round(now.peers_cpu_s, 2),
        }
    )
    return far
