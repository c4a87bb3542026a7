"""JSON paths of printer columns, as far as definitions use them (``client-go/util/jsonpath``).

``.a.b``, ``.a[0]``, ``.a['b.c']``, ``.a[*].b``, ``.a[1:3]``, ``..b`` and ``.a[?(@.type=="Ready")].status``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from scale_agent.kube.codec import gonumbers

Values = Iterator[Any]
Step = Callable[[Any], Values]


class PathError(Exception):
    """A path that cannot be read."""


_STEP = re.compile(
    r"\.\.(?P<deep>[\w-]+)|\.(?P<name>(?:[^.\[\]\\]|\\.)+)|\[(?P<index>-?[0-9]{1,18})\]|\[(?P<slice>(?:-?[0-9]{1,18})?:(?:-?[0-9]{1,18})?)\]"
    r"|\[(?P<all>\*)\]|\['(?P<quoted>[^']*)'\]|\[\"(?P<doubled>[^\"]*)\"\]|\[\?\((?P<filter>[^\]]*)\)\]|(?P<dot>\.)$"
)
_FILTER = re.compile(r"\s*@(?P<path>[^=!<>]*?)\s*(?P<sign>==|!=|<=|>=|<|>)\s*(?P<value>.+?)\s*")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


@lru_cache(maxsize=2048)
def steps(path: str) -> tuple[Step, ...]:
    """The steps of a path. Raises :class:`PathError`."""
    made: list[Step] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            raise PathError(path)
        kind = found.lastgroup or ""
        made.append(_MAKE[kind](found[kind]))
        at = found.end()
    return tuple(made)


def find(obj: Any, path: str) -> list[Any]:
    """The values at a path; none if it leads nowhere, or cannot be read."""
    try:
        return list(_follow(obj, steps(path)))
    except (PathError, TypeError):
        return []


def _follow(value: Any, path: tuple[Step, ...]) -> Values:
    if not path:
        yield value
        return
    for inner in path[0](value):
        yield from _follow(inner, path[1:])


def _name(name: str) -> Step:
    name = re.sub(r"\\(.)", r"\1", name)
    if name == "*":
        return _any

    def step(value: Any) -> Values:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _any(value: Any) -> Values:
    """``.*``: all members, or elements."""
    if isinstance(value, dict):
        yield from (value[name] for name in sorted(value))
    else:
        yield from _elements(value)


def _elements(value: Any) -> Values:
    """``[*]``."""
    if isinstance(value, list):
        yield from value


def _index(text: str) -> Step:
    index = int(text)

    def step(value: Any) -> Values:
        if isinstance(value, list) and -len(value) <= index < len(value):
            yield value[index]

    return step


def _slice(text: str) -> Step:
    start, end = (int(part) if part else None for part in text.split(":"))

    def step(value: Any) -> Values:
        if isinstance(value, list):
            yield from value[start:end]

    return step


def _deep(name: str) -> Step:
    def step(value: Any) -> Values:
        if isinstance(value, dict):
            if name in value:
                yield value[name]
            for inner in sorted(value):
                yield from step(value[inner])
        elif isinstance(value, list):
            for one in value:
                yield from step(one)

    return step


def _filter(text: str) -> Step:
    found = _FILTER.fullmatch(text)
    if found is None:
        path = steps(text.strip().removeprefix("@"))
        return lambda value: (one for one in value if any(True for _ in _follow(one, path)))
    path, compare, wanted = steps(found["path"]), _COMPARE[found["sign"]], _literal(found["value"])

    def step(value: Any) -> Values:
        for one in value if isinstance(value, list) else ():
            here = next(_follow(one, path), None)
            if type(here) is type(wanted) and compare(here, wanted):
                yield one

    return step


def _literal(text: str) -> Any:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    try:
        return gonumbers.parse_int(text)
    except ValueError:
        raise PathError(text) from None


_MAKE: dict[str, Callable[[str], Step]] = {
    "deep": _deep,
    "name": _name,
    "index": _index,
    "slice": _slice,
    "all": lambda _: _elements,
    "quoted": _name,
    "doubled": _name,
    "filter": _filter,
    "dot": lambda _: lambda value: iter((value,)),
}
