"""Whether a write means the object that is there: its uid, and the version that it was made from."""

from __future__ import annotations

from scale_agent.kube import status
from scale_agent.kube.admission import registry, validation
from scale_agent.kube.codec import gonumbers
from scale_agent.kube.errors import StatusError
from scale_agent.kube.graceful import DeleteOptions
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj

NAMESPACES = ("", "namespaces")


def check_update(resource: ResourceType, before: Obj, meta: Obj) -> None:
    """Refuse a write that was made from an older state, or meant another object of the same name (409)."""
    name = before["metadata"]["name"]
    uid, wanted = meta.get("uid"), meta.get("resourceVersion")
    if uid and uid != before["metadata"]["uid"]:
        raise other_uid(resource, before["metadata"].get("namespace", ""), name, uid, before["metadata"]["uid"])
    if wanted and wanted != before["metadata"]["resourceVersion"]:
        _check_version(wanted)
    any_version = not wanted or wanted == "0"
    if not any_version and wanted != before["metadata"]["resourceVersion"]:
        raise status.conflict(resource.plural, resource.group, name)
    if any_version and (not resource.typed or resource.key in validation.VERSION_NEEDED):
        raise status.invalid(resource.plural, resource.group, name, [_must_have_version()])


def _check_version(text: str) -> None:
    try:
        gonumbers.parse_uint(text)
    except ValueError as error:
        raise StatusError(500, "", str(error)) from error


def other_uid(resource: ResourceType, namespace: str, name: str, wanted: str, uid: str) -> StatusError:
    """409: a write means another object than the stored one, whose ``uid`` is empty if there is none."""
    key = registry.key_of(resource, namespace, name)
    why = (
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {uid}"
    )
    return status.conflict(resource.plural, resource.group, name, why)


def _must_have_version() -> status.Cause:
    return status.invalid_value("metadata.resourceVersion", "0", "must be specified for an update")


def check_delete(resource: ResourceType, obj: Obj, options: DeleteOptions) -> None:
    """Refuse a deletion that means another object or state of that name (409)."""
    meta = obj["metadata"]
    fast = resource.key == NAMESPACES  # they have their own check, in other words
    for what, wanted, is_now in (
        ("UID", options.uid, meta["uid"]),
        ("ResourceVersion", options.resource_version, meta["resourceVersion"]),
    ):
        if wanted and wanted != is_now:
            if fast:
                why = f"Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {is_now}"
                raise status.conflict(resource.plural, resource.group, meta["name"], why)
            why = (
                f"the {what} in the precondition ({wanted}) does not match the {what} in record ({is_now}). "
                f"The object might have been {'deleted and then recreated' if what == 'UID' else 'modified'}"
            )
            raise status.conflict(resource.kind, resource.group, meta["name"], why)
