"""What a request asks for, in the terms of authorization, and the refusal of it.

Rules: RequestInfoFactory (apiserver, endpoints/request) and ForbiddenStatusError (endpoints/handlers/responsewriters).
"""

from __future__ import annotations

from dataclasses import dataclass

from scale_agent.kube import paths, query
from scale_agent.kube.codec.goquote import quote
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Request
from scale_agent.kube.paths import Route
from scale_agent.kube.status import qualified
from scale_agent.kube.users import User

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
#: Paths that begin with this ask for a watch in the way of old clients: ``/api/v1/watch/pods``.
_WATCH = "watch"
_SAFE = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True, slots=True)
class Attributes:
    """One question to the authorizer. ``path`` is set for what is no resource, all else is empty then."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        """``pods/log``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def attributes_of(request: Request) -> Attributes:
    """What a request asks for."""
    path = request.path
    verb = _VERBS.get(request.method, "")
    head, _, rest = path.partition(f"/{_WATCH}/")
    if rest and head.count("/") == (2 if head.startswith("/api/") else 3):
        path, verb = f"{head}/{rest}", _WATCH
    route = paths.parse(path)
    if route is None:
        return Attributes(request.method.lower(), path=path)
    name = route.name
    if not name and verb in ("get", "delete"):
        name = _selected(request.query) if verb == "get" else ""
        verb = _collection_verb(verb, request.query)
    namespace = route.namespace
    if route.plural == "namespaces" and not namespace and not route.group:
        namespace = route.name
    return Attributes(verb, route.group, route.plural, _first(route), namespace, name)


def _first(route: Route) -> str:
    return route.subresource.partition("/")[0]


def _collection_verb(verb: str, raw_query: str) -> str:
    if verb == "delete":
        return "deletecollection"
    asked = query.parse_query(raw_query).get(_WATCH, "0") if _WATCH in raw_query else "0"
    return "list" if asked.lower() in ("false", "0") else _WATCH


def _selected(raw_query: str) -> str:
    """The name that a list's field selector insists on: it counts as the request's name."""
    if "fieldSelector" not in raw_query:
        return ""
    text = query.parse_query(raw_query).get("fieldSelector", "")
    for term in text.split(","):
        field, equals, value = term.replace("==", "=").partition("=")
        if field == "metadata.name" and equals and not field.endswith("!"):
            return value
    return ""


def forbidden(user: User, asked: Attributes, reason: str = "") -> StatusError:
    """403 in a real server's words."""
    what = _what(asked)
    message = f"User {quote(user.name)} cannot {asked.verb} {what}".translate(_SAFE)
    if reason:
        message = f"{message}: {reason}"
    return refusal(asked.resource, asked.group, asked.name, message)


def refusal(resource: str, group: str, name: str, message: str) -> StatusError:
    """A 403 about a resource, an object or a path."""
    details = {key: value for key, value in (("name", name), ("group", group), ("kind", resource)) if value}
    about = qualified(resource, group) if resource else ""
    if about:
        about = f"{about} {quote(name)} is " if name else f"{about} is "
    return StatusError(403, "Forbidden", f"{about}forbidden: {message}", details)


def _what(asked: Attributes) -> str:
    if asked.path:
        return f"path {quote(asked.path)}"
    where = f"in the namespace {quote(asked.namespace)}" if asked.namespace else "at the cluster scope"
    return f"resource {quote(asked.full_resource)} in API group {quote(asked.group)} {where}"
