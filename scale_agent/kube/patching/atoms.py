"""How values merge: the types of structured-merge-diff, made from the type table or from a structural schema.

An :class:`Atom` says what a value may be: a scalar, a list, a map, or several of these; the value then decides. Lists
are ``associative`` (elements are told apart by keys, or are a set) or one value as a whole, maps likewise.
Rules: k8s.io/kube-openapi ``schemaconv`` (which atom a schema gives), structured-merge-diff ``typed/helpers.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from scale_agent.kube.patching.elements import of_key, of_value
from scale_agent.kube.schema.types import INTEGERS, Field, Shape, Type
from scale_agent.kube.schema.zeros import is_required, zero


class TypedError(ValueError):
    """A value does not fit its type in a way that keeps it from being merged. The text is the real server's."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """``string``, ``numeric``, ``boolean``, or ``untyped`` for any of them."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class ListAtom:
    """A list: atomic, a set (no ``keys``) or a map by ``keys``, each with its default if it has one."""

    element: Atom
    atomic: bool = True
    keys: tuple[str, ...] = ()

    def path_element(self, child: Any) -> str:
        """What tells an element from the others. Raises :class:`TypedError`."""
        return self._by_keys(child) if self.keys else _in_set(child)

    def _by_keys(self, child: Any) -> str:
        if not isinstance(child, dict):
            what = "a null element" if child is None else "non-map elements"
            raise TypedError(f"associative list with keys may not have {what}")
        found = {}
        for key in self.keys:
            value = child[key] if key in child else self._default(key)
            if value is not None or key in child:
                found[key] = value
        if not found:
            listed = " ".join(f'"{key}"' for key in self.keys)
            why = "(and doesn't have default values for any key fields)"
            raise TypedError(f"associative list with keys has an element that omits all key fields [{listed}] {why}")
        return of_key(found)

    def _default(self, key: str) -> Any:
        return self.element.map.defaults.get(key) if self.element.map is not None else None


def _in_set(child: Any) -> str:
    if isinstance(child, dict):
        raise TypedError("associative list without keys has an element that's a map type")
    if isinstance(child, list):
        raise TypedError("not supported: associative list with lists as elements")
    if child is None:
        raise TypedError("associative list without keys has an element that's an explicit null")
    return of_value(child)


@dataclass(eq=False)
class MapAtom:
    """A struct or a map: ``element`` is the type of members that are not declared (``None``: there are none).

    The declared ones are made when they are first asked for: types refer to themselves.
    """

    atomic: bool = False
    element: Atom | None = None
    source: Callable[[], tuple[Mapping[str, Atom], Mapping[str, Any]]] | None = None

    @cached_property
    def _declared(self) -> tuple[Mapping[str, Atom], Mapping[str, Any]]:
        return self.source() if self.source is not None else ({}, {})

    @cached_property
    def fields(self) -> Mapping[str, Atom]:
        """The declared members."""
        return self._declared[0]

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Declared members' default values."""
        return self._declared[1]


@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """What a value may be."""

    scalar: Scalar | None = None
    list: ListAtom | None = None
    map: MapAtom | None = None

    def of(self, value: Any) -> Scalar | ListAtom | MapAtom:
        """The one that applies to a value; the value may still not fit it."""
        found: Scalar | ListAtom | MapAtom | None = None
        if isinstance(value, dict):
            found = self.map
        elif isinstance(value, list):
            found = self.list
        elif value is not None:
            found = self.scalar
        chosen = found or self.map or self.scalar or self.list
        assert chosen is not None  # an atom is something
        return chosen


_SCALARS = {name: Atom(scalar=Scalar(name)) for name in ("string", "numeric", "boolean", "untyped")}
#: Any value, whole.
UNTYPED = Atom(Scalar("untyped"))
object.__setattr__(UNTYPED, "list", ListAtom(UNTYPED))
object.__setattr__(UNTYPED, "map", MapAtom(atomic=True, element=UNTYPED))
#: Any value; maps member by member.
DEDUCED = Atom(Scalar("untyped"), ListAtom(UNTYPED))
object.__setattr__(DEDUCED, "map", MapAtom(element=DEDUCED))

_KINDS = {
    "string": "string",
    "bytes": "string",
    "duration": "string",
    "bool": "boolean",
    "float64": "numeric",
    "quantity": "untyped",
    "time": "untyped",
    "microtime": "untyped",
    "intorstring": "untyped",
}


