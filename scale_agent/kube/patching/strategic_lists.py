"""Lists in strategic merge patches: their directives, and the order of what comes out.

Follows k8s.io/apimachinery's ``strategicpatch/patch.go``; the words of refusal are its.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scale_agent.kube.patching.gotypes import go_kind, go_text, type_name
from scale_agent.kube.patching.patches import PatchError

Json = Any

PATCH = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_PRIMITIVES = "$deleteFromPrimitiveList"
ELEMENT_ORDER = "$setElementOrder"
BAD_ORDER = "invalid patch format of setElementOrder list"


class StrategicError(PatchError):
    """A patch that makes no sense. ``code`` is the answer's: 400, 422, or 500 where the real server has no better."""

    def __init__(self, message: str, code: int = 500) -> None:
        super().__init__(message)
        self.code = code


def no_merge_key(element: Json, key: str) -> StrategicError:
    """An element of a list that merges by key has none."""
    return StrategicError(f"map: {go_text(element)} does not contain declared merge key: {key}")


def element_kind(*lists: Sequence[Json]) -> str:
    """What the elements of lists are (``map``, ``string``…): all the same, and no lists."""
    kinds = [go_kind(element) for one in lists for element in one]
    if not kinds:
        raise StrategicError("no elements in any of the given slices")
    if kinds[0] == "slice":
        raise StrategicError("lists of lists are not supported", 422)
    if any(kind != kinds[0] for kind in kinds):
        raise StrategicError(f"list element types are not identical: {go_text(list(lists))}")
    return kinds[0]


def without_directives(value: Json) -> tuple[Json, bool]:
    """A value without anything that is a directive, and whether there is anything left of it."""
    if isinstance(value, dict):
        if PATCH in value:
            return None, False
        kept = {name: without_directives(inner) for name, inner in value.items()}
        return {name: inner for name, (inner, keep) in kept.items() if keep}, True
    if isinstance(value, list):
        return [inner for inner, keep in map(without_directives, value) if keep], True
    return value, True


def find(elements: Sequence[Json], key: str, wanted: Json) -> int:
    """The place of the element with that key; -1 without one."""
    for place, element in enumerate(elements):
        if not isinstance(element, dict):
            raise StrategicError(f"value for key {place} is not a map")
        if key in element and _equal(element[key], wanted):
            return place
    return -1


def _equal(left: Json, right: Json) -> bool:
    return go_kind(left) == go_kind(right) and bool(left == right)


def unique(values: Sequence[Json]) -> list[Json]:
    """Plain values once each, in the order that the real server's way of doing it leaves."""
    out = list(values)
    place = 0
    while place < len(out):
        other = place + 1
        while other < len(out):
            if _equal(out[place], out[other]):
                out[other] = out[-1]
                out.pop()
            else:
                other += 1
        place += 1
    return out


def delete_primitives(live: list[Json], values: list[Json]) -> list[Json]:
    """``$deleteFromPrimitiveList``: a list without these values."""
    if not live and not values:
        return live
    if element_kind(live, values) == "map":
        raise StrategicError("cannot merge lists without merge key for struct")
    return [one for one in live if not any(_equal(one, value) for value in values)]


def special_elements(live: list[Json], patch: list[Json], key: str) -> tuple[list[Json], list[Json]]:
    """The live list after ``$patch: delete`` and ``$patch: replace``, and the elements that remain to be merged."""
    changes, replaces = [], False
    for element in patch:
        if PATCH not in element:
            changes.append(element)
            continue
        directive = element[PATCH]
        if directive == "delete":
            if key not in element:
                raise no_merge_key(element, key)
            live = [one for place, one in enumerate(live) if find(live[place : place + 1], key, element[key]) < 0]
        elif directive == "replace":
            replaces = True
        elif directive == "merge":
            raise StrategicError("merging lists cannot yet be specified in the patch")
        else:
            raise StrategicError(f"unknown patch type: {go_text(directive)} in map: {go_text(element)}")
    return (changes, []) if replaces else (live, changes)


def overwritten(live: list[Json], patch: list[Json], key: str) -> list[Json]:
    """The live list by which elements are put in order after deletions: the real server adds into its freed places."""
    if not any(isinstance(element, dict) and element.get(PATCH) == "delete" for element in patch):
        return live
    kept, changes = special_elements(live, patch, key)
    return [*kept, *(one for one in changes if find(kept, key, one.get(key)) < 0)][: len(live)]


