"""What a shape looks at: how many clusters are where, and how the imports of one step went. Made from the ledger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scale_agent.load.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Gauges:
    """How many clusters are where. ``lives`` and ``lost`` only grow.

    ``standing`` = ``registering`` + ``active`` + ``failed``: those whose users have begun them and not left them.
    ``leaving`` were left by their users and are not deleted yet. ``lives``: lives that ever began, also those of a
    name that was used before. ``lost``: tunnels of standing clusters that ended.
    """

    registering: int = 0
    active: int = 0
    failed: int = 0
    leaving: int = 0
    deleted: int = 0
    lives: int = 0
    lost: int = 0

    @property
    def standing(self) -> int:
        """Clusters that are there, in whatever state."""
        return self.registering + self.active + self.failed


@dataclass(frozen=True, slots=True)
class Imports:
    """The lives that began since a moment. ``active_s``: sorted seconds from their start to active."""

    begun: int = 0
    failed: int = 0
    registering: int = 0
    active_s: Sequence[float] = ()

    @property
    def p95_s(self) -> float:
        """Nearest-rank 95th percentile of the time to active; 0 when none became active."""
        return self.active_s[math.ceil(0.95 * len(self.active_s)) - 1] if self.active_s else 0.0

    def slower(self, than_s: float) -> int:
        """How many became active, but later than that."""
        return sum(time_s > than_s for time_s in self.active_s)


def gauges(ledger: Ledger) -> Gauges:
    """The gauges as the ledger knows them now (10,000 rows: 3.4 ms; asked once a second)."""
    counts = {"registering": 0, "active": 0, "failed": 0, "leaving": 0, "deleted": 0}
    for row in ledger:
        if row.place:
            counts[row.place] += 1
    return Gauges(**counts, lives=ledger.lives, lost=ledger.lost)


def imports_since(ledger: Ledger, mark: int) -> Imports:
    """The imports of all lives that began after the ledger had seen ``mark`` of them (:attr:`Gauges.lives`)."""
    rows = [row for row in ledger if row.life > mark]
    times = sorted(row.phases["active"] / 1000 for row in rows if row.active)
    registering = sum(row.place == "registering" for row in rows)
    return Imports(len(rows), sum(bool(row.error) for row in rows), registering, times)
