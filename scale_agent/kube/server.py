"""The API server of one simulated cluster, without I/O: requests in, responses and watches out.

``handle`` answers at once; what real controllers would then do happens right after the answer was made, so that a
client sees it with its next request or in its watch, never in the answer itself (recorded: the POST of a token secret
is answered without the token). ``advance`` does what falls due later: bookmarks, ends of watches, pods that start.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from http import HTTPStatus

from scale_agent.kube import extensions, paths, query
from scale_agent.kube.access.gate import Gate
from scale_agent.kube.controllers import heartbeats
from scale_agent.kube.controllers.manager import Controllers
from scale_agent.kube.core import Core
from scale_agent.kube.discovery import announced, counting, endpoints
from scale_agent.kube.errors import PlainError, StatusError
from scale_agent.kube.http import Headers, Request, Response, Watch
from scale_agent.kube.identity import Identity
from scale_agent.kube.representation import compression, encoders, pretty
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.snapshot import Snapshot
from scale_agent.kube.verbs.call import NO_CACHE, Call, headers
from scale_agent.kube.verbs.dispatch import check_media, verb_for

PLAIN = "text/plain; charset=utf-8"
_SNIFFED: Headers = (("X-Content-Type-Options", "nosniff"),)
#: Histories are trimmed no more often than this, and only when there is something to pack or to forget (seconds).
TRIM_EVERY_S = 15.0


class ApiServer:
    """One cluster's Kubernetes API."""

    __slots__ = ("_controllers", "_trim_due_s", "core", "gate", "on_due")

    def __init__(self, snapshot: Snapshot, identity: Identity, *, rbac: bool = False) -> None:
        self.core = Core(snapshot, identity)
        self.gate = Gate(self.core, rbac=rbac)
        self.on_due: Callable[[float], None] | None = None
        self.core.schedule.on_earlier = self._earlier
        self._controllers = Controllers(self.core)
        self._trim_due_s = math.inf

    def handle(self, request: Request, now: float) -> Response | Watch:
        """Answer one request. Never raises for bad input: refusals are responses."""
        route = paths.parse(request.path)
        resource = self.core.find(route.group, route.version, route.plural) if route is not None else None
        try:
            answer = self._answer(request, route, resource, now)
        except StatusError as refusal:
            answer = self._refusal(request, refusal)
        except PlainError as refusal:
            answer = Response(refusal.code, (NO_CACHE, ("Content-Type", PLAIN), *_SNIFFED), refusal.text.encode())
        if self._controllers.run(now):
            self._trim_at(now + TRIM_EVERY_S)
        if resource is not None:  # for others a real server has no handler that would count
            counting.count(self.core, request.method, request.path, resource, answer.status, "watch=" in request.query)
        if not isinstance(answer, Response):
            return answer
        if pretty.wanted(request):
            answer = pretty.indented(request, answer)
        if len(answer.body) > compression.THRESHOLD and request.path.startswith("/api"):  # resources and discovery
            return compression.compressed(answer, request.headers.get("accept-encoding", ""))
        return answer

    def settle(self, now: float) -> None:
        """Let the controllers react to what was written."""
        if self._controllers.run(now):
            self._trim_at(now + TRIM_EVERY_S)

    def advance(self, now: float) -> float | None:
        """Do what is due; returns when something is next due, ``None`` for never. Times are the caller's clock's."""
        due = self.core.schedule.run(now)
        self.settle(now)
        return due if due is None else self.core.schedule.run(now)

    def _answer(
        self, request: Request, route: paths.Route | None, resource: ResourceType | None, now: float
    ) -> Response | Watch:
        if "timeout=" in request.query:
            query.check_timeout(request.query)
        user = self.gate.admit(request, now)
        if route is None:
            return endpoints.answer(self.core, request, now)
        resource = resource or self._absent(route)
        call = Call(self.core, request, route, resource, now, user, self.gate)
        verb = verb_for(call)
        try:
            check_media(call)
            heartbeats.before(self.core, resource.key, now)
            answer = verb(call)
        except StatusError as refusal:
            return self._refusal(request, refusal, call)
        if not isinstance(answer, Response):
            heartbeats.watched(self.core, resource.key, now)
        return answer

    def _absent(self, route: paths.Route) -> ResourceType:
        """An extension serves it, or nothing is there: 503 if an APIService sends it elsewhere, else 404."""
        if any((one.group, one.version) == (route.group, route.version) for one in announced.extended(self.core)):
            found = extensions.find(route.group, route.version, route.plural)
            if found is not None:
                return found
        announced.check(self.core, route.group, route.version)
        return self.core.resolve(route.group, route.version, route.plural)

    def _refusal(self, request: Request, refusal: StatusError, call: Call | None = None) -> Response:
        accept = request.headers.get("accept", "")
        content_type, body = encoders.document(self.core.catalog, refusal.status(), accept)
        extra = _SNIFFED if refusal.sniffed and refusal.code != HTTPStatus.UNAUTHORIZED else ()
        after_s = (refusal.details or {}).get("retryAfterSeconds")
        if after_s:
            extra = (*extra, ("Retry-After", str(after_s)))
        said = headers(content_type) if call is None else call.headers(content_type)
        return Response(refusal.code, (*said, *extra), body)

    def _trim(self, now: float) -> None:
        if now < self._trim_due_s:
            return  # an earlier appointment was made meanwhile, and kept
        self._trim_due_s = math.inf
        due = self.core.store.trim(now)
        if due is not None:
            self._trim_at(max(due, now + TRIM_EVERY_S))

    def _trim_at(self, due_s: float) -> None:
        if due_s < self._trim_due_s:
            self._trim_due_s = due_s
            self.core.schedule.at(due_s, self._trim)

    def _earlier(self, due: float) -> None:
        if self.on_due is not None:
            self.on_due(due)
