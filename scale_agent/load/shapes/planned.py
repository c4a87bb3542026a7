"""The shape that Locust sees: asked once a second, it looks at the ledger and lets the course say how many users."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, ClassVar

from locust import LoadTestShape

from scale_agent.load.ledger import Ledger
from scale_agent.load.shapes.catalogue import plan
from scale_agent.load.shapes.course import Aim, Driver, Look
from scale_agent.load.shapes.gauges import gauges, imports_since
from scale_agent.load.shapes.search import Found, Trial
from scale_agent.load.shapes.settings import ShapeOptions

logger = logging.getLogger(__name__)

#: What Locust logs at every change of the number of users: with a shape, every second.
_CHATTER = ("Shape test updating", "Ramping to", "Sending spawn jobs", "All users spawned", "Spawning is complete")


class PlannedShape(LoadTestShape):
    """One per run. The course begins at the first tick, which is also what starts Locust's test.

    ``ledger`` gives the ledger of the run that goes on, once it has ``begun``; ``record(name, detail)`` writes a
    record about the run.
    ``abstract``: Locust takes any other shape that a locustfile has a name for as the one to use.
    """

    abstract: ClassVar[bool] = True
    use_common_options: ClassVar[bool] = True

    def __init__(
        self,
        options: ShapeOptions,
        ledger: Callable[[], Ledger],
        begun: Callable[[], bool],
        record: Callable[[str, dict[str, Any]], None],
        run_time_s: Callable[[], float | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Locust's
        self.options = options
        self.found = Found()
        self.problems: list[str] = []
        self._driver = Driver(plan(options, self.found, self.problems.append))
        self._ledger = ledger
        self._begun = begun
        self._record = record
        self._run_time_s = run_time_s
        self._clock = clock
        self._began_s: float | None = None
        self._stage = ""
        self._untold: list[Aim] = []  # the first, until the run is open and has a file for it
        self._said: tuple[int, float] | None = None

    @property
    def searches(self) -> bool:
        """Clusters that fail are what it looks for, not a failure of the run."""
        return self.options.search is not None

    def tick(self) -> tuple[int, float] | None:
        """Users and rate; ``None`` ends the test.

        The first answer starts it. Until it has begun the answer stays the same: a changed one would make Locust kill
        the greenlet that is opening the run.
        """
        if self._began_s is None:
            self._began_s = self._clock()
            return self._next(self._began_s, Ledger())  # what the director has is the ledger of the run before
        if not self._begun():
            return self._said
        now_s, run_time_s = self._clock(), self._run_time_s()
        if run_time_s is not None and now_s - self._began_s >= run_time_s:
            logger.info("Shape: --run-time is over")
            return None
        return self._next(now_s, self._ledger())

    def _next(self, now_s: float, ledger: Ledger) -> tuple[int, float] | None:
        aim = self._driver.next(Look(now_s, gauges(ledger), lambda mark: imports_since(ledger, mark)))
        if aim is None:
            return None
        self._untold.append(aim)
        if self._begun():
            untold, self._untold = self._untold, []
            for one in untold:
                self._tell(one)
        self._said = aim.users, aim.rate
        return self._said

    def _tell(self, aim: Aim) -> None:
        if aim.stage != self._stage:
            self._stage = aim.stage
            logger.info("Shape: %s", aim.stage)
            self._record("stage", {"stage": aim.stage, "users": aim.users})

    def conclude(self) -> list[str]:
        """The run is over: what there is to say of it, for the end of the terminal. Problems are in ``problems``."""
        if not self.searches:
            return []
        if not self.found.why:
            self.found.why = "stopped"
        self._record("search", self.found.as_detail())
        if not self.found.largest or not self.found.confirmed:
            self.problems.append(self.found.line)
        return [self.found.line, *map(_trial_line, self.found.trials)]


def _trial_line(trial: Trial) -> str:
    verdict = "held" if not trial.broken else f"did not hold: {', '.join(trial.broken)}"
    again = "again " if trial.confirmation else ""
    return (
        f"  {trial.clusters} clusters {again}{verdict} ({trial.imported} imported, p95 to active {trial.p95_s:.1f} s, "
        f"{trial.failed} failed)"
    )


class Calm(logging.Filter):
    """Keeps Locust's lines about every new number of users out of the log while a shape says its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.levelno <= logging.INFO and str(record.msg).startswith(_CHATTER))
