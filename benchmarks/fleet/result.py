"""From what a run found to figures."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.figures import Figure
from benchmarks.targets import figure

#: "At 2,000 clusters per process": seconds in which a process had so many.
LAG_CLUSTERS = (1800, 2200)


def figures_of(found: Mapping[str, Any]) -> dict[str, Figure]:
    """Every figure for which there is something; a phase that failed or was not asked for has none."""
    values = {
        **_steps(found.get("steps", [])),
        **_rest(found.get("rest") or (found.get("steps") or [{}])[-1]),
        **_later(found),
    }
    return {name: figure(name, several) for name, several in values.items() if several} | _others(found)


def _steps(steps: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[float]]:
    if not steps:
        return {}
    out: dict[str, Sequence[float]] = {
        "memory_per_cluster_bytes": steps[-1]["memory_bytes"],
        "ramp_clusters_per_s": [sum(one["new"] for one in steps) / sum(one["ramp_s"] for one in steps)],
    }
    if len(steps) > 1:
        out["growth_memory_ratio"] = [_ratio(steps, "memory_bytes")]
        out["growth_idle_cpu_ratio"] = [_ratio(steps, "idle_cpu_ms_per_s")]
    return out


def _ratio(steps: Sequence[Mapping[str, Any]], name: str) -> float:
    first, last = (statistics.median(step[name]) for step in (steps[0], steps[-1]))
    return last / first if first else 0.0


def _rest(at_rest: Mapping[str, Any]) -> dict[str, Sequence[float]]:
    if not at_rest:
        return {}
    lowest = at_rest["open"]
    return {
        "idle_cpu_ms_per_s": at_rest["idle_cpu_ms_per_s"],
        "clusters_connected": [min(lowest["main"], lowest["stv"], lowest["watches"] // 12)],
        "probe_p99_ms": at_rest["probe_p99_ms"],
        "stable_errors": [sum(at_rest["errors"].values())],
    }


def _later(found: Mapping[str, Any]) -> dict[str, Sequence[float]]:
    storm, churn, end = (found.get(name, {}) for name in ("storm", "churn", "end"))
    return {
        "storm_s": [storm["storm_s"]] if storm else [],
        "leak_bytes_per_s": [churn["slope"][name] for name in ("low", "value", "high")] if churn else [],
        "books_difference": [end["books_difference"]] if end else [],
        "loop_lag_p99_ms": found.get("lag_p99_ms", []),
    }


def _others(found: Mapping[str, Any]) -> dict[str, Figure]:
    """What the fleet's CPU went to, and what the peers cost: no targets."""
    steps = found.get("steps", [])
    out = {}
    if steps:
        out["ramp_cpu_ms"] = Figure.of([one["cpu_s"] * 1000 / max(one["new"], 1) for one in steps], "ms")
        out["peer_ramp_cpu_ms"] = Figure.of([one["peers_cpu_s"] * 1000 / max(one["new"], 1) for one in steps], "ms")
        out["peer_idle_cpu_ms_per_s"] = Figure.of(steps[-1]["peers_idle_cpu_ms_per_s"], "ms/s")
        resident = sum(steps[-1]["peers_resident_bytes"]) / steps[-1]["clusters"]
        out["peer_memory_per_cluster_bytes"] = Figure.of([resident], "B")
    return out
