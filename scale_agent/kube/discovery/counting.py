"""How many requests a cluster's API server answered, by what a real one's ``apiserver_request_total`` tells apart."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from scale_agent.kube.core import Core
from scale_agent.kube.paths import parse
from scale_agent.kube.schema.resources import ResourceType


class Kind(NamedTuple):
    """One kind of request, as a Route says it; ``scope`` is ``resource``, ``namespace`` or ``cluster``."""

    verb: str
    group: str
    version: str
    resource: str
    subresource: str
    scope: str
    code: int


#: Where a kind's counter is, in every cluster.
_PLACES: dict[Kind, int] = {}


class Counts:
    """Counters by kind. The kinds are the process's: a cluster holds four bytes for each."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found = array("I")

    def add(self, place: int) -> None:
        """One more of the kind at that place."""
        try:
            self._found[place] += 1
        except IndexError:
            self._found.extend([0] * (place - len(self._found)) + [1])

    def __iter__(self) -> Iterator[tuple[Kind, int]]:
        """Kinds that were seen, with their counts."""
        return ((kind, self._found[place]) for kind, place in _PLACES.items() if self._at(place))

    def _at(self, place: int) -> int:
        return self._found[place] if place < len(self._found) else 0


_MEMO = "requests"
#: Others are one (``metrics.OtherRequestMethod``).
_METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"))


def counts(core: Core) -> Counts:
    """The counters of a cluster."""
    found: Counts | None = core.memo.get(_MEMO)
    if found is None:
        found = core.memo[_MEMO] = Counts()
    return found


def count(core: Core, method: str, path: str, resource: ResourceType, code: int, watch: bool) -> None:
    """A request about a resource was answered; ``path`` is a resource's."""
    found: Counts = core.memo.get(_MEMO) or counts(core)
    found.add(_place(method, path, resource, code, watch))


@lru_cache(maxsize=4096)
def _place(method: str, path: str, resource: ResourceType, code: int, watch: bool) -> int:
    """Where such requests are counted. What nobody serves is told by no name that a client made up."""
    route = parse(path)
    assert route is not None
    verb, scope = method if method in _METHODS else "other", "resource"
    if not route.name:
        verb = ("WATCH" if watch else "LIST") if method in ("GET", "HEAD") else method
        scope = "namespace" if route.namespace else "cluster"
        verb = "DELETECOLLECTION" if method == "DELETE" else verb
    part = route.subresource.partition("/")[0]
    part = part if part in resource.subresources else ""
    return _PLACES.setdefault(Kind(verb, route.group, route.version, route.plural, part, scope, code), len(_PLACES))
