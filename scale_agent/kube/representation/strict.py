"""``fieldValidation``: fields that a body names twice or that its type does not have, in a real server's words.

Observed from 1.36.2. A built-in type's objections come in the order of the document, a custom type's and a patch's with
the doubled fields first, then the unknown ones sorted. YAML says the lines of doubled keys, then unknown fields sorted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import yaml

from scale_agent.kube import status
from scale_agent.kube.codec.goquote import quote
from scale_agent.kube.errors import StatusError
from scale_agent.kube.representation import negotiation
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj

JSON_PATCH = "application/json-patch+json"
_JSON_PATCH_MEMBERS = frozenset(("op", "path", "from", "value"))


@dataclass(frozen=True, slots=True)
class Objections:
    """What strict decoding refuses: ``lines`` of YAML that double a key, and fields."""

    lines: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """One text each, for ``fieldValidation=Warn``."""
        return [*self.lines, *self.fields]

    @property
    def error(self) -> str:
        """All in one, for ``fieldValidation=Strict``."""
        doubled = ["\n  ".join(("yaml: unmarshal errors:", *self.lines))] if self.lines else []
        return f"strict decoding error: {', '.join((*doubled, *self.fields))}"


NONE = Objections()


class _Pairs(list[tuple[str, Any]]):
    """A JSON object that keeps doubled names."""


def in_body(body: bytes, media: str, parsed: Obj, unknown: Sequence[str], resource: ResourceType) -> Objections:
    """What there is to object to in the body of a POST or PUT, which was ``parsed`` and has ``unknown`` fields."""
    if media == negotiation.YAML:
        doubled = tuple(doubled_keys(body.decode("utf-8", "replace")))
        return Objections(doubled, tuple(_unknown(unknown))) if doubled or unknown else NONE
    if media != negotiation.JSON or not (unknown or _may_double(body, parsed)):
        return NONE
    if resource.typed:
        return Objections(fields=tuple(_objections(body, frozenset(unknown))))
    return Objections(fields=(*_objections(body), *_unknown(unknown)))


def in_patch(body: bytes, media: str, parsed: Any, unknown: Sequence[str]) -> Objections:
    """What there is to object to in a PATCH: in itself, and the ``unknown`` fields of the object that it makes."""
    own: Iterable[str] = ()
    if media == JSON_PATCH:
        members = frozenset(
            f"[{at}].{name}" for at, row in enumerate(parsed) for name in row.keys() - _JSON_PATCH_MEMBERS
        )
        own = (f"json patch {text}" for text in _objections(body, members))
    elif _may_double(body, parsed):
        own = _objections(body)
    return Objections(fields=(*own, *_unknown(unknown)))


def _unknown(paths: Iterable[str]) -> Iterator[str]:
    return (f"unknown field {quote(path)}" for path in paths)


def _may_double(body: bytes, parsed: Any) -> bool:
    """Cheap, and never wrongly false for what clients send: a compact body that lost a field would be shorter."""
    return len(orjson.dumps(parsed)) != len(body.strip())


def _objections(body: bytes, unknown: frozenset[str] = frozenset()) -> list[str]:
    found: dict[str, None] = {}
    try:
        _walk(json.loads(body.decode("utf-8", "replace"), object_pairs_hook=_Pairs), "", unknown, found)
    except RecursionError as error:
        raise status.bad_request("json: exceeded max depth") from error
    return list(found)


def _walk(value: Any, path: str, unknown: frozenset[str], found: dict[str, None]) -> None:
    if isinstance(value, _Pairs):
        seen = set()
        for name, inner in value:
            place = f"{path}.{name}" if path else name
            if place in unknown:
                found[f"unknown field {quote(place)}"] = None
                continue
            if name in seen:
                found[f"duplicate field {quote(place)}"] = None
            seen.add(name)
            _walk(inner, place, unknown, found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _walk(item, f"{path}[{index}]", unknown, found)


def doubled_keys(text: str) -> list[str]:
    """``line 8: key "x" already set in map`` for each doubled key of a YAML document, by line."""
    found: list[tuple[int, str]] = []
    pending = [next(iter(yaml.compose_all(text, Loader=yaml.SafeLoader)), None)]
    while pending:
        node = pending.pop()
        if isinstance(node, yaml.SequenceNode):
            pending += node.value
        elif isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                if key.value in seen:
                    found.append((key.start_mark.line + 1, json.dumps(key.value, ensure_ascii=False)))
                if isinstance(key, yaml.ScalarNode):
                    seen.add(key.value)
                pending.append(value)
    return [f"line {line}: key {key} already set in map" for line, key in sorted(found)]


def refused(resource: ResourceType, kind: str, objections: Objections) -> StatusError:
    """400 for a POST or PUT."""
    place = f'{kind} in version "{resource.version}"'
    return status.bad_request(f"{place} cannot be handled as a {kind}: {objections.error}")


def refused_patch(shown: str, objections: Objections) -> StatusError:
    """422 for a PATCH; ``shown`` is the patched object or the patch, as a real server shows it."""
    cause = status.invalid_value("patch", json.dumps(shown, ensure_ascii=False), objections.error)
    return status.invalid("", "", "", [cause])


def go_text(value: Any) -> str:
    """A decoded JSON value as Go's ``%v`` prints it: ``map[a:1 b:[x <nil>]]``, names sorted."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{go_text(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "<nil>", True: "true", False: "false"}[value]
    return f"{value}"


def touched(before: Any, after: Any) -> Any:
    """A patched object as the real server's patch library writes it: the names of every changed object are sorted."""
    if not isinstance(after, dict) or after == before:
        return after
    inside = before if isinstance(before, dict) else {}
    return {name: touched(inside.get(name), after[name]) for name in sorted(after)}
