"""The internal form of a definition's spec, in which the real server checks it and shows what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scale_agent.kube.custom.gotext import Struct

Raw = Mapping[str, Any]
#: The members of a schema in the order and by the names of the internal struct (``apiextensions.JSONSchemaProps``).
_MEMBERS = (
    *(("id", "ID", ""), ("$schema", "Schema", ""), ("$ref", "Ref", None), ("description", "Description", "")),
    *(("type", "Type", ""), ("nullable", "Nullable", False), ("format", "Format", ""), ("title", "Title", "")),
    *(("default", "Default", None), ("maximum", "Maximum", None), ("exclusiveMaximum", "ExclusiveMaximum", False)),
    *(("minimum", "Minimum", None), ("exclusiveMinimum", "ExclusiveMinimum", False), ("maxLength", "MaxLength", None)),
    *(("minLength", "MinLength", None), ("pattern", "Pattern", ""), ("maxItems", "MaxItems", None)),
    *(("minItems", "MinItems", None), ("uniqueItems", "UniqueItems", False), ("multipleOf", "MultipleOf", None)),
    *(("enum", "Enum", None), ("maxProperties", "MaxProperties", None), ("minProperties", "MinProperties", None)),
    *(("required", "Required", None), ("items", "Items", None), ("allOf", "AllOf", None), ("oneOf", "OneOf", None)),
    *(("anyOf", "AnyOf", None), ("not", "Not", None), ("properties", "Properties", None)),
    *(("additionalProperties", "AdditionalProperties", None), ("patternProperties", "PatternProperties", None)),
    *(("dependencies", "Dependencies", None), ("additionalItems", "AdditionalItems", None)),
    *(("definitions", "Definitions", None), ("externalDocs", "ExternalDocs", None), ("example", "Example", None)),
    ("x-kubernetes-preserve-unknown-fields", "XPreserveUnknownFields", None),
    ("x-kubernetes-embedded-resource", "XEmbeddedResource", False),
    ("x-kubernetes-int-or-string", "XIntOrString", False),
    ("x-kubernetes-list-map-keys", "XListMapKeys", None),
    ("x-kubernetes-list-type", "XListType", None),
    ("x-kubernetes-map-type", "XMapType", None),
    ("x-kubernetes-validations", "XValidations", None),
)
#: What a schema may say at its root when status is a subresource.
ALLOWED_AT_ROOT = frozenset(
    (
        *("description", "type", "format", "title", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"),
        *(
            "maxLength",
            "minLength",
            "pattern",
            "maxItems",
            "minItems",
            "uniqueItems",
            "multipleOf",
            "required",
            "items",
        ),
        *("properties", "externalDocs", "example", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations"),
    )
)


@dataclass(frozen=True, slots=True)
class Spec:
    """``schema``, ``subresources``, ``columns``, ``selectable`` are what all versions have alike, taken out of them."""

    versions: Sequence[Raw]
    version: str
    schema: Raw | None
    subresources: Raw | None
    columns: Sequence[Raw]
    selectable: Sequence[Raw]

    @property
    def has_status(self) -> bool:
        """Whether any version has a status subresource."""
        found = [self.subresources, *(version.get("subresources") for version in self.versions)]
        return any((one or {}).get("status") is not None for one in found)

    @property
    def shown(self) -> Any:
        """The versions as they stand in a message: the internal structs, in JSON."""
        return Struct([_version(one) for one in self.versions])


def of(spec: Raw) -> Spec:
    """The internal form of ``spec``."""
    versions: list[dict[str, Any]] = [dict(one) for one in spec.get("versions") or ()]
    common: dict[str, Any] = {}
    for name in ("schema", "subresources", "additionalPrinterColumns", "selectableFields"):
        if versions and all(one.get(name) == versions[0].get(name) for one in versions):
            common[name] = versions[0].get(name)
            for one in versions:
                one.pop(name, None)
    return Spec(
        versions=versions,
        version=versions[0].get("name") or "" if versions else "",
        schema=(common.get("schema") or {}).get("openAPIV3Schema"),
        subresources=common.get("subresources"),
        columns=common.get("additionalPrinterColumns") or (),
        selectable=common.get("selectableFields") or (),
    )


def in_go_order(schema: Raw) -> Iterator[str]:
    """The members that a schema has, in the order of the struct."""
    for name, _, empty in _MEMBERS:
        if name in schema and schema[name] != empty and schema[name] is not None:
            yield name


def go_schema(schema: Raw) -> Struct:
    """A schema as it stands in a message."""
    return Struct(_schema(schema))


def _schema(schema: Raw | None) -> Any:
    if schema is None:
        return None
    return {called: _member(name, schema.get(name, empty)) for name, called, empty in _MEMBERS}


def _member(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in ("allOf", "oneOf", "anyOf"):
        return [_schema(one) for one in value]
    if name in ("properties", "patternProperties", "definitions"):
        return {key: _schema(value[key]) for key in sorted(value)}
    if name == "not":
        return _schema(value)
    if name == "items":
        several = [_schema(one) for one in value] if isinstance(value, list) else None
        return {"Schema": None if several is not None else _schema(value), "JSONSchemas": several}
    if name in ("additionalProperties", "additionalItems"):
        is_schema = isinstance(value, dict)
        return {"Allows": is_schema or bool(value), "Schema": _schema(value) if is_schema else None}
    if name == "x-kubernetes-validations":
        return [go_rule(one) for one in value]
    return value


def go_rule(rule: Raw) -> Any:
    """A rule in CEL as it stands in a message."""
    return {called: rule.get(name, empty) for called, name, empty in _RULE}


_RULE: tuple[tuple[str, str, Any], ...] = (
    *(("Rule", "rule", ""), ("Message", "message", ""), ("MessageExpression", "messageExpression", "")),
    *(("Reason", "reason", None), ("FieldPath", "fieldPath", ""), ("OptionalOldSelf", "optionalOldSelf", None)),
)


def _version(version: Raw) -> Any:
    schema = version.get("schema")
    return {
        "Name": version.get("name") or "",
        "Served": bool(version.get("served")),
        "Storage": bool(version.get("storage")),
        "Deprecated": bool(version.get("deprecated")),
        "DeprecationWarning": version.get("deprecationWarning"),
        "Schema": None if schema is None else {"OpenAPIV3Schema": _schema(schema.get("openAPIV3Schema"))},
        "Subresources": _subresources(version.get("subresources")),
        "AdditionalPrinterColumns": _columns(version.get("additionalPrinterColumns")),
        "SelectableFields": [{"JSONPath": one["jsonPath"]} for one in version.get("selectableFields") or ()] or None,
    }


def _subresources(found: Raw | None) -> Any:
    if found is None:
        return None
    scale = found.get("scale")
    names = ("SpecReplicasPath", "StatusReplicasPath", "LabelSelectorPath")
    shown = scale and {name: scale.get(name[0].lower() + name[1:], None if name[0] == "L" else "") for name in names}
    return {"Status": {} if found.get("status") is not None else None, "Scale": shown}


def _columns(columns: Sequence[Raw] | None) -> Any:
    return [{called: one.get(name, empty) for called, name, empty in _COLUMN} for one in columns] if columns else None


_COLUMN: tuple[tuple[str, str, Any], ...] = (
    *(("Name", "name", ""), ("Type", "type", ""), ("Format", "format", ""), ("Description", "description", "")),
    *(("Priority", "priority", 0), ("JSONPath", "jsonPath", "")),
)
