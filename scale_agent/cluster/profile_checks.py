"""What only the API's own data can tell about a profile: versions, kinds, fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from scale_agent.cluster.yaml_place import Place
from scale_agent.kube import catalog, data_files
from scale_agent.kube.catalog import Catalog
from scale_agent.kube.errors import StatusError


def api_of(place: Place, version: str) -> Catalog:
    """The API of the version at ``place``; any patch level, and any suffix, of a minor version that the package has."""
    try:
        return catalog.for_version(version)
    except FileNotFoundError:
        minors = ", ".join(one.rpartition(".")[0] for one in data_files.versions())
        place.fail(f"the API of Kubernetes {version} is not in this package", f"use a version of {minors}")


def read_object(place: Place, api: Catalog, namespaces: Sequence[str]) -> dict[str, Any]:
    """An object as Kubernetes writes it, of a kind the API has, in a namespace of the cluster."""
    value = place.plain()
    if not isinstance(value, dict):
        place.fail("no object", "write apiVersion, kind and metadata.name")
    metadata = value.get("metadata")
    named = isinstance(metadata, dict) and isinstance(metadata.get("name"), str)
    if not named or not all(isinstance(value.get(key), str) for key in ("apiVersion", "kind")):
        place.fail("an object needs apiVersion, kind and metadata.name", "add what is missing")
    _check_json(place, value)
    _check_fields(place, value, api, namespaces)
    return value


def _check_json(place: Place, value: dict[str, Any]) -> None:
    try:
        orjson.dumps(value)
    except TypeError as error:
        place.fail(f"a value that JSON does not have: {error}", "write keys as text, binary data as base64 text")


def _check_fields(place: Place, value: dict[str, Any], api: Catalog, namespaces: Sequence[str]) -> None:
    try:
        resource = api.by_kind(value["apiVersion"], value["kind"])
        unknown = api.checked(value, resource)[1]
    except LookupError as error:
        place.fail(str(error), f"use a kind of Kubernetes {api.version}")
    except StatusError as error:
        place.fail(error.message, "correct the value")
    if unknown:
        place.fail(f"unknown field {unknown[0]!r}", f"see kubectl explain {resource.plural}")
    namespace = value["metadata"].get("namespace")
    if resource.namespaced and namespace not in namespaces:
        place.fail(f"namespace {namespace!r} is none of this cluster's", "name one, or add it under namespaces")
