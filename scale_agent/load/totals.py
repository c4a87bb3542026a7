"""What is known about a whole run beside its clusters, made from records: what went through, how the generator felt.

Like the ledger it lives where the files are written; every process of the run sends its seconds to it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from scale_agent.load.histogram import Histogram
from scale_agent.records import Record

RAMP, STEADY = "ramp", "steady"

#: A generator that was late for more than 1 % of what was due in its ramp by more than this, in milliseconds, was what
#: one measured: a tenth of a second is what Rancher itself needs for a slow step of an import.
SATURATED_MS = 100.0


class ProcessHealth:
    """One process: loop lag by phase (:data:`RAMP`, :data:`STEADY`), and the most it used."""

    def __init__(self) -> None:
        self.lag: dict[str, Histogram] = {RAMP: Histogram(), STEADY: Histogram()}
        self.rss_bytes = 0
        self.cpu_share = 0.0
        self.gc_max_ms = 0.0

    def add(self, phase: str, detail: Mapping[str, Any]) -> None:
        """One more second."""
        lag = self.lag[phase if phase in self.lag else STEADY]
        lag.merge({int(bucket): int(count) for bucket, count in detail["lag"].items()}, float(detail["lag_max_ms"]))
        self.rss_bytes = max(self.rss_bytes, int(detail["rss_bytes"]))
        self.gc_max_ms = max(self.gc_max_ms, float(detail["gc_max_ms"]))
        if detail["over_s"] > 0:
            self.cpu_share = max(self.cpu_share, float(detail["cpu_s"]) / float(detail["over_s"]))


class Totals:
    """Sums of a run, kept up to date by :meth:`apply`."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.processes: dict[str, ProcessHealth] = defaultdict(ProcessHealth)
        self.waits: dict[str, Histogram] = defaultdict(Histogram)
        self._apply = {"counts": self._count, "health": self._health, "wait": self._wait}

    def apply(self, record: Record) -> None:
        """Take one record in; most are none of ours."""
        if (add := self._apply.get(record.kind)) is not None:
            add(record)

    def _count(self, record: Record) -> None:
        self.counts.update({name: int(number) for name, number in record.detail.items()})

    def _health(self, record: Record) -> None:
        self.processes[str(record.detail.get("worker", ""))].add(record.name, record.detail)

    def _wait(self, record: Record) -> None:
        self.waits[record.name].add(record.ms)

    def lag(self, *phases: str) -> Histogram:
        """Loop lag of all processes together; without ``phases`` of the whole run."""
        merged = Histogram()
        for process in self.processes.values():
            for phase in phases or process.lag:
                merged.merge(process.lag[phase].counts, process.lag[phase].max_ms)
        return merged

    @property
    def saturated(self) -> tuple[str, ...]:
        """The processes that were the limit of the run, by their ramp's loop lag."""
        late = (name for name, process in self.processes.items() if process.lag[RAMP].quantile(0.99) > SATURATED_MS)
        return tuple(sorted(late))

    def as_detail(self) -> dict[str, Any]:
        """For the record of the run's end."""
        return {
            "counts": dict(sorted(self.counts.items())),
            "loop_lag_p99_ms": {
                "ramp": round(self.lag(RAMP).quantile(0.99), 3),
                "all": round(self.lag().quantile(0.99), 3),
            },
            "rss_bytes": sum(process.rss_bytes for process in self.processes.values()),
            "saturated": list(self.saturated),
        }
