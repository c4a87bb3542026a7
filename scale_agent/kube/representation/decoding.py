"""Request bodies → objects: JSON, YAML, protobuf, with a real server's refusals."""

from __future__ import annotations

import orjson

from scale_agent.kube import status
from scale_agent.kube.catalog import Catalog
from scale_agent.kube.codec import protobuf
from scale_agent.kube.codec.wire import DecodeError
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Request
from scale_agent.kube.representation import negotiation, strict, texts
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj

#: etcd's limit, which the API server applies to bodies (bytes).
LARGEST_BODY = 3 << 20


def check_size(body: bytes) -> None:
    """Refuse a body that is too large (413)."""
    if len(body) > LARGEST_BODY:
        raise status.too_large_body()


def body_object(
    catalog: Catalog, resource: ResourceType, request: Request, validation: str = "Ignore"
) -> tuple[Obj, list[str]]:
    """The object of a POST or PUT, normalised to its schema, and the warnings that go with it.

    Raises 400 (malformed, wrong kind, doubled or unknown fields under ``Strict``), 413, 415.
    """
    media = negotiation.body_type(request.headers.get("content-type", ""))
    check_size(request.body)
    if media == negotiation.PROTOBUF:
        obj = from_protobuf(catalog, request.body, resource.kind, resource.api_version)
    else:
        obj = from_text(request.body, media, resource.kind)
    check_kind(resource, obj, request.body)
    check_version(resource, obj)
    made, unknown = checked(catalog, resource, obj, request.body)
    if validation == "Ignore":
        return made, []
    objections = strict.in_body(request.body, media, obj, unknown, resource)
    if validation == "Strict" and objections != strict.NONE:
        raise strict.refused(resource, resource.kind, objections)
    return made, objections.warnings


def checked(catalog: Catalog, resource: ResourceType, obj: Obj, body: bytes = b"") -> tuple[Obj, list[str]]:
    """An object as its type's schema has it, and the paths of its unknown fields, which are dropped.

    Raises 400 for another kind, and for values of the wrong type. ``body`` is what a refusal shows.
    """
    if not resource.typed:
        check_kind(resource, obj, body)
    kind, api_version = obj.get("kind") or resource.kind, obj.get("apiVersion") or resource.api_version
    if api_version != resource.api_version or kind != resource.kind:
        if not resource.typed:
            raise _wrong_custom_type(resource, obj, kind, api_version)
        raise _wrong_type(catalog, resource, kind, api_version, body)
    return catalog.checked(resource.ordered(obj), resource)


def check_kind(resource: ResourceType, obj: Obj, body: bytes) -> None:
    """Untyped objects must say what they are. Raises 400."""
    if not resource.typed and not obj.get("kind"):
        raise unrecognized(resource.kind, no_kind(body.decode("utf-8", "replace")), body)


def no_kind(text: str) -> str:
    """What is wrong with an untyped object that does not say what it is."""
    return f"Object 'Kind' is missing in '{text}'"


def _wrong_custom_type(resource: ResourceType, obj: Obj, kind: str, api_version: str) -> StatusError:
    """422: a custom object may be of another kind until it is validated."""
    name = str((obj.get("metadata") or {}).get("name") or "")
    said = (("kind", kind, resource.kind), ("apiVersion", api_version, resource.api_version))
    causes = [
        status.invalid_value(member, orjson.dumps(value).decode(), f"must be {wanted}")
        for member, value, wanted in said
        if value != wanted
    ]
    return status.invalid(kind, api_version.rpartition("/")[0], name, causes)


def check_version(resource: ResourceType, obj: Obj) -> None:
    """Refuse a new custom object, or an update, of another version than the path says (400)."""
    data, expected = obj.get("apiVersion") or "", resource.api_version
    if not resource.typed and data != expected:
        message = f"the API version in the data ({data}) does not match the expected API version ({expected})"
        raise status.bad_request(message)


def _wrong_type(catalog: Catalog, resource: ResourceType, kind: str, api_version: str, body: bytes) -> StatusError:
    if api_version.count("/") > 1:
        return unrecognized(resource.kind, f"unexpected GroupVersion string: {api_version}", body)
    version = api_version.rpartition("/")[2]
    if catalog.knows(api_version, kind):
        if kind == resource.kind:
            expected = resource.api_version
            message = (
                f"the API version in the data ({api_version}) does not match the expected API version ({expected})"
            )
            return status.bad_request(message)
        internal = resource.group.partition(".")[0] or "core"
        why = f"converting ({version}.{kind}) to ({internal}.{resource.kind}): unknown conversion"
    else:
        why = f'no kind "{kind}" is registered for version "{api_version}" in scheme "pkg/runtime/scheme.go:111"'
    return _unfit(resource.kind, kind, version, why)


def _unfit(expected: str, kind: str, version: str, why: str) -> StatusError:
    return status.bad_request(f'{kind} in version "{version}" cannot be handled as a {expected}: {why}')


_META = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
_GO_KINDS = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}


def from_text(body: bytes, media: str, kind: str) -> Obj:
    """A JSON or YAML object; a text that says nothing is an empty one. Raises 400."""
    try:
        parsed = texts.from_json(body) if media == negotiation.JSON else texts.from_yaml(body)
    except DecodeError as error:
        why = error.what if error.what.startswith("yaml: ") else _NO_KIND + error.what
        raise unrecognized(kind, why, body) from error
    if parsed is None:
        return {}
    if not isinstance(parsed, dict):
        why = f"json: cannot unmarshal {_GO_KINDS[type(parsed)]} into Go value of type {_META}"
        raise unrecognized(kind, _NO_KIND + why, body)
    for member in ("kind", "apiVersion"):
        value = parsed.get(member)
        if not isinstance(value, str | None):
            why = f"json: cannot unmarshal {_GO_KINDS[type(value)]} into Go struct field .{member} of type string"
            raise unrecognized(kind, _NO_KIND + why, body)
    return parsed


_NO_KIND = "couldn't get version/kind; json parse error: "


def unrecognized(kind: str, why: str, body: bytes) -> StatusError:
    """400: nobody can say what the body is."""
    message = f"the object provided is unrecognized (must be of type {kind}): {why} ({texts.summary(body)})"
    return status.bad_request(message)


def from_protobuf(catalog: Catalog, body: bytes, kind: str, api_version: str) -> Obj:
    """A protobuf object; ``kind`` and ``api_version`` are those of envelopes that say none. Raises 400."""
    try:
        said_version, said_kind, raw = protobuf.open_envelope(body)
    except DecodeError as error:
        raise unrecognized(kind, error.what, body) from error
    is_kind, is_version = said_kind or kind, said_version or api_version
    try:
        return catalog.decode_message(is_version, is_kind, raw)
    except DecodeError as error:
        raise _unfit(kind, is_kind, is_version.rpartition("/")[2], error.what) from error
