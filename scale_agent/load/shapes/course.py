"""The steps that shapes are made of. A course is a generator: it yields what it aims at, and is sent the next look.

Nothing here knows what time it is or waits: whoever drives a course asks it about once a second
(:class:`Driver`), and every step is made of such questions.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from scale_agent.load.shapes.gauges import Gauges, Imports

#: A driver that was late for longer does not make up for it: a generator that stood still must not import a burst.
_CATCH_UP_S = 3.0


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the run. ``now_s`` only grows; ``since(mark)`` are the imports after ``mark`` lives had begun."""

    now_s: float
    gauges: Gauges
    since: Callable[[int], Imports]


@dataclass(frozen=True, slots=True)
class Aim:
    """So many users from now on, coming or going at ``rate`` per second. ``stage`` is for people."""

    users: int
    rate: float
    stage: str


Steps = Generator[Aim, Look, None]
Outcome = Generator[Aim, Look, bool]


@dataclass(slots=True)
class Course:
    """Where a shape is: what it aims at, and what it saw last."""

    look: Look
    users: int = 0
    rate: float = 1.0
    stage: str = ""

    def wait(self) -> Steps:
        """Aim as before until the next look."""
        self.look = yield Aim(self.users, self.rate, self.stage)


class Pace:
    """How far a number may move: ``rate`` per second, whole ones, the first at once."""

    def __init__(self, rate: float, now_s: float) -> None:
        self._rate = rate
        self._credit = max(1.0, rate)
        self._last_s = now_s

    def move(self, users: int, to: int, now_s: float) -> int:
        """The next number on the way from ``users`` to ``to``. What was not used is not saved up."""
        self._credit += self._rate * min(_CATCH_UP_S, now_s - self._last_s)
        self._last_s = now_s
        step = min(int(self._credit + 1e-9), abs(to - users))
        self._credit = min(self._credit - step, max(1.0, self._rate))
        return users + step if to > users else users - step


def go(course: Course, to: int, rate: float, enough: Callable[[], bool] = lambda: False) -> Steps:
    """Up or down to that number, at ``rate`` per second; stops where it is when ``enough()``."""
    pace, course.rate = Pace(rate, course.look.now_s), rate
    while course.users != to and not enough():
        course.users = pace.move(course.users, to, course.look.now_s)
        yield from course.wait()


def jump(course: Course, to: int) -> Steps:
    """All at once."""
    course.rate, course.users = float(max(1, abs(to - course.users))), to
    yield from course.wait()


def pause(course: Course, seconds: float) -> Steps:
    """Stay for a while; negative: for good."""
    began_s = course.look.now_s
    while seconds < 0 or course.look.now_s - began_s < seconds:
        yield from course.wait()


def settle(course: Course, stable_s: float, timeout_s: float, enough: Callable[[], bool] = lambda: False) -> Outcome:
    """Until the gauges are stable, that is, for ``stable_s`` on end: as many clusters as users, none of them
    registering, none still being deleted, and nothing changed. False if that took ``timeout_s``, or ``enough()``.
    """
    began_s = stable_since_s = course.look.now_s
    seen: Gauges | None = None
    while not enough():
        now = course.look.gauges
        if now != seen or now.standing != course.users or now.registering or now.leaving:
            stable_since_s = course.look.now_s
        elif course.look.now_s - stable_since_s >= stable_s:
            return True
        if course.look.now_s - began_s >= timeout_s:
            return False
        seen = now
        yield from course.wait()
    return False


class Driver:
    """Drives one course from its first look to its end."""

    def __init__(self, plan: Callable[[Course], Steps]) -> None:
        self._plan = plan
        self._course: Course | None = None
        self._steps: Steps | None = None

    def next(self, look: Look) -> Aim | None:
        """What to aim at now; ``None`` when the course is over, for good."""
        try:
            if self._steps is None or self._course is None:
                self._course = Course(look)
                self._steps = self._plan(self._course)
                return next(self._steps)
            return self._steps.send(look)
        except StopIteration:
            return None
