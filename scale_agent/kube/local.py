"""The door for the agent inside the process, and for tests: the code path of a request, without a wire."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import orjson

from scale_agent.kube import paths
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Request, Response
from scale_agent.kube.server import ApiServer
from scale_agent.kube.storage.history import Event, EventType
from scale_agent.kube.storage.version import Obj, Version

Callback = Callable[[str, Version], None]
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_JSON = "application/json"


class LocalClient:
    """Reads and writes as one client (``agent`` is its User-Agent, hence its field manager)."""

    def __init__(self, api: ApiServer, clock: Callable[[], float], agent: str = "agent") -> None:
        self.api = api
        self.clock = clock
        self.agent = agent

    def get(self, path: str) -> Obj | None:
        """The object at a path; ``None`` if there is none."""
        response = self._ask("GET", path)
        return None if response.status == 404 else self._object(response)

    def list(self, path: str, query: str = "") -> list[Obj]:
        """The objects of a collection; each with its kind and apiVersion."""
        found = self._object(self._ask("GET", path, query=query))
        kind = str(found["kind"]).removesuffix("List")
        return [{"kind": kind, "apiVersion": found["apiVersion"], **item} for item in found["items"]]

    def create(self, path: str, obj: Obj) -> Obj:
        """POST to a collection."""
        return self._object(self._ask("POST", path, obj))

    def update(self, path: str, obj: Obj) -> Obj:
        """PUT of an object, or of a subresource."""
        return self._object(self._ask("PUT", path, obj))

    def merge(self, path: str, patch: Obj) -> Obj:
        """A JSON merge patch."""
        return self._object(self._ask("PATCH", path, patch, "application/merge-patch+json"))

    def delete(self, path: str) -> None:
        """DELETE; an object that is not there is fine."""
        response = self._ask("DELETE", path)
        if response.status != 404:
            self._object(response)

    def apply(self, obj: Obj) -> Obj:
        """As kubectl's client-side apply: POST with the last-applied annotation, or a strategic merge PATCH."""
        collection, path = self._paths(obj)
        annotated = _annotated(obj)
        query = "fieldManager=kubectl-client-side-apply"
        if self.get(path) is None:
            return self._object(self._ask("POST", collection, annotated, query=query))
        media = "application/strategic-merge-patch+json"
        return self._object(self._ask("PATCH", path, annotated, media, query))

    def _paths(self, obj: Obj) -> tuple[str, str]:
        """The paths of an object's collection and of itself; the namespace defaults to ``default``."""
        resource = self.api.core.by_kind(obj["apiVersion"], obj["kind"])
        base = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
        if resource.namespaced:
            base += f"/namespaces/{obj['metadata'].get('namespace', 'default')}"
        return f"{base}/{resource.plural}", f"{base}/{resource.plural}/{obj['metadata']['name']}"

    def observe(self, path: str, callback: Callback) -> Callable[[], None]:
        """Call back with ADDED, MODIFIED or DELETED and the new version, at every change of a resource path.

        ``path`` names an object, a collection or a collection of all namespaces. What exists already is told at
        once as ADDED. Callbacks come from inside writes and must not block; they may write.
        Returns what ends it.
        """
        route = paths.parse(path)
        if route is None:
            raise ValueError(f"not a resource path: {path}")
        core = self.api.core
        resource = core.resolve(route.group, route.version, route.plural)
        follower = _Observer(route.name, callback)
        log = core.store.log(resource.key)
        log.follow(route.namespace, follower)
        for version in core.store.list(resource.key, route.namespace):
            if not route.name or version.name == route.name:
                callback(EventType.ADDED.value, version)
        return lambda: log.unfollow(route.namespace, follower)

    def _ask(self, method: str, path: str, obj: Obj | None = None, media: str = _JSON, query: str = "") -> Response:
        headers = {"accept": _JSON, "content-type": media, "user-agent": f"{self.agent}/1"}
        body = b"" if obj is None else orjson.dumps(obj)
        answer = self.api.handle(Request(method, path, query, headers, body), self.clock())
        if not isinstance(answer, Response):
            answer.close()
            raise ValueError(f"{path} answers with a watch: use observe()")
        return answer

    @staticmethod
    def _object(response: Response) -> Obj:
        found: Any = {}
        with contextlib.suppress(orjson.JSONDecodeError):  # plain text refusals
            found = orjson.loads(response.body)
        if response.status >= 400:
            message = found.get("message") or response.body.decode("utf-8", "replace").strip()
            raise StatusError(response.status, found.get("reason", ""), message, found.get("details"))
        return dict(found)


class _Observer:
    """Follows a log for a callback."""

    __slots__ = ("_callback", "_name")

    def __init__(self, name: str, callback: Callback) -> None:
        self._name = name
        self._callback = callback

    def changed(self, event: Event) -> None:
        """An event was appended."""
        if not self._name or event.after.name == self._name:
            self._callback(event.type.value, event.after)

    def finish(self) -> None:
        """Watches end when their definition changes; who observes goes on."""


def _annotated(obj: Obj) -> Obj:
    meta = {**obj["metadata"], "annotations": dict(obj["metadata"].get("annotations") or {})}
    plain = {**obj, "metadata": {**meta, "annotations": dict(meta["annotations"])}}
    text = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode() + "\n"
    meta["annotations"][LAST_APPLIED] = text
    return {**obj, "metadata": meta}
