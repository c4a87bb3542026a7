"""managedFields of plain writes (create, update, patch): who sets a field owns it.

Rules: k8s.io/apimachinery ``util/managedfields/internal``: ``fieldmanager.go`` (which entries count: the client's, else
the stored ones), ``managedfieldsupdater.go`` (the writer's entry and its time), ``skipnonapplied.go`` (what was created
untracked stays so), ``capmanagers.go``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scale_agent.kube.core import Core
from scale_agent.kube.patching import configs, fieldsets, merge_types, ownership, updater
from scale_agent.kube.patching.atoms import TypedError
from scale_agent.kube.patching.ownership import UPDATE, Owned, Owners
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj


@dataclass(frozen=True, slots=True)
class By:
    """A writer: the manager's name, the time as text, and the subresource written through."""

    manager: str
    time: str
    subresource: str = ""


def track(core: Core, resource: ResourceType, old: Obj | None, new: Obj, by: By) -> None:
    """Set ``new``'s managedFields in place: what ``old`` has, brought up to date with this write."""
    owners = starting_owners(old, new, by)
    new["metadata"].pop("managedFields", None)
    if old is not None and not owners:
        return  # what has no owners is not tracked until it is applied
    versions = merge_types.versions_of(core, resource, by.subresource)
    merge_types.reconcile(versions, resource, owners)
    before = old if old is not None else core.catalog.empty(resource)
    if not resource.typed and not _told(versions, resource.api_version, (before, new), owners):
        return  # a real server gives up, and drops them all
    try:
        grow(updater.Change(versions, resource.api_version, before, new), owners, by)
    except TypedError:
        return  # what an owner's version cannot say loses all owners, as ``UpdateNoErrors`` has it
    ownership.cap(owners)
    if owners:
        new["metadata"]["managedFields"] = ownership.entries_of(owners)


def _told(versions: updater.Versions, version: str, states: Sequence[Obj], owners: Owners) -> bool:
    """Whether the versions of all owners have the fields of custom objects: conversion drops none."""
    for other in {one.api_version for one in owners.values()} - {version}:
        atom = versions.atom(other)
        if atom is not None and not all(configs.fits(atom, versions.convert(state, other)) for state in states):
            return False
    return True


def grow(change: updater.Change, owners: Owners, by: By) -> None:
    """Bring owners up to date, in place, with a plain write."""
    fields = ownership.strip(updater.update(change, owners))
    if fields:
        writer = ownership.who(by.manager, UPDATE, change.version, by.subresource)
        owners[writer] = _grown(owners.get(writer), fields, change.version, by.time)


def _grown(known: Owned | None, fields: fieldsets.Node, version: str, time: str) -> Owned:
    if known is None:
        return Owned(fields, version, time)
    both = fieldsets.union(known.fields, fields)
    if both is known.fields and known.entry is not None and "time" in known.entry:
        return Owned(both, version, time, {**known.entry, "time": time})  # in order already
    return Owned(both, version, time)


def starting_owners(old: Obj | None, new: Obj, by: By) -> Owners:
    """The entries that a write starts from: the client's if it sends well-formed ones, else the stored ones.

    An empty entry, or an empty list, removes all; a subresource cannot set them.
    """
    sent = new["metadata"].get("managedFields")
    stored = ((old or {}).get("metadata") or {}).get("managedFields")
    if sent is None or sent == stored or by.subresource:
        return ownership.owners_of(old)
    if sent in ([], [{}]):
        return {}
    try:
        found = ownership.parsed(sent)
    except ValueError:
        found = {}
    return found or ownership.owners_of(old)


def rewritten(before: Obj, obj: Obj, subresource: str) -> bool:
    """Whether a client sends managedFields other than the stored ones."""
    sent = obj["metadata"].get("managedFields")
    return not subresource and sent is not None and sent != before["metadata"].get("managedFields")


def same_owners(before: Obj, obj: Obj) -> bool:
    """Whether two states have the same managedFields, times aside: then these are no reason to write."""
    left, right = (state["metadata"].get("managedFields") or [] for state in (before, obj))
    return left == right or ownership.same_but_times(left, right)
