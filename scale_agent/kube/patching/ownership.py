"""managedFields entries as owners: who, how, in which version, when, and which fields.

Rules: k8s.io/apimachinery ``util/managedfields/internal`` (``managedfields.go``, ``capmanagers.go``, ``stripmeta.go``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from scale_agent.kube.patching import fieldsets
from scale_agent.kube.patching.fieldsets import Node
from scale_agent.kube.storage.version import Obj

APPLY = "Apply"
UPDATE = "Update"
#: More entries of updates than this are folded together.
MAX_UPDATE_MANAGERS = 10
ANCIENT = "ancient-changes"
BEFORE_FIRST_APPLY = "before-first-apply"

#: Metadata that is never owned.
_UNOWNED = (
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
)
_STRIPPED: Node = {"f:apiVersion": {}, "f:kind": {}, "f:metadata": {".": {}, **{f"f:{name}": {} for name in _UNOWNED}}}


class Who(NamedTuple):
    """What tells entries apart; the version is empty for those that apply."""

    manager: str
    operation: str
    api_version: str
    subresource: str


@dataclass(frozen=True, slots=True)
class Owned:
    """One owner's fields, as of a version; ``entry`` is its written form while nothing in it has changed."""

    fields: Node
    api_version: str
    time: str | None = None
    entry: Obj | None = None

    def less(self, fields: Node) -> Owned:
        """Without these fields."""
        left = fieldsets.difference(self.fields, fields)
        return self if left is self.fields else replace(self, fields=left, entry=None)


Owners = dict[Who, Owned]


def who(manager: str, operation: str, api_version: str, subresource: str) -> Who:
    """The identity of an entry."""
    return Who(manager, operation, "" if operation == APPLY else api_version, subresource)


def owners_of(obj: Obj | None) -> Owners:
    """The owners of a stored object, which are known to be well-formed."""
    return {_who(entry): _owned(entry) for entry in ((obj or {}).get("metadata") or {}).get("managedFields") or ()}


def _who(entry: Obj) -> Who:
    return who(entry.get("manager", ""), entry["operation"], entry["apiVersion"], entry.get("subresource", ""))


def _owned(entry: Obj) -> Owned:
    return Owned(entry.get("fieldsV1") or {}, entry["apiVersion"], entry.get("time"), entry)


def parsed(entries: Any) -> Owners:
    """The owners that a client writes. Raises ``ValueError`` for entries that the server does not take."""
    if not isinstance(entries, list):
        raise ValueError("managedFields are a list")
    out: Owners = {}
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("operation") not in (APPLY, UPDATE):
            raise ValueError("operation must be `Apply` or `Update`")
        if not entry.get("apiVersion") or entry.get("fieldsType") != "FieldsV1":
            raise ValueError("apiVersion must not be empty and fieldsType must be FieldsV1")
        fields = fieldsets.parsed(entry.get("fieldsV1") or {})
        out[_who(entry)] = Owned(fields, entry["apiVersion"], entry.get("time"))
    return out


def entries_of(owners: Owners) -> list[Obj]:
    """The owners as managedFields, in the real server's order."""
    found = sorted(owners.items(), key=_order)
    return [owned.entry if owned.entry is not None else _written(one, owned) for one, owned in found]


def _order(item: tuple[Who, Owned]) -> tuple[str, str, str, str, str]:
    one, owned = item
    return (one.operation, owned.time or "", one.manager, owned.api_version, one.subresource)


def _written(one: Who, owned: Owned) -> Obj:
    out: Obj = {"manager": one.manager} if one.manager else {}
    out |= {"operation": one.operation, "apiVersion": owned.api_version}
    if owned.time:
        out["time"] = owned.time
    out |= {"fieldsType": "FieldsV1", "fieldsV1": fieldsets.ordered(owned.fields)}
    if one.subresource:
        out["subresource"] = one.subresource
    return out


def strip(fields: Node) -> Node:
    """A set without what nobody owns."""
    return fieldsets.difference(fields, _STRIPPED)


def settle(owners: Owners, one: Who, owned: Owned) -> None:
    """Set an owner in place; without fields it is none."""
    if owned.fields:
        owners[one] = owned
    else:
        owners.pop(one, None)


def cap(owners: Owners) -> None:
    """Fold the oldest entries of updates together, in place, until there are few enough: one per version."""
    updates = sorted((one for one in owners if one.operation == UPDATE), key=lambda one: (owners[one].time or "", one))
    too_many = len(updates) - MAX_UPDATE_MANAGERS
    first: dict[str, Who] = {}
    for one in updates:
        if too_many <= 0:
            return
        version = owners[one].api_version
        if version not in first:
            first[version] = one
            continue
        bucket = who(ANCIENT, UPDATE, version, "")
        if bucket not in owners:
            owners[bucket] = owners.pop(first[version])
        newer = owners[one]
        fields = fieldsets.union(newer.fields, owners[bucket].fields)
        if one != bucket:
            del owners[one]
        owners[bucket] = Owned(fields, version, newer.time)
        too_many -= 1


def same_but_times(left: Sequence[Obj], right: Sequence[Obj]) -> bool:
    """Whether two lists of entries say the same, whenever it was written."""
    return len(left) == len(right) and list(_timeless(left)) == list(_timeless(right))


def _timeless(entries: Iterable[Obj]) -> Iterable[Obj]:
    return ({name: value for name, value in entry.items() if name != "time"} for entry in entries)
