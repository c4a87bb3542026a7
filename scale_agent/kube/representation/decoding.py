"""Request bodies → objects: JSON, YAML, protobuf, with a real server's refusals."""

from __future__ import annotations

from typing import Any

import orjson
import yaml

from scale_agent.kube import status
from scale_agent.kube.catalog import Catalog
from scale_agent.kube.codec.wire import DecodeError
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Request
from scale_agent.kube.representation import negotiation, strict
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj

#: etcd's limit, which the API server applies to bodies (bytes).
LARGEST_BODY = 3 << 20


def body_object(
    catalog: Catalog, resource: ResourceType, request: Request, validation: str = "Ignore"
) -> tuple[Obj, list[str]]:
    """The object of a POST or PUT, normalised to its schema, and the warnings that go with it.

    Raises 400 (malformed, wrong kind, doubled or unknown fields under ``Strict``), 413, 415.
    """
    media = negotiation.body_type(request.headers.get("content-type", ""))
    if len(request.body) > LARGEST_BODY:
        raise status.too_large_body()
    if media == negotiation.PROTOBUF:
        obj = from_protobuf(catalog, request.body, resource.kind)
    else:
        obj = from_text(request.body, media, resource.kind)
    check_version(resource, obj)
    made, unknown = checked(catalog, resource, obj)
    if validation == "Ignore":
        return made, []
    objections = strict.in_body(request.body, media, obj, unknown, resource)
    if validation == "Strict" and objections != strict.NONE:
        raise strict.refused(resource, resource.kind, objections)
    return made, objections.warnings


def checked(catalog: Catalog, resource: ResourceType, obj: Obj) -> tuple[Obj, list[str]]:
    """An object as its type's schema has it, and the paths of its unknown fields, which are dropped.

    Raises 400 for another kind, and for values of the wrong type.
    """
    if not resource.typed:
        _check_custom_type(resource, obj)
    for member in ("kind", "apiVersion"):
        if not isinstance(obj.get(member), str | None):
            raise _unrecognized(resource.kind, f"json: cannot unmarshal into Go struct field .{member} of type string")
    kind, api_version = obj.get("kind") or resource.kind, obj.get("apiVersion") or resource.api_version
    if api_version != resource.api_version or kind != resource.kind:
        if not resource.typed:
            raise _wrong_custom_type(resource, obj, kind, api_version)
        raise _wrong_type(catalog, resource, kind, api_version)
    if not isinstance(obj.get("metadata", {}), dict | None):
        raise status.bad_request(
            f'{kind} in version "{resource.version}" cannot be handled as a {kind}: metadata is no object'
        )
    return catalog.checked(resource.ordered(obj), resource)


def _check_custom_type(resource: ResourceType, obj: Obj) -> None:
    """Untyped objects must say what they are. Raises 400."""
    for member, called in (("kind", "Kind"), ("apiVersion", "APIVersion")):
        if not obj.get(member):
            text = orjson.dumps(obj).decode()
            why = f"Object '{called}' is missing in '{text}' ({text})"
            message = f"the object provided is unrecognized (must be of type {resource.kind}): {why}"
            raise status.bad_request(message)


def _wrong_custom_type(resource: ResourceType, obj: Obj, kind: str, api_version: str) -> StatusError:
    """422: a custom object may be of another kind until it is validated."""
    name = str((obj.get("metadata") or {}).get("name") or "")
    is_now, wanted = (("kind", kind), resource.kind) if kind != resource.kind else (("apiVersion", api_version), "")
    member, value = is_now
    text = orjson.dumps(value).decode()
    cause = status.invalid_value(member, text, f"must be {wanted or resource.api_version}")
    return status.invalid(kind, api_version.rpartition("/")[0], name, [cause])


def check_version(resource: ResourceType, obj: Obj) -> None:
    """Refuse a new custom object, or an update, of another version than the path says (400)."""
    if not resource.typed and obj.get("apiVersion") and obj["apiVersion"] != resource.api_version:
        data, expected = obj["apiVersion"], resource.api_version
        message = f"the API version in the data ({data}) does not match the expected API version ({expected})"
        raise status.bad_request(message)


def _wrong_type(catalog: Catalog, resource: ResourceType, kind: str, api_version: str) -> StatusError:
    version = api_version.rpartition("/")[2]
    if catalog.knows(api_version, kind):
        internal = resource.group.partition(".")[0] or "core"
        why = f"converting ({version}.{kind}) to ({internal}.{resource.kind}): unknown conversion"
    else:
        why = f'no kind "{kind}" is registered for version "{api_version}" in scheme "pkg/runtime/scheme.go:111"'
    return status.bad_request(f'{kind} in version "{version}" cannot be handled as a {resource.kind}: {why}')


def document(catalog: Catalog, request: Request, api_version: str, kind: str) -> Obj:
    """The body of a request that carries no resource (``Scale``, ``Binding``), typed. Raises 400, 415."""
    media = negotiation.body_type(request.headers.get("content-type", ""))
    if media == negotiation.PROTOBUF:
        return from_protobuf(catalog, request.body, kind)
    return catalog.document(from_text(request.body, media, kind), api_version, kind)


def from_text(body: bytes, media: str, kind: str) -> Obj:
    """A JSON or YAML object. Raises 400."""
    try:
        parsed: Any = orjson.loads(body) if media == negotiation.JSON else _from_yaml(body)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        reason = "unexpected end of JSON input" if _cut_off(body) else str(error).splitlines()[0]
        shown = body[:200].decode("utf-8", "replace")
        raise _unrecognized(kind, f"json parse error: {reason} ({shown})") from error
    if not isinstance(parsed, dict):
        raise _unrecognized(kind, "json parse error: json: cannot unmarshal into an object")
    return parsed


def _from_yaml(body: bytes) -> Any:
    """YAML as JSON would have it: keys and times are text. Raises ``ValueError``, ``TypeError``, ``YAMLError``."""
    return orjson.loads(orjson.dumps(yaml.safe_load(body), option=orjson.OPT_NON_STR_KEYS))


def _unrecognized(kind: str, why: str) -> StatusError:
    start = f"the object provided is unrecognized (must be of type {kind})"
    return status.bad_request(f"{start}: couldn't get version/kind; {why}")


def _cut_off(body: bytes) -> bool:
    return body.count(b"{") > body.count(b"}") or not body.strip()


def from_protobuf(catalog: Catalog, body: bytes, kind: str) -> Obj:
    """A protobuf object. Raises 400."""
    try:
        return catalog.decode(body)
    except DecodeError as error:
        shown = body[:40].hex()
        message = f"the object provided is unrecognized (must be of type {kind}): {error.what} ({shown})"
        raise status.bad_request(message) from error
