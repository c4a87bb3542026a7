"""OpenAPI documents as protobuf: the messages of gnostic's models, whose fields are data of the Kubernetes version.

A message's fields have the names of the JSON document in another spelling (``operation_id``, ``_ref``). Members whose
names are open (paths, definitions, extensions) are lists of ``Named…`` messages; alternatives are chosen as gnostic's
parsers do; what may be anything is text in YAML. Observed: the fields of a message come in the order of their numbers.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import orjson

from scale_agent.kube import data_files
from scale_agent.kube.codec.wire import varint
from scale_agent.kube.discovery import goyaml

_Encode = Callable[[Any], bytes]
_Write = Callable[[str, Any], bytes]
_Obj = Mapping[str, Any]
#: Which open members a list of named messages takes; the rest goes to ``additional_properties``.
_OPEN: Mapping[str, re.Pattern[str]] = {
    "vendor_extension": re.compile("^x-"),
    "specification_extension": re.compile("^x-"),
    "path": re.compile("^/"),
    "response_code": re.compile("^([0-9]{3})$"),
    "response_or_reference": re.compile("^([0-9X]{3})$"),
    "additional_properties": re.compile(""),
}


def encode(version: str, generation: int, body: bytes) -> bytes:
    """A whole document (JSON) of OpenAPI 2 or 3 as a ``Document`` message."""
    return models(version, generation).message("Document")(orjson.loads(body))


def models(version: str, generation: int) -> Models:
    """The messages of a Kubernetes version, shared."""
    return _models(data_files.base(version), str(generation))


@cache
def _models(version: str, generation: str) -> Models:
    return Models(data_files.load_json(version, "openapi-models.json")[generation])


def field(number: int, payload: bytes) -> bytes:
    """A field with a length: a text or a message."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def _text(number: int, value: Any) -> bytes:
    return field(number, str(value).encode()) if value else b""


def _flag(number: int, value: Any) -> bytes:
    return varint(number << 3) + b"\x01" if value else b""


def _integer(number: int, value: Any) -> bytes:
    return varint(number << 3) + varint(int(value)) if value else b""


def _double(number: int, value: Any) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value) if value else b""


_SCALARS: Mapping[str, Callable[[int, Any], bytes]] = {
    "string": _text,
    "bool": _flag,
    "int64": _integer,
    "double": _double,
}


