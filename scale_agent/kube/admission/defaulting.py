"""Defaults of built-in kinds, from the generated table of what the real scheme's defaulting writes.

The table is made by ``tools/schemagen`` (part ``defaults``) by asking the published defaulting functions at every place
of every kind: rows by struct type, and rows of single places (``v1/Pod#spec``) where a type is treated differently.
What depends on more than one sibling, or on the contents of a text, is in :mod:`conditional`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from scale_agent.kube import data_files
from scale_agent.kube.admission.conditional import BY_TYPE, CONVERTED, Rule
from scale_agent.kube.schema.schema import Schema
from scale_agent.kube.schema.types import Field, Shape, Type

Obj = dict[str, Any]
#: Stands in the table for the time of the write.
NOW = "$now"
#: Structs that the server fills by other rules than these.
_UNTOUCHED = ("metadata",)


@dataclass(frozen=True, slots=True)
class _Case:
    """What a field gets instead, if a sibling (or a field of the struct around) is or has a value."""

    name: str
    around: bool
    wanted: Any
    raw: bytes | None
    copied: bool

    def applies(self, obj: Obj, around: Obj) -> bool:
        """Whether the other field is as this case wants it; empty lists count as absent, set pointers do not."""
        value = (around if self.around else obj).get(self.name)
        if self.wanted is not None:
            return bool(value == self.wanted)
        return isinstance(value, bool | int | dict) if not value else True


@dataclass(frozen=True, slots=True)
class _Row:
    """One field's default; ``raw`` is JSON, so that every object gets its own copy."""

    name: str
    pointer: bool
    raw: bytes | None
    cases: tuple[_Case, ...]

    def value(self, obj: Obj, around: Obj, now: str) -> Any:
        """The default here, or ``None``."""
        for case in self.cases:
            if case.applies(obj, around):
                return (around if case.around else obj).get(case.name) if case.copied else _fresh(case.raw, now)
        return _fresh(self.raw, now)


def _fresh(raw: bytes | None, now: str) -> Any:
    if raw is None:
        return None
    value = orjson.loads(raw)
    return now if value == NOW else value


@dataclass(frozen=True, slots=True)
class _Child:
    """A field that leads to structs with defaults. ``by_value`` ones are there even when nobody wrote them."""

    name: str
    shape: Shape
    by_value: bool
    filler: Filler


@dataclass(frozen=True, slots=True)
class Filler:
    """The defaults of one struct at one place, and of everything below it."""

    rule: Rule | None
    rows: tuple[_Row, ...]
    children: tuple[_Child, ...]

    def fill(self, obj: Obj, around: Obj, now: str, known: Mapping[str, Any] | None = None) -> None:
        """Write the defaults into ``obj``, in place. ``around`` is the struct it stands in; ``now`` is RFC 3339.

        What ``obj`` shares with ``known`` has its defaults.
        """
        if self.rule is not None:
            self.rule(obj)
        found = None
        for row in self.rows:
            present = obj.get(row.name)
            if present is None or (not present and not row.pointer):
                value = row.value(obj, around, now)
                if value is not None:
                    found = found or {}
                    found[row.name] = value
        for child in self.children:
            if not known or child.name not in known or obj.get(child.name) is not known[child.name]:
                _below(child, obj, now)
        if found is not None:
            obj.update(found)


def _below(child: _Child, obj: Obj, now: str) -> None:
    value = obj.get(child.name)
    if isinstance(value, dict):
        if child.shape is Shape.ONE:
            child.filler.fill(value, obj, now)
            return
        elements: Any = value.values()
    elif isinstance(value, list):
        elements = value
    elif child.by_value:
        made: Obj = {}
        child.filler.fill(made, obj, now)
        if made:
            obj[child.name] = made
        return
    else:
        return
    for element in elements:
        if isinstance(element, dict):
            child.filler.fill(element, obj, now)


@cache
def filler_for(version: str, group: str, api_version: str, kind: str, *, converted: bool = True) -> Filler | None:
    """The defaults of a kind in a Kubernetes version (``v1.36.2``); ``None`` if it has none.

    ``converted``: with what conversion to the server's own form and back adds to them.
    """
    shape = Schema.load(version).kind(group, api_version, kind)
    if shape is None:
        return None
    place = f"{group}/{api_version}/{kind}#" if group else f"{api_version}/{kind}#"
    return _Maker(version, place, converted=converted).make(shape, (), frozenset())


class _Maker:
    """Compiles the table for one kind: only structs that have defaults, or lead to one that has, become fillers."""

    def __init__(self, version: str, place: str, *, converted: bool) -> None:
        self._rules = {**BY_TYPE, **CONVERTED} if converted else BY_TYPE
        table = data_files.load_json(version, "defaults.json")
        self._types: Mapping[str, Any] = table["types"]
        self._places = {key.removeprefix(place): rows for key, rows in table["places"].items() if key.startswith(place)}
        self._made: dict[str, Filler | None] = {}

    def make(self, shape: Type, path: tuple[str, ...], above: frozenset[str]) -> Filler | None:
        """The filler of a struct at a place; kinds without special places share one per struct."""
        if shape.name in above or shape.union:
            return None
        if not self._places and shape.name in self._made:
            return self._made[shape.name]
        rows = self._places.get(".".join(path), self._types.get(shape.name, ()))
        children = []
        for name, field in shape.fields.items():
            if field.type is not None and name not in _UNTOUCHED:
                below = self.make(field.type, (*path, name), above | {shape.name})
                if below is not None:
                    by_value = field.shape is Shape.ONE and not field.pointer
                    children.append(_Child(name, field.shape, by_value, below))
        rule = self._rules.get(shape.name)
        filler = None
        if rows or children or rule:
            filler = Filler(rule, tuple(_row(row, shape.fields) for row in rows), tuple(children))
        self._made[shape.name] = filler
        return filler


def _row(row: Mapping[str, Any], fields: Mapping[str, Field]) -> _Row:
    field = fields[row["field"]]
    return _Row(row["field"], field.pointer, _raw(row), tuple(_case(case) for case in row.get("cases", ())))


def _raw(row: Mapping[str, Any]) -> bytes | None:
    return orjson.dumps(row["value"]) if "value" in row else None


def _case(case: Mapping[str, Any]) -> _Case:
    name = case["if"]
    return _Case(name.removeprefix("^"), name.startswith("^"), case.get("is"), _raw(case), case.get("copy", False))
