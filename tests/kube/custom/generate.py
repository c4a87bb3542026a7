"""Random structural schemas and objects for them, right and wrong; the same for the same seed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

Obj = dict[str, Any]
NAMES = ("alpha", "beta", "gamma", "delta", "kind", "metadata", "apiVersion")
TEXTS = (
    "",
    "a",
    "ab",
    "abc",
    "Abc",
    "a-b",
    "x.y",
    "10.0.0.1",
    "2020-01-01",
    "<&>",
    "ü",
    "1h",
    "aGVsbG8=",
    "longer text",
)
PATTERNS = ("^[a-z]+$", "b", "^.{2,3}$", "^[a-z]([-a-z0-9]*[a-z0-9])?$", "\\d+", "^(a|b)?$")
FORMATS = (
    "date",
    "date-time",
    "ipv4",
    "uuid",
    "byte",
    "duration",
    "hostname",
    "email",
    "uri",
    "cidr",
    "mac",
    "nonsense",
)
NUMBERS = (0, 1, 2, 3, 7, -1, 10, 100, 2.5, 0.5, -0.25, 3000000000, 1000000)


class Schemas:
    """A source of schemas."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def root(self) -> Obj:
        """A schema of a whole custom resource."""
        schema = {"type": "object", "properties": {"spec": self.object(3), "status": self.object(1)}}
        if self.maybe(0.2):
            schema["required"] = ["spec"]
        return schema

    def node(self, depth: int) -> Obj:
        kinds: list[Callable[[int], Obj]] = [self.text, self.number, self.boolean, self.either, self.free]
        if depth > 0:
            kinds += [self.object, self.object, self.array, self.array, self.map, self.embedded]
        make = self.random.choice(kinds)
        schema = make(depth - 1)
        if self.maybe(0.15):
            schema["nullable"] = True
        if "x-kubernetes-embedded-resource" not in schema and self.maybe(0.25):
            schema["default"] = Values(self.random).of(schema)
        return schema

    def text(self, _: int) -> Obj:
        schema: Obj = {"type": "string"}
        options: list[Obj] = [
            {"enum": self.random.sample(["a", "ab", "red", "1"], 2)},
            {"pattern": self.random.choice(PATTERNS)},
            {"minLength": self.random.choice((0, 1, 2))},
            {"maxLength": self.random.choice((0, 1, 3, 5))},
            {"format": self.random.choice(FORMATS)},
        ]
        for one in self.random.sample(options, self.random.choice((0, 0, 1, 1, 2))):
            schema.update(one)
        return schema

    def number(self, _: int) -> Obj:
        schema: Obj = {"type": self.random.choice(("integer", "integer", "number"))}
        options: list[Obj] = [
            {"minimum": self.random.choice((0, 1, -1, 2.5))},
            {"maximum": self.random.choice((1, 5, 100, 1000000))},
            {"maximum": 7, "exclusiveMaximum": True},
            {"minimum": 0, "exclusiveMinimum": True},
            {"multipleOf": self.random.choice((2, 3, 0.5))},
            {"enum": [1, 2, 3]},
            {"format": self.random.choice(("int32", "int64", "float", "double"))},
        ]
        for one in self.random.sample(options, self.random.choice((0, 1, 1, 2))):
            schema.update(one)
        return schema

    def boolean(self, _: int) -> Obj:
        return {"type": "boolean"}

    def either(self, _: int) -> Obj:
        schema: Obj = {"x-kubernetes-int-or-string": True}
        if self.maybe(0.4):
            schema["anyOf"] = [{"type": "integer"}, {"type": "string"}]
        if self.maybe(0.3):
            schema["pattern"] = "^[0-9]+%$"
        return schema

    def free(self, _: int) -> Obj:
        schema: Obj = {"x-kubernetes-preserve-unknown-fields": True}
        if self.maybe(0.5):
            schema["type"] = "object"
        if self.maybe(0.3):
            schema |= {"type": "object", "properties": {"alpha": self.text(0), "beta": self.map(0)}}
        return schema

    def object(self, depth: int) -> Obj:
        names = self.random.sample(NAMES[:4], self.random.choice((1, 2, 3)))
        schema: Obj = {"type": "object", "properties": {name: self.node(depth) for name in names}}
        if self.maybe(0.3):
            schema["required"] = self.random.sample(names, 1)
        if self.maybe(0.2):
            schema[self.random.choice(("minProperties", "maxProperties"))] = self.random.choice((1, 2))
        if self.maybe(0.25):
            clauses = [{"required": [name]} for name in names[:2]]
            schema[self.random.choice(("oneOf", "anyOf", "allOf"))] = clauses
        if self.maybe(0.1):
            schema["not"] = {"required": names[-1:]}
        return schema

    def array(self, depth: int) -> Obj:
        kind = self.random.choice(("", "", "atomic", "set", "map"))
        schema: Obj = {"type": "array", "items": self.node(depth)}
        if kind == "set":
            schema["items"] = self.random.choice((self.text, self.number))(0)
        if kind == "map":
            items = self.object(depth)
            items["properties"]["key"] = {"type": self.random.choice(("string", "integer"))}
            items["required"] = [*items.get("required", []), "key"]
            schema |= {"items": items, "x-kubernetes-list-map-keys": ["key"]}
        if kind:
            schema["x-kubernetes-list-type"] = kind
        if self.maybe(0.3):
            schema[self.random.choice(("minItems", "maxItems"))] = self.random.choice((1, 2))
        return schema

    def map(self, depth: int) -> Obj:
        return {"type": "object", "additionalProperties": self.node(depth)}

    def embedded(self, _: int) -> Obj:
        schema: Obj = {"type": "object", "x-kubernetes-embedded-resource": True}
        if self.maybe(0.5):
            return {**schema, "x-kubernetes-preserve-unknown-fields": True}
        return {**schema, "properties": {"spec": {"type": "object", "properties": {"a": {"type": "string"}}}}}