def _alternative(name: str, value: Any) -> str:
    """The field of a oneof that a value belongs to."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return _CHOICES[name](value)


def _referred(other: str, reference: str = "reference") -> Callable[[_Obj], str]:
    return lambda value: reference if "$ref" in value else other


_PLACES = {"header": "header", "formData": "form_data", "query": "query", "path": "path"}
_SECURITY = {"basic": "basic_authentication_security", "apiKey": "api_key_security"}
_CHOICES: Mapping[str, Callable[[_Obj], str]] = {
    "AdditionalPropertiesItem": lambda _: "schema",
    "Parameter": lambda value: "body_parameter" if value.get("in") == "body" else "non_body_parameter",
    "NonBodyParameter": lambda value: f"{_PLACES[value['in']]}_parameter_sub_schema",
    "ParametersItem": _referred("parameter", "json_reference"),
    "ResponseValue": _referred("response", "json_reference"),
    "SchemaItem": lambda value: "file_schema" if value.get("type") == "file" else "schema",
    "SecurityDefinitionsItem": lambda value: _SECURITY[value["type"]],
    "SchemaOrReference": _referred("schema"),
    "ParameterOrReference": _referred("parameter"),
    "RequestBodyOrReference": _referred("request_body"),
    "ResponseOrReference": _referred("response"),
    "HeaderOrReference": _referred("header"),
    "SecuritySchemeOrReference": _referred("security_scheme"),
    "DefaultType": lambda _: "",
}


def _any(value: Any) -> bytes:
    return field(2, goyaml.dump(value).encode())


def _type_item(value: Any) -> bytes:
    return b"".join(field(1, one.encode()) for one in ([value] if isinstance(value, str) else value))


def _key(name: str) -> str:
    """``operation_id`` is ``operationId`` in the document, ``_ref`` is ``$ref``."""
    if name.startswith("_"):
        return f"${name[1:]}"
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


class Models:
    """The encoders of one generation's messages, made when first needed."""

    def __init__(self, rows: Mapping[str, list[list[Any]]]) -> None:
        self._rows = rows
        self._made: dict[str, _Encode] = {"Any": _any, "TypeItem": _type_item, "StringArray": _type_item}

    def message(self, name: str) -> _Encode:
        """What turns a value of the document into the message ``name``, without its own length."""
        if name not in self._made:
            self._made[name] = self._later(name)  # messages contain themselves
            self._made[name] = self._make(name)
        return self._made[name]

    def _later(self, name: str) -> _Encode:
        def encoded(value: Any) -> bytes:
            return self._made[name](value)

        return encoded

    def _make(self, name: str) -> _Encode:
        rows = self._rows[name]
        if rows and all(row[4] for row in rows):
            return self._oneof(name)
        if name == "ItemsItem":
            return self._items(rows[0])
        return self._fields(rows)

    def _fields(self, rows: list[list[Any]]) -> _Encode:
        """The members of a value in the order of their fields' numbers; unknown ones are left out."""
        order = {_key(row[0]): at for at, row in enumerate(rows) if not _is_open(row)}
        opened = [(_OPEN[row[0]], at) for at, row in enumerate(rows) if _is_open(row)]
        writers = [self._named(row) if _is_open(row) else self._writer(row) for row in rows]

        def encoded(value: _Obj) -> bytes:
            placed = []
            for position, key in enumerate(value):
                at = order.get(key)
                if at is None:
                    at = next((found for pattern, found in opened if pattern.match(key)), None)
                if at is not None:
                    placed.append((at, position, key))
            placed.sort()
            return b"".join([writers[at](key, value[key]) for at, _, key in placed])

        return encoded

    def _writer(self, row: list[Any]) -> _Write:
        _, number, kind, repeated, _ = row
        if not kind.startswith("@"):
            write = _SCALARS[kind]
            if repeated:
                return lambda _, value: b"".join(field(number, one.encode()) for one in value)
            return lambda _, value: write(number, value)
        encoded = self.message(kind[1:])
        if repeated:
            return lambda _, value: b"".join(field(number, encoded(one)) for one in value)
        return lambda _, value: field(number, encoded(value))

    def _named(self, row: list[Any]) -> _Write:
        """One entry of an open member: its name and its value."""
        _, number, kind, _, _ = row
        inner = self._rows[kind[1:]][1][2]
        if inner == "string":
            return lambda key, value: field(number, field(1, key.encode()) + _text(2, value))
        encoded = self.message(inner[1:])
        return lambda key, value: field(number, field(1, key.encode()) + field(2, encoded(value)))

    def entry(self, message: str, key: str, value: Any) -> bytes:
        """One entry of a message that has nothing but named ones (``Definitions``)."""
        row = next(one for one in self._rows[message] if _is_open(one) and _OPEN[one[0]].match(key))
        return self._named(row)(key, value)

    def _oneof(self, name: str) -> _Encode:
        writers = {row[0]: self._alternative_writer(row) for row in self._rows[name]}
        first = next(iter(writers))

        def encoded(value: Any) -> bytes:
            chosen = _alternative(name, value)
            if chosen not in writers and isinstance(value, dict) and name != "DefaultType":
                chosen = first
            return writers[chosen](value) if chosen in writers else b""

        return encoded

    def _alternative_writer(self, row: list[Any]) -> _Encode:
        _, number, kind, _, _ = row
        if kind.startswith("@"):
            encoded = self.message(kind[1:])
            return lambda value: field(number, encoded(value))
        return _ALTERNATIVES[kind](number)

    def _items(self, row: list[Any]) -> _Encode:
        """``items``: one schema, or a list of them."""
        encoded = self.message(row[2][1:])
        number = row[1]
        return lambda value: b"".join(
            field(number, encoded(one)) for one in (value if isinstance(value, list) else [value])
        )


#: Scalars in a oneof are written even if they are zero.
_ALTERNATIVES: Mapping[str, Callable[[int], _Encode]] = {
    "string": lambda number: lambda value: field(number, value.encode()),
    "bool": lambda number: lambda value: varint(number << 3) + (b"\x01" if value else b"\x00"),
    "double": lambda number: lambda value: varint(number << 3 | 1) + struct.pack("<d", value),
}


def _is_open(row: list[Any]) -> bool:
    return row[0] in _OPEN and bool(row[3])
