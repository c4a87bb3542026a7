"""A shape's options: how a person writes them, checked once, as one value."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from scale_agent.errors import InputError
from scale_agent.load.shapes.search import Objectives, SearchOptions

NONE: Final = "none"
NAMES: Final = (NONE, "ramp", "steps", "waves", "burst", "diurnal", "search")
#: These take clusters away by themselves, and end by themselves.
_LOWERING = ("diurnal", "search")
#: A search that is not told how close to come ends within this part of a step.
_STEPS_SHARE = 8


def _argument(variable: str, default: object, metavar: str, text: str) -> dict[str, Any]:
    kind = {} if isinstance(default, str) else {"type": type(default)}
    return {"env_var": variable, "default": default, "metavar": metavar, "help": text, **kind}


#: Option name → what the parser needs to know, as in :data:`scale_agent.load.options.ARGUMENTS`.
SHAPE_ARGUMENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "--shape",
        {
            "env_var": "SCALE_SHAPE",
            "default": NONE,
            "choices": list(NAMES),
            "help": "How the number of clusters changes, up to --users at --spawn-rate. none: as Locust does it.",
        },
    ),
    (
        "--shape-step",
        _argument("SCALE_SHAPE_STEP", 0, "N", "Clusters of one step of steps, waves and search."),
    ),
    (
        "--shape-levels",
        _argument("SCALE_SHAPE_LEVELS", "", "N,N,...", "Numbers of clusters of steps and waves, instead of a step."),
    ),
    (
        "--shape-pause",
        _argument("SCALE_SHAPE_PAUSE", 60.0, "SECONDS", "Seconds from the end of a wave to the next."),
    ),
    (
        "--shape-stable-for",
        _argument("SCALE_SHAPE_STABLE_FOR", 30.0, "SECONDS", "Seconds without a change that make a step stable."),
    ),
    (
        "--shape-step-timeout",
        _argument("SCALE_SHAPE_STEP_TIMEOUT", 1800.0, "SECONDS", "A step that is not stable by then ends the shape."),
    ),
    ("--shape-low", _argument("SCALE_SHAPE_LOW", 0, "N", "The fewest clusters of diurnal.")),
    (
        "--shape-period",
        _argument("SCALE_SHAPE_PERIOD", 86400.0, "SECONDS", "Seconds from one low of diurnal to the next."),
    ),
    ("--shape-periods", _argument("SCALE_SHAPE_PERIODS", 1, "N", "How many periods of diurnal; then the run ends.")),
    (
        "--shape-down-rate",
        _argument("SCALE_SHAPE_DOWN_RATE", 0.0, "RATE", "Ramp down at the end, so many clusters a second. 0: no."),
    ),
    (
        "--search-active-p95",
        _argument("SCALE_SEARCH_ACTIVE_P95", 60.0, "SECONDS", "Search: p95 of a step's times to active, at most."),
    ),
    (
        "--search-error-share",
        _argument("SCALE_SEARCH_ERROR_SHARE", 0.01, "SHARE", "Search: share of failed clusters, lost tunnels. 0 to 1."),
    ),
    (
        "--search-failures",
        _argument("SCALE_SEARCH_FAILURES", 2, "N", "Search: give up going higher after so many failed levels."),
    ),
    (
        "--search-resolution",
        _argument("SCALE_SEARCH_RESOLUTION", 0, "N", "Search: close enough, in clusters. 0: an eighth of a step."),
    ),
)


@dataclass(frozen=True, slots=True)
class ShapeOptions:
    """The options of one shape, valid. Durations in seconds, rates in clusters per second.

    ``top``: the most clusters there will be. ``levels``: of steps and waves. ``hold_s``: negative for ever.
    """

    name: str
    top: int
    rate: float
    levels: tuple[int, ...]
    pause_s: float
    stable_s: float
    timeout_s: float
    low: int
    period_s: float
    periods: int
    hold_s: float
    down_rate: float
    search: SearchOptions | None


class _Reader:
    """Typed values, or one line about the first that is wrong."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def number(self, flag: str, fits: Callable[[float], bool], rule: str) -> float:
        """The value of a flag that ``fits``."""
        number = float(self._values[flag.removeprefix("--").replace("-", "_")])
        if math.isfinite(number) and fits(number):
            return number
        raise InputError(f"{number:g} is not {rule}", where=flag, cure=f"give one that is {rule}")

    def positive(self, flag: str) -> float:
        return self.number(flag, lambda number: number > 0, "positive")

    def not_negative(self, flag: str) -> float:
        return self.number(flag, lambda number: number >= 0, "0 or more")


