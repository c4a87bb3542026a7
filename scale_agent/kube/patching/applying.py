"""Server-side apply: a configuration, its manager and the live object → the new object and its owners.

Rules: k8s.io/apimachinery ``util/managedfields/internal``: ``structuredmerge.go``, ``skipnonapplied.go``
(``before-first-apply``), ``lastappliedmanager.go`` and ``lastappliedupdater.go`` (what kubectl applied on the client's
side belongs to kubectl), ``conflict.go`` (the words of a refusal).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from scale_agent.kube import status
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.patching import configs, fieldsets, managed, merge_types, ownership, updater
from scale_agent.kube.patching.atoms import TypedError
from scale_agent.kube.patching.comparing import compare
from scale_agent.kube.patching.fieldsets import Node
from scale_agent.kube.patching.managed import By
from scale_agent.kube.patching.ownership import APPLY, UPDATE, Owners, Who
from scale_agent.kube.patching.updater import Conflicts, Versions
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
#: The manager that takes over what kubectl applied on the client's side.
KUBECTL = "kubectl"
#: All annotations together may be this long (bytes).
ANNOTATIONS_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply makes: the object, not yet typed, and its owners."""

    obj: Obj
    owners: Owners


@dataclass(frozen=True, slots=True)
class Target:
    """What is applied to: a type, the live object in that version without managedFields, and its owners."""

    versions: Versions
    api_version: str
    kind: str
    live: Obj
    owners: Owners


def apply(core: Core, resource: ResourceType, live: Obj | None, config: Obj, by: By, *, force: bool) -> Applied:
    """Apply a configuration to a live object, or to none. Raises 400, 409 (conflicts), 500 (what does not fit)."""
    versions = merge_types.versions_of(core, resource, by.subresource)
    base = _based(core, resource, live)
    owners = ownership.owners_of(live)
    empty = core.catalog.empty(resource) if live is not None else None
    merge_types.reconcile(versions, resource, owners)
    return apply_to(Target(versions, resource.api_version, resource.kind, base, owners), config, by, empty, force=force)


def apply_to(target: Target, config: Obj, by: By, empty: Obj | None, *, force: bool) -> Applied:
    """Apply a configuration. ``empty``: an object of the type without anything, if there is a live one."""
    _check_head(target, config)
    _check_fit(target, config)
    owners = target.owners
    if empty is not None and not owners:
        before = replace(by, manager=ownership.BEFORE_FIRST_APPLY)
        managed.grow(updater.Change(target.versions, target.api_version, empty, target.live), owners, before)
    writer = ownership.who(by.manager, APPLY, target.api_version, by.subresource)
    try:
        made = _applied(target, config, writer, force)
    except Conflicts as conflicts:
        raise _refused(conflicts) from conflicts
    except TypedError as error:  # the live object does not fit an owner's version
        raise StatusError(500, "", str(error)) from error
    mine = owners.get(writer)
    if mine is not None:
        time = by.time if made is not target.live else mine.time
        ownership.settle(owners, writer, replace(mine, fields=ownership.strip(mine.fields), time=time))
    made = {**made, "metadata": {**(made.get("metadata") or {})}}
    if by.manager == KUBECTL:
        _note_last_applied(made, config)
    return Applied(made, owners)


def _check_head(target: Target, config: Obj) -> None:
    """Refuse another kind or version, and managedFields (400)."""
    kind, api_version = config.get("kind"), config.get("apiVersion")
    if kind != target.kind or api_version != target.api_version:
        raise status.bad_request(f"invalid object type: {gvk(api_version, kind)}")
    meta = config.get("metadata")
    if isinstance(meta, dict) and meta.get("managedFields") is not None:
        raise status.bad_request("metadata.managedFields must be nil")


def gvk(api_version: Any, kind: Any) -> str:
    """A type as Go prints it: ``apps/v1, Kind=Deployment``, ``/v1, Kind=Pod``."""
    version = api_version if isinstance(api_version, str) else ""
    return f"{version if '/' in version else f'/{version}'}, Kind={kind if isinstance(kind, str) else ''}"


