"""Which OpenAPI v3 schemas a definition may have (``apis/apiextensions/validation``: ``…OpenAPISchema``).

Causes stand in the order of the schema, members by name: the real server's order changes from request to request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from scale_agent.kube.custom import causes, cel_check, field_paths, gotext, internal
from scale_agent.kube.custom.causes import child, key
from scale_agent.kube.status import Cause

Raw = Mapping[str, Any]
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_META = frozenset(("metadata", "kind", "apiVersion"))
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a schema stands: ``no_defaults`` is why it may not have a default, ``in_meta`` whether it is metadata's."""

    path: str
    no_defaults: str = ""
    in_meta: bool = False
    root: bool = False

    def at(self, path: str) -> Place:
        """A schema below."""
        return replace(self, path=path, root=False)


def problems(schema: Raw, place: Place) -> Iterator[Cause]:
    """The causes for which a schema is refused, those of the schemas in it included."""
    yield from _unsupported(schema, place)
    if schema.get("uniqueItems"):
        words = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield causes.forbidden(child(place.path, "uniqueItems"), words)
    yield from _additional(schema, place)
    yield from _members(schema, place)
    for name in ("not",):
        if isinstance(schema.get(name), dict):
            yield from problems(schema[name], place.at(child(place.path, name)))
    for name in ("allOf", "oneOf", "anyOf"):
        for index, one in enumerate(schema.get(name) or ()):
            yield from problems(one, place.at(f"{child(place.path, name)}[{index}]"))
    if isinstance(schema.get("items"), dict):
        yield from problems(schema["items"], place.at(child(place.path, "items")))
    for check in _CHECKS:
        yield from check(schema, place.path)


def _unsupported(schema: Raw, place: Place) -> Iterator[Cause]:
    path = place.path
    kind = schema.get("type") or ""
    if kind and kind not in _TYPES:
        yield causes.unsupported(child(path, "type"), kind, _TYPES)
    if schema.get("default") is not None and place.no_defaults:
        yield causes.forbidden(child(path, "default"), f"must not be set {place.no_defaults}")
    for name in ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"):
        if schema.get(name):
            yield causes.forbidden(child(path, name), f"{name} is not supported")
    if kind == "null":
        yield causes.forbidden(child(path, "type"), "type cannot be set to null, use nullable as an alternative")
    if isinstance(schema.get("items"), list) and schema["items"]:
        yield causes.forbidden(child(path, "items"), "items must be a schema object and not an array")
    if place.in_meta and schema.get("x-kubernetes-embedded-resource"):
        yield causes.forbidden(
            child(path, "x-kubernetes-embedded-resource"), "must not be used inside of resource meta"
        )


def _additional(schema: Raw, place: Place) -> Iterator[Cause]:
    additional = schema.get("additionalProperties")
    if additional is None:
        return
    path = child(place.path, "additionalProperties")
    if schema.get("properties") and additional is not True:
        yield causes.forbidden(path, "additionalProperties and properties are mutual exclusive")
    if isinstance(additional, dict):
        below = place.at(path)
        if place.in_meta:
            below = replace(below, no_defaults="inside additionalProperties applying to object metadata")
        yield from problems(additional, below)


def _members(schema: Raw, place: Place) -> Iterator[Cause]:
    for name, inner in sorted((schema.get("properties") or {}).items()):
        below = place.at(key(child(place.path, "properties"), name))
        if name in _META and (place.root or schema.get("x-kubernetes-embedded-resource")):
            below = replace(below, in_meta=True)
            if place.root:
                below = replace(below, no_defaults=f"in top-level {name}")
        yield from problems(inner, below)


def _extensions(schema: Raw, path: str) -> Iterator[Cause]:
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        yield causes.invalid(child(path, "x-kubernetes-preserve-unknown-fields"), False, "must be true or undefined")
    kind, map_type = schema.get("type") or "", schema.get("x-kubernetes-map-type")
    if map_type is not None:
        yield from _type_is("object", kind, path, "must be object if x-kubernetes-map-type is specified")
        if map_type not in ("atomic", "granular"):
            yield causes.unsupported(child(path, "x-kubernetes-map-type"), map_type, ("atomic", "granular"))


def _type_is(wanted: str, kind: str, path: str, words: str) -> Iterator[Cause]:
    if not kind:
        yield causes.required(child(path, "type"), words)
    elif kind != wanted:
        yield causes.invalid(child(path, "type"), kind, words)


def _list(schema: Raw, path: str) -> Iterator[Cause]:
    kind, list_type = schema.get("type") or "", schema.get("x-kubernetes-list-type")
    if list_type is not None and kind != "array":
        yield from _type_is("array", kind, path, "must be array if x-kubernetes-list-type is specified")
    elif list_type == "set" and isinstance(schema.get("items"), dict):
        yield from _set_items(schema["items"], child(path, "items"))
    if list_type is not None and list_type not in ("atomic", "set", "map"):
        yield causes.unsupported(child(path, "x-kubernetes-list-type"), list_type, ("atomic", "set", "map"))
    if schema.get("x-kubernetes-list-map-keys") and list_type != "map":
        words = "must be map if x-kubernetes-list-map-keys is non-empty"
        place = child(path, "x-kubernetes-list-type")
        yield causes.required(place, words) if list_type is None else causes.invalid(place, list_type, words)
    if list_type == "map":
        yield from _map_items(schema, path)
    if list_type in ("set", "map") and isinstance(schema.get("items"), dict):
        yield from _keys_are_there(schema, path)


