"""A fleet at rest: its memory, its CPU, the probes' answers, whether everything stays open and nothing goes wrong."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.fleet.books import merged_quantile, summed
from benchmarks.fleet.running import Fleet, Sample
from benchmarks.slope import slope_of

WATCHES = 12
#: A time at rest is cut into that many windows; the figure is their median, the spread is theirs.
WINDOWS = 5
_LOOK_S = 5.0


def at_rest(fleet: Fleet) -> dict[str, Any]:
    """Wait until idle connections are closed, then measure for a while."""
    fleet.pause("connections settle", fleet.plan.settle_s)
    return watched(fleet, "at rest", fleet.plan.rest_s)


def rest(fleet: Fleet) -> None:
    """The whole fleet watched for the plan's time, into ``found["rest"]``."""
    fleet.found["rest"] = watched(fleet, "stable", fleet.plan.stable_s) | {"peer": fleet.post("/gc")}


def watched(fleet: Fleet, what: str, seconds: float) -> dict[str, Any]:
    """Measure for so many seconds. CPU and memory are per cluster, of the workers; see the keys."""
    windows, samples, lowest = [], [fleet.sample()], dict[str, int]()
    first = before = fleet.books()
    for _ in range(WINDOWS):
        fleet.pause(what, seconds / WINDOWS, _LOOK_S, lambda: samples.append(fleet.sample()))
        samples.append(fleet.sample())
        after = fleet.books()
        windows.append(_window(before, after))
        _note_lowest(lowest, after)
        before = after
    return _summary(fleet, samples, windows, lowest) | {
        "seconds": round(samples[-1].at_s - samples[0].at_s, 1),
        "errors": dict(summed(before, "errors") - summed(first, "errors")),
        "events": dict(summed(before, "events") - summed(first, "events")),
        "probes": _probes(before) - _probes(first),
    }


def _window(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {f"{name}_p99_ms": merged_quantile(after, name, 0.99, before) for name in ("ping", "readyz")}


def _probes(books: Sequence[dict[str, Any]]) -> int:
    return sum(sum(one["latencies_ms"][name]["buckets"].values()) for one in books for name in ("ping", "readyz"))


def _note_lowest(lowest: dict[str, int], books: Sequence[dict[str, Any]]) -> None:
    """What was open at the worst of all looks."""
    tunnels = summed(books, "tunnels_open")
    now = {"main": tunnels["main"], "stv": tunnels["stv"], "watches": summed(books, "watches")["open"]}
    for name, count in now.items():
        lowest[name] = min(lowest.get(name, count), count)


def _summary(
    fleet: Fleet, samples: Sequence[Sample], windows: Sequence[dict[str, float]], lowest: dict[str, int]
) -> dict[str, Any]:
    clusters: int = fleet.found["clusters"]
    cpu, peers_cpu = _per_window(samples, clusters)
    trend = slope_of([(one.at_s, one.resident_bytes / clusters) for one in samples])
    return {
        "clusters": clusters,
        "memory_bytes": [round(size) for size in _memory(fleet, samples)],
        "idle_cpu_ms_per_s": cpu,
        "peers_idle_cpu_ms_per_s": peers_cpu,
        "probe_p99_ms": [max(one.values()) for one in windows],
        "ping_p99_ms": [one["ping_p99_ms"] for one in windows],
        "readyz_p99_ms": [one["readyz_p99_ms"] for one in windows],
        "open": lowest,
        "memory_slope": trend.told(),
        "resident_bytes": list(samples[-1].resident),
        "peers_resident_bytes": list(samples[-1].peers_resident),
    }


def _memory(fleet: Fleet, samples: Sequence[Sample]) -> list[float]:
    """Memory per cluster, bytes, one per window: what came on top of what the first clusters took with them."""
    if fleet.base is None:
        raise RuntimeError("the ramp noted no base")
    clusters = fleet.found["clusters"] - fleet.found["first"]
    grown = [(one.resident_bytes - fleet.base.resident_bytes) / max(clusters, 1) for one in samples]
    return [statistics.median(part) for part in _cut(grown)]


def _per_window(samples: Sequence[Sample], clusters: int) -> tuple[list[float], list[float]]:
    """CPU per cluster in each window, ms per s: the workers', the peers'."""
    ours, theirs = [], []
    edges = [samples[number * (len(samples) - 1) // WINDOWS] for number in range(WINDOWS + 1)]
    for before, after in itertools.pairwise(edges):
        scale = 1000 / max(after.at_s - before.at_s, 1e-9) / clusters
        ours.append(round((after.cpu_s - before.cpu_s) * scale, 5))
        theirs.append(round((after.peers_cpu_s - before.peers_cpu_s) * scale, 5))
    return ours, theirs


def _cut(values: Sequence[float]) -> list[Sequence[float]]:
    """The values in as many parts as there are windows (or values, when they are fewer)."""
    parts = min(WINDOWS, len(values))
    return [values[number * len(values) // parts : (number + 1) * len(values) // parts] for number in range(parts)]
