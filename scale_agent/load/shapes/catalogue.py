"""The shapes. Each is the way to a number of clusters (or through several); what comes after it is the same for all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from scale_agent.load.shapes.course import Course, Pace, Steps, go, jump, pause, settle
from scale_agent.load.shapes.search import Found, search
from scale_agent.load.shapes.settings import ShapeOptions

#: Says one thing that a person has to know: it makes the run a failure.
Complain = Callable[[str], None]


class GaveUpError(Exception):
    """A shape cannot go on; the text says why."""


def _settled(course: Course, options: ShapeOptions, what: str) -> Steps:
    course.stage = f"{what}: until stable"
    if not (yield from settle(course, options.stable_s, options.timeout_s)):
        raise GaveUpError(f"{what} was not stable within {options.timeout_s:g} s")


def _ramp(course: Course, options: ShapeOptions) -> Steps:
    course.stage = f"ramp to {options.top}"
    yield from go(course, options.top, options.rate)
    yield from _settled(course, options, course.stage)


def _steps(course: Course, options: ShapeOptions) -> Steps:
    for number, level in enumerate(options.levels, 1):
        what = course.stage = f"step {number} of {len(options.levels)}, {level} clusters"
        yield from go(course, level, options.rate)
        yield from _settled(course, options, what)


def _waves(course: Course, options: ShapeOptions) -> Steps:
    for number, level in enumerate(options.levels, 1):
        what = course.stage = f"wave {number} of {len(options.levels)}, to {level} clusters"
        yield from go(course, level, options.rate)
        if level != options.levels[-1]:
            course.stage = f"{what}: pause"
            yield from pause(course, options.pause_s)
    yield from _settled(course, options, what)


def _burst(course: Course, options: ShapeOptions) -> Steps:
    course.stage = f"burst of {options.top}"
    yield from jump(course, options.top)
    yield from _settled(course, options, course.stage)


def _diurnal(course: Course, options: ShapeOptions) -> Steps:
    """A cosine from ``low`` up to ``top`` and back, no steeper than ``rate``."""
    course.stage = f"diurnal: to its low of {options.low}"
    yield from go(course, options.low, options.rate)
    began_s, pace = course.look.now_s, Pace(options.rate, course.look.now_s)
    while (passed := (course.look.now_s - began_s) / options.period_s) < options.periods:
        course.stage = f"diurnal: period {int(passed) + 1} of {options.periods}"
        course.rate = options.rate
        goal = options.low + (options.top - options.low) * (1 - math.cos(2 * math.pi * passed)) / 2
        course.users = pace.move(course.users, round(goal), course.look.now_s)
        yield from course.wait()


_BODIES: Mapping[str, Callable[[Course, ShapeOptions], Steps]] = {
    "ramp": _ramp,
    "steps": _steps,
    "waves": _waves,
    "burst": _burst,
    "diurnal": _diurnal,
}


def plan(options: ShapeOptions, found: Found, complain: Complain) -> Callable[[Course], Steps]:
    """The whole course of a run: the shape, then ``hold_s``, then down if asked. ``found`` is filled in by a search."""

    def body(course: Course) -> Steps:
        if options.search is not None:
            return search(course, options.search, found)
        return _BODIES[options.name](course, options)

    def whole(course: Course) -> Steps:
        try:
            yield from body(course)
        except GaveUpError as gave_up:
            complain(str(gave_up))
        else:
            course.stage = "hold"
            yield from pause(course, options.hold_s)
        if options.down_rate > 0:
            what = course.stage = "ramp down"
            yield from go(course, 0, options.down_rate)
            course.stage = f"{what}: until gone"
            if not (yield from settle(course, 0.0, options.timeout_s)):
                complain(f"{what} was not over within {options.timeout_s:g} s")

    return whole
