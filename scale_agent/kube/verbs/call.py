"""One resource request on its way through a verb, and the answers that verbs give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from scale_agent.kube import query, status
from scale_agent.kube.access.gate import Gate
from scale_agent.kube.core import Core
from scale_agent.kube.custom import admission as custom
from scale_agent.kube.http import Headers, Request, Response
from scale_agent.kube.paths import Route
from scale_agent.kube.representation import encoders
from scale_agent.kube.representation.representations import Encoder
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj, Version
from scale_agent.kube.users import User
from scale_agent.kube.writes import Actor

NO_CACHE = ("Cache-Control", "no-cache, private")


#: Resources whose every answer carries a warning.
DEPRECATED = {
    ("", "v1", "endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ("", "v1", "componentstatuses"): "v1 ComponentStatus is deprecated in v1.19+",
}


@dataclass(slots=True)
class Call:
    """What a verb gets; nobody changes it (frozen it takes 1 µs more)."""

    core: Core
    request: Request
    route: Route
    resource: ResourceType
    now: float
    user: User
    gate: Gate
    #: What the answer warns of, be it a refusal or not.
    warned: list[str] = field(default_factory=list)

    def encoder(self, *, listing: bool = False, stream: bool = False) -> Encoder:
        """The negotiated representation of an object, a list or a watch. Raises 400, 406."""
        return encoders.encoder_for(self.core.catalog, self.resource, self.request, self.now, listing, stream)

    def current(self) -> Version:
        """The object that the path names. Raises 404."""
        route = self.route
        version = self.core.store.get(self.resource.key, route.namespace, route.name)
        if version is None:
            raise status.not_found(self.resource.plural, self.resource.group, route.name)
        return version if self.resource.declared is None else custom.in_version(self.resource, version)

    def options(self, kind: str) -> query.WriteOptions:
        """The options of a write; ``kind`` is ``CreateOptions``, ``UpdateOptions``, ``PatchOptions``."""
        return query.write_options(self.request.query, kind)

    def headers(self, content_type: str, warnings: Sequence[str] = ()) -> Headers:
        """The headers of an answer about the resource; deprecated ones carry a warning (recorded)."""
        deprecated = _deprecated(self.resource)
        if deprecated or self.warned or warnings:
            return _headers(content_type, (*deprecated, *self.warned, *warnings))
        return _headers(content_type, ())

    def actor(self, options: query.WriteOptions) -> Actor:
        """Who writes: ``fieldManager``, else the User-Agent up to its slash, as the real server names managers."""
        manager = options.manager or self.request.headers.get("user-agent", "").partition("/")[0] or "unknown"
        return Actor(manager[:128], self.now, options.dry_run, self.gate.guard_for(self.user, self.resource), self.user)


@lru_cache(maxsize=2048)
def _deprecated(resource: ResourceType) -> tuple[str, ...]:
    if resource.declared is not None:
        return (resource.declared.warning,) if resource.declared.warning else ()
    text = DEPRECATED.get((resource.group, resource.version, resource.plural))
    return () if text is None else (text,)


def headers(content_type: str, warnings: Sequence[str] = ()) -> Headers:
    """The headers of an answer; every warning is one ``Warning`` header of code 299."""
    return _headers(content_type, tuple(warnings))


@lru_cache(maxsize=512)
def _headers(content_type: str, warnings: tuple[str, ...]) -> Headers:
    """Equal headers, once: watches keep theirs."""
    quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in warnings]
    return (NO_CACHE, ("Content-Type", content_type), *(("Warning", f'299 - "{text}"') for text in quoted))


def document(call: Call, code: int, obj: Obj, warnings: Sequence[str] = ()) -> Response:
    """A document that is no resource."""
    content_type, body = encoders.document(call.core.catalog, obj, call.request.headers.get("accept", ""))
    return Response(code, call.headers(content_type, warnings), body)


def success(call: Call, warnings: Sequence[str] = ()) -> Response:
    """What a subresource answers that made something happen: 201 and a Status."""
    done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return document(call, 201, done, warnings)


def answer(call: Call, code: int, version: Version, warnings: Sequence[str] = ()) -> Response:
    """One object."""
    encoder = call.encoder()
    return Response(code, call.headers(encoder.content_type, warnings), encoder.one(version))
