"""Checks put together from smaller ones: what the tables of rules are written in.

A check gets a value (``None``: absent), its path and the report. Texts and numbers that Go has by value count as ``""``
and ``0`` when absent; what Go has by pointer is wrapped in :func:`given`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from scale_agent.kube.admission.rules.formats import Format
from scale_agent.kube.admission.rules.report import Check, Path, Report

AT_LEAST_0 = "must be greater than or equal to 0"
IMMUTABLE = "field is immutable"
#: One member and its checks, or a check of the whole struct.
Row = tuple[Any, ...] | Check


def struct(*rows: Row) -> Check:
    """Checks of members, in order: ``("name", check, …)``; a bare check looks at the struct itself."""
    table = tuple((row[0], row[1:]) if isinstance(row, tuple) else (None, (row,)) for row in rows)

    def check(value: Any, path: Path, report: Report) -> None:
        value = value or {}
        for name, checks in table:
            if name is None:
                checks[0](value, path, report)
                continue
            inner, at = value.get(name), (*path, name)
            for one in checks:
                one(inner, at, report)

    return check


def given(*checks: Check) -> Check:
    """Only if it is there at all (pointers: also when zero)."""

    def check(value: Any, path: Path, report: Report) -> None:
        if value is not None:
            for one in checks:
                one(value, path, report)

    return check


def filled(*checks: Check) -> Check:
    """Only if it is not the zero value."""

    def check(value: Any, path: Path, report: Report) -> None:
        if value:
            for one in checks:
                one(value, path, report)

    return check


def need(*checks: Check, detail: str = "") -> Check:
    """Required; checked further only when it is there."""

    def check(value: Any, path: Path, report: Report) -> None:
        if not value:
            report.required(path, detail)
            return
        for one in checks:
            one(value, path, report)

    return check


def required(detail: str = "") -> Check:
    """Required, and no more."""
    return need(detail=detail)


def needs_pointer(*checks: Check, detail: str = "") -> Check:
    """Required as a pointer: zero will do."""

    def check(value: Any, path: Path, report: Report) -> None:
        if value is None:
            report.required(path, detail)
            return
        for one in checks:
            one(value, path, report)

    return check


def text(form: Format) -> Check:
    """A text of that form; one cause for each fault."""

    def check(value: Any, path: Path, report: Report) -> None:
        for fault in form(value or ""):
            report.invalid(path, value or "", fault)

    return check


def one_of(*allowed: str) -> Check:
    """One of these texts."""

    def check(value: Any, path: Path, report: Report) -> None:
        if (value or "") not in allowed:
            report.unsupported(path, value or "", allowed)

    return check


def at_least(least: int, words: str = "") -> Check:
    """A number not below ``least``."""
    words = words or f"must be greater than or equal to {least}"

    def check(value: Any, path: Path, report: Report) -> None:
        if (value or 0) < least:
            report.invalid(path, value or 0, words)

    return check


def between(low: int, high: int, words: str = "") -> Check:
    """A number from ``low`` to ``high``."""
    words = words or f"must be between {low} and {high}, inclusive"

    def check(value: Any, path: Path, report: Report) -> None:
        if not low <= (value or 0) <= high:
            report.invalid(path, value or 0, words)

    return check


not_negative = at_least(0)
port = between(1, 65535)


def each(*checks: Check) -> Check:
    """Every element of a list."""

    def check(value: Any, path: Path, report: Report) -> None:
        for index, element in enumerate(value or ()):
            for one in checks:
                one(element, (*path, index), report)

    return check


def keys(*checks: Check) -> Check:
    """Every key of a map; the map is named."""

    def check(value: Any, path: Path, report: Report) -> None:
        for key in sorted(value or ()):
            for one in checks:
                one(key, path, report)

    return check


def unique(*names: str, at: str = "") -> Check:
    """Elements of a list that differ in a member (texts: in themselves); repeated ones are duplicates at ``at``."""

    def check(value: Any, path: Path, report: Report) -> None:
        seen: set[Any] = set()
        for index, element in enumerate(value or ()):
            found = _member(element, names)
            if found in seen:
                report.duplicate((*path, index, at) if at else (*path, index), found)
            seen.add(found)

    return check


def _member(element: Any, names: Iterable[str]) -> Any:
    for name in names:
        element = element.get(name) if isinstance(element, dict) else None
    return element if isinstance(element, str | int | float) else str(element or "")


def same(*checks: Check) -> Check:
    """All of these checks of one value."""

    def check(value: Any, path: Path, report: Report) -> None:
        for one in checks:
            one(value, path, report)

    return check


def forbidden(words: str) -> Check:
    """Must not be there."""

    def check(value: Any, path: Path, report: Report) -> None:
        if value is not None:
            report.forbidden(path, words)

    return check


def when(condition: Callable[[Any], Any], *checks: Check) -> Check:
    """Only if the value is like that."""

    def check(value: Any, path: Path, report: Report) -> None:
        if condition(value):
            for one in checks:
                one(value, path, report)

    return check


def at(value: Any, *names: str) -> Any:
    """What stands at that place; ``None`` if something on the way is not there."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


#: Looks at the new and the old object.
Change = Callable[[Any, Any, Report], None]


def unchanged(*paths: str, words: str = IMMUTABLE, shown_as: Callable[[Any], Any] = lambda value: value) -> Change:
    """Members that an update leaves as they are."""
    split = tuple(tuple(path.split(".")) for path in paths)

    def check(new: Any, old: Any, report: Report) -> None:
        for path in split:
            value = at(new, *path)
            if (value or None) != (at(old, *path) or None):
                report.invalid(path, shown_as(value), words)

    return check


def changes(*checks: Change) -> Change:
    """Several, in order."""

    def check(new: Any, old: Any, report: Report) -> None:
        for one in checks:
            one(new, old, report)

    return check
