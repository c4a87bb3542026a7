"""Paths that are no resources: version, health, discovery, OpenAPI, metrics, the issuer's keys, and the list of all.

Some are routes of go-restful (GET only, a slash behind them does not matter), the others handlers under exact paths
that answer any method; observed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import orjson

from scale_agent.kube import data_files, status
from scale_agent.kube.access.tokens import ISSUER
from scale_agent.kube.core import Core
from scale_agent.kube.discovery import announced, discovering, health, metrics, openid, publishing
from scale_agent.kube.http import Headers, Request, Response

Endpoint = Callable[[Core, Request, float], Response]
_NO_CACHE = ("Cache-Control", "no-cache, private")
PLAIN = "text/plain; charset=utf-8"
_JSON = ("Content-Type", "application/json")


def _version(core: Core, request: Request, now: float) -> Response:
    if request.method != "GET":
        raise status.method_not_allowed()
    names = {clause.partition(";")[0].strip() for clause in (request.headers.get("accept") or "*/*").split(",")}
    if not names & {"*/*", "application/json"}:
        raise status.not_acceptable(("application/json",))
    return Response(200, (_NO_CACHE, _JSON), discovering.served(core).version(core.catalog.version))


def _paths(core: Core, request: Request, now: float) -> Response:
    known = orjson.loads(data_files.load_json(core.catalog.schema.version, "endpoints.json")["/"])["paths"]
    places = {(one.group, one.version) for one in core.custom.all()}
    places |= {(one.group, one.version) for one in announced.services(core)}
    added = {path for group, version in places for path in (f"/apis/{group}", f"/apis/{group}/{version}")}
    body = orjson.dumps({"paths": sorted({*known, *added})}, option=orjson.OPT_INDENT_2)
    return Response(200, (_NO_CACHE, _JSON), body)


#: What ``/statusz`` says in its first lines.
_WARNING = (
    "Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is "
    "for debugging purposes only."
)


def _statusz(core: Core, request: Request, now: float) -> Response:
    version = orjson.loads(discovering.served(core).version(core.catalog.version))
    started = core.store.snapshot.built_s
    up_s = max(int(now - started), 0)
    rows = {
        "Started": datetime.fromtimestamp(started, UTC).strftime("%a %b %e %H:%M:%S UTC %Y"),
        "Up": f"{up_s // 3600} hr {up_s // 60 % 60:02d} min {up_s % 60:02d} sec",
        "Go version": version["goVersion"],
        "Binary version": core.catalog.version.removeprefix("v"),
        "Emulation version": f"{version['emulationMajor']}.{version['emulationMinor']}",
        "Paths": "/flagz /healthz /livez /metrics /readyz /statusz /version",
    }
    return _page("statusz", ["", *(f"{name}: {value}" for name, value in rows.items())])


def _page(name: str, lines: list[str]) -> Response:
    """A page for people, as ``zpages`` writes them; real ones choose what stands between name and value by chance."""
    text = "\n".join(["", f"apiserver {name}", _WARNING, *lines, ""])
    headers: Headers = (_NO_CACHE, ("Content-Type", PLAIN))
    return Response(200, headers, text.encode())


#: Flags that say something true of every simulated cluster.
_FLAGS = {
    "allow-privileged": "true",
    "profiling": "false",
    "service-account-issuer": f"[{ISSUER}]",
    "service-cluster-ip-range": "10.43.0.0/16",
}


def _flagz(core: Core, request: Request, now: float) -> Response:
    return _page("flagz", [f"{name}:{value}" for name, value in _FLAGS.items()])


def _profiles(core: Core, request: Request, now: float) -> Response:
    """Profiles of the process are not imitated; only the way there is."""
    headers: Headers = (_NO_CACHE, ("Content-Type", "text/html; charset=utf-8"), ("Location", "/debug/pprof/"))
    return Response(302, headers, b'<a href="/debug/pprof/">Found</a>.\n\n')


def _timeless(endpoint: Callable[[Core, Request], Response]) -> Endpoint:
    return lambda core, request, now: endpoint(core, request)


#: Routes of go-restful, without the slashes that may stand behind them.
ROUTES: dict[str, Endpoint] = {
    "/version": _version,
    "/api": _timeless(discovering.core_versions),
    "/apis": _timeless(discovering.groups),
    "/openid/v1/jwks": _timeless(openid.key_set),
    "/.well-known/openid-configuration": _timeless(openid.configuration),
}
#: Handlers under exactly these paths.
EXACT: dict[str, Endpoint] = {
    "/": _paths,
    "/index.html": _paths,
    "/metrics": metrics.everything,
    "/metrics/slis": metrics.levels,
    "/openapi/v2": publishing.everything,
    "/openapi/v3": publishing.index,
    "/flagz": _flagz,
    "/statusz": _statusz,
    "/debug/pprof": _profiles,
    **{f"/{name}": _timeless(health.root) for name in health.ROOTS},
}
PREFIXES: tuple[tuple[str, Endpoint], ...] = (
    *((f"/{name}/", _timeless(health.single)) for name in health.ROOTS),
    ("/api/", _timeless(discovering.resources)),
    ("/apis/", _timeless(discovering.resources)),
    ("/openapi/v3/", publishing.document),
)


def answer(core: Core, request: Request, now: float = 0.0) -> Response:
    """The answer to a path that names no resource. Raises the plain 404, and 405 for writes to routes."""
    path = request.path
    endpoint = EXACT.get(path) or ROUTES.get(path.rstrip("/"))
    if endpoint is None:
        endpoint = next((one for prefix, one in PREFIXES if path.startswith(prefix)), None)
    if endpoint is None:
        raise status.page_not_found()
    return endpoint(core, request, now)
