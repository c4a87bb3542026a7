"""Where the objects of the mutations are made, in the real server as in ours."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.schema.schema import Resource, Schema
from tests.kube.admission import mutations

Obj = dict[str, Any]


def _by_kind() -> dict[tuple[str, str], Resource]:
    found: dict[tuple[str, str], Resource] = {}
    for one in Schema.load().resources:
        found.setdefault((f"{one.group}/{one.version}" if one.group else one.version, one.kind), one)
    return found


_KINDS = _by_kind()
#: Kinds whose names say something.
_NAMES = {"APIService": "v1.c{name}", "IPAddress": "10.99.99.98"}


def resource_of(obj: Obj) -> Resource:
    """The served resource of an object."""
    return _KINDS[(obj["apiVersion"], obj["kind"])]


def collection(obj: Obj) -> str:
    """The path of an object's collection."""
    one = resource_of(obj)
    root = f"/apis/{one.group}/{one.version}" if one.group else f"/api/{one.version}"
    inside = f"/namespaces/{mutations.namespace_of(obj)}" if one.namespaced else ""
    return f"{root}{inside}/{one.plural}"


def renamed(obj: Obj) -> Obj:
    """A new object beside the one that is there."""
    meta = obj.get("metadata")
    if isinstance(meta, dict) and meta.get("name"):
        meta["name"] = _NAMES.get(obj["kind"], "c{name}").format(name=meta["name"].removeprefix("v1."))
    return obj
