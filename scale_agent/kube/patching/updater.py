"""What a write does to who owns what: structured-merge-diff's ``merge.Updater``, rule by rule.

An update takes over what it changes; an apply owns what it sets, gives up what it no longer sets, and conflicts with
whoever else owns what it changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scale_agent.kube.patching import fieldsets, merging
from scale_agent.kube.patching.atoms import Atom
from scale_agent.kube.patching.comparing import Comparison, compare, equal
from scale_agent.kube.patching.configs import field_set
from scale_agent.kube.patching.fieldsets import Node
from scale_agent.kube.patching.ownership import Owned, Owners, Who
from scale_agent.kube.storage.version import Obj


class Conflicts(Exception):  # noqa: N818 - as structured-merge-diff calls it
    """An apply changes fields that others own: which ones of whom."""

    def __init__(self, owned: dict[Who, Node]) -> None:
        super().__init__(f"{len(owned)} owners")
        self.owned = owned


@dataclass(frozen=True, slots=True)
class Versions:
    """An object's type in the versions that its owners speak: ``atom`` is ``None`` for versions that are gone."""

    atom: Callable[[str], Atom | None]
    convert: Callable[[Obj, str], Obj]
    resets: Callable[[str], Node]

    def known(self, api_version: str) -> Atom:
        """The type in a version that is served."""
        found = self.atom(api_version)
        if found is None:
            raise LookupError(api_version)
        return found


@dataclass(frozen=True, slots=True)
class Change:
    """One write: the states before and after it, in ``version``."""

    versions: Versions
    version: str
    before: Obj
    after: Obj

    def seen_in(self, version: str) -> Comparison | None:
        """What changes, in the eyes of an owner that speaks ``version``; ``None`` if that is no longer served."""
        atom = self.versions.atom(version)
        if atom is None:
            return None
        before, after = self.before, self.after
        if version != self.version:
            before, after = (self.versions.convert(state, version) for state in (before, after))
        return compare(atom, before, after).reset(self.versions.resets(version))


def take(change: Change, owners: Owners, writer: Who | None, *, force: bool) -> Comparison:
    """Take what changes from everyone but ``writer``, in place. Raises :class:`Conflicts` without ``force``."""
    seen: dict[str, Comparison | None] = {change.version: change.seen_in(change.version)}
    changed: dict[str, Node] = {}
    conflicts: dict[Who, Node] = {}
    for one, owned in list(owners.items()):
        if one == writer:
            continue
        version = owned.api_version
        if version not in seen:
            seen[version] = change.seen_in(version)
        found = seen[version]
        if found is None:
            del owners[one]
            continue
        if version not in changed:
            changed[version] = found.changed
        lost = fieldsets.intersection(owned.fields, changed[version])
        if lost:
            conflicts[one] = lost
    if conflicts and not force:
        raise Conflicts(conflicts)
    _give_up(owners, writer, conflicts, seen)
    return seen[change.version] or Comparison()


def _give_up(
    owners: Owners, writer: Who | None, conflicts: dict[Who, Node], seen: dict[str, Comparison | None]
) -> None:
    for one, owned in list(owners.items()):
        found = seen.get(owned.api_version) if one != writer else None
        left = owned.less(conflicts.get(one, {})).less(found.removed if found is not None else {})
        if left is not owned:
            owners[one] = left
        if not left.fields:
            del owners[one]


def update(change: Change, owners: Owners) -> Node:
    """What a plain write sets, taken from everyone, in place."""
    found = take(change, owners, None, force=True)
    return fieldsets.without(found.changed, change.versions.resets(change.version))


def apply(versions: Versions, version: str, live: Obj, config: Obj, owners: Owners, writer: Who, force: bool) -> Obj:
    """The object that an apply makes; owners are changed in place. ``live`` itself if nothing changes.

    Raises :class:`Conflicts`, :class:`~scale_agent.kube.patching.atoms.TypedError`.
    """
    atom = versions.known(version)
    merged: Obj = merging.merge(atom, live, config)
    last = owners.get(writer)
    fields = fieldsets.without(field_set(atom, config), versions.resets(version))
    owners[writer] = Owned(fields, version, last.time if last is not None else None)
    if last is not None and last.fields:
        merged = _pruned(versions, merged, owners, writer, last)
    take(Change(versions, version, live, merged), owners, writer, force=force)
    return live if equal(live, merged) else merged


def _pruned(versions: Versions, merged: Obj, owners: Owners, writer: Who, last: Owned) -> Obj:
    """Without what the writer set last time, does not set now, and nobody else owns."""
    atom = versions.atom(last.api_version)
    if atom is None:
        return merged
    whole = versions.convert(merged, last.api_version)
    pruned = merging.remove(atom, whole, merging.with_named_fields(atom, last.fields)) or {}
    by_version: dict[str, Node] = {}
    for owned in owners.values():
        by_version[owned.api_version] = fieldsets.union(by_version.get(owned.api_version, {}), owned.fields)
    state = (whole, pruned)
    for version in sorted(by_version, key=lambda one: one != last.api_version):
        state = _with_owned(versions, version, *state, by_version[version])
    pruned = _with_dangling(versions, state[1], whole, last)
    return versions.convert(pruned, owners[writer].api_version)


def _with_owned(versions: Versions, version: str, whole: Obj, pruned: Obj, owned: Node) -> tuple[Obj, Obj]:
    """Back with what somebody owns in a version: both states in that version."""
    atom = versions.atom(version)
    if atom is None:
        return whole, pruned
    whole, pruned = versions.convert(whole, version), versions.convert(pruned, version)
    all_fields, kept, theirs = (
        merging.with_named_fields(atom, one) for one in (field_set(atom, whole), field_set(atom, pruned), owned)
    )
    goes = fieldsets.difference(all_fields, fieldsets.union(kept, theirs))
    return whole, merging.remove(atom, whole, goes) or {}


def _with_dangling(versions: Versions, pruned: Obj, whole: Obj, last: Owned) -> Obj:
    """Back with what the writer did not own: items that nobody owns stay."""
    atom = versions.known(last.api_version)
    pruned = versions.convert(pruned, last.api_version)
    kept, all_fields, owned = (
        merging.with_named_fields(atom, one) for one in (field_set(atom, pruned), field_set(atom, whole), last.fields)
    )
    goes = fieldsets.intersection(fieldsets.difference(all_fields, kept), owned)
    result: Obj = merging.remove(atom, whole, goes) or {}
    return result
