"""What is known about every cluster of a run, made from its records: rows of ``clusters.csv``, verdict, tables.

Local runs and masters hold one; workers send their records to it. So there is one way from a fact to a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from scale_agent.load.clock import first_missing
from scale_agent.records import PHASES, Record

#: Columns of ``clusters.csv``; phases are seconds since the start of the cluster's life, empty when not reached.
COLUMNS = ("cluster", "worker", "started", *PHASES, "adopted", "tunnels_lost", "errors", "error", "stuck_before")


@dataclass(slots=True)
class Row:
    """One cluster. ``phases`` maps a phase to milliseconds since ``started_s`` (Unix time)."""

    name: str
    started_s: float
    worker: str = ""
    phases: dict[str, float] = field(default_factory=dict)
    adopted: str = ""
    tunnels_lost: int = 0
    errors: int = 0
    error: str = ""
    left: bool = False
    #: Its user was stopped while the run went on: fewer clusters were wanted.
    withdrawn: bool = False
    #: The how-manieth life of the run this is, from 1; 0 while it has not begun.
    life: int = 0

    @property
    def active(self) -> bool:
        """It became active in time, or late: a failed one stays failed."""
        return "active" in self.phases and not self.error

    @property
    def settled(self) -> bool:
        """Nothing more is awaited of its ramp: active, failed or left."""
        return bool(self.error) or self.left or "active" in self.phases

    @property
    def place(self) -> str:
        """Where it is now: ``registering``, ``active``, ``failed``, ``leaving``, ``deleted``; empty: not begun."""
        if not self.life:
            return ""
        if "deleted" in self.phases:
            return "deleted"
        if self.left:
            return "leaving"
        if self.error:
            return "failed"
        return "active" if "active" in self.phases else "registering"

    @property
    def stuck_before(self) -> str:
        """The phase that it did not reach, empty for an active one."""
        return "" if self.active else first_missing(self.phases)

    def lost_with_worker(self, now_s: float) -> Record:
        """The record of its failure when its worker was lost."""
        return Record("life", "failed", now_s, self.name, error="worker-lost")

    def cells(self) -> dict[str, str]:
        """The row of ``clusters.csv``."""
        cells = {phase: f"{ms / 1000:.3f}" for phase, ms in self.phases.items()}
        return cells | {
            "cluster": self.name,
            "worker": self.worker,
            "started": f"{self.started_s:.3f}",
            "adopted": self.adopted,
            "tunnels_lost": str(self.tunnels_lost),
            "errors": str(self.errors),
            "error": self.error,
            "stuck_before": self.stuck_before,
        }


class Ledger:
    """Rows by cluster name, kept up to date by :meth:`apply`; ``dirty`` counts changes since the file was written."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.dirty = 0
        #: How many lives have begun, also under a name that was used before; how many tunnels were lost by clusters
        #: that their users had not left.
        self.lives = self.lost = 0
        self._settled = 0
        self._apply = {
            ("life", "begun"): self._begun,
            ("life", "adopted"): self._adopted,
            ("life", "replaced"): self._adopted,
            ("life", "failed"): self._failed,
            ("life", "left"): self._left,
        }

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows.values())

    def __len__(self) -> int:
        return len(self.rows)

    def apply(self, record: Record) -> None:
        """Take one record in; records about no cluster, and of kinds that have no column, change nothing."""
        if not record.cluster:
            return
        row = self.rows.get(record.cluster) or self._new_row(record)
        was_settled = row.settled
        if record.kind == "phase" and record.name in PHASES:
            row.phases.setdefault(record.name, record.ms)
        elif record.kind == "lost":
            row.tunnels_lost += 1
            self.lost += not row.left
        elif record.kind == "error":
            row.errors += 1
        elif change := self._apply.get((record.kind, record.name)):
            change(row, record)
        else:
            return
        self.dirty += 1
        self._settled += row.settled - was_settled

    def _new_row(self, record: Record) -> Row:
        row = self.rows[record.cluster] = Row(record.cluster, record.at_s)
        return row

    def _begun(self, row: Row, record: Record) -> None:
        self.lives += 1
        fresh = Row(row.name, record.at_s, str(record.detail.get("worker", "")), life=self.lives)
        self._settled -= row.settled
        self.rows[row.name] = fresh

    def _adopted(self, row: Row, record: Record) -> None:
        row.adopted = record.name

    def _failed(self, row: Row, record: Record) -> None:
        row.error = row.error or record.error

    def _left(self, row: Row, record: Record) -> None:
        row.left = True
        row.withdrawn = bool(record.detail.get("withdrawn"))

    @property
    def settled(self) -> int:
        """How many clusters are active, failed or left."""
        return self._settled

    def settled_of(self, workers: frozenset[str]) -> int:
        """How many of these workers' clusters are settled."""
        return sum(row.settled for row in self if row.worker in workers)

    def active(self) -> int:
        """How many became active."""
        return sum(row.active for row in self)

    def failures(self) -> dict[tuple[str, str], list[str]]:
        """Clusters that should have become active and did not: (stuck before, why) → names."""
        found: dict[tuple[str, str], list[str]] = {}
        for row in self:
            if not row.active and (row.error or not row.withdrawn):
                found.setdefault((row.stuck_before or "active", row.error or "stopped"), []).append(row.name)
        return found

    def phase_times(self) -> Mapping[str, list[float]]:
        """Phase → sorted milliseconds of all clusters that reached it."""
        times: dict[str, list[float]] = {phase: [] for phase in PHASES}
        for row in self:
            for phase, ms in row.phases.items():
                times[phase].append(ms)
        return {phase: sorted(values) for phase, values in times.items()}

    def stuck(self) -> dict[str, int]:
        """Phase → how many clusters are stuck right before it."""
        counts: dict[str, int] = {}
        for (phase, _), names in self.failures().items():
            counts[phase] = counts.get(phase, 0) + len(names)
        return counts
