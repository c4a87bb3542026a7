"""What makes a schema structural (``apiserver/schema``: ``ValidateStructural``). Causes are sorted by their text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scale_agent.kube.custom import causes, patterns
from scale_agent.kube.custom.causes import child, key
from scale_agent.kube.status import Cause

Raw = Mapping[str, Any]
_INT_OR_STRING = ({"type": "integer"}, {"type": "string"})
_LEVELS = {
    "root": "must not be empty at the root",
    "item": "must not be empty for specified array items",
    "field": "must not be empty for specified object fields",
}
_EMBEDDED, _PRESERVE = "x-kubernetes-embedded-resource", "x-kubernetes-preserve-unknown-fields"
_EITHER = "x-kubernetes-int-or-string"
_UNSUPPORTED = ("id", "$schema", "$ref", "patternProperties", "dependencies", "additionalItems", "definitions")
#: What value validations may not say, and how that is put.
_FORBIDDEN_INSIDE = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    (_PRESERVE, "must be false to be structural"),
    (_EMBEDDED, "must be false to be structural"),
    (_EITHER, "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    ("x-kubernetes-validations", "must be empty to be structural"),
)


def unreadable(schema: Raw) -> str:
    """Why a schema cannot even be read as a structural one (``NewStructural``); ``""`` if it can."""
    for name in _UNSUPPORTED:
        if schema.get(name):
            return f"OpenAPIV3Schema '{name.removeprefix('$') if name == '$schema' else name}' is not supported"
    if schema.get(_PRESERVE) is False:
        return f"internal error: '{_PRESERVE}' must be true or undefined"
    if isinstance(schema.get("items"), list) and schema["items"]:
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    return next((found for one in _inside(schema) if (found := unreadable(one))), "")


def walk(schema: Raw) -> Iterator[Raw]:
    """A schema and all schemas in it."""
    yield schema
    for one in _inside(schema):
        yield from walk(one)


def _inside(schema: Raw) -> Iterator[Raw]:
    for name in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(name), dict):
            yield schema[name]
    for name in ("allOf", "anyOf", "oneOf"):
        yield from schema.get(name) or ()
    yield from (schema.get("properties") or {}).values()


def problems(schema: Raw, path: str) -> list[Cause]:
    """The causes for which a schema is not structural."""
    found = [*_invariants(schema, path, "root"), *_complete(schema, schema, path, path)]
    return sorted(found, key=lambda one: f"{one.field}: {one.message}")


def _invariants(schema: Raw, path: str, level: str) -> Iterator[Cause]:
    kind = schema.get("type") or ""
    if kind == "array" and not isinstance(schema.get("items"), dict):
        yield causes.required(child(path, "items"), "must be specified")
    if isinstance(schema.get("items"), dict):
        yield from _invariants(schema["items"], child(path, "items"), "item")
    for name, inner in (schema.get("properties") or {}).items():
        yield from _invariants(inner, key(child(path, "properties"), name), "field")
    additional = schema.get("additionalProperties")
    if additional is not None and level == "root":
        yield causes.forbidden(child(path, "additionalProperties"), "must not be used at the root")
    if isinstance(additional, dict):
        yield from _invariants(additional, child(path, "additionalProperties"), "field")
    yield from _extensions(schema, path)
    yield from _values(schema, path, structure=True)
    yield from _types(schema, kind, path, level)
    yield from _type_meta(schema, path, level)


def _extensions(schema: Raw, path: str) -> Iterator[Cause]:
    for name in (_PRESERVE, _EMBEDDED):
        if schema.get(_EITHER) and schema.get(name):
            yield causes.invalid(child(path, name), True, f"must be false if {_EITHER} is true")


def _types(schema: Raw, kind: str, path: str, level: str) -> Iterator[Cause]:
    place, embedded = child(path, "type"), bool(schema.get(_EMBEDDED))
    if embedded and kind != "object":
        words = f"must be object if {_EMBEDDED} is true"
        yield causes.invalid(place, kind, words) if kind else causes.required(place, words)
    elif not kind and not schema.get(_EITHER) and not schema.get(_PRESERVE):
        yield causes.required(place, _LEVELS[level])
    if embedded and schema.get("additionalProperties") is not None:
        yield causes.forbidden(child(path, "additionalProperties"), f"must not be used if {_EMBEDDED} is set")
    if level == "root" and kind and kind != "object":
        yield causes.invalid(place, kind, "must be object at the root")


def _type_meta(schema: Raw, path: str, level: str) -> Iterator[Cause]:
    properties = schema.get("properties") or {}
    embedded = bool(schema.get(_EMBEDDED))
    for name in ("kind", "apiVersion") if level == "root" or embedded else ():
        kind = (properties.get(name) or {}).get("type") or ""
        if name in properties and kind != "string":
            yield causes.invalid(child(key(child(path, "properties"), name), "type"), kind, "must be string")
    if "metadata" in properties:
        place = key(child(path, "properties"), "metadata")
        kind = properties["metadata"].get("type") or ""
        if (level == "root" or embedded) and kind != "object":
            yield causes.invalid(child(place, "type"), kind, "must be object")
        if level == "root" and not _only_names(properties["metadata"]):
            words = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            yield causes.forbidden(place, words)
    if embedded and not schema.get(_PRESERVE) and not properties:
        words = f"must not be empty if {_EMBEDDED} is true without {_PRESERVE}"
        yield causes.required(child(path, "properties"), words)


def _only_names(metadata: Raw) -> bool:
    rest = {name for name, value in metadata.items() if value not in (None, "", [], {}, False)}
    return rest <= {"type", "default", "properties"} and set(metadata.get("properties") or ()) <= {
        "name",
        "generateName",
    }


def _values(schema: Raw, path: str, *, structure: bool) -> Iterator[Cause]:
    """Value validations, which may not say anything about the structure. An int-or-string's usual anyOf is allowed."""
    any_of, all_of = schema.get("anyOf") or (), schema.get("allOf") or ()
    if not (structure and tuple(any_of) == _INT_OR_STRING):
        for index, one in enumerate(any_of):
            yield from _nested(one, f"{child(path, 'anyOf')}[{index}]")
    for index, one in enumerate(all_of):
        usual = structure and index == 0 and tuple(one.get("anyOf") or ()) == _INT_OR_STRING
        yield from _nested(one, f"{child(path, 'allOf')}[{index}]", skip_any=usual)
    for index, one in enumerate(schema.get("oneOf") or ()):
        yield from _nested(one, f"{child(path, 'oneOf')}[{index}]")
    if isinstance(schema.get("not"), dict):
        yield from _nested(schema["not"], child(path, "not"))
    problem = patterns.problem(schema.get("pattern") or "")
    if problem:
        words = f"must be a valid regular expression, but isn't: {problem}"
        yield causes.invalid(child(path, "pattern"), schema["pattern"], words)


