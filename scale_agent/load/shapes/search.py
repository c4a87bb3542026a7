"""Looks for the largest number of clusters at which objectives hold: up in steps, halving between good and bad.

It keeps two numbers: ``good`` held, ``bad`` (if there is one) did not. A level that fails is left at once, down to
``good``. It ends when the two are close enough, after so many failures, or at the cap; then the answer is confirmed by
taking one step's clusters away and importing them once more.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from scale_agent.load.shapes.course import Aim, Course, Look, Steps, go, settle
from scale_agent.load.shapes.gauges import Imports

#: A confirmation that fails lowers the answer; so often at most.
_CONFIRMATIONS = 2
_TUNNELS = 2  # of a cluster
_STUCK = "clusters that were taken away did not go"


@dataclass(frozen=True, slots=True)
class Objectives:
    """What must hold for the clusters of a step.

    ``active_p95_s``: the 95th percentile of their time to active. ``error_share``: of the step's clusters those that
    failed, and of all tunnels those that were lost meanwhile, each from 0 to 1.
    """

    active_p95_s: float
    error_share: float

    def broken(self, imports: Imports, lost_share: float) -> tuple[str, ...]:
        """The objectives that do not hold, one line each."""
        failed = imports.failed / imports.begun if imports.begun else 0.0
        found = []
        if imports.p95_s > self.active_p95_s:
            found.append(f"p95 to active {imports.p95_s:.1f} s > {self.active_p95_s:g} s")
        if failed > self.error_share:
            found.append(f"{failed:.1%} of the step's clusters failed > {self.error_share:.1%}")
        if lost_share > self.error_share:
            found.append(f"{lost_share:.1%} of all tunnels were lost > {self.error_share:.1%}")
        return tuple(found)

    def hopeless(self, imports: Imports, size: int, waited_s: float) -> bool:
        """They can hold no more, however the rest of a step of ``size`` clusters goes.

        ``waited_s``: seconds since the last of them began; who is not active after ``active_p95_s`` is late or fails.
        """
        late, failures = int(0.05 * size), self.error_share * size
        if imports.failed > failures or imports.slower(self.active_p95_s) > late:
            return True
        return waited_s > self.active_p95_s and imports.registering > late + failures


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """``cap``: never more clusters. ``failures``: so many failed levels end the search. Rates per second."""

    objectives: Objectives
    cap: int
    step: int
    resolution: int
    failures: int
    rate: float
    down_rate: float
    stable_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Trial:
    """One level that was tried; ``broken`` is empty if it held."""

    clusters: int
    imported: int
    p95_s: float
    failed: int
    broken: tuple[str, ...]
    confirmation: bool = False

    def as_detail(self) -> dict[str, Any]:
        """For the record."""
        return {
            "clusters": self.clusters,
            "imported": self.imported,
            "active_p95_s": round(self.p95_s, 3),
            "failed": self.failed,
            "broken": list(self.broken),
            "confirmation": self.confirmation,
        }


@dataclass(slots=True)
class Found:
    """What a search knows so far. ``why`` says why it ended, empty while it goes on."""

    largest: int = 0
    bad: int | None = None
    confirmed: bool = False
    why: str = ""
    trials: list[Trial] = field(default_factory=list)

    @property
    def line(self) -> str:
        """The answer, for people."""
        if not self.why:
            return f"Search: not over; {self.largest} clusters held so far"
        if not self.largest:
            return f"Search: no number of clusters held the objectives ({self.why})"
        below = f", {self.bad} did not" if self.bad is not None else ""
        sure = "confirmed" if self.confirmed else "not confirmed"
        return f"Search: {self.largest} clusters held the objectives, {sure}{below} ({self.why})"

    def as_detail(self) -> dict[str, Any]:
        """For the record."""
        trials = [trial.as_detail() for trial in self.trials]
        answer = {"largest": self.largest, "bad": self.bad, "confirmed": self.confirmed, "why": self.why}
        return answer | {"trials": trials}


class _Attempt:
    """One level being tried: what was there before, and whether it can still succeed."""

    def __init__(self, course: Course, options: SearchOptions, level: int) -> None:
        self._course = course
        self._objectives = options.objectives
        self._before = course.look.gauges
        self._size = level - course.users
        self._all_begun_s: float | None = None

    @property
    def imports(self) -> Imports:
        return self._course.look.since(self._before.lives)

    @property
    def lost_share(self) -> float:
        now = self._course.look.gauges
        return (now.lost - self._before.lost) / max(1, _TUNNELS * now.standing)

    def hopeless(self) -> bool:
        imports, now_s = self.imports, self._course.look.now_s
        if self._all_begun_s is None and imports.begun >= self._size:
            self._all_begun_s = now_s
        waited_s = now_s - self._all_begun_s if self._all_begun_s is not None else 0.0
        lost = self.lost_share > self._objectives.error_share
        return lost or self._objectives.hopeless(imports, self._size, waited_s)

    def broken(self, *, stable: bool, timeout_s: float) -> tuple[str, ...]:
        found = self._objectives.broken(self.imports, self.lost_share)
        if found or stable:
            return found
        pending = self.imports.registering
        if self.hopeless():
            return (f"{pending} of {self._size} clusters not active in {self._objectives.active_p95_s:g} s",)
        return (f"not stable within {timeout_s:g} s",)


def _try(course: Course, options: SearchOptions, level: int, confirmation: bool) -> Generator[Aim, Look, Trial]:
    attempt = _Attempt(course, options, level)
    what = course.stage = f"search: {'confirming' if confirmation else 'trying'} {level} clusters"
    yield from go(course, level, options.rate, attempt.hopeless)
    course.stage = f"{what}, until stable"
    stable = yield from settle(course, options.stable_s, options.timeout_s, attempt.hopeless)
    broken, seen = attempt.broken(stable=stable, timeout_s=options.timeout_s), attempt.imports
    return Trial(level, seen.begun, seen.p95_s, seen.failed, broken, confirmation)


def _back_off(course: Course, options: SearchOptions, to: int) -> Generator[Aim, Look, bool]:
    course.stage = f"search: back to {to} clusters"
    yield from go(course, to, options.down_rate)
    return (yield from settle(course, 0.0, options.timeout_s))


def _next_level(options: SearchOptions, good: int, bad: int | None) -> int | None:
    """The level to try next; ``None`` when there is none between what held and what did not, or the cap."""
    if bad is None:
        return min(good + options.step, options.cap) if good < options.cap else None
    return good + (bad - good) // 2 if bad - good > options.resolution else None


def _approach(course: Course, options: SearchOptions, found: Found) -> Generator[Aim, Look, str]:
    """Up, and between good and bad; why it ended, empty if nothing is wrong with going on to confirm."""
    failures = 0
    while failures < options.failures:
        level = _next_level(options, found.largest, found.bad)
        if level is None:
            return "the cap was reached" if found.bad is None else "close enough"
        trial = yield from _try(course, options, level, confirmation=False)
        found.trials.append(trial)
        if not trial.broken:
            found.largest = level
            continue
        failures, found.bad = failures + 1, level
        if not (yield from _back_off(course, options, found.largest)):
            return _STUCK
    return f"{failures} levels failed, the last by: {', '.join(found.trials[-1].broken)}"


def _confirm(course: Course, options: SearchOptions, found: Found) -> Steps:
    """Import the last step's clusters once more; a level that does not hold again makes the one below the answer."""
    for _ in range(_CONFIRMATIONS):
        level, base = found.largest, max(0, found.largest - options.step)
        if not level or not (yield from _back_off(course, options, base)):
            return
        trial = yield from _try(course, options, level, confirmation=True)
        found.trials.append(trial)
        if not trial.broken:
            found.confirmed = True
            return
        held = {trial.clusters for trial in found.trials if not trial.broken}
        found.bad, found.largest = level, max((one for one in held if one < level), default=0)
    yield from _back_off(course, options, found.largest)


def search(course: Course, options: SearchOptions, found: Found) -> Steps:
    """Search, confirm, and write into ``found``, which is true at any moment."""
    why = yield from _approach(course, options, found)
    if why != _STUCK:
        yield from _confirm(course, options, found)
    found.why = why
