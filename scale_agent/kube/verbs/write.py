"""create, update, patch."""

from __future__ import annotations

from typing import Any

import orjson

from scale_agent.kube import status, writes
from scale_agent.kube.custom import admission as custom
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Response
from scale_agent.kube.patching import patches, strategic
from scale_agent.kube.representation import decoding, strict
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.verbs.call import Call, answer


def create(call: Call) -> Response:
    """POST to a collection."""
    options = call.options("CreateOptions")
    obj, warnings = decoding.body_object(call.core.catalog, call.resource, call.request, options.validation)
    _placed(call, obj)
    version = writes.create(call.core, call.resource, obj, call.actor(options))
    return answer(call, 201, version, [*warnings, *custom.warnings(call.resource, None, obj)])


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
    _placed(call, obj)
    _named(call, obj["metadata"])
    current = call.current()
    version = writes.update(call.core, call.resource, current, obj, call.actor(options), subresource)
    return answer(call, 200, version, [*warnings, *custom.warnings(call.resource, current, obj)])


def _named(call: Call, meta: dict[str, Any]) -> None:
    name = meta.get("name")
    if not name:
        raise status.bad_request("name must be provided")
    if name != call.route.name:
        message = f"the name of the object ({name}) does not match the name on the URL ({call.route.name})"
        raise status.bad_request(message)


def patch(call: Call, subresource: str = "") -> Response:
    """PATCH of an object, or of its status: JSON, merge and strategic merge patches."""
    options = call.options("PatchOptions")
    current = call.current()
    obj, warnings = _patched(call, current.object(), options.validation)
    _placed(call, obj)
    if obj["metadata"].get("name") != call.route.name:
        raise _renamed(call, obj)
    version = writes.update(call.core, call.resource, current, obj, call.actor(options), subresource)
    return answer(call, 200, version, [*warnings, *custom.warnings(call.resource, current, obj)])


def _renamed(call: Call, obj: Obj) -> StatusError:
    value = orjson.dumps(obj["metadata"].get("name", "")).decode()
    cause = status.invalid_value("metadata.name", value, "field is immutable")
    return status.invalid(call.resource.kind, call.resource.group, call.route.name, [cause])


def _patched(call: Call, obj: Obj, validation: str) -> tuple[Obj, list[str]]:
    """The object that the request's patch makes, and the warnings that go with it. Raises 400, 415, 422."""
    media, body = _patch(call)
    result = _PATCHES[media](call, obj, body)
    made, unknown = decoding.checked(call.core.catalog, call.resource, result)
    if validation == "Ignore":
        return made, []
    objections = strict.in_patch(call.request.body, media, body, unknown)
    if validation == "Strict" and objections != strict.NONE:
        raise strict.refused_patch(_shown(call, media, body, obj, result), objections)
    return made, objections.warnings


def patched(call: Call, obj: Obj) -> Obj:
    """The object with the request's patch applied. Raises 400, 415, 422."""
    media, body = _patch(call)
    return _PATCHES[media](call, obj, body)


def _shown(call: Call, media: str, body: Any, before: Obj, after: Obj) -> str:
    """What a strict refusal quotes (observed): a strategic patch itself, else the patched object."""
    if media == _STRATEGIC:
        return strict.go_text(body)
    if not call.resource.typed:
        return orjson.dumps(after, option=orjson.OPT_SORT_KEYS).decode()
    return orjson.dumps(strict.touched(before, after)).decode()


def _patch(call: Call) -> tuple[str, Any]:
    """The request's patch: its media type and its document. Raises 400, 415."""
    media = call.request.headers.get("content-type", "").partition(";")[0].strip()
    if media not in _PATCHES:
        raise status.unknown_patch()
    if media == _STRATEGIC and not call.resource.typed:
        raise status.unknown_custom_patch()
    try:
        return media, orjson.loads(call.request.body)
    except orjson.JSONDecodeError as error:
        cut_off = call.request.body.count(b"{") > call.request.body.count(b"}")
        why = "unexpected end of JSON input" if cut_off else str(error)
        raise status.bad_request(f"error decoding patch: {why}") from error


_STRATEGIC = "application/strategic-merge-patch+json"


def _json_patch(_: Call, obj: Obj, body: Any) -> Obj:
    try:
        return _object(patches.json_patch(obj, body))
    except patches.PatchError as error:
        raise status.unprocessable() from error


def _merge_patch(_: Call, obj: Obj, body: Any) -> Obj:
    return _object(patches.merge(obj, body))


def _strategic_patch(call: Call, obj: Obj, body: Any) -> Obj:
    if not isinstance(body, dict):
        raise status.bad_request("error decoding patch: json: cannot unmarshal into map[string]interface {}")
    try:
        return strategic.merge(obj, body, call.core.catalog.shape(call.resource))
    except patches.PatchError as error:
        raise status.bad_request(str(error)) from error


def _object(value: Any) -> Obj:
    if not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
        raise status.bad_request("a patch must leave an object with metadata")
    return value


_PATCHES = {
    strict.JSON_PATCH: _json_patch,
    "application/merge-patch+json": _merge_patch,
    _STRATEGIC: _strategic_patch,
}
