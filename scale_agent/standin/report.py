"""What the stand-in tells about itself and the clusters it has seen: ``GET /standin/report``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from scale_agent.standin import LIMITS
from scale_agent.standin.clusters import Registry
from scale_agent.standin.downstream import Downstream


def cluster_entry(one: Downstream) -> dict[str, Any]:
    """One cluster: state, conditions, what was asked, what was wrong. No secrets."""
    cluster, run = one.cluster, one.run
    entry: dict[str, Any] = {
        "id": cluster.id,
        "name": cluster.name,
        "state": cluster.state.name,
        "conditions": {kind: value.status for kind, value in cluster.conditions.items()},
        "sessions": {"main": one.sessions("main"), "stv": one.sessions("stv")},
        "connections": one.connections,
        "requests": one.requests,
        "pings": one.pings,
        "problems": list(cluster.problems),
    }
    if run is not None:
        entry |= {"script_finished": run.finished, "conflicts_retried": run.conflicts, "waiting_for": run.waiting_for}
        entry["wrong_answers"] = [
            {"at_s": one.at_s, "request": one.request, "client": one.client, "what": one.what} for one in run.problems
        ]
    return entry


def whole(version: str, registry: Registry, clusters: Iterable[Downstream], counts: dict[str, int]) -> dict[str, Any]:
    """The report as JSON."""
    entries = [cluster_entry(one) for one in clusters]
    return {
        "what": "a stand-in; it is not Rancher",
        "limits": list(LIMITS),
        "version": version,
        "created": registry.created,
        "removed": registry.removed,
        "states": dict(Counter(entry["state"] for entry in entries)),
        "with_problems": sum(1 for entry in entries if entry["problems"]),
        "requests": sum(entry["requests"] for entry in entries),
        "connections": sum(entry["connections"] for entry in entries),
        **counts,
        "clusters": entries,
    }
