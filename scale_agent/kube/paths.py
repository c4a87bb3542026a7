"""URL paths → what they ask for. Pure and cached: routes do not depend on a cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Route:
    """A resource path: ``/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}/{subresource}``.

    ``namespace`` is ``""`` for cluster-wide paths. ``subresource`` may contain slashes (``proxy/a/b``).
    """

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    watch: bool = False


@lru_cache(maxsize=8192)
def parse(path: str) -> Route | None:
    """The route of a resource path; ``None`` for everything else (``/version``, discovery, garbage)."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        return _rest("", parts[1], parts[2:])
    if parts[0] == "apis" and len(parts) > 3:
        return _rest(parts[1], parts[2], parts[3:])
    return None


def _rest(group: str, version: str, parts: list[str]) -> Route | None:
    if parts[0] == "watch" and len(parts) > 1:  # the form that watches had before ``watch=true``
        route = _rest(group, version, parts[1:])
        return route and replace(route, watch=True)
    if len(parts) > 2 and parts[0] == "namespaces" and not parts[1]:
        parts = parts[2:]  # no namespace is all namespaces
    if not all(parts):
        return None
    # /namespaces/{name}/{plural} is a collection; /namespaces/{name}/status|finalize a subresource of the namespace
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2] not in ("status", "finalize"):
        return _tail(group, version, parts[1], parts[2:])
    return _tail(group, version, "", parts)


def _tail(group: str, version: str, namespace: str, parts: list[str]) -> Route:
    name = parts[1] if len(parts) > 1 else ""
    return Route(group, version, parts[0], namespace, name, "/".join(parts[2:]))