def check_order(patch: list[Json], order: list[Json], key: str) -> None:
    """Refuse a patch whose elements are not in the order of its ``$setElementOrder``, or not in it at all."""
    if not patch or not order:
        return
    elements = patch
    if key:
        for element in patch:
            if not isinstance(element, dict):
                raise StrategicError(f"expected a map[string]interface {{}}, but received a {type_name(element)}")
        elements = [element for element in patch if element.get(PATCH) != "delete"]
    place = at = 0
    while place < len(elements) and at < len(order):
        if isinstance(elements[place], dict) and PATCH in elements[place]:
            place += 1
            continue
        if _same_element(elements[place], order[at], key):
            place += 1
        at += 1
    if place < len(elements) and at >= len(order):
        listed, wanted = go_text(patch), go_text(order)
        why = f"The order in patch list:\n{listed}\n doesn't match {ELEMENT_ORDER} list:\n{wanted}\n"
        raise StrategicError(why)


def _same_element(left: Json, right: Json, key: str) -> bool:
    if not key:
        return _equal(left, right)
    for one in (left, right):
        if not isinstance(one, dict):
            raise StrategicError(f"expected a map[string]interface {{}}, but received a {type_name(one)}")
        if key not in one:
            raise no_merge_key(one, key)
    return _equal(left[key], right[key])


def reordered(merged: list[Json], order: list[Json], live: list[Json], key: str, kind: str) -> list[Json]:
    """Elements of ``order`` in that order, the others in the live list's, put among them where they stood there."""
    named: list[Json] = []
    others: list[Json] = []
    for element in merged:
        (named if _in(order, element, key) else others).append(element)
    if kind == "map":
        _check_keys(key, named, order)
        _check_keys(key, others, live)
    return _zipped(_sorted(others, live, key, kind), _sorted(named, order, key, kind), live, key, kind)


def _in(order: list[Json], element: Json, key: str) -> bool:
    if not key:
        return any(_equal(element, one) for one in order)
    if not isinstance(element, dict):
        raise StrategicError(f"expected a map[string]interface {{}}, but received a {type_name(element)}")
    if key not in element:
        raise no_merge_key(element, key)
    return find(order, key, element[key]) >= 0


def _check_keys(key: str, *lists: list[Json]) -> None:
    for element in (element for one in lists for element in one):
        if not isinstance(element, dict):
            raise StrategicError(f"expected a map[string]interface {{}}, but received a {type_name(element)}")
        if key not in element:
            raise no_merge_key(element, key)


def _place(order: Sequence[Json], element: Json, key: str, kind: str) -> int:
    wanted = _identity(element, key, kind)
    return next((place for place, one in enumerate(order) if _equal(_identity(one, key, kind), wanted)), -1)


def _identity(element: Json, key: str, kind: str) -> Json:
    if kind != "map":
        return element
    return element.get(key) if isinstance(element, dict) else None


def _sorted(elements: list[Json], order: list[Json], key: str, kind: str) -> list[Json]:
    """In ``order``, deletions last. What is not in it goes before what stands left of it, as insertion sort does."""
    if kind == "map":
        last = [one for one in elements if one.get(PATCH) == "delete"]
        elements = [one for one in elements if one.get(PATCH) != "delete"]
    else:
        last = []
    places = [(_place(order, one, key, kind), one) for one in elements]
    for end in range(1, len(places)):
        at = end
        while at > 0 and (min(places[at][0], places[at - 1][0]) < 0 or places[at][0] < places[at - 1][0]):
            places[at - 1], places[at] = places[at], places[at - 1]
            at -= 1
    return [one for _, one in places] + last


def _zipped(left: list[Json], right: list[Json], live: list[Json], key: str, kind: str) -> list[Json]:
    """Both lists in one: an element of ``left`` goes first where the live list has it before ``right``'s."""
    out: list[Json] = []
    i = j = 0
    while i < len(left) and j < len(right):
        ours, theirs = (_place(live, one, key, kind) for one in (left[i], right[j]))
        if 0 <= ours < theirs:
            out.append(left[i])
            i += 1
        else:
            out.append(right[j])
            j += 1
    return [*out, *left[i:], *right[j:]]
