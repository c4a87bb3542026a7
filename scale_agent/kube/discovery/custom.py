"""OpenAPI of definitions: paths and schemas of one version of one, from a model that a real server published.

The model (``custom.json`` of the data) is what a server of that Kubernetes version says about a definition whose names
occur nowhere else; another's names are put in their places. Its schema is its own (see :mod:`published`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import orjson

from scale_agent.kube import data_files
from scale_agent.kube.custom.definition import ServedVersion
from scale_agent.kube.discovery import prose, published
from scale_agent.kube.discovery.archive import Document
from scale_agent.kube.discovery.openapi import load

#: Members of a document by name, as JSON text.
Texts = dict[str, str]
_KIND, _LIST, _PLURAL = "Zzkind", "Zzmany", "zzplurals"
_SCALE = "io.k8s.api.autoscaling."


@dataclass(frozen=True, slots=True)
class _Model:
    """What the server says about a definition of one scope, in one generation of OpenAPI.

    ``members`` are the properties that every object has, ``embedded`` those of an object inside another.
    """

    group: str
    paths: Texts
    listed: str
    shared: Texts
    members: Mapping[str, Any]
    embedded: Mapping[str, Any]


@cache
def _model(version: str, namespaced: bool, generation: int) -> _Model:
    scope, group = ("Namespaced", "namespaced") if namespaced else ("Cluster", "cluster")
    found = data_files.load_json(version, "custom.json")[scope][f"v{generation}"]
    schemas = found["definitions"] if generation == 2 else found["components"]["schemas"]
    own = f"com.example.zz-{group}.v7."
    members = schemas[own + _KIND]["properties"]
    return _Model(
        group=f"zz-{group}.example.com",
        paths=_texts(found["paths"]),
        listed=orjson.dumps(schemas[own + _LIST]).decode(),
        shared=_texts({name: one for name, one in schemas.items() if not name.startswith(own)}),
        members={name: members[name] for name in ("apiVersion", "kind", "metadata")},
        embedded={name: members["embedded"]["properties"][name] for name in ("apiVersion", "kind", "metadata")},
    )


def _texts(members: Mapping[str, Any]) -> Texts:
    return {name: orjson.dumps(one).decode() for name, one in members.items()}


def _identifier(text: str, *, capital: bool = False) -> str:
    """``ToValidOperationID``: camel case of what is between the punctuation."""
    out = ""
    for place, letter in enumerate(text):
        if letter.isalpha() or letter == "_" or (place and letter.isdigit()):
            out += letter.upper() if capital else letter
            capital = False
        else:
            capital = True
    return out


def _replacements(served: ServedVersion, model: _Model) -> tuple[tuple[str, str], ...]:
    """Names of the model and what stands for them, the longer ones first."""
    definition, version = served.definition, served.name
    kind, listed = definition.kind, definition.names.get("listKind") or f"{definition.kind}List"
    short = definition.group.removesuffix(".k8s.io")
    mark = model.group.removesuffix(".example.com").removeprefix("zz-")
    return (
        (f"com.example.zz-{mark}.v7.", f"{_reversed(definition.group)}.{version}."),
        (f"{model.group}/v7", f"{definition.group}/{version}"),
        (model.group, definition.group),
        ('"version":"v7"', f'"version":"{version}"'),
        (
            f"zz{mark.capitalize()}ExampleCom_v7",
            f"{_identifier(short)}_{_identifier(version)}",
        ),
        (f"Zz{mark.capitalize()}ExampleComV7", _identifier(short, capital=True) + _identifier(version, capital=True)),
        (f" a {_KIND}", f" {'an' if kind[:1].lower() in tuple('aeiou') else 'a'} {kind}"),
        (_KIND, kind),
        (_LIST, listed),
        (_PLURAL, definition.plural),
    )


def _reversed(group: str) -> str:
    return ".".join(reversed(group.split(".")))


def _filled(text: str, names: tuple[tuple[str, str], ...]) -> str:
    for old, new in names:
        text = text.replace(old, new)
    return text


@dataclass(frozen=True, slots=True)
class Published:
    """What one version of one definition adds to a document."""

    paths: Texts
    schemas: Texts
    shared: Texts


@lru_cache(maxsize=128)
def of(version: str, served: ServedVersion, generation: int) -> Published:
    """``version``: the Kubernetes version (one with data); ``generation``: of OpenAPI, 2 or 3."""
    model = _model(version, served.definition.namespaced, generation)
    names = _replacements(served, model)
    there = {"/status": served.has_status, "/scale": served.scale is not None}
    absent = [suffix for suffix, published_too in there.items() if not published_too]
    kept = {path: text for path, text in model.paths.items() if not path.endswith(tuple(absent))}
    prefix = f"{_reversed(served.definition.group)}.{served.name}."
    listed = orjson.loads(_filled(model.listed, names)) | _selectable(served)
    schema = _schema(served, model, simple=generation == 2) | _selectable(served)
    list_kind = served.definition.names.get("listKind") or f"{served.definition.kind}List"
    return Published(
        paths={_filled(path, names): _filled(text, names) for path, text in kept.items()},
        schemas=_texts({prefix + served.definition.kind: schema, prefix + list_kind: listed}),
        shared={name: text for name, text in model.shared.items() if served.scale or not name.startswith(_SCALE)},
    )


def _selectable(served: ServedVersion) -> dict[str, Any]:
    fields = [{"fieldPath": one} for one in served.selectable]
    return {"x-kubernetes-selectable-fields": fields} if fields else {}


def _schema(served: ServedVersion, model: _Model, *, simple: bool) -> dict[str, Any]:
    """The schema of the kind itself (``buildKubeNative``)."""
    definition, raw = served.definition, served.schema
    schema: dict[str, Any] = {"type": "object"}
    open_ended = raw is not None and (raw.get("x-kubernetes-preserve-unknown-fields") or definition.preserves)
    if raw is not None and not (simple and open_ended):
        schema = published.v2(raw) if simple else published.v3(raw)
        published.embed(schema, model.embedded, simple=simple)
        published.with_members(schema, model.members)
    place = {"group": definition.group, "kind": definition.kind, "version": served.name}
    extended = {name: one for name, one in schema.items() if name.startswith("x-")}
    extended["x-kubernetes-group-version-kind"] = [place]
    plain = {name: one for name, one in schema.items() if name not in extended}
    return plain | {name: extended[name] for name in sorted(extended)}


@lru_cache(maxsize=128)
def document(version: str, members: tuple[ServedVersion, ...]) -> Document:
    """The document of a group version, of whose definitions these are the versions."""
    found = [of(version, one, 3) for one in members]
    head = data_files.load_json(version, "custom.json")["Cluster"]["v3"]
    paths = merged(one.paths for one in found)
    schemas = merged(part for one in found for part in (one.shared, one.schemas))
    info = orjson.dumps(head["info"]).decode()
    text = f'{{"openapi":"{head["openapi"]}","info":{info},"paths":{paths},"components":{{"schemas":{schemas}}}}}'
    return load(version).custom(prose.varied(_escaped(text).encode()))


def _escaped(text: str) -> str:
    """JSON as Go's ``encoding/json`` writes it: nothing that a browser could take for a tag. (v2 has no escapes.)"""
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def merged(parts: Iterable[Texts]) -> str:
    """Members as the text of one object, sorted by name."""
    together: Texts = {}
    for part in parts:
        together |= part
    return f"{{{','.join(f'{orjson.dumps(name).decode()}:{together[name]}' for name in sorted(together))}}}"
