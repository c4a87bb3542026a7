"""The Go structs behind the API as a table: :class:`Type` and :class:`Field`, read from generated data.

The table is made by ``tools/schemagen`` by reflection over the published ``k8s.io`` modules. What a Go struct does when
it is written as JSON or as protobuf follows from it: names and numbers, pointer or value, ``omitempty``, ``omitzero``,
``inline``, and for patches the strategies and merge keys of the struct tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any


class Shape(Enum):
    """How often a field's value occurs."""

    ONE = ""
    LIST = "[]"
    MAP = "{}"


#: Scalar kinds that are written as a varint.
INTEGERS = frozenset({"bool", "int32", "int64", "uint8", "uint32", "uint64", "int", "uint16"})


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field of a struct.

    ``kind`` names the element: ``"message"`` (then ``type`` is its struct), a scalar (``string``, ``bool``, ``int32``,
    ``int64``, ``float64``, ``bytes``) or a special (``quantity``, ``time``, ``microtime``, ``duration``,
    ``intorstring``, ``fields``, ``raw``, ``json``). ``wrapped`` lists (``ExtraValue``) are a message of their own on
    the wire. ``number`` is 0 for fields that protobuf does not know. ``list_type``, ``list_map_keys``, ``map_type``
    (``atomic``, ``granular``) and ``default`` (texts only) are those of the published OpenAPI documents.
    """

    json_name: str
    number: int
    kind: str
    shape: Shape
    type: Type | None = None
    pointer: bool = False
    omitempty: bool = False
    omitzero: bool = False
    inline: bool = False
    wrapped: bool = False
    proto_name: str = ""
    patch_strategy: frozenset[str] = frozenset()
    patch_merge_key: str = ""
    list_type: str = ""
    list_map_keys: tuple[str, ...] = ()
    map_type: str = ""
    default: str = ""

    @property
    def go_type(self) -> str:
        """The element as Go's error messages name it."""
        name = self.type.go_name if self.type else _GO_NAMES.get(self.kind, self.kind)
        return {"": "", "[]": "[]", "{}": "map[string]"}[self.shape.value] + name


_GO_NAMES = {
    "bytes": "[]uint8",
    "quantity": "resource.Quantity",
    "time": "v1.Time",
    "microtime": "v1.MicroTime",
    "duration": "v1.Duration",
    "intorstring": "intstr.IntOrString",
    "fields": "v1.FieldsV1",
    "raw": "runtime.RawExtension",
    "json": "v1.JSON",
}


@dataclass(eq=False)
class Type:
    """A struct. ``name`` is its Go package and name, ``members`` its fields in Go's order, inlined ones not expanded.

    ``union`` is ``orbool``, ``orarray`` or ``orstrings`` for the JSON-schema types that are one thing or another.
    ``atomic`` structs are one field to who owns it, whatever is in them (``x-kubernetes-map-type``).
    """

    name: str
    union: str = ""
    atomic: bool = False
    members: tuple[Field, ...] = field(default=(), repr=False)

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """Fields by JSON name in Go's order, those of inlined structs included."""
        found: dict[str, Field] = {}
        for member in self.members:
            if member.inline and member.type is not None:
                found.update(member.type.fields)
            else:
                found[member.json_name] = member
        return found

    @property
    def go_name(self) -> str:
        """``v1.PodSpec``: the last part of the package and the name."""
        return self.name.rsplit("/", 1)[-1]

    @property
    def short_name(self) -> str:
        """``PodSpec``."""
        return self.name.rsplit(".", 1)[-1]


def read_types(table: Mapping[str, Any]) -> dict[str, Type]:
    """All types of the generated table by name, linked to each other."""
    atomic = frozenset(table["atomic"])
    types = {name: Type(name, table["unions"].get(name, ""), name in atomic) for name in table["types"]}
    for name, rows in table["types"].items():
        types[name].members = tuple(_field(row, types) for row in rows)
    return types


def _field(row: Mapping[str, Any], types: Mapping[str, Type]) -> Field:
    shape, wrapped, element = _expression(row["type"])
    strategy = row.get("patchStrategy", "")
    return Field(
        json_name=row["json"],
        number=row.get("number", 0),
        kind="message" if element.startswith("@") else element,
        shape=shape,
        type=types[element[1:]] if element.startswith("@") else None,
        pointer=row.get("pointer", False),
        omitempty=row.get("omitempty", False),
        omitzero=row.get("omitzero", False),
        inline=row.get("inline", False),
        wrapped=wrapped,
        proto_name=row.get("proto", ""),
        patch_strategy=frozenset(strategy.split(",")) if strategy else frozenset(),
        patch_merge_key=row.get("patchMergeKey", ""),
        list_type=row.get("listType", ""),
        list_map_keys=tuple(row.get("listMapKeys", ())),
        map_type=row.get("mapType", ""),
        default=row.get("default", ""),
    )


def _expression(expression: str) -> tuple[Shape, bool, str]:
    shape = Shape.ONE
    if expression[:2] in ("[]", "{}"):
        shape, expression = Shape(expression[:2]), expression[2:]
    wrapped = expression.startswith("<>")
    return shape, wrapped, expression.removeprefix("<>")
