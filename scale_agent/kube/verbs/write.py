"""create, update."""

from __future__ import annotations

from typing import Any

from scale_agent.kube import preconditions, status, writes
from scale_agent.kube.admission.warnings import warnings_of
from scale_agent.kube.http import Response
from scale_agent.kube.representation import decoding
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.verbs.call import Call, answer


def create(call: Call) -> Response:
    """POST to a collection."""
    options = call.options("CreateOptions")
    obj, warnings = decoding.body_object(call.core.catalog, call.resource, call.request, options.validation)
    call.warned.extend(warnings)
    _placed(call, obj)
    version = writes.create(call.core, call.resource, obj, call.actor(options))
    return answer(call, 201, version, warnings_of(call.resource, None, obj))


def _placed(call: Call, obj: Obj) -> None:
    """The object's namespace is the path's. Raises 400 if it says otherwise."""
    meta = obj["metadata"] = dict(obj.get("metadata") or {})
    if not call.resource.namespaced:
        return
    if meta.get("namespace") and meta["namespace"] != call.route.namespace:
        message = "the namespace of the provided object does not match the namespace sent on the request"
        raise status.bad_request(message)
    meta["namespace"] = call.route.namespace


def update(call: Call, subresource: str = "") -> Response:
    """PUT of an object, or of its status."""
    options = call.options("UpdateOptions")
    obj, warnings = decoding.body_object(call.core.catalog, call.resource, call.request, options.validation)
    call.warned.extend(warnings)
    _placed(call, obj)
    _named(call, obj["metadata"])
    _forget_owners(call, obj["metadata"])
    if not subresource and _is_created(call):
        return _created(call, obj, call.actor(options))
    current = call.current()
    version = writes.update(call.core, call.resource, current, obj, call.actor(options), subresource)
    return answer(call, 200, version, warnings_of(call.resource, current, obj))


#: Kinds of which a PUT makes an object that is not there (``AllowCreateOnUpdate`` of the registries).
_MADE_BY_UPDATE = frozenset(
    [("", plural) for plural in ("services", "endpoints", "limitranges", "events")]
    + [
        ("rbac.authorization.k8s.io", plural)
        for plural in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
    ]
    + [("coordination.k8s.io", "leases"), ("coordination.k8s.io", "leasecandidates"), ("node.k8s.io", "runtimeclasses")]
)


def _is_created(call: Call) -> bool:
    resource, route = call.resource, call.route
    return resource.key in _MADE_BY_UPDATE and call.core.store.get(resource.key, route.namespace, route.name) is None


def _created(call: Call, obj: Obj, actor: writes.Actor) -> Response:
    """201, unless a certain object was meant."""
    uid = obj["metadata"].get("uid")
    if uid:
        raise preconditions.other_uid(call.resource, call.route.namespace, call.route.name, uid, "")
    obj["metadata"].pop("resourceVersion", None)
    return answer(call, 201, writes.create(call.core, call.resource, obj, actor))


def _named(call: Call, meta: dict[str, Any]) -> None:
    name = meta.get("name")
    if not name:
        where = f"the name of the object ({call.route.name} based on URL) was undeterminable"
        raise status.bad_request(f"{where}: name must be provided")
    if name != call.route.name:
        message = f"the name of the object ({name}) does not match the name on the URL ({call.route.name})"
        raise status.bad_request(message)


def _forget_owners(call: Call, meta: dict[str, Any]) -> None:
    """Keep an empty list of managedFields, which removes all: typing leaves empty lists out."""
    if "managedFields" not in meta and b'"managedFields":[]' in call.request.body.replace(b" ", b""):
        meta["managedFields"] = [{}]
