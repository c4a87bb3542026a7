"""Paths that are no resources: version, health, discovery, OpenAPI."""

from __future__ import annotations

from collections.abc import Callable

from scale_agent.kube import status
from scale_agent.kube.core import Core
from scale_agent.kube.discovery import discovering
from scale_agent.kube.http import Request, Response
from scale_agent.kube.verbs.call import NO_CACHE

Endpoint = Callable[[Core, Request], Response]
PLAIN = "text/plain; charset=utf-8"


def _ok(core: Core, request: Request) -> Response:
    return Response(200, (NO_CACHE, ("Content-Type", PLAIN), ("X-Content-Type-Options", "nosniff")), b"ok")


def _version(core: Core, request: Request) -> Response:
    return Response(200, (NO_CACHE, ("Content-Type", "application/json")), discovering.served(core).version())


def _metrics(core: Core, request: Request) -> Response:
    text = (
        "# HELP apiserver_storage_objects Objects of the simulated cluster.\n# TYPE apiserver_storage_objects gauge\n"
    )
    lines = [_gauge(key, len(core.store.list(key))) for key in sorted(core.store.keys())]
    return Response(
        200, (NO_CACHE, ("Content-Type", "text/plain; version=0.0.4; charset=utf-8")), (text + "".join(lines)).encode()
    )


def _gauge(key: tuple[str, str], count: int) -> str:
    resource = f"{key[1]}.{key[0]}" if key[0] else key[1]
    return f'apiserver_storage_objects{{resource="{resource}"}} {count}\n'


EXACT: dict[str, Endpoint] = {
    "/version": _version,
    "/healthz": _ok,
    "/livez": _ok,
    "/readyz": _ok,
    "/metrics": _metrics,
    "/api": discovering.core_versions,
    "/apis": discovering.groups,
    "/openapi/v3": discovering.openapi_index,
    "/openapi/v2": discovering.openapi_v2,
}
PREFIXES: tuple[tuple[str, Endpoint], ...] = (
    ("/healthz/", _ok),
    ("/livez/", _ok),
    ("/readyz/", _ok),
    ("/api/", discovering.resources),
    ("/apis/", discovering.resources),
    ("/openapi/v3/", discovering.openapi_document),
)


def answer(core: Core, request: Request) -> Response:
    """The answer to a path that names no resource. Raises the plain 404, and 405 for writes."""
    path = request.path.rstrip("/") or "/"
    endpoint = EXACT.get(path) or next((one for prefix, one in PREFIXES if path.startswith(prefix)), None)
    if endpoint is None:
        raise status.page_not_found()
    if request.method not in ("GET", "HEAD"):
        raise status.method_not_allowed()
    return endpoint(core, request)
