"""Strategic merge patch: a merge patch whose lists merge by key, as the struct tags say.

Follows k8s.io/apimachinery's ``strategicpatch`` (``patch.go``, ``meta.go``): ``$patch``, ``$retainKeys``,
``$deleteFromPrimitiveList/…``, ``$setElementOrder/…``, with its X
"""

from __future__ import annotations

from typing import Any

from scale_agent.kube.patching import strategic_lists
from scale_agent.kube.patching.gotypes import go_kind, go_text, type_name
from scale_agent.kube.patching.strategic_lists import (
    BAD_ORDER,
    DELETE_PRIMITIVES,
    ELEMENT_ORDER,
    PATCH,
    RETAIN_KEYS,
    StrategicError,
    without_directives,
)
from scale_agent.kube.schema.types import Field, Shape, Type

Json = Any
Map = dict[str, Any]

_BAD_RETAIN_KEYS = "invalid patch format of retainKeys"
_BAD_PRIMITIVES = "invalid patch format of primitive list"


def merge(original: Map, patch: Map, schema: Type | None) -> Map:
    """The object with the patch applied; ``patch`` loses what is used up. Raises :class:`StrategicError`."""
    if PATCH in patch:
        return _by_directive(patch, patch[PATCH])
    out = _retained(original, patch)
    for name in [name for name in patch if name.startswith(ELEMENT_ORDER)]:
        _merge_ordered(out, patch, name, patch.pop(name), schema)
    for name, value in list(patch.items()):
        if name.startswith(DELETE_PRIMITIVES):
            _delete_primitives(out, _after(name, DELETE_PRIMITIVES, _BAD_PRIMITIVES), value)
        else:
            _merge_member(out, name, value, schema)
    return out


def _by_directive(patch: Map, directive: Json) -> Map:
    if directive == "replace":
        del patch[PATCH]
        return patch
    if directive == "delete":
        return {}
    raise StrategicError(f"unknown patch type: {go_text(directive)} in map: {go_text(patch)}")


def _after(name: str, prefix: str, why: str) -> str:
    """The field that a directive is about."""
    if not name.startswith(f"{prefix}/"):
        raise StrategicError(why, 400)
    return name.removeprefix(f"{prefix}/")


def _retained(original: Map, patch: Map) -> Map:
    """The original with the members that ``$retainKeys`` names, if the patch has it."""
    if RETAIN_KEYS not in patch:
        return dict(original)
    keys = patch.pop(RETAIN_KEYS)
    if not isinstance(keys, list):
        raise StrategicError(_BAD_RETAIN_KEYS, 400)
    for name, value in patch.items():
        if value is not None and name not in keys and not name.startswith((DELETE_PRIMITIVES, ELEMENT_ORDER)):
            raise StrategicError(_BAD_RETAIN_KEYS, 400)
    return {name: value for name, value in original.items() if name in keys}


def _field(schema: Type | None, name: str) -> Field | None:
    """A struct's field; the real server looks only where both sides have something to merge."""
    if schema is None:
        raise StrategicError("merging an object in json but data type is not struct, instead is: map")
    found = schema.fields.get(name)
    if found is None:
        why = f'unable to find api field in struct {schema.short_name} for the json field "{name}"'
        raise StrategicError(why)
    return found


def _inner(field: Field | None) -> Type | None:
    return field.type if field is not None and field.shape is not Shape.MAP else None


def _merge_ordered(out: Map, patch: Map, name: str, order: Json, schema: Type | None) -> None:
    """A list together with its ``$setElementOrder``; both are taken out of the patch."""
    if not isinstance(order, list):
        raise StrategicError(f"expected a []interface {{}}, but received a {type_name(order)}")
    key = _after(name, ELEMENT_ORDER, BAD_ORDER)
    for one in (out, patch):
        if key in one and not isinstance(one[key], list):
            raise StrategicError(f"expected a []interface {{}}, but received a {type_name(one[key])}")
    field = _field(schema, key)
    live, wanted = out.get(key, []), patch.get(key, [])
    merge_key = field.patch_merge_key if field is not None else ""
    strategic_lists.check_order(wanted, order, merge_key)
    if key not in out and key not in patch:
        return
    if key not in patch:
        merged = live
    elif key not in out:
        merged = without_directives(wanted)[0]
    else:
        live = strategic_lists.overwritten(live, wanted, merge_key) if merge_key else live
        merged = _merge_lists(out[key], wanted, field)
    out[key] = strategic_lists.reordered(merged, order, live, merge_key, strategic_lists.element_kind(live, wanted))
    patch.pop(key, None)


def _delete_primitives(out: Map, name: str, values: Json) -> None:
    live = out.get(name)
    if values is None:
        out.pop(name, None)
    elif isinstance(live, list) and isinstance(values, list):
        out[name] = strategic_lists.delete_primitives(live, values)


def _merge_member(out: Map, name: str, value: Json, schema: Type | None) -> None:
    if value is None:
        out.pop(name, None)
        return
    live = out.get(name)
    if name not in out or go_kind(live) != go_kind(value):
        _take(out, name, _without_nulls(value))
    elif isinstance(value, dict) and isinstance(live, dict):
        field = _field(schema, name)
        replaces = field is not None and _strategy(field) == "replace"
        out[name] = value if replaces else merge(live, value, _inner(field))
    elif isinstance(value, list) and isinstance(live, list):
        out[name] = _merge_lists(live, value, _field(schema, name))
    else:
        _take(out, name, value)


def _take(out: Map, name: str, value: Json) -> None:
    """The patch's value as it is, without its directives; what is only a directive goes."""
    made, kept = without_directives(value)
    if kept:
        out[name] = made
    else:
        out.pop(name, None)


def _without_nulls(value: Json) -> Json:
    if isinstance(value, dict):
        for name in [name for name, inner in value.items() if inner is None]:
            del value[name]
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _without_nulls(inner)
    return value


def _strategy(field: Field) -> str:
    """``merge``, ``replace`` or nothing; ``retainKeys`` stands beside it."""
    return next((one for one in field.patch_strategy if one != "retainKeys"), "")


def _merge_lists(live: list[Json], patch: list[Json], field: Field | None) -> list[Json]:
    if field is None or _strategy(field) != "merge":
        return patch
    if not live and not patch:
        return live
    kind = strategic_lists.element_kind(live, patch)
    if kind != "map":
        merged = strategic_lists.unique([*live, *patch])
        return strategic_lists.reordered(merged, patch, live, "", kind)
    key = field.patch_merge_key
    if not key:
        raise StrategicError(f"cannot merge lists without merge key for {'struct' if field.type else field.kind}")
    live, changes = strategic_lists.special_elements(live, patch, key)
    merged = _merge_elements(live, changes, key, _inner(field))
    return strategic_lists.reordered(merged, changes, live, key, kind)


def _merge_elements(live: list[Json], changes: list[Json], key: str, inner: Type | None) -> list[Json]:
    out = list(live)
    for change in changes:
        if key not in change:
            raise strategic_lists.no_merge_key(change, key)
        place = strategic_lists.find(out, key, change[key])
        if place < 0:
            out.append(change)
        else:
            out[place] = merge(out[place], change, inner)
    return out