def _based(core: Core, resource: ResourceType, live: Obj | None) -> Obj:
    """The live object in the request's version, or an empty one; without managedFields, which are not merged."""
    if live is None:
        return {**core.catalog.empty(resource), "kind": resource.kind, "apiVersion": resource.api_version}
    if live.get("apiVersion") != resource.api_version:
        live = core.catalog.converted(live, resource)
    meta = {name: value for name, value in live["metadata"].items() if name != "managedFields"}
    return {**live, "metadata": meta}


def _check_fit(target: Target, config: Obj) -> None:
    """Refuse a configuration that is not of its type: the real server has no better code for it than 500."""
    try:
        configs.check(target.versions.known(target.api_version), config)
    except TypedError as error:
        meta = config.get("metadata")
        meta = meta if isinstance(meta, dict) else {}
        place = f"{meta.get('namespace', '')}/{meta.get('name', '')}; {gvk(target.api_version, target.kind)}"
        raise StatusError(500, "", f"failed to create typed patch object ({place}): {error}") from error


def _applied(target: Target, config: Obj, writer: Who, force: bool) -> Obj:
    """Apply; kubectl takes over what it applied on the client's side without a conflict."""
    versions, version, owners = target.versions, target.api_version, target.owners
    before = dict(owners)
    try:
        return updater.apply(versions, version, target.live, config, owners, writer, force)
    except Conflicts as conflicts:
        allowed = _last_applied(versions, version, target.live) if writer.manager == KUBECTL else None
        if allowed is None:
            raise
        left = {one: fieldsets.difference(fields, allowed) for one, fields in conflicts.owned.items()}
        left = {one: fields for one, fields in left.items() if fields}
        if left:
            raise Conflicts(left) from conflicts
        owners.clear()
        owners.update(before)
        return updater.apply(versions, version, target.live, config, owners, writer, True)


def _last_applied(versions: Versions, version: str, live: Obj) -> Node | None:
    """The fields of the last-applied annotation that the live object has as it says; ``None`` without a usable one."""
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        config = orjson.loads(text or "")
        if not isinstance(config, dict) or config.get("apiVersion") != version:
            return None
        atom = versions.known(version)
        configs.check(atom, config)
        found = compare(atom, config, live)
        fields = configs.field_set(atom, config)
    except (orjson.JSONDecodeError, TypedError):
        return None
    for changed in (found.modified, found.added, found.removed):
        fields = fieldsets.difference(fields, changed)
    return fields


def _note_last_applied(made: Obj, config: Obj) -> None:
    """Keep an existing last-applied annotation up to date, in place, unless it becomes too long."""
    annotations = dict(made["metadata"].get("annotations") or {})
    if not annotations.get(LAST_APPLIED):
        return
    meta = dict(config.get("metadata") or {})
    if isinstance(meta.get("annotations"), dict):
        meta["annotations"] = {name: one for name, one in meta["annotations"].items() if name != LAST_APPLIED}
        if not meta["annotations"]:
            del meta["annotations"]
    plain = {**config, "metadata": meta}
    annotations[LAST_APPLIED] = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode() + "\n"
    if sum(len(name.encode()) + len(value.encode()) for name, value in annotations.items()) > ANNOTATIONS_BYTES:
        del annotations[LAST_APPLIED]
    made["metadata"]["annotations"] = annotations


def _refused(conflicts: Conflicts) -> StatusError:
    """409 with one cause per field."""
    causes, lines, count = [], [], 0
    for one in sorted(conflicts.owned):
        whom = _shown(one)
        fields = [fieldsets.text_of(path) for path in fieldsets.paths(conflicts.owned[one])]
        causes += [{"reason": "FieldManagerConflict", "message": f"conflict with {whom}", "field": at} for at in fields]
        lines += [f"conflicts with {whom}:", *(f"- {at}" for at in fields)]
        count += len(fields)
    text = "\n".join(lines)
    message = f"Apply failed with {count} conflicts: {text}"
    if count == 1:
        message = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    return StatusError(409, "Conflict", message, {"causes": causes})


def _shown(one: Who) -> str:
    text = orjson.dumps(one.manager).decode()
    if one.subresource:
        text += f" with subresource {orjson.dumps(one.subresource).decode()}"
    return f"{text} using {one.api_version}" if one.operation == UPDATE else text
