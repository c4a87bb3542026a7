"""OpenAPI as endpoints: the index, the documents of v3 and the one of v2, with what definitions add at run time.

Rules: kube-openapi's ``handler`` (v2, compressed by ``gziphandler``) and ``handler3`` (never compressed).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from scale_agent.kube import query
from scale_agent.kube.core import Core
from scale_agent.kube.custom.definition import ServedVersion
from scale_agent.kube.discovery import custom, openapi, swagger
from scale_agent.kube.discovery.archive import Document
from scale_agent.kube.discovery.content import serve
from scale_agent.kube.http import Headers, Request, Response
from scale_agent.kube.representation import negotiation

_NO_CACHE = ("Cache-Control", "no-cache, private")
_JSON = "application/json"
#: Media types of an Accept header, and whether they mean protobuf.
_FORMS = {
    generation: {
        _JSON: False,
        f"application/com.github.proto-openapi.spec.v{generation}.v1.0+protobuf": True,
        f"application/com.github.proto-openapi.spec.v{generation}@v1.0+protobuf": True,
        "application/*": False,
        "*/*": False,
    }
    for generation in (2, 3)
}
_PROTOBUF = "application/com.github.proto-openapi.spec.v{}.v1.0+protobuf"
_MEMO = "published"


def _members(core: Core) -> tuple[ServedVersion, ...]:
    return tuple(one.declared for one in core.custom.all() if one.declared is not None)


def _documents(core: Core) -> Mapping[str, Document]:
    """The documents of group versions that definitions brought, by name in the index."""
    found: dict[str, list[ServedVersion]] = {}
    for one in _members(core):
        found.setdefault(f"apis/{one.api_version}", []).append(one)
    version = core.catalog.schema.version
    return {name: custom.document(version, tuple(members)) for name, members in found.items()}


def _changed_at(core: Core, now: float) -> float:
    """When the definitions changed, as far as anybody asked: documents are made when they are wanted."""
    members = _members(core)
    if not members:
        return core.store.snapshot.built_s
    known: tuple[tuple[ServedVersion, ...], float] | None = core.memo.get(_MEMO)
    if known is None or known[0] != members:
        known = core.memo[_MEMO] = (members, now)
    return known[1]


def _wants_protobuf(request: Request, generation: int) -> bool | None:
    """Which form the first acceptable clause asks for; ``None`` if none is acceptable."""
    for clause in negotiation.parse_accept(request.headers.get("accept") or "*/*"):
        if clause.name in _FORMS[generation]:
            return _FORMS[generation][clause.name]
    return None


def index(core: Core, request: Request, now: float) -> Response:
    """``/openapi/v3``, whatever the method. Made anew each time, so no answer to it is ever out of date."""
    body = openapi.load(core.catalog.schema.version).index(_documents(core))
    return serve(request, body, (_NO_CACHE, ("Content-Type", "text/plain; charset=utf-8")), modified=now)


def _find(core: Core, name: str) -> Document | None:
    built_in = openapi.load(core.catalog.schema.version)
    return built_in.document(name) if name in built_in.names else _documents(core).get(name)


def document(core: Core, request: Request, now: float) -> Response:
    """``/openapi/v3/…``; with a wrong hash a redirect to the right one, as a real server answers."""
    name = request.path.removeprefix(openapi.PREFIX)
    found = _find(core, name)
    vary = ("Vary", "Accept")
    if found is None:
        return Response(404, (_NO_CACHE,), b"")
    protobuf = _wants_protobuf(request, 3)
    if protobuf is None:
        return Response(406, (_NO_CACHE, vary), b"")
    kind = ("Content-Type", _PROTOBUF.format(3) if protobuf else _JSON)
    described: Headers = (kind, ("Etag", f'"{found.hash}"'), vary)
    asked = query.parse_query(request.query).get("hash", "")
    if asked and asked != found.hash:
        return Response(301, (_NO_CACHE, *described, ("Location", f"{openapi.PREFIX}{name}?hash={found.hash}")), b"")
    cache = (("Cache-Control", "public, immutable"), ("Expires", _in_a_year(now))) if asked else (_NO_CACHE,)
    body = found.protobuf if protobuf else found.body
    return serve(request, body, (*cache, *described), modified=_changed_at(core, now))


def _in_a_year(now: float) -> str:
    """Go's ``RFC1123`` in UTC, which does not say GMT (observed)."""
    moment = datetime.fromtimestamp(now, UTC)
    day = 28 if (moment.month, moment.day) == (2, 29) else moment.day
    return moment.replace(year=moment.year + 1, day=day).strftime("%a, %d %b %Y %H:%M:%S UTC")


def everything(core: Core, request: Request, now: float) -> Response:
    """``/openapi/v2``, whatever the method; compressed for who accepts gzip."""
    vary: Headers = (("Vary", "Accept-Encoding"), ("Vary", "Accept"))
    protobuf = _wants_protobuf(request, 2)
    if protobuf is None:
        return Response(406, (_NO_CACHE, *vary), b"")
    found = swagger.document(core.catalog.schema.version, _members(core))
    kind = ("Content-Type", _PROTOBUF.format(2) if protobuf else _JSON)
    headers: Headers = (_NO_CACHE, kind, ("Etag", f'"{found.hash}"'), *vary)
    packed = _accepts_gzip(request.headers.get("accept-encoding", "")) and "range" not in request.headers
    if packed:
        headers = (*headers, ("Content-Encoding", "gzip"))
        body = found.protobuf_gzip if protobuf else found.body_gzip
    else:
        body = found.protobuf if protobuf else found.body
    return serve(request, body, headers, modified=_changed_at(core, now))


def _accepts_gzip(header: str) -> bool:
    """``gziphandler.acceptsGzip``: gzip with a quality above zero."""
    for clause in header.split(","):
        name, _, quality = clause.partition(";")
        if name.strip().lower() == "gzip":
            return not quality.strip().startswith(("q=0.0", "q=0,")) and quality.strip() != "q=0"
    return False
