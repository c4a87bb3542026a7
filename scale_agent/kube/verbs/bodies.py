"""The bodies of subresources: documents of a kind of their own."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from scale_agent.kube import status
from scale_agent.kube.representation import decoding
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.verbs.call import Call


def document(call: Call, api_version: str, kind: str, also: str = "") -> tuple[Obj, list[str]]:
    """The request's body as that kind, typed, and what to warn of; ``also``: a version that is taken for it.

    Raises 400 (malformed, of another kind, unknown fields under ``fieldValidation=Strict``), 413, 415.
    """
    request = call.request
    if also and also.encode() in request.body:  # a text: nobody writes protobuf of a version that is not served
        request = replace(request, body=request.body.replace(also.encode(), api_version.encode(), 1))
    options = call.options("UpdateOptions" if request.method == "PUT" else "CreateOptions")
    return decoding.body_object(call.core.catalog, _type(api_version, kind), request, options.validation)


@cache
def _type(api_version: str, kind: str) -> ResourceType:
    """A kind that is no resource, as far as reading it goes."""
    group, _, version = api_version.rpartition("/")
    return ResourceType(group, version, f"{kind.lower()}s", kind, namespaced=True, verbs=frozenset())


def check_namespace(call: Call, obj: Obj) -> None:
    """A namespace in the body is the path's. Raises 400."""
    namespace = (obj.get("metadata") or {}).get("namespace")
    if namespace and namespace != call.route.namespace:
        message = "the namespace of the provided object does not match the namespace sent on the request"
        raise status.bad_request(message)


def check_name(call: Call, obj: Obj) -> None:
    """The name in the body is the path's. Raises 400."""
    name = (obj.get("metadata") or {}).get("name")
    if not name:
        where = f"the name of the object ({call.route.name} based on URL) was undeterminable"
        raise status.bad_request(f"{where}: name must be provided")
    if name != call.route.name:
        message = f"the name of the object ({name}) does not match the name on the URL ({call.route.name})"
        raise status.bad_request(message)
