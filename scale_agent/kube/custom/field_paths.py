"""Paths to fields as definitions write them: ``.spec.size``, ``.spec['a.b']`` (``schema/cel``: ``ValidFieldPath``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from scale_agent.kube.custom.schema import Node

Raw = Mapping[str, Any]


class InvalidPathError(Exception):
    """A path that leads nowhere; ``str()`` says why."""


_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|[.\[\]]|[^.\[\]]+")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}


def resolve(path: str, schema: Raw, *, arrays: bool = True) -> tuple[str, Raw]:
    """The path as field errors write it, and the schema at its end. Raises :class:`InvalidPathError`."""
    tokens = iter(_TOKEN.findall(path))
    made = ""
    for token in tokens:
        if token == "[":
            if not arrays:
                raise InvalidPathError("array notation is not allowed")
            name = _quoted(_next(tokens))
        elif token == ".":
            name = _next(tokens)
        else:
            raise InvalidPathError(f"expected [ or . but got: {token}")
        made, schema = _step(made, schema, name)
        if token == "[" and (closing := _next(tokens)) != "]":
            raise InvalidPathError(f"expected ] but got {closing}")
    return made, schema


def written(path: str, node: Node) -> str:
    """A path that leads somewhere, as field errors write it."""
    tokens = iter(_TOKEN.findall(path))
    made, at = "", node
    for token in tokens:
        if token == "]":
            continue
        name = _next(tokens)
        name = _quoted(name) if token == "[" else name
        made = (f"{made}.{name}" if made else name) if at.properties else f"{made}[{name}]"
        at = at.member(name) or at
    return made


def _next(tokens: Iterator[str]) -> str:
    token = next(tokens, None)
    if token is None:
        raise InvalidPathError("unexpected end of JSON path")
    return token


def _quoted(token: str) -> str:
    if len(token) < 2 or token[0] != "'" or token[-1] != "'":
        raise InvalidPathError(f"expected single quoted string but got {token}")
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), token[1:-1])


def _step(made: str, schema: Raw, name: str) -> tuple[str, Raw]:
    if schema.get("properties"):
        inner = schema["properties"].get(name)
        made = f"{made}.{name}" if made else name
    else:
        inner = schema.get("additionalProperties")
        made = f"{made}[{name}]"
    if not isinstance(inner, dict):
        raise InvalidPathError("does not refer to a valid field")
    return made, inner
