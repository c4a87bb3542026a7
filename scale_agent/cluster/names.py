"""Names of served requests for metrics: Kubernetes' verb and resource, from method, path and query.

Names come from the request, so a closed list is kept: only what looks like a resource, and not more than
:data:`LIMIT` of them per process; the rest is ``other``.
"""

from __future__ import annotations

import re
from functools import lru_cache

LIMIT = 300
OTHER = "other"

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_WATCH = re.compile(r"(?:^|&)watch=(?:true|1)(?:&|$)")
_RESOURCE = re.compile(r"[a-z][a-z0-9-]{0,62}(/[a-z]{1,20})?")
_PLAIN = frozenset({"readyz", "livez", "healthz", "version", "api", "apis", "openapi", "metrics"})

_seen: set[str] = set()


def verb_and_resource(method: str, path: str, query: str) -> tuple[str, str]:
    """``("list", "namespaces")``, ``("update", "nodes/status")``, ``("get", "/readyz")`` for what is no resource."""
    return _named(method, path, "watch=" in query and _WATCH.search(query) is not None)


@lru_cache(maxsize=4096)
def _named(method: str, path: str, watch: bool) -> tuple[str, str]:
    """Clusters of one profile are asked for the same paths."""
    parts = path.strip("/").split("/")
    base = 2 if parts[0] == "api" else 3
    if parts[0] not in ("api", "apis") or len(parts) <= base:
        return method.lower(), f"/{parts[0]}" if parts[0] in _PLAIN else OTHER
    rest = parts[base:]
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        rest = rest[2:]
    resource = "/".join([rest[0], *rest[2:3]])
    return _verb(method, watch, named=len(rest) > 1), _closed(resource)


def _verb(method: str, watch: bool, *, named: bool) -> str:
    if method in ("GET", "HEAD"):
        if watch:
            return "watch"
        return "get" if named else "list"
    if method == "DELETE":
        return "delete" if named else "deletecollection"
    return _VERBS.get(method, OTHER)


def _closed(resource: str) -> str:
    if resource in _seen:
        return resource
    if len(_seen) >= LIMIT or not _RESOURCE.fullmatch(resource):
        return OTHER
    _seen.add(resource)
    return resource
