"""patch: JSON, merge and strategic merge patches, and server-side apply.

Order of refusals, words and codes: k8s.io/apiserver ``endpoints/handlers/patch.go``, observed from 1.36.2.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import orjson

from scale_agent.kube import query, status, writes
from scale_agent.kube.admission.warnings import warnings_of
from scale_agent.kube.custom import admission as custom
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Response
from scale_agent.kube.patching import applying, ownership, patches, strategic, unstructured
from scale_agent.kube.patching.gotypes import go_text
from scale_agent.kube.patching.managed import By
from scale_agent.kube.patching.strategic_lists import StrategicError
from scale_agent.kube.representation import decoding, strict
from scale_agent.kube.schema.types import Type
from scale_agent.kube.storage.version import Obj, Version
from scale_agent.kube.verbs import patch_bodies
from scale_agent.kube.verbs.call import Call, answer
from scale_agent.kube.verbs.patch_bodies import APPLY, JSON_PATCH, MERGE, STRATEGIC

_BUILT_IN = (JSON_PATCH, MERGE, STRATEGIC, APPLY)
_CUSTOM = (JSON_PATCH, MERGE, APPLY)


def patch(call: Call, subresource: str = "") -> Response:
    """PATCH of an object, or of its status."""
    media = media_of(call)
    options = options_of(call, media)
    if media == APPLY:
        return _apply(call, options, subresource)
    current = call.current()
    before = _in_version(call, current.object())
    obj = _patched(call, media, before, options.validation)
    check_place(call, obj)
    _check_fixed(call, before, obj)
    version = writes.update(call.core, call.resource, current, obj, call.actor(options), subresource)
    return answer(call, 200, version, warnings_of(call.resource, current, obj))


def media_of(call: Call) -> str:
    """The patch's type. Raises 415."""
    media = call.request.headers.get("content-type", "").partition(";")[0]
    if media in (_BUILT_IN if call.resource.typed else _CUSTOM):
        return media
    if not call.resource.typed and media in (STRATEGIC, "application/apply-patch+cbor"):
        raise status.unknown_custom_patch()
    raise status.unknown_patch() if call.resource.typed else status.unknown_custom_patch()


def options_of(call: Call, media: str) -> query.WriteOptions:
    """The options, which are others for an apply. Raises 422."""
    given = query.parse_query(call.request.query)
    problems: tuple[status.Cause, ...] = ()
    if media == APPLY and not given.get("fieldManager"):
        problems = (status.required("fieldManager", "is required for apply patch"),)
    elif media != APPLY and "force" in given:
        problems = (status.forbidden_field("force", "may not be specified for non-apply patch"),)
    return query.write_options(call.request.query, "PatchOptions", problems)


def _in_version(call: Call, obj: Obj) -> Obj:
    """The stored object in the version that was asked for."""
    if obj.get("apiVersion") == call.resource.api_version:
        return obj
    return call.core.catalog.converted(obj, call.resource)


def check_place(call: Call, obj: Obj) -> None:
    """Refuse another namespace, no name, and another name (400)."""
    meta = obj["metadata"] = dict(obj.get("metadata") or {})
    name, wanted, namespace = meta.get("name"), call.route.name, call.route.namespace
    if call.resource.namespaced:
        if meta.get("namespace") not in (None, "", namespace):
            message = "the namespace of the provided object does not match the namespace sent on the request"
            raise status.bad_request(message)
        meta["namespace"] = namespace
    if not name:
        why = f"the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
        raise status.bad_request(why)
    if name != wanted:
        message = f"the name of the object ({name}) does not match the name on the URL ({wanted})"
        raise status.bad_request(message)


def _check_fixed(call: Call, before: Obj, obj: Obj) -> None:
    """Refuse another uid or time of deletion (422): unlike an update's, a patch's uid is no precondition."""
    old, new = before["metadata"], obj["metadata"]
    for name in ("uid", "deletionTimestamp"):
        if new.get(name) and new[name] != old.get(name):
            cause = status.invalid_value(f"metadata.{name}", orjson.dumps(new[name]).decode(), "field is immutable")
            raise status.invalid(call.resource.kind, call.resource.group, call.route.name, [cause, cause])


def _patched(call: Call, media: str, before: Obj, validation: str) -> Obj:
    """The object that the request's patch makes; what it warns of is noted. Raises 400, 413, 422."""
    body = patch_bodies.parsed(call.request.body, media, validation)
    result, shown = made(media, before, body, call.core.catalog.shape(call.resource))
    if media == STRATEGIC:
        result |= {"kind": call.resource.kind, "apiVersion": call.resource.api_version}  # a struct has but one
    strays = custom.strays(call.resource, result)
    obj, unknown = ({}, strays) if strays else _typed(call, media, result, shown)
    if validation != "Ignore":
        objections = strict.in_patch(call.request.body, media, body or [], unknown)
        if validation == "Strict" and objections != strict.NONE:
            raise strict.refused_patch(shown(), objections)
        call.warned.extend(objections.warnings)
    return _typed(call, media, result, shown)[0] if strays else obj


#: What a refusal quotes of a patch or of its result.
Shown = Callable[[], str]


def made(media: str, before: Obj, body: Any, shape: Type | None) -> tuple[Any, Shown]:
    """What a parsed patch makes of an object, and how a refusal shows it. Raises 400, 413, 422, 500.

    ``shape`` is the object's struct; ``None`` for custom ones.
    """
    if media == STRATEGIC:
        rest = copy.deepcopy(body) or {}
        return _strategic(before, rest, shape), lambda: go_text(rest)
    result = _json_patch(before, body) if media == JSON_PATCH else patches.merge(before, body)
    return result, lambda: _shown(before, result, typed=shape is not None)