def _set_items(items: Raw, path: str) -> Iterator[Cause]:
    words = "must be atomic as item of a list with x-kubernetes-list-type=set"
    list_type = items.get("x-kubernetes-list-type")
    if items.get("type") == "array" and list_type not in (None, "atomic"):
        yield causes.invalid(child(path, "x-kubernetes-list-type"), list_type, words)
    if items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic":
        yield causes.invalid(child(path, "x-kubernetes-map-type"), list_type, words)


def _map_items(schema: Raw, path: str) -> Iterator[Cause]:
    keys, items = schema.get("x-kubernetes-list-map-keys") or [], schema.get("items")
    place = child(path, "items")
    if not keys:
        words = "must not be empty if x-kubernetes-list-type is map"
        yield causes.required(child(path, "x-kubernetes-list-map-keys"), words)
    if items is None:
        yield causes.required(place, "must have a schema if x-kubernetes-list-type is map")
    if isinstance(items, dict):
        if items.get("type") != "object":
            words = "must be object if parent array's x-kubernetes-list-type is map"
            yield causes.invalid(child(place, "type"), items.get("type") or "", words)
        else:
            yield from _map_keys(keys, items, path)


def _map_keys(keys: list[str], items: Raw, path: str) -> Iterator[Cause]:
    properties = items.get("properties") or {}
    for index, name in enumerate(keys):
        if name not in properties:
            words = "entries must all be names of item properties"
            yield causes.invalid(child(path, "x-kubernetes-list-map-keys"), keys, words)
        elif properties[name].get("type") in ("array", "object"):
            place = key(child(child(path, "items"), "properties"), name)
            words = "must be a scalar type if parent array's x-kubernetes-list-type is map"
            yield causes.invalid(child(place, "type"), items.get("type") or "", words)
        if name in keys[:index]:
            yield causes.invalid(child(path, "x-kubernetes-list-map-keys"), keys, "must not contain duplicate entries")


def _keys_are_there(schema: Raw, path: str) -> Iterator[Cause]:
    items, list_type = schema["items"], schema["x-kubernetes-list-type"]
    place = child(path, "items")
    if items.get("nullable"):
        yield causes.forbidden(
            child(place, "nullable"), f"cannot be nullable when x-kubernetes-list-type is {list_type}"
        )
    properties = items.get("properties") or {}
    for name in schema.get("x-kubernetes-list-map-keys") or () if list_type == "map" else ():
        if name not in properties:
            continue
        at = key(child(place, "properties"), name)
        if name not in (items.get("required") or ()) and properties[name].get("default") is None:
            words = "so it must have a default or be a required property"
            yield causes.required(child(at, "default"), f"this property is in x-kubernetes-list-map-keys, {words}")
        if properties[name].get("nullable"):
            words = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"
            yield causes.forbidden(child(at, "nullable"), words)


_NEWLINE = re.compile(r"[\n\r]+")


def _rules(schema: Raw, path: str) -> Iterator[Cause]:
    """Rules in CEL, as far as they can be looked at from outside."""
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        place = f"{child(path, 'x-kubernetes-validations')}[{index}]"
        yield from _rule_text(rule, place)
        if rule.get("messageExpression") and not rule["messageExpression"].strip():
            yield causes.required(child(place, "messageExpression"), "messageExpression must be non-empty if specified")
        if rule.get("reason") is not None and rule["reason"] not in _REASONS:
            yield causes.unsupported(child(place, "reason"), rule["reason"], _REASONS)
        yield from _rule_path(schema, rule.get("fieldPath") or "", child(place, "fieldPath"))


def rule_problems(schema: Raw, path: str, *, root: bool = True) -> Iterator[Cause]:
    """The causes of rules that cannot be compiled, in a schema that is right otherwise, and in those inside it."""
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        place = f"{child(path, 'x-kubernetes-validations')}[{index}]"
        shown = gotext.Struct(internal.go_rule(rule))
        for name in ("rule", "messageExpression"):
            problem = cel_check.problem(rule.get(name) or "", schema, root=root)
            if problem:
                start = "" if name == "rule" else "messageExpression "
                yield causes.invalid(child(place, name), shown, f"{start}{problem}")
                break
    for name, inner in sorted((schema.get("properties") or {}).items()):
        yield from rule_problems(inner, key(child(path, "properties"), name), root=False)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from rule_problems(schema[name], child(path, name), root=False)


def _rule_text(rule: Raw, place: str) -> Iterator[Cause]:
    text, message = rule.get("rule") or "", rule.get("message") or ""
    if not text.strip():
        yield causes.required(child(place, "rule"), "rule is not specified")
    elif message and not message.strip():
        yield causes.invalid(child(place, "message"), message, "must be non-empty if specified")
    elif _NEWLINE.search(message.strip()):
        yield causes.invalid(child(place, "message"), message, "must not contain line breaks")
    elif _NEWLINE.search(text.strip()) and not message.strip():
        yield causes.required(child(place, "message"), "message must be specified if rule contains line breaks")


def _rule_path(schema: Raw, path: str, place: str) -> Iterator[Cause]:
    if not path:
        return
    if not path.strip():
        yield causes.invalid(place, path, "must be non-empty if specified")
    if _NEWLINE.search(path):
        yield causes.invalid(place, path, "must not contain line breaks")
    try:
        field_paths.resolve(path, schema)
    except field_paths.InvalidPathError:
        yield causes.invalid(place, path, "must be a valid path")


_CHECKS: tuple[Callable[[Raw, str], Iterator[Cause]], ...] = (_extensions, _list, _rules)