@cache
def of_type(kind: Type, atomic: bool | None = None) -> Atom:
    """The atom of a built-in struct; ``atomic`` overrides what the struct's type says."""
    if kind.union:
        return DEDUCED
    whole = kind.atomic if atomic is None else atomic
    return Atom(map=MapAtom(whole, DEDUCED if not kind.fields else None, lambda: _declared(kind)))


def _declared(kind: Type) -> tuple[dict[str, Atom], dict[str, Any]]:
    fields = {name: _of_field(field) for name, field in kind.fields.items()}
    defaults = {name: default for name, field in kind.fields.items() if (default := _default(field)) is not None}
    return fields, defaults


def _default(field: Field) -> Any:
    """A member's default in the OpenAPI documents: its own, or the zero value if Go always writes it."""
    if field.default:
        return field.default
    if field.shape is Shape.ONE and field.type is None and not field.pointer and is_required(field):
        return zero(field)
    return None


def _of_field(field: Field) -> Atom:
    if field.shape is Shape.LIST:
        return Atom(list=_list_of(field))
    if field.shape is Shape.MAP:
        return Atom(map=MapAtom(field.map_type == "atomic", _element(field, None)))
    return _element(field, {"atomic": True, "granular": False}.get(field.map_type))


def _element(field: Field, atomic: bool | None) -> Atom:
    if field.type is not None:
        return of_type(field.type, atomic)
    if field.kind == "raw":
        return UNTYPED
    if field.kind in ("json", "fields"):
        return DEDUCED
    return _SCALARS["numeric" if field.kind in INTEGERS - {"bool"} else _KINDS[field.kind]]


def _list_of(field: Field) -> ListAtom:
    element = _element(field, None)
    if field.list_type:
        return ListAtom(element, field.list_type == "atomic", field.list_map_keys)
    if "merge" in field.patch_strategy:  # what has no list type merges as its patches do
        return ListAtom(element, False, (field.patch_merge_key,) if field.patch_merge_key else ())
    return ListAtom(element)


def of_schema(schema: Mapping[str, Any], meta: Type, *, preserve: bool = False, root: bool = True) -> Atom:
    """The atom of a custom resource by its structural schema (``openAPIV3Schema``); ``meta`` is the ObjectMeta struct.

    ``preserve``: an enclosing schema keeps unknown fields, and so do all schemas inside it.
    """
    preserve = preserve or schema.get("x-kubernetes-preserve-unknown-fields") is True
    kind = schema.get("type") or ""
    if schema.get("x-kubernetes-int-or-string") or not kind:
        return Atom(Scalar("untyped"), _schema_list(schema, meta, preserve), _schema_map(schema, meta, preserve, root))
    if kind == "object":
        return Atom(map=_schema_map(schema, meta, preserve, root))
    if kind == "array":
        return Atom(list=_schema_list(schema, meta, preserve))
    return _schema_scalar(kind, schema.get("format") or "")


def _schema_scalar(kind: str, form: str) -> Atom:
    if kind in ("integer", "number"):
        return _SCALARS["numeric"]
    if kind == "boolean":
        return _SCALARS["boolean"]
    return _SCALARS["string" if kind == "string" and form in ("", "byte") else "untyped"]


def _schema_list(schema: Mapping[str, Any], meta: Type, preserve: bool) -> ListAtom:
    items = schema.get("items")
    element = of_schema(items, meta, preserve=preserve, root=False) if isinstance(items, dict) else UNTYPED
    how = schema.get("x-kubernetes-list-type") or "atomic"
    return ListAtom(element, how == "atomic", tuple(schema.get("x-kubernetes-list-map-keys") or ()))


def _schema_map(schema: Mapping[str, Any], meta: Type, preserve: bool, root: bool) -> MapAtom:
    properties = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    named = bool(properties) or root or schema.get("x-kubernetes-embedded-resource") is True
    element: Atom | None = None
    if isinstance(more, dict):
        element = of_schema(more, meta, preserve=preserve, root=False)
    elif more or (more is None and (preserve or not named)):
        element = DEDUCED

    def declared() -> tuple[dict[str, Atom], dict[str, Any]]:
        fields = {name: of_schema(one, meta, preserve=preserve, root=False) for name, one in properties.items()}
        if root or schema.get("x-kubernetes-embedded-resource") is True:
            fields |= {"apiVersion": _SCALARS["string"], "kind": _SCALARS["string"], "metadata": of_type(meta)}
        return fields, {name: one["default"] for name, one in properties.items() if "default" in one}

    return MapAtom(schema.get("x-kubernetes-map-type") == "atomic", element, declared)
