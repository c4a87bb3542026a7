"""Policy rules: what one allows, whether it covers another, and how a refusal writes one.

Rules: rbac/v1 evaluation helpers and component-helpers' policy comparator of Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scale_agent.kube.access.attributes import Attributes
from scale_agent.kube.codec.goquote import quote

_ALL = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """One PolicyRule."""

    verbs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Rule:
        """From its JSON form."""
        fields = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
        return cls(*(tuple(raw.get(field) or ()) for field in fields))

    def allows(self, asked: Attributes) -> bool:
        """Whether the rule lets a request through."""
        if not _has(self.verbs, asked.verb):
            return False
        if asked.path:
            return any(_url_fits(url, asked.path) for url in self.urls)
        return (
            _has(self.groups, asked.group)
            and self._has_resource(asked)
            and (not self.names or asked.name in self.names)
        )

    def _has_resource(self, asked: Attributes) -> bool:
        listed = self.resources
        if _ALL in listed or asked.full_resource in listed:
            return True
        return bool(asked.subresource) and f"*/{asked.subresource}" in listed

    def covers(self, part: Rule) -> bool:
        """Whether the rule grants all that ``part`` does, which has at most one of everything."""
        return (
            _has_all(self.verbs, part.verbs)
            and _has_all(self.groups, part.groups)
            and all(self._covers_resource(resource) for resource in part.resources)
            and (not self.names or (bool(part.names) and set(part.names) <= set(self.names)))
            and all(any(_url_covers(own, url) for own in self.urls) for url in part.urls)
        )

    def _covers_resource(self, resource: str) -> bool:
        if _ALL in self.resources or resource in self.resources:
            return True
        _, slash, subresource = resource.partition("/")
        return bool(slash) and f"*/{subresource}" in self.resources

    def parts(self) -> Iterator[Rule]:
        """The rule as rules of one verb, group, resource and name, or one verb and path each."""
        for group in self.groups:
            for resource in self.resources:
                for verb in self.verbs:
                    whole = Rule((verb,), (group,), (resource,))
                    yield from (replace(whole, names=(name,)) for name in self.names) if self.names else (whole,)
        for url in self.urls:
            for verb in self.verbs:
                yield Rule((verb,), urls=(url,))

    def text(self) -> str:
        """As refusals write it: ``{APIGroups:[""], Resources:["pods"], Verbs:["get"]}``."""
        listed = (
            ("APIGroups", self.groups),
            ("Resources", self.resources),
            ("NonResourceURLs", self.urls),
            ("ResourceNames", self.names),
            ("Verbs", self.verbs),
        )
        return "{" + ", ".join(f"{name}:{quoted(values)}" for name, values in listed if values) + "}"

    def json(self) -> dict[str, Any]:
        """As reviews of rules write it."""
        fields = (
            ("verbs", self.verbs),
            ("apiGroups", self.groups),
            ("resources", self.resources),
            ("resourceNames", self.names),
            ("nonResourceURLs", self.urls),
        )
        return {name: list(values) for name, values in fields if values}


def missing(own: Sequence[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """The parts of ``wanted`` that no rule of ``own`` covers."""
    parts = (part for rule in wanted for part in rule.parts())
    return [part for part in parts if not any(rule.covers(part) for rule in own)]


def compact(parts: Iterable[Rule]) -> list[Rule]:
    """Parts that differ in their verb only, joined."""
    joined: dict[Rule, Rule] = {}
    out: list[Rule] = []
    for part in parts:
        if part.urls:
            out.append(part)
            continue
        key = replace(part, verbs=())
        known = joined.get(key)
        joined[key] = part if known is None else replace(known, verbs=(*known.verbs, *part.verbs))
    return [*out, *joined.values()]


def quoted(values: Sequence[str]) -> str:
    """A list as Go's %q writes it: ``["a" "b"]``."""
    return "[" + " ".join(map(quote, values)) + "]"


def _has(listed: tuple[str, ...], wanted: str) -> bool:
    return _ALL in listed or wanted in listed


def _has_all(listed: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return _ALL in listed or all(one in listed for one in wanted)


def _url_fits(url: str, path: str) -> bool:
    return url == path or (url.endswith(_ALL) and path.startswith(url.rstrip(_ALL)))


def _url_covers(own: str, url: str) -> bool:
    return own == url or (own.endswith(_ALL) and url.startswith(own.rstrip(_ALL)))
