"""Discovery and OpenAPI as endpoints: which document a request gets, in which representation."""

from __future__ import annotations

from functools import lru_cache

from scale_agent.kube import query, status
from scale_agent.kube.core import Core
from scale_agent.kube.custom.types import VERBS
from scale_agent.kube.discovery import documents, openapi
from scale_agent.kube.http import Request, Response
from scale_agent.kube.representation import negotiation
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.schema.schema import Resource, Subresource

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_NO_CACHE = ("Cache-Control", "no-cache, private")
_JSON = ("Content-Type", "application/json")


@lru_cache(maxsize=1024)
def _resource(
    place: tuple[str, str, str],
    kind: str,
    singular: str,
    short_names: tuple[str, ...],
    subresources: frozenset[str],
    namespaced: bool,
) -> Resource:
    """One discovery entry, the same object for equal definitions: clusters with equal ones share their documents."""
    group, version, plural = place
    subs = {
        name: Subresource(name, kind, group, version, frozenset(("get", "patch", "update")))
        for name in sorted(subresources)
    }
    return Resource(group, version, plural, kind, namespaced, VERBS, singular, short_names, (), subs)


def _entry(resource: ResourceType) -> Resource:
    place = (resource.group, resource.version, resource.plural)
    names = resource.names
    return _resource(
        place,
        resource.kind,
        names.singular or resource.kind.lower(),
        names.short,
        resource.subresources,
        resource.namespaced,
    )


def served(core: Core) -> documents.Discovery:
    """The discovery documents of a cluster: shared by all that serve the same custom resources."""
    return documents.discovery(core.catalog.schema, tuple(_entry(one) for one in core.custom.all()))


def _root(core: Core, request: Request, path: str) -> Response:
    wants_aggregated = _wants_aggregated(request.headers.get("accept", ""))
    if wants_aggregated:
        body, etag = served(core).aggregated(path)
        cache = (("Cache-Control", "public"), ("Content-Type", _AGGREGATED), ("Etag", etag), ("Vary", "Accept"))
        if request.headers.get("if-none-match") == etag:
            return Response(304, cache, b"")
        return Response(200, cache, body)
    return _plain(core, path)


@lru_cache(maxsize=256)
def _wants_aggregated(accept: str) -> bool:
    for clause in negotiation.parse_accept(accept):
        if clause.name != negotiation.JSON:
            continue
        if not clause.param("as"):
            return False
        if clause.param("as") == "APIGroupDiscoveryList" and clause.param("v") == "v2":
            return True
    return False


def _plain(core: Core, path: str) -> Response:
    body = served(core).plain(path)
    if body is None:
        raise status.page_not_found()
    return Response(200, (_NO_CACHE, _JSON), body)


def core_versions(core: Core, request: Request) -> Response:
    """``/api``."""
    return _root(core, request, "/api")


def groups(core: Core, request: Request) -> Response:
    """``/apis``."""
    return _root(core, request, "/apis")


def resources(core: Core, request: Request) -> Response:
    """``/api/v1``, ``/apis/G`` and ``/apis/G/V``."""
    return _plain(core, request.path.rstrip("/"))


def openapi_index(core: Core, request: Request) -> Response:
    """``/openapi/v3``."""
    return Response(200, openapi.INDEX_HEADERS, openapi.index(core.catalog.version))


def openapi_document(core: Core, request: Request) -> Response:
    """``/openapi/v3/…``; with a wrong hash a redirect to the right one, as a real server answers."""
    name = request.path.removeprefix(openapi.PREFIX)
    found = openapi.document(core.catalog.version, name)
    if found is None:
        raise status.page_not_found()
    asked = query.parse_query(request.query).get("hash", "")
    if asked and asked != found.hash:
        return Response(301, (_NO_CACHE, ("Location", f"{openapi.PREFIX}{name}?hash={found.hash}")), b"")
    return Response(200, found.headers if asked else _uncached(found), found.body)


def _uncached(found: openapi.Document) -> tuple[tuple[str, str], ...]:
    return (_NO_CACHE, *(pair for pair in found.headers if pair[0] != "Cache-Control"))


def openapi_v2(core: Core, request: Request) -> Response:
    """``/openapi/v2``: not served; kubectl is content with v3."""
    raise status.page_not_found()
