"""``/healthz``, ``/livez``, ``/readyz`` and their single checks, all passed; which there are is data of the version.

Rules: k8s.io/apiserver/pkg/server/healthz ``handleRootHealth``.
"""

from __future__ import annotations

from functools import cache
from urllib.parse import parse_qs

from scale_agent.kube import data_files, status
from scale_agent.kube.core import Core
from scale_agent.kube.http import Headers, Request, Response

ROOTS = ("healthz", "livez", "readyz")
_NO_CACHE = ("Cache-Control", "no-cache, private")
_PLAIN = ("Content-Type", "text/plain; charset=utf-8")
_ROOT_HEADERS: Headers = (_NO_CACHE, _PLAIN, ("X-Content-Type-Options", "nosniff"))


@cache
def checks(version: str, root: str) -> tuple[str, ...]:
    """The checks behind ``/healthz`` and its like in their order; ``version`` is one with data."""
    lines = data_files.load_json(version, "endpoints.json")[f"/{root}?verbose"].splitlines()
    return tuple(line.removeprefix("[+]").removesuffix(" ok") for line in lines if line.startswith("[+]"))


def root(core: Core, request: Request) -> Response:
    """``/healthz?verbose&exclude=NAME``, whatever the method."""
    if "verbose" not in request.query:  # nearly always
        return Response(200, _ROOT_HEADERS, b"ok")
    query = parse_qs(request.query, keep_blank_values=True)
    if "verbose" not in query:
        return Response(200, _ROOT_HEADERS, b"ok")
    name = request.path.strip("/")
    known = checks(core.catalog.schema.version, name)
    excluded = set(query.get("exclude", ()))
    lines = [f"[+]{one} excluded: ok" if one in excluded else f"[+]{one} ok" for one in known]
    if unknown := sorted(excluded - set(known)):
        quoted = ",".join(f'"{one}"' for one in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {quoted}")
    return Response(200, _ROOT_HEADERS, "\n".join([*lines, f"{name} check passed", ""]).encode())


def single(core: Core, request: Request) -> Response:
    """``/readyz/ping``. Raises the plain 404 of a check that there is not."""
    _, name, check = request.path.split("/", 2)
    if check not in checks(core.catalog.schema.version, name):
        raise status.page_not_found()
    return Response(200, (_NO_CACHE, _PLAIN), b"ok")
