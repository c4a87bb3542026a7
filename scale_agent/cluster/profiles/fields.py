"""Kinds of values in a profile. Each reads a place of the document and describes itself as JSON Schema (2020-12).

What is read and what editors complete are the same tables, so that they cannot say different things.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from scale_agent.cluster.yaml_place import Place
from scale_agent.kube.codec.quantities import canonical
from scale_agent.kube.codec.wire import DecodeError

Schema = dict[str, Any]


class Kind(Protocol):
    """A kind of value."""

    def read(self, place: Place) -> Any:
        """The value at a place; raises :class:`~scale_agent.errors.ProfileError`."""

    def schema(self) -> Schema:
        """What JSON Schema can say about it."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text that matches ``pattern`` as a whole (a pattern that Python and ECMAScript read alike)."""

    pattern: str
    cure: str

    def read(self, place: Place) -> str:
        """The text."""
        return place.text(self.pattern, self.cure)

    def schema(self) -> Schema:
        """With the pattern."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True, slots=True)
class Checked:
    """A value that is read further: ``check`` gets its place and what was read, and returns what is to be kept."""

    kind: Kind
    check: Callable[[Place, Any], Any]

    def read(self, place: Place) -> Any:
        """What the check made of it."""
        return self.check(place, self.kind.read(place))

    def schema(self) -> Schema:
        """That of the unchecked value."""
        return self.kind.schema()


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number."""

    least: int
    most: int

    def read(self, place: Place) -> int:
        """The number."""
        return place.integer(self.least, self.most)

    def schema(self) -> Schema:
        """With both ends."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    least: float
    most: float

    def read(self, place: Place) -> float:
        """The number."""
        return place.number(self.least, self.most)

    def schema(self) -> Schema:
        """With both ends."""
        return {"type": "number", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the most of something: ``[5, 20]``."""

    of: Number

    def read(self, place: Place) -> tuple[float, float]:
        """Both ends, in order."""
        ends = place.each(self.of.read)
        if len(ends) != 2 or ends[0] > ends[1]:
            place.fail("no range", "write the least and the most seconds, as in [5, 20]")
        return ends[0], ends[1]

    def schema(self) -> Schema:
        """Two numbers."""
        return {"type": "array", "items": self.of.schema(), "minItems": 2, "maxItems": 2}


@dataclass(frozen=True, slots=True)
class Flag:
    """``true`` or ``false``."""

    def read(self, place: Place) -> bool:
        """Which."""
        return place.boolean()

    def schema(self) -> Schema:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, place: Place) -> str:
        """The word."""
        return place.choice(*self.words)

    def schema(self) -> Schema:
        """The words."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Texts:
    """A mapping of text to text, as labels are."""

    def read(self, place: Place) -> tuple[tuple[str, str], ...]:
        """Names and texts, in their order."""
        return tuple(place.texts().items())

    def schema(self) -> Schema:
        """Any names."""
        return {"type": "object", "additionalProperties": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class Quantities:
    """A mapping of text to Kubernetes quantities (``"4"``, ``500m``, ``8Gi``)."""

    def read(self, place: Place) -> tuple[tuple[str, str], ...]:
        """Names and quantities as they are written."""
        given = place.texts()
        for key, text in given.items():
            try:
                canonical(text)
            except DecodeError:
                place.fail(f"{key}: {text!r} is no quantity", 'write one such as "4", 500m or 8Gi')
        return tuple(given.items())

    def schema(self) -> Schema:
        """Texts; which of them are quantities is the reader's to say."""
        return {"type": "object", "additionalProperties": {"type": "string"}}


_UNITS = {"": 1, "k": 1000, "M": 1000**2, "Ki": 1024, "Mi": 1024**2}
_SIZE = r"[0-9]{1,7}(\.[0-9]{1,3})?(k|M|Ki|Mi)?"


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes: a whole number, or text such as ``2Ki`` or ``1.5Mi``; at most ``most``."""

    most: int

    def read(self, place: Place) -> int:
        """The bytes."""
        value = place.plain()
        if isinstance(value, int):
            return place.integer(0, self.most)
        text = place.text(_SIZE, "write bytes such as 512, 2Ki or 1.5Mi")
        number = text.rstrip("kKMi")
        size = int(Decimal(number) * _UNITS[text[len(number) :]])
        if size > self.most:
            place.fail(f"{text} is more than the API takes", f"write at most {self.most} bytes")
        return size

    def schema(self) -> Schema:
        """A number or a text."""
        number = {"type": "integer", "minimum": 0, "maximum": self.most}
        return {"anyOf": [number, {"type": "string", "pattern": f"^(?:{_SIZE})$"}]}


@dataclass(frozen=True, slots=True)
class Switches:
    """A mapping of known names to true or false."""

    names: tuple[str, ...]

    def read(self, place: Place) -> dict[str, bool]:
        """Those that are there."""
        return {name: switch.boolean() for name, switch in place.fields(self.names).items()}

    def schema(self) -> Schema:
        """Nothing but the names."""
        properties = {name: {"type": "boolean"} for name in sorted(self.names)}
        return {"type": "object", "properties": properties, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Anything:
    """A mapping that is read later, when it is known what may stand in it: the place itself is kept."""

    described: tuple[tuple[str, Any], ...] = ()

    def read(self, place: Place) -> Place:
        """The place."""
        return place

    def schema(self) -> Schema:
        """As far as it is known."""
        return dict(self.described)


@dataclass(frozen=True, slots=True)
class Each:
    """A list."""

    of: Kind

    def read(self, place: Place) -> tuple[Any, ...]:
        """What its entries are."""
        return place.each(self.of.read)

    def schema(self) -> Schema:
        """Of such entries."""
        return {"type": "array", "items": self.of.schema()}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record. ``says`` is for editors and the documentation: one line, no full stop."""

    kind: Kind
    says: str
    default: Any = None
    required: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """A mapping with known fields; ``make`` makes a value of the place and what was read, all fields being there."""

    fields: Mapping[str, Field]
    make: Callable[[Place, dict[str, Any]], Any] = lambda place, values: values

    def read(self, place: Place) -> Any:
        """The value; fields that are not there have their defaults."""
        found = place.fields(self.fields, [name for name, field in self.fields.items() if field.required])
        values = {
            name: field.kind.read(found[name]) if name in found else field.default
            for name, field in self.fields.items()
        }
        return self.make(place, values)

    def empty(self) -> dict[str, Any]:
        """What stands for a record that is not there."""
        return {name: field.default for name, field in self.fields.items()}

    def schema(self) -> Schema:
        """Its fields, with what they say."""
        properties = {name: _described(field) for name, field in self.fields.items()}
        made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        required = [name for name, field in self.fields.items() if field.required]
        return {**made, "required": required} if required else made


def _described(field: Field) -> Schema:
    made = {**field.kind.schema(), "description": field.says}
    if field.default not in (None, (), {}):
        made["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
    return made
