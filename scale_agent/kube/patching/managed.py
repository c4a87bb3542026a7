"""managedFields: who set which field, as structured-merge-diff records it for plain writes.

A field path is a tuple of FieldsV1 keys (``f:spec``, ``k:{"name":"web"}``, ``v:"x"``); a field set is a set of paths.
A container is in a set itself (shown as ``"."``) when it was added with its contents. Rules, observed from 1.36.2 and
published in k8s.io/apimachinery: who adds or changes a field owns it, nobody owns a field that is gone, atomic values
are one field, and metadata that only the server writes is never owned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from scale_agent.kube.catalog import Catalog
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.schema.types import Field, Shape, Type
from scale_agent.kube.storage.version import Obj

Path = tuple[str, ...]
Flat = dict[Path, Any]

#: Marks a container that has contents; its own value is theirs.
CONTAINER = object()
_NOTHING = object()
#: Roots of paths that are never owned.
_SERVER_ONLY = (
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_STRIPPED = frozenset(
    (("f:apiVersion",), ("f:kind",), ("f:metadata",), *(("f:metadata", f"f:{name}") for name in _SERVER_ONLY))
)


@dataclass(frozen=True, slots=True)
class By:
    """A writer: the manager's name, the time as text, and the subresource written through."""

    manager: str
    time: str
    subresource: str = ""


def track(catalog: Catalog, resource: ResourceType, old: Obj | None, new: Obj, by: By) -> None:
    """Set ``new``'s managedFields in place: what ``old`` has, brought up to date with this write."""
    shape = catalog.shape(resource)
    before, after = differing(old if old is not None else catalog.empty(resource), new, shape)
    changed = {path for path, value in after.items() if path not in before or _differs(before[path], value)}
    gone = before.keys() - after.keys()
    meta = new["metadata"]
    entries = _entries(meta) or _entries((old or {}).get("metadata", {}))
    if old is not None and not entries:
        return  # what was created without owned fields stays untracked (recorded)
    meta.pop("managedFields", None)
    result = _updated(entries, changed, gone, by, resource.api_version)
    if result:
        meta["managedFields"] = result


def _entries(meta: Obj) -> list[Obj]:
    """An object's entries; a client that sends some replaces them, one that sends none or garbage keeps the old."""
    found = meta.get("managedFields")
    if not isinstance(found, list) or not all(isinstance(one, dict) and one.get("operation") for one in found):
        return []
    return found


def _differs(left: Any, right: Any) -> bool:
    if left is CONTAINER or right is CONTAINER:
        return False
    return bool(left != right)


def _updated(entries: list[Obj], changed: set[Path], gone: Any, by: By, api_version: str) -> list[Obj]:
    out: list[Obj] = []
    own: set[Path] = set(changed)
    own_entry: Obj | None = None
    for entry in entries:
        paths = parse_fields(entry.get("fieldsV1") or {})
        if _is_own(entry, by, api_version):
            own_entry = entry
            own |= paths - gone
            continue
        left = paths - changed - gone
        if left == paths:
            out.append(entry)
        elif left:
            out.append({**entry, "fieldsV1": render_fields(left)})
    if own:
        out.append(_entry(own_entry, own, by, api_version))
    out.sort(key=lambda entry: (entry.get("operation") != "Apply", entry.get("time") or "", entry.get("manager") or ""))
    return out


def _is_own(entry: Obj, by: By, api_version: str) -> bool:
    return (
        entry.get("manager") == by.manager
        and entry.get("operation") == "Update"
        and entry.get("apiVersion") == api_version
        and (entry.get("subresource") or "") == by.subresource
    )


