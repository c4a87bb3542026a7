"""One REST call and its answer, as values; the table of routes and the dispatcher."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

if TYPE_CHECKING:
    from scale_agent.standin.rest.service import Service


@dataclass(frozen=True, slots=True)
class Call:
    """A request: header names lower case, ``params`` from the route's pattern."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""
    params: Mapping[str, str] = field(default_factory=dict)

    def one(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def number(self, name: str, default: int) -> int:
        """A query parameter as a number; the default for anything else."""
        value = self.one(name)
        return int(value) if value.lstrip("-").isdigit() else default

    def json(self) -> dict[str, Any]:
        """The body as an object; empty for anything else."""
        try:
            value = orjson.loads(self.body or b"{}")
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: a JSON value, or text."""

    status: int
    body: Any
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self) -> bytes:
        """The body's bytes."""
        return self.body.encode() if isinstance(self.body, str) else orjson.dumps(self.body)


def text(status: int, body: str, content_type: str = "text/plain; charset=utf-8") -> Answer:
    """A plain answer."""
    return Answer(status, body, content_type)


Handler = Callable[["Service", Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """Method, pattern of the whole path, handler, and whether a token is required."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    authenticated: bool = True


def route(method: str, pattern: str, handler: Handler, *, authenticated: bool = True) -> Route:
    """A row of a table of routes; ``<name>`` stands for one path segment."""
    expression = re.sub(r"(?<!P)<(\w+)>", r"(?P<\1>[^/]+)", pattern)
    return Route(method, re.compile(expression + "$"), handler, authenticated)


def parse_query(raw: str) -> dict[str, list[str]]:
    """A raw query string, empty values kept."""
    return parse_qs(raw, keep_blank_values=True)


def find(routes: Sequence[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The first route that takes this request."""
    for one in routes:
        found = one.pattern.match(path) if one.method == method else None
        if found:
            return one, found.groupdict()
    return None
