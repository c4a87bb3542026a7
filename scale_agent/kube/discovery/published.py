"""The schema of a definition's version as OpenAPI publishes it: members in Go's order, once for v3 and once for v2.

Rules: ``Structural.Unfold``, ``ToKubeOpenAPI``, ``ToStructuralOpenAPIV2``, ``PruneDefaults`` and the builder's
``addEmbeddedProperties`` of k8s.io/apiextensions-apiserver and kube-openapi.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = dict[str, Any]
#: The members of a schema in the order of ``SchemaProps`` and ``SwaggerSchemaProps``; extensions follow by name.
_ORDER = (
    *("description", "type", "nullable", "format", "title", "default", "maximum", "exclusiveMaximum", "minimum"),
    *("exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "multipleOf"),
    *("enum", "maxProperties", "minProperties", "required", "items", "allOf", "oneOf", "anyOf", "not", "properties"),
    *("additionalProperties", "externalDocs", "example"),
)
_AT = {name: number for number, name in enumerate(_ORDER)}
_JUNCTORS = ("allOf", "oneOf", "anyOf")
_EMBEDDED, _PRESERVE = "x-kubernetes-embedded-resource", "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_EITHER = [{"type": "integer"}, {"type": "string"}]
#: The members of a validation rule in Go's order.
_RULE = ("rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")


def v3(raw: Mapping[str, Any]) -> Schema:
    """A schema for /openapi/v3."""
    return _ordered(_unfolded(raw), sort_rules=False)


def v2(raw: Mapping[str, Any]) -> Schema:
    """A schema for /openapi/v2: without what kubectl's old validation cannot take, and without defaults."""
    return _ordered(_simplified(_unfolded(raw)), sort_rules=True)


def embed(schema: Schema, members: Mapping[str, Any], *, simple: bool) -> Schema:
    """Objects inside objects get apiVersion, kind and metadata (``members``); ``simple``: for v2."""
    for inner in _inner(schema):
        embed(inner, members, simple=simple)
    if not schema.get(_EMBEDDED) or (simple and schema.get(_PRESERVE)):
        return schema
    missing = [name for name in ("kind", "apiVersion") if name not in schema.get("required", ())]
    schema["required"] = [*schema.get("required", ()), *missing]
    with_members(schema, members)
    return schema


def with_members(schema: Schema, members: Mapping[str, Any]) -> None:
    """Set properties, in place; everything stays in its order."""
    properties = {**schema.get("properties", {}), **members}
    schema["properties"] = {name: properties[name] for name in sorted(properties)}
    in_order = {name: schema[name] for name in sorted(schema, key=_place)}
    schema.clear()
    schema.update(in_order)


def _inner(schema: Schema) -> Iterator[Schema]:
    yield from schema.get("properties", {}).values()
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield schema[name]


def _place(name: str) -> tuple[int, str]:
    return _AT.get(name, len(_AT)), name


def _unfolded(raw: Mapping[str, Any]) -> Schema:
    """What ``x-kubernetes-int-or-string`` means is said in ``anyOf``, too."""
    schema = dict(raw)
    if schema.get(_INT_OR_STRING) and not _says_either(schema):
        if schema.get("anyOf"):
            schema["allOf"] = [{"anyOf": _EITHER}, *schema.get("allOf", ())]
        else:
            schema["anyOf"] = _EITHER
    return _mapped(schema, _unfolded)


def _says_either(schema: Schema) -> bool:
    first = (schema.get("allOf") or [{}])[0]
    return schema.get("anyOf") == _EITHER or first.get("anyOf") == _EITHER


def _mapped(schema: Schema, change: Any) -> Schema:
    """The schemas right inside, changed; junctors hold no structure and stay."""
    if schema.get("properties"):
        schema["properties"] = {name: change(inner) for name, inner in schema["properties"].items()}
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            schema[name] = change(schema[name])
    return schema


def _simplified(schema: Schema) -> Schema:
    dropped = {*_JUNCTORS, "not", "default"}
    nullable, preserves = schema.get("nullable"), schema.get(_PRESERVE)
    if nullable:
        dropped |= {"type", "nullable"}
    if nullable or preserves:
        dropped |= {"items", "properties"}
    without_items = "items" in dropped or not schema.get("items")
    if (schema.get("type") == "array" and without_items) or (preserves and schema.get("type") == "object"):
        dropped.add("type")
    kept = {name: value for name, value in schema.items() if name not in dropped}
    return _mapped(_relaxed(kept), _simplified)


def _relaxed(schema: Schema) -> Schema:
    """What may be null is not required."""
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict) and extra.get("nullable"):
        schema.pop("required", None)
    nullable = {name for name, inner in (schema.get("properties") or {}).items() if inner.get("nullable")}
    if nullable and schema.get("required"):
        schema["required"] = [name for name in schema["required"] if name not in nullable]
    return schema


def _ordered(schema: Mapping[str, Any], *, sort_rules: bool) -> Schema:
    made: Schema = {}
    for name in sorted(schema, key=_place):
        value = _member(name, schema[name], sort_rules=sort_rules)
        if name == "additionalProperties" or not _is_absent(name, value):
            made[name] = value
    return made


#: Go writes these even when they are zero or empty: they are pointers, or anything at all.
_WHATEVER = {
    *("default", "example", "maximum", "minimum", "maxLength", "minLength", "maxItems", "minItems", "multipleOf"),
    *("maxProperties", "minProperties", "not", "items"),
}


def _is_absent(name: str, value: Any) -> bool:
    return value is None or (name not in _WHATEVER and not value)


def _member(name: str, value: Any, *, sort_rules: bool) -> Any:
    if name in ("items", "not", "additionalProperties") and isinstance(value, dict):
        return _ordered(value, sort_rules=sort_rules)
    if name in _JUNCTORS:
        return [_ordered(one, sort_rules=sort_rules) for one in value]
    if name == "properties":
        return {key: _ordered(value[key], sort_rules=sort_rules) for key in sorted(value)}
    if name == "x-kubernetes-validations":
        return [{key: one[key] for key in (sorted(one) if sort_rules else _RULE) if one.get(key)} for one in value]
    return plain(value)


def plain(value: Any) -> Any:
    """A value as Go writes one that may be anything: names sorted, whole numbers without a fraction."""
    if isinstance(value, dict):
        return {name: plain(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    return value
