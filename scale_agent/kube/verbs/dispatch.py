"""Method, path shape and subresource → the function that answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

from scale_agent.kube import extensions, status
from scale_agent.kube.admission.parts import PARTS
from scale_agent.kube.errors import PlainError, StatusError
from scale_agent.kube.http import Response, Watch
from scale_agent.kube.representation import negotiation
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.verbs import binding, components, metrics, patch, read, remove, review, scale, subresources, write
from scale_agent.kube.verbs.call import Call

Verb = Callable[[Call], Response | Watch]


def _get_one(call: Call) -> Response | Watch:
    """GET of an object; only the old path makes it a watch of that one, ``watch=true`` does not (observed)."""
    return read.list_or_watch(call) if call.route.watch else read.get(call)


_COLLECTION: dict[str, tuple[str, Verb]] = {
    "GET": ("list", read.list_or_watch),
    "POST": ("create", write.create),
    "DELETE": ("deletecollection", remove.delete_collection),
}
_OBJECT: dict[str, tuple[str, Verb]] = {
    "GET": ("get", _get_one),
    "PUT": ("update", write.update),
    "PATCH": ("patch", patch.patch),
    "DELETE": ("delete", remove.delete),
}
_SUBRESOURCE: dict[tuple[str, str], Verb] = {
    **{("GET", part): read.get for part in PARTS},
    **{("PUT", part): partial(write.update, subresource=part) for part in PARTS},
    **{("PATCH", part): partial(patch.patch, subresource=part) for part in PARTS},
    ("GET", "scale"): scale.get,
    ("PUT", "scale"): scale.update,
    ("PATCH", "scale"): scale.patch,
}
_COLLECTION_VERBS = {name for name, _ in _COLLECTION.values()}
_OBJECT_VERBS = {name for name, _ in _OBJECT.values()}
#: Resources of which nothing is stored.
_SPECIAL: dict[tuple[ResourceKey, str], Verb] = {
    **{(key, "create"): review.create for key in review.VERDICTS},
    (components.KEY, "get"): components.get,
    (components.KEY, "list"): components.listing,
    (("", "bindings"), "create"): binding.create_legacy,
    **{(one.key, "get"): metrics.get for one in extensions.SERVED[extensions.METRICS]},
    **{(one.key, "list"): metrics.listing for one in extensions.SERVED[extensions.METRICS]},
}


def verb_for(call: Call) -> Verb:
    """The verb of a call. Raises 404 for subresources that do not exist, 405 for verbs that a resource lacks."""
    route, resource, method = call.route, call.resource, call.request.method
    if route.subresource:
        if subresources.name_of(route.subresource) not in resource.subresources:
            raise _no_subresource(call)
        verb = _SUBRESOURCE.get((method, route.subresource)) or subresources.find(method, route.subresource)
        if verb is None:
            raise _not_allowed(resource, method)
        return verb
    return _of_resource(resource, method, bool(route.name), bool(route.namespace))


@lru_cache(maxsize=4096)
def _of_resource(resource: ResourceType, method: str, named: bool, namespace: bool) -> Verb:
    """The verb of a path without a subresource. Raises as :func:`verb_for`."""
    if not resource.verbs & (_OBJECT_VERBS if named else _COLLECTION_VERBS):
        raise _elsewhere(resource)
    found = (_OBJECT if named else _COLLECTION).get(method)
    if found is None or found[0] not in resource.verbs:
        raise _not_allowed(resource, method)
    if not resource.namespaced and namespace:
        raise _elsewhere(resource)
    if resource.namespaced and not namespace:
        _cluster_wide(resource, named, method)
    return _SPECIAL.get((resource.key, found[0]), found[1])


#: Subresources that answer with something else than an object.
_OTHER_MEDIA = frozenset(("log", "exec", "attach", "portforward", "proxy"))


def check_media(call: Call) -> None:
    """What is refused for its media types before anybody looks further. Raises 406 and, for patches, 415.

    Built-in kinds have a router in front of them (go-restful); custom ones negotiate in their handlers.
    """
    headers, route, method = call.request.headers, call.route, call.request.method
    if not call.resource.typed:
        return
    if route.subresource and route.subresource.partition("/")[0] in _OTHER_MEDIA:
        return
    if method == "PATCH" and headers.get("content-type", "").partition(";")[0].strip() not in negotiation.PATCHES:
        raise status.unknown_patch()
    accept = headers.get("accept", "")
    negotiation.check_route(accept, listing=not route.name and method == "GET")
    negotiation.choose(accept)


def _cluster_wide(resource: ResourceType, named: bool, method: str) -> None:
    """Namespaced resources are listed and watched across namespaces, nothing else."""
    if named or "list" not in resource.verbs or (method != "GET" and not resource.typed):
        raise _elsewhere(resource)
    if method != "GET":
        raise status.method_not_allowed()


def _elsewhere(resource: ResourceType) -> StatusError | PlainError:
    """404: objects of that type live in namespaces, or in none. Nobody answers for custom ones there."""
    return status.no_such_resource() if resource.typed else status.page_not_found()


def _no_subresource(call: Call) -> StatusError:
    """404; custom types say which object does not have it."""
    resource = call.resource
    if resource.typed:
        return status.no_such_resource()
    return status.not_found(resource.plural, resource.group, call.route.name)


#: What a handler of custom types takes a method for.
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def _not_allowed(resource: ResourceType, method: str) -> StatusError:
    """405; custom types name the verb that they lack."""
    if resource.typed:
        return status.method_not_allowed()
    return status.unsupported_verb(_VERBS.get(method, ""), resource.plural, resource.group)