def read_shape(values: Mapping[str, Any]) -> ShapeOptions | None:
    """The shape that Locust's options ask for; ``None`` without one. Raises :class:`InputError`."""
    name = str(values["shape"])
    if name == NONE:
        return None
    if name not in NAMES:
        raise InputError(f"{name!r} is no shape", where="--shape", cure=f"use one of {', '.join(NAMES)}")
    read = _Reader(values)
    levels = _levels(values, name, read)
    top = levels[-1] if levels else _top(values, name)
    options = ShapeOptions(
        name=name,
        top=top,
        rate=_rate(values),
        levels=levels,
        pause_s=read.not_negative("--shape-pause"),
        stable_s=read.not_negative("--shape-stable-for"),
        timeout_s=read.positive("--shape-step-timeout"),
        low=int(read.number("--shape-low", lambda low: 0 <= low <= top, f"from 0 to {top} (--users)")),
        period_s=read.positive("--shape-period"),
        periods=int(read.positive("--shape-periods")),
        hold_s=_hold(values, name),
        down_rate=read.not_negative("--shape-down-rate"),
        search=_search(values, top, read) if name == "search" else None,
    )
    _check_whole(values, options)
    return options


def _top(values: Mapping[str, Any], name: str) -> int:
    users = int(values.get("num_users") or 0)
    if users < 1:
        raise InputError(f"{name} does not know its top", where="--users", cure="give the most clusters there may be")
    return users


def _rate(values: Mapping[str, Any]) -> float:
    rate = float(values.get("spawn_rate") or 1)
    if rate > 0 and math.isfinite(rate):
        return rate
    raise InputError(f"{rate:g} is no rate", where="--spawn-rate", cure="give clusters per second, more than 0")


def _hold(values: Mapping[str, Any], name: str) -> float:
    hold_s = float(values["hold"])
    return max(0.0, hold_s) if name in _LOWERING else hold_s


def _levels(values: Mapping[str, Any], name: str, read: _Reader) -> tuple[int, ...]:
    if name not in ("steps", "waves"):
        return ()
    if text := str(values["shape_levels"]).strip():
        return _told_levels(text, values)
    step, top = _step(read), _top(values, name)
    return (*range(step, top, step), top)


def _told_levels(text: str, values: Mapping[str, Any]) -> tuple[int, ...]:
    flag = "--shape-levels"
    try:
        levels = tuple(int(word) for word in text.split(","))
    except ValueError:
        raise InputError(f"{text!r} are no numbers", where=flag, cure="write them as 100,200,400") from None
    if levels[0] < 1 or any(high <= low for low, high in itertools.pairwise(levels)):
        raise InputError(f"{text!r} does not rise from 1 or more", where=flag, cure="write them as 100,200,400")
    users = values.get("num_users")
    if users is not None and int(users) < levels[-1]:
        cure = f"let --users be {levels[-1]} or more"
        raise InputError(f"{levels[-1]} clusters are more than the {users} of --users", where=flag, cure=cure)
    return levels


def _step(read: _Reader) -> int:
    return int(read.number("--shape-step", lambda step: step >= 1, "1 or more"))


def _search(values: Mapping[str, Any], cap: int, read: _Reader) -> SearchOptions:
    step = _step(read)
    share = read.number("--search-error-share", lambda share: 0 <= share < 1, "from 0 to less than 1")
    return SearchOptions(
        objectives=Objectives(read.positive("--search-active-p95"), share),
        cap=cap,
        step=step,
        resolution=int(read.not_negative("--search-resolution")) or max(1, step // _STEPS_SHARE),
        failures=int(read.positive("--search-failures")),
        rate=_rate(values),
        down_rate=read.not_negative("--shape-down-rate") or _rate(values),
        stable_s=read.not_negative("--shape-stable-for"),
        timeout_s=read.positive("--shape-step-timeout"),
    )


def _check_whole(values: Mapping[str, Any], options: ShapeOptions) -> None:
    """Options that contradict each other."""
    if values["keep_clusters"] and (options.name in _LOWERING or options.down_rate):
        what = f"--shape {options.name}" if options.name in _LOWERING else "--shape-down-rate"
        raise InputError(f"{what} takes clusters away", where="--keep-clusters", cure="leave it out")
    if options.down_rate and options.hold_s < 0:
        raise InputError("a ramp down has no time to begin", where="--shape-down-rate", cure="give --hold SECONDS too")
