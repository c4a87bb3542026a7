"""Discovery as endpoints: which document a request gets, in which representation.

``/api``, ``/api/v1`` and the group versions of the server itself are routes of go-restful: they have GET and nothing
else, and a look at Accept of their own. ``/apis``, groups and all of definitions are handlers that answer any method.
"""

from __future__ import annotations

from functools import lru_cache

from scale_agent.kube import extensions, status
from scale_agent.kube.core import Core
from scale_agent.kube.custom.types import VERBS
from scale_agent.kube.discovery import announced, documents
from scale_agent.kube.http import Headers, Request, Response
from scale_agent.kube.representation import negotiation
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.schema.schema import Resource, Subresource

_AS_LIST = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_NO_CACHE = ("Cache-Control", "no-cache, private")


#: What discovery does not name of a resource whose definition is being deleted.
_NOT_WHILE_TERMINATING = frozenset(("create", "patch", "update"))


@lru_cache(maxsize=1024)
def _resource(
    place: tuple[str, str, str],
    kind: str,
    singular: str,
    short_names: tuple[str, ...],
    categories: tuple[str, ...],
    subresources: frozenset[str],
    namespaced: bool,
    storage_version: str,
    verbs_of_all: frozenset[str],
) -> Resource:
    """One discovery entry, the same object for equal definitions: clusters with equal ones share their documents."""
    group, version, plural = place
    verbs = frozenset(("get", "patch", "update"))
    subs = {
        name: Subresource(name, *served, verbs)
        for name, served in (("status", (kind, group, version)), ("scale", ("Scale", "autoscaling", "v1")))
        if name in subresources
    }
    return Resource(
        group, version, plural, kind, namespaced, verbs_of_all, singular, short_names, categories, subs, storage_version
    )


def _entry(resource: ResourceType) -> Resource:
    place = (resource.group, resource.version, resource.plural)
    names = resource.names
    return _resource(
        place,
        resource.kind,
        names.singular or resource.kind.lower(),
        names.short,
        names.categories,
        resource.subresources,
        resource.namespaced,
        resource.declared.definition.storage.name if resource.declared else "",
        VERBS - _NOT_WHILE_TERMINATING if resource.declared and resource.declared.definition.terminating else VERBS,
    )


def served(core: Core) -> documents.Discovery:
    """The discovery documents of a cluster: shared by all that serve the same custom resources."""
    extra = tuple(_entry(one) for one in core.custom.all())
    for one in announced.extended(core):
        extra += extensions.entries(one.group, one.version)
    return documents.discovery(core.catalog.schema, extra, services=announced.services(core))


def _root(core: Core, request: Request, path: str) -> Response:
    media = _aggregated(request.headers.get("accept", ""))
    if media is None:
        return _plain(core, request, path)
    found = served(core)
    cache: Headers = (("Cache-Control", "public"), ("Etag", found.etag(path)), ("Vary", "Accept"))
    if request.headers.get("if-none-match") == found.etag(path):
        return Response(304, cache, b"")
    return Response(200, (*cache, ("Content-Type", media + _AS_LIST)), found.aggregated(path, media))


@lru_cache(maxsize=256)
def _aggregated(accept: str) -> str | None:
    """The media type of the aggregated document, if the first acceptable clause asks for one."""
    for clause in negotiation.parse_accept(accept):
        media = _media(clause.name)
        if media and not clause.param("as"):
            return None
        wanted = tuple(clause.param(name) for name in ("g", "v", "as"))
        if media and wanted == ("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList"):
            return media
    return None


def _media(name: str) -> str:
    """What a clause of Accept may be answered with; ``""`` for nothing."""
    if name in ("*/*", "application/*"):
        return negotiation.JSON
    return name if name in negotiation.BODIES else ""


def _plain(core: Core, request: Request, path: str) -> Response:
    found = served(core)
    if found.plain(path) is None:
        raise _absent(core, path)
    media = negotiation.choose(request.headers.get("accept", ""), transforms=False).media
    return Response(200, (_NO_CACHE, ("Content-Type", media)), found.plain(path, media) or b"")


def _absent(core: Core, path: str) -> Exception:
    """The 404 of a version that a group does not have: a Status from the server's own groups."""
    parts = path.split("/")
    group = parts[2] if parts[1] == "apis" else ""
    return status.no_such_resource() if core.catalog.has_group(group) else status.page_not_found()


def restful(request: Request) -> None:
    """What go-restful refuses before anything is looked up: 405, 406."""
    if request.method != "GET":
        raise status.method_not_allowed()
    negotiation.check_route(request.headers.get("accept", ""), listing=False)


def core_versions(core: Core, request: Request) -> Response:
    """``/api``."""
    restful(request)
    return _root(core, request, "/api")


def groups(core: Core, request: Request) -> Response:
    """``/apis``."""
    return _root(core, request, "/apis")


def resources(core: Core, request: Request) -> Response:
    """``/api/v1``, ``/apis/G`` and ``/apis/G/V``."""
    path = request.path.rstrip("/")
    _, root, group, *version = *path.split("/"), ""
    if root == "apis" and version[0]:
        announced.check(core, group, version[0])
    if (root == "api" or version[0]) and core.catalog.has_group("" if root == "api" else group):
        if served(core).plain(path) is None:
            raise status.no_such_resource()
        restful(request)
    return _plain(core, request, path)