class Values:
    """A source of values: mostly what a schema wants, now and then something else."""

    def __init__(self, random: Random, wrong: float = 0.0) -> None:
        self.random = random
        self.wrong = wrong

    def of(self, schema: Obj) -> Any:
        """A value for a schema."""
        if self.wrong and self.random.random() < self.wrong:
            return self.anything()
        if schema.get("nullable") and self.random.random() < 0.1:
            return None
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if schema.get("x-kubernetes-embedded-resource"):
            return self.resource()
        if schema.get("x-kubernetes-int-or-string"):
            return self.random.choice((3, "50%", "x"))
        return {
            "string": lambda: self.random.choice(TEXTS),
            "integer": lambda: self.random.choice([one for one in NUMBERS if isinstance(one, int)]),
            "number": lambda: self.random.choice(NUMBERS),
            "boolean": lambda: self.random.random() < 0.5,
            "array": lambda: [self.of(schema["items"]) for _ in range(self.random.choice((0, 1, 2, 3)))],
            "object": lambda: self.members(schema),
            "": self.anything,
        }[schema.get("type", "")]()

    def members(self, schema: Obj) -> Obj:
        if isinstance(schema.get("additionalProperties"), dict):
            names = self.random.sample(NAMES[:4], self.random.choice((0, 1, 2)))
            return {name: self.of(schema["additionalProperties"]) for name in names}
        properties: Obj = schema.get("properties") or {}
        required = schema.get("required") or ()
        made = {
            name: self.of(one) for name, one in properties.items() if name in required or self.random.random() < 0.7
        }
        if self.wrong and self.random.random() < 2 * self.wrong:
            made[self.random.choice((*NAMES[:4], "unknown"))] = self.anything()
        return made

    def resource(self) -> Obj:
        made: Obj = {
            "apiVersion": "v1",
            "kind": "Thing",
            "metadata": {"name": "x", "labels": {"a": "b"}},
            "spec": {"a": "b"},
        }
        if self.wrong and self.random.random() < 4 * self.wrong:
            made = self.random.choice(
                (
                    {"kind": "Thing"},
                    {**made, "kind": "no kind"},
                    {**made, "apiVersion": "a/b/c"},
                    {**made, "metadata": {"name": "a/b", "unknown": 1}},
                    {**made, "metadata": {"labels": {"-": "ok", "a": "-"}}},
                    {**made, "metadata": {"labels": {"a": 1}}},
                    {**made, "unknown": 1},
                )
            )
        return copy.deepcopy(made)

    def anything(self) -> Any:
        return copy.deepcopy(
            self.random.choice(
                (
                    None,
                    True,
                    0,
                    3,
                    -7,
                    2.5,
                    "a",
                    "text",
                    [],
                    ["a", "a"],
                    [1, None],
                    {},
                    {"alpha": 1},
                    {"x": {"y": None}},
                )
            )
        )


def cases(count: int, objects: int) -> list[dict[str, Any]]:
    """Schemas with objects for each."""
    made = []
    for seed in range(count):
        schema = Schemas(seed).root()
        values = Values(Random(seed + 100_000), wrong=0.08)
        made.append({"schema": schema, "objects": [values.members(schema) for _ in range(objects)]})
    return made
