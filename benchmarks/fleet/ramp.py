"""The ramp: clusters in steps, each step measured when its imports are through and it is at rest."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.fleet.processes import Swarm
from benchmarks.fleet.rest import at_rest
from benchmarks.fleet.running import LOOK_S, Fleet


def ramp(fleet: Fleet) -> None:
    """All steps of the plan. ``found["steps"]`` gets what each was like, ``found["series"]`` the way there."""
    fleet.found |= {"clusters": 0, "steps": [], "series": []}
    for number, peer in enumerate(fleet.peers):
        fleet.swarms.append(Swarm.start(number, peer, fleet.plan, fleet.out))
    _warm(fleet)
    for step in fleet.plan.steps:
        fleet.found["steps"].append(_step(fleet, step) | at_rest(fleet))
        fleet.keep()


def _warm(fleet: Fleet) -> None:
    """The first clusters: a process compiles its profile and fills its caches once, which is no cluster's cost."""
    first = fleet.plan.processes
    fleet.until("the first clusters", lambda: fleet.part("clusters")["created"] >= first)
    if fleet.plan.warm_s >= 0:
        fleet.pause("the first clusters begin", fleet.plan.warm_s)
    else:
        fleet.until("the first clusters are imported", lambda: fleet.part("clusters")["imported"] >= first)
        fleet.pause("the first clusters settle", fleet.plan.settle_s)
    fleet.base = fleet.sample()
    fleet.found |= {"first": first, "base_bytes": list(fleet.base.resident), "clusters": first}


def _step(fleet: Fleet, wanted: int) -> dict[str, Any]:
    """Grow to so many clusters; the peers tell when all are active, and when all imports are through."""
    plan, before, had = fleet.plan, fleet.sample(), fleet.found["clusters"]
    for swarm in fleet.swarms:
        swarm.grow(wanted // plan.peers, plan.rate / plan.peers)
    fleet.found["clusters"] = wanted
    ramp_s = fleet.until(f"{wanted} active", lambda: _reached(fleet, "active", wanted))
    fleet.tell(f"{wanted} clusters active, {wanted - had} of them in {ramp_s:.0f} s")
    through_s = ramp_s + fleet.until(f"{wanted} imported", lambda: _reached(fleet, "imported", wanted))
    after = fleet.sample()
    return {
        "clusters": wanted,
        "new": wanted - had,
        "ramp_s": round(ramp_s, 1),
        "imported_s": round(through_s, 1),
        "cpu_s": round(after.cpu_s - before.cpu_s, 2),
        "peers_cpu_s": round(after.peers_cpu_s - before.peers_cpu_s, 2),
        "began_unix_s": round(time.time() - (after.at_s - before.at_s), 1),
        "through_unix_s": round(time.time(), 1),
    }


def _reached(fleet: Fleet, what: str, wanted: int) -> bool:
    """Look, and note how far it is."""
    clusters, now = fleet.part("clusters"), fleet.sample()
    fleet.found["series"].append(
        {
            "at_s": round(now.at_s - fleet.began_s, 1),
            **{name: clusters[name] for name in ("created", "active", "imported")},
            "resident_bytes": now.resident_bytes,
            "cpu_s": round(now.cpu_s, 2),
            "peers_cpu_s": round(now.peers_cpu_s, 2),
        }
    )
    if clusters[what] < wanted:
        time.sleep(LOOK_S * min(4, wanted // 2500))  # the books of many clusters cost the peers something too
    return clusters[what] >= wanted
