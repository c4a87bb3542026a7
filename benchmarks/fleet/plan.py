"""What a fleet run does: how many clusters, how fast, which phases, how patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

PHASES = ("ramp", "rest", "storm", "churn", "end")

#: The idle connections of an import live 90 s, as client-go's do; a cluster is at rest after them.
SETTLED_S = 100.0
#: Workers give free memory back to the system once a minute.
TRIMMED_S = 62.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A run. ``steps`` are numbers of clusters, all together; after each the fleet is measured at rest."""

    steps: tuple[int, ...] = (100,)
    #: New clusters per second, all together, for each step; the last for all that follow.
    rates: tuple[float, ...] = (4.0,)
    peers: int = 2
    #: Locust workers per peer.
    workers: int = 1
    phases: tuple[str, ...] = PHASES
    #: Before the first step a cluster per worker compiles and caches what all share; negative: until it is imported.
    warm_s: float = -1.0
    #: The peers close an import's idle connections as soon as it is through, not after their 90 s.
    hurry: bool = False
    settle_s: float = SETTLED_S
    rest_s: float = 60.0
    #: The rest phase: how long the whole fleet is watched.
    stable_s: float = 60.0
    storm_share: float = 0.5
    churn_s: float = 300.0
    #: Changes per second and cluster while it churns.
    churn_rate: float = 0.1
    #: Clusters that leave and are replaced in each minute of churn.
    turnover: int = 0
    profile: str = "profiles/small.yaml"
    concurrency: int = 10
    #: Imports under way at once, per process. One takes 45 s, nearly all of it waiting: 70 in each of two processes let
    #: 3 begin per second. More than the machine can carry leads to dials that time out and are dialled again, for ever.
    imports_at_once: int = 70
    #: Patience for one step of the ramp and for every other phase.
    limit_s: float = 900.0
    #: A step in which nothing moves for so long is over; when few are missing, the run goes on and is a failed one.
    stall_s: float = 240.0
    #: Patience for everything.
    total_s: float = 7200.0
    #: GOMEMLIMIT of each peer.
    memory_mib: int = 6144
    #: The run ends itself when the machine has less memory than this.
    spare_mib: int = 1024

    def __post_init__(self) -> None:
        """Refuse what cannot be done. Raises ``ValueError``."""
        if unknown := set(self.phases) - set(PHASES):
            raise ValueError(f"no such phase: {', '.join(sorted(unknown))}; there are {', '.join(PHASES)}")
        if not self.steps or list(self.steps) != sorted(set(self.steps)) or self.steps[0] < self.peers * self.workers:
            raise ValueError("steps are growing numbers of clusters, the first at least one for each worker")
        if not self.rates or min(self.rates) <= 0:
            raise ValueError("rates are positive numbers of clusters per second")
        if any(step % self.peers for step in self.steps):
            raise ValueError(f"each step must be divisible by the {self.peers} peers")

    @property
    def clusters(self) -> int:
        """How many there are in the end."""
        return self.steps[-1]

    def rate(self, step: int) -> float:
        """The rate of a step, by its number from 0 on."""
        return self.rates[min(step, len(self.rates) - 1)]

    @property
    def processes(self) -> int:
        """Locust workers, all together."""
        return self.peers * self.workers


#: Forms of a run: what each changes in the defaults.
FORMS: Mapping[str, Mapping[str, Any]] = {
    "short": {
        "steps": (1000,),
        "rates": (12.0,),
        "phases": ("ramp", "end"),
        "warm_s": 6.0,
        "hurry": True,
        "settle_s": TRIMMED_S,
        "rest_s": 10.0,
        "concurrency": 20,
        "limit_s": 600.0,
        "total_s": 1500.0,
        "memory_mib": 2048,
    },
    "full": {
        "steps": (1000, 2500, 5000, 10000),
        # through 2,000 clusters per process at 3/s in each of two, as the target for loop lag says
        "rates": (8.0, 8.0, 6.0, 8.0),
        "phases": ("ramp", "rest", "storm", "end"),
        "stable_s": 600.0,
        "concurrency": 20,
        "limit_s": 3600.0,
        "total_s": 4 * 3600.0,
    },
    "leak": {
        "steps": (500,),
        "rates": (5.0,),
        "phases": ("ramp", "churn", "end"),
        "churn_s": 1800.0,
        "turnover": 10,
        "limit_s": 1800.0,
        "total_s": 2 * 3600.0,
    },
}


def plan_of(form: str, changes: Mapping[str, Any]) -> Plan:
    """A form with what was asked for differently. Raises ``ValueError``."""
    known = {one.name for one in fields(Plan)}
    return Plan(**{**FORMS[form], **{name: value for name, value in changes.items() if name in known}})
