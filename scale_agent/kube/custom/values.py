"""Checking values by the OpenAPI v3 vocabulary, with the words of ``k8s.io/kube-openapi/pkg/validation/validate``.

On an update, what was wrong before and did not change is let through (ratcheting): objects and their members are
compared by name, elements of lists of type map by their keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from scale_agent.kube.codec.goquote import quote
from scale_agent.kube.custom import causes, formats, gotext, patterns
from scale_agent.kube.custom.correlation import Pair
from scale_agent.kube.custom.schema import Node
from scale_agent.kube.status import Cause

#: Makes a cause for the place of a failure.
Make = Callable[[str], Cause]
#: The same failure said twice is said once; hence by its words.
Failures = dict[str, Make]
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
_FORMATS = {"integer": "int64", "number": "float64"}
_LARGEST_EXACT = float((1 << 53) - 1)
_INT32 = 1 << 31
_LARGEST_FLOAT32 = 3.4028235677973366e38


class Outcome:
    """What was found: failures, and how much was right (by which the best alternative of several is chosen)."""

    __slots__ = ("failures", "matched")

    def __init__(self) -> None:
        self.failures: Failures = {}
        self.matched = 0

    def fail(self, text: str, make: Make) -> None:
        """Note a failure."""
        self.failures.setdefault(text, make)

    def take(self, other: Outcome) -> None:
        """Add what was found elsewhere."""
        for text, make in other.failures.items():
            self.failures.setdefault(text, make)
        self.matched += other.matched


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is: its path, and its pair if what it was before is known."""

    path: str
    pair: Pair | None = None


def check(value: Any, node: Node, base: str = "", pair: Pair | None = None) -> list[Cause]:
    """The causes of a value that breaks its schema; ``base`` is the path of the value itself."""
    outcome = _validate(value, node, Place("", pair))
    return [make(base) for make in outcome.failures.values()]


def _validate(value: Any, node: Node, place: Place) -> Outcome:
    out = Outcome()
    _run(value, node, place, out)
    if out.failures and place.pair is not None and place.pair.same():
        calm = Outcome()
        calm.matched = out.matched
        return calm
    return out


def _run(value: Any, node: Node, place: Place, out: Outcome) -> None:
    if value is None:
        _type(value, node, place, out, counted=False)
        _enum(value, node, place, out)
        return
    if node.kinds or node.format:
        _type(value, node, place, out)
        out.matched += 1
    _alternatives(value, node, place, out)
    out.matched += 1
    for validate in _BY_TYPE[type(value)]:
        validate(value, node, place, out)
        out.matched += 1
    if node.format and isinstance(value, str) and _is_text_format(node.format):
        _format(value, node, place, out)
        out.matched += 1
    _enum(value, node, place, out)
    out.matched += 2  # for the enum and for the whole


def _at(base: str, path: str) -> str:
    """The path of a failure below the path of the value that was checked."""
    inner = path.removeprefix(".")
    return causes.child(base, inner) if inner else base


def _invalid(out: Outcome, path: str, value: Any, text: str) -> None:
    out.fail(text, lambda base: causes.invalid(_at(base, path), value, text))


def _wrong_type(out: Outcome, path: str, wanted: str, got: str) -> None:
    text = f"{path} in body must be of type {wanted}: {quote(got)}"
    out.fail(text, lambda base: causes.type_invalid(_at(base, path), got, text))


def _type(value: Any, node: Node, place: Place, out: Outcome, *, counted: bool = True) -> None:
    kinds, format_ = node.kinds, node.format
    wanted = ",".join(kinds)
    if value is None:
        if kinds and not node.nullable:
            _wrong_type(out, place.path, wanted, "null")
        else:
            out.matched += counted
        return
    is_now = _TYPES[type(value)]
    whole = is_now == "number" and "integer" in kinds and is_whole(value)
    fits = is_now in kinds or whole or (is_now == "integer" and "number" in kinds)
    textual = is_now in ("string", "array")
    if not textual and format_ and not fits and _FORMATS.get(is_now, "") != format_:
        _wrong_type(out, place.path, format_, _FORMATS.get(is_now, ""))
    elif textual and format_ and "number" not in kinds and "integer" not in kinds:
        out.matched += counted
    elif not fits:
        _wrong_type(out, place.path, wanted, is_now)
    else:
        out.matched += counted


def is_whole(value: float) -> bool:
    """Whether a float stands for an integer (``swag.IsFloat64AJSONInteger``)."""
    if not -_LARGEST_EXACT <= value <= _LARGEST_EXACT:
        return False
    whole = float(int(value))
    if value == whole:
        return True
    if value == 0 or whole == 0:
        return False
    return abs(value - whole) / (abs(value) + abs(whole)) < 1e-9


