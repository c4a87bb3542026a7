"""Strategic merge patch: a merge patch whose lists merge by key, as the schema says.

Follows the published semantics of k8s.io/apimachinery's strategicpatch: ``$patch``, ``$retainKeys``,
``$deleteFromPrimitiveList/…``, ``$setElementOrder/…``. Arguments are not changed.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from scale_agent.kube.patching.patches import PatchError
from scale_agent.kube.schema.types import Field, Shape, Type

Json = Any
Map = dict[str, Any]

PATCH = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"
ELEMENT_ORDER = "$setElementOrder/"


def merge(original: Map, patch: Map, schema: Type | None) -> Map:
    """The object with the patch applied. Raises :class:`PatchError` for directives that make no sense."""
    directive = patch.get(PATCH)
    if directive is not None:
        return _by_directive(original, patch, schema, directive)
    out = _retained(original, patch.get(RETAIN_KEYS))
    for name, value in patch.items():
        if name.startswith(DELETE_PRIMITIVES):
            _delete_primitives(out, name.removeprefix(DELETE_PRIMITIVES), value)
    orders = {
        name.removeprefix(ELEMENT_ORDER): value for name, value in patch.items() if name.startswith(ELEMENT_ORDER)
    }
    for name, value in patch.items():
        if not name.startswith("$"):
            _merge_member(out, name, value, _field(schema, name))
    for name, order in orders.items():
        if not isinstance(order, list):
            raise PatchError(f"{ELEMENT_ORDER}{name} must be a list")
        if isinstance(out.get(name), list):
            before = original.get(name)
            out[name] = _ordered(
                out[name], order, before if isinstance(before, list) else [], _merge_key(_field(schema, name))
            )
    return out


def _by_directive(original: Map, patch: Map, schema: Type | None, directive: Json) -> Map:
    rest = {name: value for name, value in patch.items() if name != PATCH}
    if directive == "replace":
        return copy.deepcopy(rest)
    if directive == "delete":
        return {}
    if directive == "merge":
        return merge(original, rest, schema)
    raise PatchError(f"Unknown patch type found: {directive}")


def _field(schema: Type | None, name: str) -> Field | None:
    return schema.fields.get(name) if schema is not None else None


def _merge_key(field: Field | None) -> str:
    return field.patch_merge_key if field is not None else ""


def _retained(original: Map, keys: Json) -> Map:
    if keys is None:
        return dict(original)
    if not isinstance(keys, list):
        raise PatchError(f"{RETAIN_KEYS} must be a list")
    return {name: value for name, value in original.items() if name in keys}


def _delete_primitives(out: Map, name: str, values: Json) -> None:
    if not isinstance(values, list):
        raise PatchError(f"{DELETE_PRIMITIVES}{name} must be a list")
    if isinstance(out.get(name), list):
        out[name] = [one for one in out[name] if one not in values]


def _merge_member(out: Map, name: str, value: Json, field: Field | None) -> None:
    if value is None:
        out.pop(name, None)
        return
    before = out.get(name)
    replaces = field is not None and "replace" in field.patch_strategy
    if isinstance(value, dict):
        inner = field.type if field is not None and field.shape is not Shape.MAP else None
        base = before if isinstance(before, dict) and not replaces else {}
        if field is not None and field.shape is Shape.MAP and field.type is not None:
            out[name] = _merge_map_of(base, value, field.type)
        else:
            out[name] = merge(base, value, inner)
    elif isinstance(value, list) and field is not None and "merge" in field.patch_strategy:
        out[name] = _merge_list(before if isinstance(before, list) else [], value, field)
    else:
        out[name] = _plain(value)


def _merge_map_of(base: Map, patch: Map, inner: Type) -> Map:
    """A map whose values are structs."""
    out = dict(base)
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        elif isinstance(value, dict):
            before = out.get(name)
            out[name] = merge(before if isinstance(before, dict) else {}, value, inner)
        else:
            out[name] = value
    return out


def _plain(value: Json) -> Json:
    """A value that replaces: its elements without directives."""
    if isinstance(value, list):
        return [_plain(one) for one in value if not (isinstance(one, dict) and one.get(PATCH) == "delete")]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items() if not name.startswith("$")}
    return value


def _merge_list(original: list[Json], patch: list[Json], field: Field) -> list[Json]:
    key = field.patch_merge_key
    if not key:
        out = list(original)
        out.extend(one for one in patch if one not in out)
        return _ordered(out, patch, original, "")
    kept, changes, replaced = _special_elements(original, patch, key)
    if replaced:
        return changes
    merged = _merge_elements(kept, changes, key, field.type)
    return _ordered(merged, changes, original, key)


def _special_elements(original: list[Json], patch: list[Json], key: str) -> tuple[list[Json], list[Json], bool]:
    """What is left of the list after ``$patch: delete``, the ordinary elements, and whether they replace everything."""
    kept, changes, replaced = list(original), [], False
    for element in patch:
        if not isinstance(element, dict):
            raise PatchError("expected a list of objects in the patch")
        directive = element.get(PATCH)
        if directive == "delete":
            if key not in element:
                raise PatchError(f"delete patch type with no merge key defined: {key}")
            kept = [one for one in kept if not (isinstance(one, dict) and one.get(key) == element[key])]
        elif directive == "replace":
            replaced = True
        elif directive in (None, "merge"):
            changes.append({name: value for name, value in element.items() if name != PATCH})
        else:
            raise PatchError(f"Unknown patch type found: {directive}")
    return kept, changes, replaced


def _merge_elements(original: list[Json], changes: list[Json], key: str, inner: Type | None) -> list[Json]:
    out = list(original)
    places = {one.get(key): place for place, one in enumerate(out) if isinstance(one, dict)}
    for change in changes:
        if key not in change:
            raise PatchError(f"map: {change} does not contain declared merge key: {key}")
        try:
            place = places.get(change[key])
        except TypeError as error:
            raise PatchError(f"merge key {key} must be a plain value") from error
        if place is None:
            places[change[key]] = len(out)
            out.append(merge({}, change, inner))
        else:
            out[place] = merge(out[place], change, inner)
    return out


def _identity(element: Json, key: str) -> Json:
    return element.get(key) if key and isinstance(element, dict) else element


def _ordered(merged: list[Json], order: Sequence[Json], server: Sequence[Json], key: str) -> list[Json]:
    """Elements named in ``order`` in that order; the others keep their places among them as the server had them."""
    wanted = [_identity(one, key) for one in order]
    known = [_identity(one, key) for one in server]
    named = [one for one in merged if _identity(one, key) in wanted]
    others = [one for one in merged if _identity(one, key) not in wanted]
    named.sort(key=lambda one: wanted.index(_identity(one, key)))
    others.sort(key=lambda one: _place(known, _identity(one, key)))
    out: list[Json] = []
    while named and others:
        left, right = _identity(others[0], key), _identity(named[0], key)
        first = left in known and right in known and known.index(left) < known.index(right)
        out.append((others if first else named).pop(0))
    return [*out, *others, *named]


def _place(known: list[Json], identity: Json) -> int:
    return known.index(identity) if identity in known else len(known)
