"""When a CronJob runs (``validateScheduleString`` and robfig/cron's parser, ``validateTimeZone``)."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from scale_agent.kube.admission.rules.report import Path, Report
from scale_agent.kube.codec import gonumbers, times
from scale_agent.kube.codec.wire import DecodeError

_STEPS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_NAMES: tuple[dict[str, int], ...] = (
    {},
    {},
    {},
    {
        name: number
        for number, name in enumerate(
            ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
        )
    },
    {name: number for number, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])},
)
_WORDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")


def schedule_fault(text: str) -> str:
    """What the parser (robfig/cron) says of a schedule; empty if it can be read."""
    if text.startswith("@every "):
        return "" if _is_duration(text[7:]) else f'failed to parse duration {text}: time: invalid duration "{text[7:]}"'
    if text.startswith("@"):
        return "" if text in _WORDS else f"unrecognized descriptor: {text}"
    if text.startswith(("TZ=", "CRON_TZ=")):
        text = text.partition(" ")[2]
    fields = text.split()
    if len(fields) != 5:
        return f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    for number, field in enumerate(fields):
        for one in field.split(","):
            fault = _range_fault(one, number)
            if fault:
                return fault
    return ""


def _is_duration(text: str) -> bool:
    """Whether ``time.ParseDuration`` reads a text: it has as many nanoseconds as fit into 63 bits."""
    try:
        times.parse_duration_ns(text)
    except DecodeError:
        return False
    return True


def _range_fault(text: str, number: int) -> str:
    bounds, slash, step = text.partition("/")
    low, _, high = bounds.partition("-")
    least, most = _STEPS[number]
    if "/" in step:
        return f"too many slashes: {text}"
    if low in ("*", "?"):
        start, end = least, most
    else:
        if bounds.count("-") > 1:
            return f"too many hyphens: {text}"
        try:
            values = [_number(one, number) for one in bounds.split("-")]
        except ValueError as error:
            return str(error)
        start = values[0]
        end = values[-1] if high else most if slash else start
    return (_step_fault(text, step) if slash else "") or _order_fault(text, start, end, least, most)


def _step_fault(text: str, step: str) -> str:
    try:
        value = _integer(step)
    except ValueError as error:
        return str(error)
    return "" if value else f"step of range should be a positive number: {text}"


def _order_fault(text: str, start: int, end: int, least: int, most: int) -> str:
    if start < least:
        return f"beginning of range ({start}) below minimum ({least}): {text}"
    if end > most:
        return f"end of range ({end}) above maximum ({most}): {text}"
    return f"beginning of range ({start}) beyond end of range ({end}): {text}" if start > end else ""


def _number(text: str, number: int) -> int:
    found = _NAMES[number].get(text.lower())
    return _integer(text) if found is None else found


def _integer(text: str) -> int:
    """A number that is not negative. Raises ``ValueError`` in the parser's words."""
    try:
        value = gonumbers.parse_int(text, "Atoi")
    except ValueError as error:
        raise ValueError(f"failed to parse int from {text}: {error}") from error
    if value < 0:
        raise ValueError(f"negative number ({value}) not allowed: {text}")
    return value


@cache
def _zones() -> frozenset[str]:
    """The process's time zones; they are read from files."""
    return frozenset(available_timezones())


def schedule(value: Any, path: Path, report: Report) -> None:
    """When a CronJob runs."""
    fault = schedule_fault(value)
    if fault:
        report.invalid(path, value, fault)
    if "TZ" in value:
        words = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        report.invalid(path, value, words)


def zone(value: Any, path: Path, report: Report) -> None:
    """By whose clock."""
    if not value:
        report.invalid(path, value, "timeZone must be nil or non-empty string")
    elif value.lower() == "local":
        report.invalid(
            path, value, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        )
    elif value not in _zones():
        report.invalid(path, value, f"unknown time zone {value}")
