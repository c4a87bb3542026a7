"""What the figures should be: the names in ``build/bench.json``, their units, targets and stretches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import Figure


@dataclass(frozen=True, slots=True)
class Target:
    """One figure. ``at_least``: more is better. ``is_zero``: its interval, which is the spread, should hold zero."""

    what: str
    unit: str
    target: float | None = None
    stretch: float | None = None
    at_least: bool = False
    is_zero: bool = False

    def met(self, value: float, limit: float | None) -> bool | None:
        """Whether a value keeps a limit; ``None`` without one."""
        if limit is None:
            return None
        return value >= limit if self.at_least else value <= limit


#: In the order of the table. "Small" is profiles/small.yaml.
TARGETS: dict[str, Target] = {
    "memory_per_cluster_bytes": Target("resident memory, connected and idle", "B", 360e3, 320e3),
    "idle_cpu_ms_per_s": Target("CPU, connected and idle", "ms/s", 0.08, 0.05),
    "import_cpu_ms": Target("CPU of one import", "ms", 80, 50),
    "get_cpu_us": Target("CPU of one tunnelled GET", "µs", 90, 50),
    "event_cpu_us": Target("CPU of one change to its watcher", "µs", 60, 30),
    "clusters_connected": Target("clusters connected and watched all the time", "", 10000, at_least=True),
    "stable_errors": Target("errors while stable", "", 0),
    "probe_p99_ms": Target("probe answers p99 while stable", "ms", 100, 30),
    "ramp_clusters_per_s": Target("ramp", "1/s", 6, 10, at_least=True),
    "storm_s": Target("storm: all back after the first retry", "s", 90, 60),
    "loop_lag_p99_ms": Target("loop lag p99, 2,000 clusters a process, 3/s", "ms", 50, 20),
    "growth_memory_ratio": Target("memory per cluster, last step to first", "times", 1.05),
    "growth_idle_cpu_ratio": Target("idle CPU per cluster, last step to first", "times", 1.05),
    "leak_bytes_per_s": Target("slope of memory under churn, all clusters", "B/s", 0, is_zero=True),
    "books_difference": Target("difference of both sides' books", "", 0),
}


def figure(name: str, values: Sequence[float]) -> Figure:
    """A figure of the table from several measurements."""
    known = TARGETS[name]
    return Figure.of(values, known.unit, known.target)