def _enum(value: Any, node: Node, place: Place, out: Outcome) -> None:
    allowed = node.enum
    if allowed is None or any(_equals(value, one) for one in allowed):
        return
    values = [one if isinstance(one, str) else gotext.json(one) for one in allowed]
    text = f"{place.path} in body should be one of {values}"
    out.fail(text, lambda base: causes.unsupported(_at(base, place.path), value, values))


def _equals(value: Any, allowed: Any) -> bool:
    """Equality after Go's conversion to the type of the allowed value: a number becomes a character in a text."""
    if value is None or allowed is None:
        return False
    if type(value) is type(allowed):
        return bool(value == allowed) and gotext.json(value) == gotext.json(allowed)
    if isinstance(value, bool) or isinstance(allowed, bool):
        return False
    if isinstance(value, int | float) and isinstance(allowed, int | float):
        return type(allowed)(value) == allowed
    if isinstance(value, int) and isinstance(allowed, str):
        return 0 <= value < 0x110000 and not 0xD800 <= value < 0xE000 and chr(value) == allowed
    return False


def _text(value: str, node: Node, place: Place, out: Outcome) -> None:
    limits, path = node.limits, place.path
    if "maxLength" in limits and len(value) > limits["maxLength"]:
        most = limits["maxLength"]
        text = f"{path} in body should be at most {most} chars long"
        out.fail(text, lambda base: causes.too_long(_at(base, path), most))
    elif "minLength" in limits and len(value) < limits["minLength"]:
        _invalid(out, path, value, f"{path} in body should be at least {limits['minLength']} chars long")
    elif "pattern" in limits and not patterns.found(limits["pattern"], value):
        _invalid(out, path, value, f"{path} in body should match '{limits['pattern']}'")


def _is_text_format(format_: str) -> bool:
    return format_ not in ("int32", "int64", "float", "double")


def _format(value: str, node: Node, place: Place, out: Outcome) -> None:
    if not formats.valid(node.format, value):
        _wrong_type(out, place.path, node.format, value)


def _number(value: float, node: Node, place: Place, out: Outcome) -> None:
    out.matched += 1
    limits, path = node.limits, place.path
    _in_range(value, node, path, "Checked", out)
    if "multipleOf" in limits:
        _multiple(value, node, path, out)
    if "minimum" in limits:
        least, exclusive = _bound(value, node, path, "minimum", out), "exclusiveMinimum" in limits
        if value < least or (exclusive and value == least):
            words = "greater than" if exclusive else "greater than or equal to"
            _invalid(out, path, value, f"{path} in body should be {words} {gotext.shown(least)}")
    if "maximum" in limits:
        most, exclusive = _bound(value, node, path, "maximum", out), "exclusiveMaximum" in limits
        if value > most or (exclusive and value == most):
            words = "less than" if exclusive else "less than or equal to"
            _invalid(out, path, value, f"{path} in body should be {words} {gotext.shown(most)}")


def _bound(value: float, node: Node, path: str, name: str, out: Outcome) -> float:
    """A bound in the type of the value: an integer is compared with an integer, if the bound can be one."""
    bound: float = node.limits[name]
    good = _in_range(bound, node, path, f"{name.capitalize()} boundary", out)
    return int(bound) if good and isinstance(value, int) else float(bound)


def _in_range(value: float, node: Node, path: str, what: str, out: Outcome) -> bool:
    """Whether a number fits into the schema's type and format; if not, that is a failure of no place."""
    if len(node.kinds) != 1 or node.kinds[0] not in _FORMATS:
        return True
    kind, format_ = node.kinds[0], node.format
    if kind == "integer":
        largest = _INT32 if format_ == "int32" else 1 << 63
        good = value == int(value) and -largest <= value < largest
    else:
        good = format_ != "float" or abs(value) <= _LARGEST_FLOAT32
    if not good:
        how = f"with format {format_}" if format_ else "(default format)"
        _composite(out, f"{what} value must be of type {kind} {how} in {path}")
    return good


def _multiple(value: float, node: Node, path: str, out: Outcome) -> None:
    factor: float = node.limits["multipleOf"]
    if _in_range(factor, node, path, "MultipleOf", out) and isinstance(value, int):
        factor = int(factor)
    if factor <= 0:
        text = f"factor MultipleOf declared for {path} must be positive: {gotext.shown(factor)}"
        _invalid(out, path, factor, text)
    elif isinstance(factor, int):
        good = value % factor == 0
    else:
        good = is_whole(value / factor if factor >= 1 else 1 / factor * value)
    if factor > 0 and not good:
        _invalid(out, path, value, f"{path} in body should be a multiple of {gotext.shown(factor)}")


