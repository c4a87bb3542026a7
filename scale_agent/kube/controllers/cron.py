"""Schedules as CronJobs write them: five fields, ``@daily`` and the like, ``@every 1h30m``, a time zone.

Grammar of github.com/robfig/cron/v3's standard parser, which Kubernetes uses: lists, ranges, steps, names of months and
days; a day fits if either its number or its weekday fits, when both are restricted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
#: Lowest and highest value of each field, and names for values from the lowest on.
_FIELDS: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = re.compile(r"@every\s+((?:\d+(?:\.\d+)?(?:h|m|s|ms))+)")
_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
#: A schedule that fits no day within so many years fits none.
_YEARS = 5


@dataclass(frozen=True, slots=True)
class Schedule:
    """The values of each field; ``every_s`` for ``@every``, seconds."""

    fields: tuple[frozenset[int], ...]
    any_day: bool
    any_weekday: bool
    every_s: float = 0.0

    def next_after(self, time: float, zone: tzinfo = UTC) -> float | None:
        """The first time after ``time`` that fits, seconds since 1970; ``None`` if none does."""
        if self.every_s:
            return float(int(time + self.every_s))
        at = datetime.fromtimestamp(int(time) // 60 * 60 + 60, zone)
        last = at.year + _YEARS
        while at.year <= last:
            step = self._too_early(at)
            if step is None:
                return at.timestamp()
            at = step
        return None

    def _too_early(self, at: datetime) -> datetime | None:
        """``None`` if a minute fits, else the next one that may."""
        minutes, hours, _, months, _ = self.fields
        if at.month not in months:
            year, month = divmod(at.year * 12 + at.month, 12)
            return at.replace(year=year, month=month + 1, day=1, hour=0, minute=0)
        if not self._fits_day(at):
            return at.replace(hour=0, minute=0) + timedelta(days=1)
        if at.hour not in hours:
            return _moved(at.replace(minute=0), timedelta(hours=1))
        return None if at.minute in minutes else _moved(at, timedelta(minutes=1))

    def _fits_day(self, at: datetime) -> bool:
        day = at.day in self.fields[2]
        weekday = at.isoweekday() % 7 in self.fields[4]
        return day and weekday if self.any_day or self.any_weekday else day or weekday


def _moved(at: datetime, by: timedelta) -> datetime:
    """Later by real time: clocks that are put forward or back are skipped over."""
    return (at.astimezone(UTC) + by).astimezone(at.tzinfo)


@lru_cache(maxsize=256)
def parse(text: str) -> Schedule:
    """A schedule; ``ValueError`` for what is none."""
    text = text.strip()
    every = _EVERY.fullmatch(text)
    if every is not None:
        parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", every.group(1))
        seconds = max(float(sum(float(number) * _UNITS_S[unit] for number, unit in parts) // 1), 1.0)
        return Schedule((), any_day=True, any_weekday=True, every_s=seconds)
    fields = _WORDS.get(text, text).split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"expected exactly 5 fields, found {len(fields)}: {fields}")
    values = tuple(_values(field, *limits) for field, limits in zip(fields, _FIELDS, strict=True))
    return Schedule(values, any_day=_is_any(fields[2]), any_weekday=_is_any(fields[4]))


def _is_any(field: str) -> bool:
    return any(part.partition("/")[0] in ("*", "?") for part in field.split(","))


def _values(field: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        bounds, slash, step_text = part.partition("/")
        step = _number(step_text, ()) if slash else 1
        if bounds in ("*", "?"):
            first, last = low, high
        else:
            start, dash, end = bounds.partition("-")
            first = _number(start, names, low)
            last = _number(end, names, low) if dash else high if slash else first
        if not (low <= first <= last <= high and step > 0):
            raise ValueError(f"{part} is out of {low} to {high}")
        found |= set(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, names: tuple[str, ...], low: int = 0) -> int:
    if text.lower() in names:
        return names.index(text.lower()) + low
    if not text.isdecimal() or not text.isascii():
        raise ValueError(f"failed to parse int from {text}")
    return int(text[:9])


def zone(name: str | None) -> tzinfo:
    """A time zone by its name; UTC without one, or with one that nobody knows."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a directory of zones
        return UTC