def _entry(before: Obj | None, paths: set[Path], by: By, api_version: str) -> Obj:
    fields = render_fields(paths)
    if before is not None and before.get("fieldsV1") == fields:
        return {**before, "time": by.time}
    out: Obj = {
        "manager": by.manager,
        "operation": "Update",
        "apiVersion": api_version,
        "time": by.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    if by.subresource:
        out["subresource"] = by.subresource
    return out


def differing(old: Obj, new: Obj, shape: Type | None) -> tuple[Flat, Flat]:
    """Two objects as paths with their values, without what is never owned; what both have alike may be left out."""
    before: Flat = {}
    after: Flat = {}
    _compare_members(old, new, shape, (), (before, after))
    return _ownable(before), _ownable(after)


def _ownable(flat: Flat) -> Flat:
    return {path: value for path, value in flat.items() if path[:2] not in _STRIPPED}


def _compare_members(old: Obj, new: Obj, shape: Type | None, path: Path, out: tuple[Flat, Flat]) -> None:
    fields = shape.fields if shape is not None else {}
    for name in (*new, *(name for name in old if name not in new)):
        left, right = old.get(name, _NOTHING), new.get(name, _NOTHING)
        at = (*path, f"f:{name}")
        if left != right and not (path and at in _STRIPPED):
            _compare(left, right, fields.get(name), at, out)


def _compare(left: Any, right: Any, field: Field | None, path: Path, out: tuple[Flat, Flat]) -> None:
    """Structs are compared member by member: nearly every write leaves nearly everything alone."""
    if _is_struct(left, field) and _is_struct(right, field):
        _compare_members(left, right, field.type if field is not None else None, path, out)
        return
    for value, flat in zip((left, right), out, strict=True):
        if value is not _NOTHING:
            _flatten(value, field, path, flat)


def _is_struct(value: Any, field: Field | None) -> bool:
    return isinstance(value, dict) and bool(value) and not _atomic(field) and _shape_of(field) is Shape.ONE


def _shape_of(field: Field | None) -> Shape:
    return field.shape if field is not None else Shape.ONE


def _members(value: Obj, shape: Type | None, path: Path, out: Flat) -> None:
    for name, inner in value.items():
        field = shape.fields.get(name) if shape is not None else None
        _flatten(inner, field, (*path, f"f:{name}"), out)


def _flatten(value: Any, field: Field | None, path: Path, out: Flat) -> None:
    if isinstance(value, dict) and value and not _atomic(field):
        out[path] = CONTAINER
        if field is not None and field.shape is Shape.MAP:
            element = replace(field, shape=Shape.ONE, map_type="") if field.type is not None else None
            for name, inner in value.items():
                _flatten(inner, element, (*path, f"f:{name}"), out)
        else:
            _members(value, field.type if field is not None else None, path, out)
    elif isinstance(value, list) and value and field is not None and field.list_type in ("map", "set"):
        out[path] = CONTAINER
        for element_value in value:
            _flatten_element(element_value, field, path, out)
    else:
        out[path] = value


def _flatten_element(element: Any, field: Field, path: Path, out: Flat) -> None:
    if field.list_type == "set" or not isinstance(element, dict):
        out[(*path, "v:" + orjson.dumps(element).decode())] = element
        return
    keys = {name: element.get(name, _default(field.type, name)) for name in sorted(field.list_map_keys)}
    keys = {name: value for name, value in keys.items() if value is not None}
    place = (*path, "k:" + orjson.dumps(keys).decode())
    if _atomic_type(field.type):
        out[place] = element
        return
    out[place] = CONTAINER
    _members(element, field.type, place, out)


def _default(kind: Type | None, name: str) -> str | None:
    """What a list key is when the element does not say: a port's protocol is TCP."""
    field = kind.fields.get(name) if kind is not None else None
    return (field.default or None) if field is not None else None


def _atomic_type(kind: Type | None) -> bool:
    return kind is not None and kind.atomic


def _atomic(field: Field | None) -> bool:
    """Whether a field's struct or map is one value: as the field says, else as its struct's type says."""
    if field is None or field.map_type:
        return field is not None and field.map_type == "atomic"
    if field.shape is not Shape.ONE:
        return False
    return field.kind in ("fields", "raw", "json") or _atomic_type(field.type)


def render_fields(paths: set[Path]) -> Obj:
    """A set of paths as FieldsV1."""
    root: Obj = {}
    for path in sorted(paths):
        at = root
        for part in path:
            at = at.setdefault(part, {})
        at["."] = {}
    return _pruned(root)


def _pruned(node: Obj) -> Obj:
    """``"."`` is written only beside other keys: a leaf is ``{}``."""
    if node.keys() == {"."}:
        return {}
    return {name: _pruned(inner) if name != "." else {} for name, inner in sorted(node.items())}


def parse_fields(fields: Obj) -> set[Path]:
    """FieldsV1 as a set of paths."""
    out: set[Path] = set()
    _parse(fields, (), out)
    return out


def _parse(node: Any, path: Path, out: set[Path]) -> None:
    if not isinstance(node, dict) or not node:
        out.add(path)
        return
    for name, inner in node.items():
        if name == ".":
            out.add(path)
        else:
            _parse(inner, (*path, name), out)