def _list(value: list[Any], node: Node, place: Place, out: Outcome) -> None:
    out.matched += 1
    limits, path = node.limits, place.path
    if node.items is not None:
        for index, one in enumerate(value):
            pair = place.pair.index(index) if place.pair is not None else None
            out.take(_validate(one, node.items, Place(f"{path}[{index}]", pair)))
    size = len(value)
    if size < limits.get("minItems", 0):
        _invalid(out, path, size, f"{path} in body should have at least {limits['minItems']} items")
    if "maxItems" in limits and size > limits["maxItems"]:
        most = limits["maxItems"]
        text = f"{path} in body should have at most {most} items"
        out.fail(text, lambda base: causes.too_many(_at(base, path), size, most))
    if "uniqueItems" in limits and len({gotext.json(one) for one in value}) < size:
        text = f"{path} in body shouldn't contain duplicates"
        _invalid(out, path, "", text)


def _object(value: dict[str, Any], node: Node, place: Place, out: Outcome) -> None:
    _count(value, node, place.path, out)
    for name in sorted(value):
        _member(name, value[name], node, place, out)
    for name in node.required:
        if name not in value:
            path = f"{place.path}.{name}"
            text = f"{path} in body is required"
            out.fail(text, lambda base, path=path: causes.required(_at(base, path)))  # type: ignore[misc]


def _count(value: dict[str, Any], node: Node, path: str, out: Outcome) -> None:
    limits, size = node.limits, len(value)
    if size < limits.get("minProperties", 0):
        _invalid(out, path, size, f"{path} in body should have at least {limits['minProperties']} properties")
    if "maxProperties" in limits and size > limits["maxProperties"]:
        most = limits["maxProperties"]
        text = f"{path} in body should have at most {most} properties"
        out.fail(text, lambda base: causes.too_many(_at(base, path), size, most))


def _member(name: str, value: Any, node: Node, place: Place, out: Outcome) -> None:
    pair = place.pair.key(name) if place.pair is not None else None
    if name in node.properties:
        if not place.path and name in ("kind", "apiVersion"):
            pair = None
        path = f"{place.path}.{name}" if place.path else name
        out.take(_validate(value, node.properties[name], Place(path, pair)))
    elif node.extra is not None:
        out.take(_validate(value, node.extra, Place(f"{place.path}.{name}", pair)))
    elif node.additional is False:
        _invalid(out, place.path, name, f"{place.path}.{name} in body is a forbidden property")


def _alternatives(value: Any, node: Node, place: Place, out: Outcome) -> None:
    """anyOf, oneOf, allOf, not. Their failures that are no field's stand at the path of the whole."""
    out.matched += 1
    if node.any_of:
        _any_of(value, node.any_of, place, out)
    if node.one_of:
        _one_of(value, node.one_of, place, out)
    if node.all_of:
        _all_of(value, node.all_of, place, out)
    if node.no is not None and not next(_each(value, (node.no,), place)).failures:
        _composite(out, f"{quote(place.path)} must not validate the schema (not)")


def _each(value: Any, nodes: Iterable[Node], place: Place) -> Iterator[Outcome]:
    """What the alternatives say; they are no places of their own, so what is unchanged inside them counts there."""
    for node in nodes:
        out = Outcome()
        _run(value, node, place, out)
        yield out


def _composite(out: Outcome, text: str) -> None:
    out.fail(text, lambda base: causes.invalid(base, "", text))


def _any_of(value: Any, nodes: tuple[Node, ...], place: Place, out: Outcome) -> None:
    best: Outcome | None = None
    for found in _each(value, nodes, place):
        if not found.failures:
            out.take(found)
            return
        if best is None or found.matched > best.matched:
            best = found
    _composite(out, f"{quote(place.path)} must validate at least one schema (anyOf)")
    if best is not None:
        out.take(best)


def _one_of(value: Any, nodes: tuple[Node, ...], place: Place, out: Outcome) -> None:
    found = list(_each(value, nodes, place))
    good = [one for one in found if not one.failures]
    if len(good) == 1:
        out.take(good[0])
        return
    words = f"Found {len(good)} valid alternatives" if good else "Found none valid"
    _composite(out, f"{quote(place.path)} must validate one and only one schema (oneOf). {words}")
    if not good:
        out.take(max(found, key=lambda one: one.matched))


def _all_of(value: Any, nodes: tuple[Node, ...], place: Place, out: Outcome) -> None:
    good = 0
    for found in _each(value, nodes, place):
        good += not found.failures
        out.take(found)
    if good < len(nodes):
        words = "" if good else ". None validated"
        _composite(out, f"{quote(place.path)} must validate all the schemas (allOf){words}")


_Validator = Callable[[Any, Node, Place, Outcome], None]
_BY_TYPE: dict[type, tuple[_Validator, ...]] = {
    bool: (),
    str: (_text,),
    int: (_number,),
    float: (_number,),
    list: (_list,),
    dict: (_object,),
}
