"""The refusals of a real API server, word for word, as constructors of :class:`StatusError`.

Wording: observed from Kubernetes 1.36.2 (recordings and a running control plane).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scale_agent.kube.errors import PlainError, StatusError


@dataclass(frozen=True, slots=True)
class Cause:
    """One field that made an object invalid. ``reason`` is a CauseType (``FieldValueInvalid``)."""

    reason: str
    message: str
    field: str

    def as_dict(self) -> dict[str, str]:
        """The wire form."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


def required(field: str, detail: str = "") -> Cause:
    """The field is missing."""
    return Cause("FieldValueRequired", f"Required value: {detail}" if detail else "Required value", field)


def invalid_value(field: str, value: str, detail: str) -> Cause:
    """The field's value (already rendered as Go does) is wrong."""
    return Cause("FieldValueInvalid", f"Invalid value: {value}: {detail}", field)


def forbidden_field(field: str, detail: str) -> Cause:
    """The field must not be set (or changed) here."""
    return Cause("FieldValueForbidden", f"Forbidden: {detail}", field)


def unsupported(field: str, value: str, allowed: Sequence[str]) -> Cause:
    """The field's value is none of the allowed ones."""
    listed = ", ".join(f'"{one}"' for one in allowed)
    return Cause("FieldValueNotSupported", f"Unsupported value: {value}: supported values: {listed}", field)


def qualified(plural: str, group: str) -> str:
    """``deployments.apps``, ``secrets``."""
    return f"{plural}.{group}" if group else plural


def _details(name: str, group: str, kind: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if name:
        out["name"] = name
    if group:
        out["group"] = group
    if kind:
        out["kind"] = kind
    return out


def page_not_found() -> PlainError:
    """No API is served under that path."""
    return PlainError(404, "404 page not found\n")


def no_such_resource() -> StatusError:
    """A known group does not have that version or resource."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def not_found(plural: str, group: str, name: str) -> StatusError:
    """No object of that name."""
    return StatusError(404, "NotFound", f'{qualified(plural, group)} "{name}" not found', _details(name, group, plural))


def already_exists(plural: str, group: str, name: str, *, deleted: bool = False) -> StatusError:
    """POST of a name that is taken, perhaps by an object that is being deleted."""
    before = "object is being deleted: " if deleted else ""
    message = f'{before}{qualified(plural, group)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, _details(name, group, plural))


def conflict(plural: str, group: str, name: str, why: str = "") -> StatusError:
    """Optimistic locking failed."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return StatusError(409, "Conflict", message, _details(name, group, plural))


def invalid(kind: str, group: str, name: str, causes: Sequence[Cause]) -> StatusError:
    """The object breaks its kind's rules: 422 with one cause per field."""
    lines = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    text = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    details = _details(name, group, kind)
    details["causes"] = [cause.as_dict() for cause in causes]
    return StatusError(422, "Invalid", f'{qualified(kind, group)} "{name}" is invalid: {text}', details)


def invalid_options(kind: str, *causes: Cause) -> StatusError:
    """Query parameters contradict each other (``kind``: ListOptions, CreateOptions…)."""
    return invalid(kind, "meta.k8s.io", "", causes)


def bad_request(message: str) -> StatusError:
    """400 without details."""
    return StatusError(400, "BadRequest", message)


def forbidden(plural: str, group: str, name: str, why: str, causes: Sequence[Cause] = ()) -> StatusError:
    """403: the object may not be written."""
    message = f'{qualified(plural, group)} "{name}" is forbidden: {why}'
    details = _details(name, group, plural)
    if causes:
        details["causes"] = [cause.as_dict() for cause in causes]
    return StatusError(403, "Forbidden", message, details)


def method_not_allowed() -> StatusError:
    """405: the resource does not have that verb."""
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message, {})


def unsupported_verb(verb: str, plural: str, group: str) -> StatusError:
    """405 of custom resources."""
    message = f'{verb} is not supported on resources of kind "{qualified(plural, group)}"'
    return StatusError(405, "MethodNotAllowed", message, _details("", group, plural))


def unknown_format(accepted: Sequence[str]) -> StatusError:
    """415 for a body whose Content-Type nobody reads."""
    message = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return StatusError(415, "UnsupportedMediaType", message)


def unknown_patch() -> StatusError:
    """415 for a patch of an unknown type."""
    return StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def unknown_custom_patch() -> StatusError:
    """415 for a patch that custom resources do not have."""
    return unknown_format(
        ("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml")
    )


def not_acceptable(available: Sequence[str]) -> StatusError:
    """406: none of the accepted representations exists."""
    message = f"406: Not Acceptable\n\nAvailable representations: {', '.join(available)}"
    return StatusError(406, "NotAcceptable", message, {})


def unprocessable() -> StatusError:
    """422 for a JSON patch that cannot be applied."""
    return StatusError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def gone(message: str, continue_token: str = "") -> StatusError:
    """410: that resourceVersion or continue token is no longer known; another token may go on from the present."""
    return StatusError(410, "Expired", message, continue_token=continue_token)


def not_accepted(accepted: Sequence[str]) -> StatusError:
    """406 of custom resources."""
    message = f"only the following media types are accepted: {', '.join(accepted)}"
    return StatusError(406, "NotAcceptable", message)


def not_partial(go_type: str, *, listing: bool) -> StatusError:
    """406: a partial object was asked of a list, or a partial list of an object."""
    asked, is_now = ("PartialObjectMetadata", "a list") if listing else ("PartialObjectMetadataList", "not a list")
    message = f"you requested {asked}, but the requested object is {is_now} ({go_type})"
    return StatusError(406, "NotAcceptable", message)


def too_large_version(asked: int, current: int) -> StatusError:
    """504: a resourceVersion from the future was asked for."""
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    return StatusError(504, "Timeout", f"Timeout: Too large resource version: {asked}, current: {current}", details)


def too_large_body() -> StatusError:
    """413: bodies end at 3 MiB (etcd's limit)."""
    message = "Request entity too large: limit is 3145728"
    return StatusError(413, "RequestEntityTooLarge", message)


def too_many_operations(allowed: int, found: int) -> StatusError:
    """413: a JSON patch is too long."""
    message = f"Request entity too large: The allowed maximum operations in a JSON patch is {allowed}, got {found}"
    return StatusError(413, "RequestEntityTooLarge", message)


def unauthorized() -> StatusError:
    """401: the bearer token is nobody's."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def success(name: str, group: str, plural: str, uid: str) -> dict[str, Any]:
    """The Status that a DELETE answers with when the object is gone."""
    details = _details(name, group, plural)
    details["uid"] = uid
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
