"""Label selectors in their full grammar, and field selectors.

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

from scale_agent.kube import status


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

_KEY = re.compile(
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$"
)
_VALUE = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")
_KEY_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)")


def matches(selector: Labels, labels: Mapping[str, str]) -> bool:
    """Whether all requirements hold."""
    return all(one.matches(labels) for one in selector)


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
        while self.peek():
            out.append(self.requirement())
            after = self.take()
            if after == ",":
                if not self.peek() or self.peek() == ",":
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
            return Requirement(key, Op(operator), self.value_set())
        if operator in ("=", "==", "!="):
            return Requirement(key, Op.NOT_IN if operator == "!=" else Op.IN, frozenset((self.value(),)))
        if operator in ("<", ">"):
            return Requirement(key, Op.LESS if operator == "<" else Op.GREATER, frozenset((self.number(),)))
        raise status.bad_request(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")

    def key(self) -> str:
        token = self.take()
        prefix, _, name = token.rpartition("/")
        if not _KEY.match(token) or len(name) > 63 or len(prefix) > 253:
            raise status.bad_request(f'unable to parse requirement: <nil>: Invalid value: "{token}": {_KEY_RULE}')
        return token

    def value(self) -> str:
        if self.peek() in ("", ","):
            return ""  # "key=" compares with the empty value
        return self.checked(self.take())

    def number(self) -> str:
        token = self.take()
        if not _INTEGER.match(token):
            why = "for 'Gt', 'Lt' operators, the value must be an integer"
            raise status.bad_request(f'unable to parse requirement: values[0]: Invalid value: "{token}": {why}')
        return token

    def value_set(self) -> frozenset[str]:
        opening = self.take()
        if opening != "(":
            raise status.bad_request(f"found '{opening}' expected: '('")
        out: set[str] = set()
        while True:
            token = self.take()
            if token in (",", ")"):
                out.add("")  # "in (a,)" and "in ()" hold the empty value
                if token == ")":
                    return frozenset(out)
                continue
            out.add(self.checked(token))
            after = self.take()
            if after == ")":
                return frozenset(out)
            if after != ",":
                raise status.bad_request(f"found '{after}', expected: ',' or ')'")

    @staticmethod
    def checked(value: str) -> str:
        if not _VALUE.match(value) or len(value) > 63:
            raise status.bad_request(
                f'unable to parse requirement: values[0][key]: Invalid value: "{value}": {_VALUE_RULE}'
            )
        return value


@dataclass(frozen=True, slots=True)
class FieldTerm:
    """``path=value`` or ``path!=value``."""

    path: str
    value: str
    equal: bool


Fields = tuple[FieldTerm, ...]

#: Field labels beyond metadata.name and metadata.namespace that a real server selects by (pkg/apis/*/conversion.go).
SUPPORTED_FIELDS: dict[tuple[str, str], frozenset[str]] = {
    ("", "pods"): frozenset(
        (
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        )
    ),
    ("", "events"): frozenset(
        (
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        )
    ),
    ("", "secrets"): frozenset(("type",)),
    ("", "namespaces"): frozenset(("status.phase",)),
    ("", "nodes"): frozenset(("spec.unschedulable",)),
    ("", "services"): frozenset(("spec.clusterIP", "spec.type")),
    ("", "replicationcontrollers"): frozenset(("status.replicas",)),
    ("apps", "replicasets"): frozenset(("status.replicas",)),
    ("batch", "jobs"): frozenset(("status.successful",)),
    ("certificates.k8s.io", "certificatesigningrequests"): frozenset(("spec.signerName",)),
}
_METADATA = frozenset(("metadata.name", "metadata.namespace"))


@lru_cache(maxsize=4096)
def parse_fields(text: str, key: tuple[str, str]) -> Fields:
    """Parse a field selector for the resource ``(group, plural)``. Raises a 400 :class:`StatusError`."""
    out = []
    for term in _split_fields(text):
        path, operator, value = _field_term(term)
        if path not in _METADATA and path not in SUPPORTED_FIELDS.get(key, frozenset()):
            raise status.bad_request(f"field label not supported: {path}")
        out.append(FieldTerm(path, value, operator != "!="))
    return tuple(out)


def _split_fields(text: str) -> list[str]:
    """Split at commas that no backslash escapes; empty terms are dropped, as the real parser does."""
    return [term for term in re.findall(r"(?:\\.|[^,\\])+", text) if term]


def _field_term(term: str) -> tuple[str, str, str]:
    found = re.match(r"^((?:\\.|[^=!\\])*)(==|!=|=)(.*)$", term, re.DOTALL)
    if found is None:
        raise status.bad_request(f"invalid selector: '{term}'; can't understand '{term}'")
    path, operator, value = found.groups()
    if re.search(r"(?<!\\)=", value):
        raise status.bad_request(f"invalid field selector: {term}: unescaped =")
    return path, operator, re.sub(r"\\([\\,=])", r"\1", value)


def field_matches(fields: Fields, read: Callable[[str], str]) -> bool:
    """Whether all terms hold; ``read`` gives a field's text by its path (``""`` when unset)."""
    return all((read(term.path) == term.value) == term.equal for term in fields)


def read_field(obj: Mapping[str, object], path: str) -> str:
    """A field of an object as selectors see it: text, ``""`` when unset, ``true``/``false`` for booleans."""
    if path == "source":
        path = "source.component"
    at: object = obj
    for part in path.split("."):
        if not isinstance(at, Mapping):
            return ""
        at = at.get(part)
    if path in _FIELD_DEFAULTS and at is None:
        return _FIELD_DEFAULTS[path]
    if isinstance(at, bool):
        return "true" if at else "false"
    return "" if at is None else str(at)


#: What an unset field reads as; all others read as "".
_FIELD_DEFAULTS = {
    "spec.unschedulable": "false",
    "spec.hostNetwork": "false",
    "status.replicas": "0",
    "status.successful": "0",
}


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
