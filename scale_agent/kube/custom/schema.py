"""The schema of a version of a custom resource as a tree of nodes, made once from its OpenAPI v3 JSON.

One node serves what the real server keeps twice: the structural schema (pruning, defaults, list types) and the
validation schema (``apiserver/validation.NewSchemaValidator``). Prose is left out; nodes are shared by all clusters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Formats of texts that are checked; others are ignored (apiserver/validation/formats.go), written without dashes.
TEXT_FORMATS = frozenset(
    (
        *(
            "bsonobjectid",
            "byte",
            "cidr",
            "creditcard",
            "date",
            "datetime",
            "duration",
            "email",
            "hexcolor",
            "hostname",
        ),
        *("ipv4", "ipv6", "isbn", "isbn10", "isbn13", "k8slongname", "k8sshortname", "mac", "password", "rgbcolor"),
        *("ssn", "uri", "uuid", "uuid3", "uuid4", "uuid5"),
    )
)
_NUMBER_FORMATS = {"integer": frozenset(("int32", "int64")), "number": frozenset(("float", "double"))}
#: The fields of metadata that every object has, whatever its schema says.
TYPE_META = ("apiVersion", "kind")
#: The rules of values beside type, enum and members: absent ones cost nothing.
_LIMITS = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern"),
    *("minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
)
_INT_OR_STRING = ("integer", "string")


def recognized(format_: str, kind: str) -> bool:
    """Whether a format means anything for a type (``""``: any)."""
    if kind in ("", "string"):
        return format_.replace("-", "") in TEXT_FORMATS
    return format_ in _NUMBER_FORMATS.get(kind, ())


def _given(value: Any) -> bool:
    return value is not None and value is not False and value != ""


class Node:
    """One schema. ``kinds`` are the allowed JSON types, ``limits`` the rules of :data:`_LIMITS` that it has.

    ``additional`` is the schema of members that ``properties`` does not name, ``True`` if anything goes, ``False`` if
    they are refused and ``None`` if the schema does not say. ``default`` is ``None`` without one (null is none).
    """

    __slots__ = (
        "additional",
        "all_of",
        "any_of",
        "default",
        "embedded",
        "enum",
        "format",
        "has_embedded",
        "has_lists",
        "has_rules",
        "items",
        "kinds",
        "limits",
        "list_keys",
        "list_type",
        "map_type",
        "no",
        "nullable",
        "one_of",
        "preserve",
        "properties",
        "required",
        "rules",
    )

    def __init__(self, raw: Mapping[str, Any]) -> None:
        kind = raw.get("type") or ""
        either = bool(raw.get("x-kubernetes-int-or-string"))
        self.kinds: tuple[str, ...] = _INT_OR_STRING if either else (kind,) if kind else ()
        format_ = raw.get("format") or ""
        one_kind = "" if either else kind
        self.format: str = format_ if format_ and recognized(format_, one_kind) else ""
        self.nullable = bool(raw.get("nullable"))
        self.default: Any = raw.get("default")
        self.enum: list[Any] | None = raw.get("enum") or None
        self.required: tuple[str, ...] = tuple(raw.get("required") or ())
        self.limits: dict[str, Any] = {name: raw[name] for name in _LIMITS if _given(raw.get(name))}
        self.preserve = bool(raw.get("x-kubernetes-preserve-unknown-fields"))
        self.embedded = bool(raw.get("x-kubernetes-embedded-resource"))
        self.list_type: str = raw.get("x-kubernetes-list-type") or ""
        self.list_keys: tuple[str, ...] = tuple(raw.get("x-kubernetes-list-map-keys") or ())
        self.map_type: str = raw.get("x-kubernetes-map-type") or ""
        self.rules: tuple[dict[str, Any], ...] = tuple(raw.get("x-kubernetes-validations") or ())
        self._inside(raw)

    def _inside(self, raw: Mapping[str, Any]) -> None:
        self.properties: dict[str, Node] = {name: Node(one) for name, one in (raw.get("properties") or {}).items()}
        items = raw.get("items")
        self.items: Node | None = Node(items) if isinstance(items, dict) else None
        additional = raw.get("additionalProperties")
        self.additional: Node | bool | None = Node(additional) if isinstance(additional, dict) else additional
        self.all_of = tuple(map(Node, raw.get("allOf") or ()))
        self.any_of = tuple(map(Node, raw.get("anyOf") or ()))
        self.one_of = tuple(map(Node, raw.get("oneOf") or ()))
        self.no: Node | None = Node(raw["not"]) if isinstance(raw.get("not"), dict) else None
        inner = [one for one in (*self.properties.values(), self.items, self.extra) if one is not None]
        self.has_lists: bool = self.list_type in ("set", "map") or any(one.has_lists for one in inner)
        self.has_rules: bool = bool(self.rules) or any(one.has_rules for one in inner)
        self.has_embedded: bool = self.embedded or any(one.has_embedded for one in inner)

    @property
    def extra(self) -> Node | None:
        """The schema of members that are not named, if there is one."""
        return self.additional if isinstance(self.additional, Node) else None

    def member(self, name: str) -> Node | None:
        """The schema of a member, named or not."""
        return self.properties.get(name) or self.extra