def _shown(before: Obj, after: Any, *, typed: bool) -> str:
    if not typed or not isinstance(after, dict):
        return orjson.dumps(after, option=orjson.OPT_SORT_KEYS).decode()
    return orjson.dumps(strict.touched(before, after)).decode()


def _json_patch(before: Obj, body: Any) -> Any:
    operations = body or []
    if len(operations) > patches.MAX_OPERATIONS:
        raise status.too_many_operations(patches.MAX_OPERATIONS, len(operations))
    try:
        return patches.json_patch(before, operations)
    except patches.PatchError as error:
        raise status.unprocessable() from error


def _strategic(before: Obj, body: Obj, shape: Type | None) -> Obj:
    try:
        return strategic.merge(before, body, shape)
    except StrategicError as error:
        if error.code == 422:
            raise status.unprocessable() from error
        reason = "BadRequest" if error.code == 400 else ""
        raise StatusError(error.code, reason, str(error)) from error


_NO_OBJECT = (
    "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type "
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
)


def _typed(call: Call, media: str, result: Any, shown: Shown) -> tuple[Obj, list[str]]:
    """The result as its type has it, and its unknown fields. Raises 422 for what does not fit."""
    if not isinstance(result, dict):
        raise unfit(shown(), _NO_OBJECT)
    for member in ("apiVersion", "kind"):
        if not isinstance(result.get(member), str | None):
            is_now = patch_bodies.json_kind(result[member])
            why = f"json: cannot unmarshal {is_now} into Go struct field .{member} of type string"
            raise unfit(shown(), f"couldn't get version/kind; json parse error: {why}")
    meta = result.get("metadata")
    if isinstance(meta, dict) and meta.get("managedFields") == []:
        result = {**result, "metadata": {**meta, "managedFields": [{}]}}
    if not result.get("apiVersion"):
        if not call.resource.typed:
            raise _no_version()
        result = {"metadata": {}}  # of a version that is not said, the real server reads nothing
    if not call.resource.typed and not result.get("kind"):
        raise unfit(shown(), decoding.no_kind(shown()))
    try:
        return decoding.checked(call.core.catalog, call.resource, result)
    except StatusError as error:
        if error.code != 400:
            raise
        shape = call.core.catalog.shape(call.resource) if media == STRATEGIC else None
        why = unstructured.misfit(shape, result) if shape is not None else ""
        why = why or error.message.partition(f"cannot be handled as a {call.resource.kind}: ")[2]
        raise unfit(shown(), why) from error


def _no_version() -> StatusError:
    """500: a custom object that a patch takes the version from."""
    why = "Object 'apiVersion' is missing in 'object has no apiVersion field'"
    return StatusError(500, "InternalError", f"Internal error occurred: {why}", {"causes": [{"message": why}]})


def unfit(shown: str, why: str) -> StatusError:
    """422: the result of a patch does not fit its type."""
    cause = status.invalid_value("patch", orjson.dumps(shown).decode(), why)
    return status.invalid("", "", "", [cause])


def _apply(call: Call, options: query.WriteOptions, subresource: str) -> Response:
    """Server-side apply: it creates what is not there."""
    current = _present(call, subresource)
    live = _in_version(call, current.object()) if current is not None else None
    config = patch_bodies.configuration(call.request.body)
    actor = call.actor(options)
    by = By(actor.manager, actor.stamp, subresource)
    applied = applying.apply(call.core, call.resource, live, config, by, force=options.force)
    warnings = patch_bodies.doubled(call.request.body, options.validation)
    owned = ownership.entries_of(applied.owners)
    obj = _typed_configuration(call, applied.obj)
    _check_uid(call, live, obj)
    check_place(call, obj)
    if current is None or live is None:
        obj["metadata"].pop("resourceVersion", None)
        version = writes.create(call.core, call.resource, obj, actor, owned=owned)
        return answer(call, 201, version, [*warnings, *warnings_of(call.resource, None, obj)])
    _check_fixed(call, live, obj)
    version = writes.update(call.core, call.resource, current, obj, actor, subresource, owned=owned)
    return answer(call, 200, version, [*warnings, *warnings_of(call.resource, current, obj)])


def _present(call: Call, subresource: str) -> Version | None:
    """The object that the path names, if it is there. Raises 404 for a subresource of nothing."""
    there = call.core.store.get(call.resource.key, call.route.namespace, call.route.name) is not None
    return call.current() if there or subresource else None


def _typed_configuration(call: Call, obj: Obj) -> Obj:
    """What an apply made, typed. Raises 500, as the real server does for values that its types cannot hold."""
    try:
        return decoding.checked(call.core.catalog, call.resource, obj)[0]
    except StatusError as error:
        meta, kind = obj.get("metadata") or {}, call.resource.kind
        gvk = applying.gvk(call.resource.api_version, kind)
        shape = call.core.catalog.shape(call.resource)
        why = unstructured.misfit(shape, obj) if shape is not None else ""
        why = why or error.message.partition(f"cannot be handled as a {kind}: ")[2] or error.message
        place = f"{meta.get('namespace', '')}/{meta.get('name', '')}; {gvk}"
        start = f"failed to convert new object ({place}) to proper version"
        raise StatusError(500, "", f"{start}: unable to convert unstructured object to {gvk}: {why}") from error


def _check_uid(call: Call, live: Obj | None, obj: Obj) -> None:
    """Refuse to create an object that was meant to exist (409)."""
    uid = (obj.get("metadata") or {}).get("uid")
    if live is None and uid:
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise status.conflict(call.resource.plural, call.resource.group, call.route.name, why)