def _nested(schema: Raw, path: str, *, skip_any: bool = False) -> Iterator[Cause]:
    shown = {**schema, "anyOf": ()} if skip_any else schema
    yield from _values(shown, path, structure=False)
    if isinstance(schema.get("items"), dict):
        yield from _nested(schema["items"], child(path, "items"))
    properties = schema.get("properties") or {}
    for name, inner in properties.items():
        yield from _nested(inner, key(child(path, "properties"), name))
    for name, words in _FORBIDDEN_INSIDE:
        if schema.get(name) not in (None, "", False, [], ()):
            yield causes.forbidden(child(path, name), words)
    if "metadata" in properties:
        yield causes.forbidden(key(child(path, "properties"), "metadata"), "must not be specified in a nested context")


def _complete(values: Raw, schema: Raw, path: str, at: str) -> Iterator[Cause]:
    """What value validations speak about is there (``validateStructuralCompleteness``)."""
    if isinstance(values.get("not"), dict):
        yield from _nested_complete(values["not"], schema, path, child(at, "not"))
    for name in ("allOf", "anyOf", "oneOf"):
        for index, one in enumerate(values.get(name) or ()):
            yield from _nested_complete(one, schema, path, f"{child(at, name)}[{index}]")


def _nested_complete(values: Raw, schema: Raw | None, path: str, at: str) -> Iterator[Cause]:
    if schema is None:
        yield causes.required(path, f"because it is defined in {at}")
        return
    yield from _complete(values, schema, path, at)
    if isinstance(values.get("items"), dict):
        items = schema["items"] if isinstance(schema.get("items"), dict) else None
        yield from _nested_complete(values["items"], items, child(path, "items"), child(at, "items"))
    properties = schema.get("properties") or {}
    for name, inner in (values.get("properties") or {}).items():
        place, there = key(child(path, "properties"), name), key(child(at, "properties"), name)
        yield from _nested_complete(inner, properties.get(name), place, there)
