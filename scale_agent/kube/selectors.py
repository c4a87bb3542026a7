"""Label selectors in their full grammar: ``labels.Parse`` of k8s.io/apimachinery.

A parsed selector is a tuple of requirements that must all hold; an empty tuple selects everything.
Errors carry the words of k8s.io/apimachinery's parser where clients can see them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from scale_agent.kube import qualified, status
from scale_agent.kube.codec.goquote import quote
from scale_agent.kube.errors import StatusError


class Op(Enum):
    """How a requirement compares."""

    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    MISSING = "!"
    GREATER = "gt"
    LESS = "lt"


@dataclass(frozen=True, slots=True)
class Requirement:
    """``key op values``."""

    key: str
    op: Op
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a set of labels fulfils it. ``!=`` and ``notin`` hold when the label is missing."""
        return _MATCHERS[self.op](labels.get(self.key), self.values)


def _compares(value: str | None, values: frozenset[str], sign: int) -> bool:
    if value is None or not _INTEGER.match(value):
        return False
    (bound,) = values
    return (int(value) - int(bound)) * sign > 0


_INTEGER = re.compile(r"^[+-]?[0-9]{1,19}$")
_MATCHERS: dict[Op, Callable[[str | None, frozenset[str]], bool]] = {
    Op.IN: lambda value, values: value is not None and value in values,
    Op.NOT_IN: lambda value, values: value is None or value not in values,
    Op.EXISTS: lambda value, _: value is not None,
    Op.MISSING: lambda value, _: value is None,
    Op.GREATER: lambda value, values: _compares(value, values, 1),
    Op.LESS: lambda value, values: _compares(value, values, -1),
}

Labels = tuple[Requirement, ...]

_SPECIAL = frozenset(("=", "==", "!=", "!", "<", ">", "(", ")", ","))
_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)")


def matches(selector: Labels, labels: Mapping[str, str]) -> bool:
    """Whether all requirements hold."""
    for one in selector:
        if one.op is Op.IN:
            if labels.get(one.key) not in one.values:
                return False
        elif not one.matches(labels):
            return False
    return True


@lru_cache(maxsize=4096)
def parse_labels(text: str) -> Labels:
    """Parse a label selector. Raises a 400 :class:`StatusError`."""
    return _Parser(text).parse()


class _Parser:
    """Recursive descent over tokens; one object per text."""

    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        self.at = 0

    def parse(self) -> Labels:
        out: list[Requirement] = []
        while token := self.peek():
            if token in _SPECIAL and token != "!":
                raise status.bad_request(f"found '{token}', expected: !, identifier, or 'end of string'")
            out.append(self.requirement())
            after = self.take()
            if after == ",":
                if not self.peek() or self.peek() in _SPECIAL - {"!"}:
                    raise status.bad_request(f"found '{self.peek()}', expected: identifier after ','")
            elif after:
                raise status.bad_request(f"found '{after}', expected: ',' or 'end of string'")
        return tuple(out)

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def requirement(self) -> Requirement:
        if self.peek() == "!":
            self.take()
            return Requirement(self.key(), Op.MISSING)
        key = self.key()
        operator = self.peek()
        if operator in ("", ","):
            return Requirement(key, Op.EXISTS)
        self.take()
        if operator in ("in", "notin"):
            return Requirement(key, Op(operator), self.checked(key, self.value_set()))
        if operator in ("=", "==", "!="):
            return Requirement(key, Op.NOT_IN if operator == "!=" else Op.IN, self.checked(key, {self.value()}))
        if operator in ("<", ">"):
            return Requirement(key, Op.LESS if operator == "<" else Op.GREATER, frozenset((self.number(),)))
        raise _unparsed(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")

    def key(self) -> str:
        token = self.take()
        if not token or token in _SPECIAL:
            raise _unparsed(f"found '{token}', expected: identifier")
        problems = qualified.label_key_problems(token)
        if problems:
            raise _unparsed(f"<nil>: Invalid value: {quote(token)}: {'; '.join(problems)}")
        return token

    def value(self) -> str:
        if self.peek() in ("", ","):
            return ""  # "key=" compares with the empty value
        token = self.take()
        if token in _SPECIAL:
            raise _unparsed(f"found '{token}', expected: identifier")
        return token

    def number(self) -> str:
        token = self.value()
        if not _INTEGER.match(token):
            why = "for 'Gt', 'Lt' operators, the value must be an integer"
            raise _unparsed(f'values[0]: Invalid value: "{token}": {why}')
        return token

    def value_set(self) -> set[str]:
        opening = self.take()
        if opening != "(":
            raise _unparsed(f"found '{opening}' expected: '('")
        out: set[str] = set()
        while True:
            token = self.take()
            if token in (",", ")"):
                out.add("")  # "in (a,)" and "in ()" hold the empty value
                if token == ")":
                    return out
                continue
            if not token or token in _SPECIAL:
                raise _unparsed(f"found '{token}', expected: ',', or identifier")
            out.add(token)
            after = self.take()
            if after == ")":
                return out
            if after != ",":
                raise _unparsed(f"found '{after}', expected: ',' or ')'")

    @staticmethod
    def checked(key: str, values: set[str]) -> frozenset[str]:
        for index, value in enumerate(sorted(values)):
            problems = qualified.label_value_problems(value)
            if problems:
                why = f"values[{index}][{key}]: Invalid value: {quote(value)}: {'; '.join(problems)}"
                raise _unparsed(why)
        return frozenset(values)


def _unparsed(why: str) -> StatusError:
    return status.bad_request(f"unable to parse requirement: {why}")


def selector_text(selector: Any) -> str:
    """A label selector in its textual form: ``app=web,tier in (a,b)``."""
    if not isinstance(selector, dict):
        return ""
    labels = selector.get("matchLabels") if "matchLabels" in selector or "matchExpressions" in selector else selector
    terms = [f"{name}={value}" for name, value in sorted((labels or {}).items())]
    for one in selector.get("matchExpressions") or ():
        operator, values = one.get("operator"), ",".join(sorted(one.get("values") or ()))
        key = one.get("key")
        forms = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        terms.append(forms.get(operator, ""))
    return ",".join(term for term in terms if term)
