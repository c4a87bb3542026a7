"""Discovery documents: what a client is told about groups, versions and resources.

The built-in part is the answer of a real server, kept as data; groups that appear at run time (CRDs) are added behind
it as a real server does (subresources in the given order: status, scale). Aggregated documents
(``as=APIGroupDiscoveryList``, v2 only: 1.36 answers 406 to v2beta1) and the plain ``APIVersions``, ``APIGroupList``,
``APIGroup``, ``APIResourceList``.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import orjson

from scale_agent.kube import data_files
from scale_agent.kube.schema.schema import Resource, Schema

Document = dict[str, Any]
#: Verbs of custom resources in the order in which a real server lists them.
CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_SUBRESOURCE_VERBS = ("get", "patch", "update")
_SERVER_PLACEHOLDER = "@server"


class Discovery:
    """The documents of one set of resources; made new when a CRD comes or goes (the built-in part is shared)."""

    def __init__(
        self, schema: Schema, extra: Sequence[Resource] = (), *, server_address: str = "127.0.0.1:6443"
    ) -> None:
        self._answers: Mapping[str, str] = data_files.load_json(schema.version, "discovery.json")
        self._extra = sorted(extra, key=lambda one: (one.group, _version_order(one.version), one.plural))
        self._server_address = server_address
        self._added = self._custom_documents()
        self._aggregated: dict[str, tuple[bytes, str]] = {}

    def version(self) -> bytes:
        """The body of ``/version``."""
        return self._answers["/version"].encode()

    def aggregated(self, path: str) -> tuple[bytes, str]:
        """Body and quoted ETag of the aggregated document of ``/api`` or ``/apis``; ``KeyError`` for others."""
        if path not in self._aggregated:
            self._aggregated[path] = self._make_aggregated(path)
        return self._aggregated[path]

    def document(self, path: str) -> Document | None:
        """The plain document of ``/api[/v1]`` or ``/apis[/GROUP[/VERSION]]`` as an object, or ``None``."""
        body = self.plain(path)
        return None if body is None else orjson.loads(body)

    def plain(self, path: str) -> bytes | None:
        """The JSON body of a plain document, or ``None`` if no such path is served."""
        if path in self._added:
            return self._added[path]
        answer = self._answers.get(path)
        if answer is None or " " in path or path == "/version":
            return None
        return answer.replace(_SERVER_PLACEHOLDER, self._server_address).encode()

    def _make_aggregated(self, path: str) -> tuple[bytes, str]:
        built_in = self._answers[f"{path} aggregated"].encode()
        document = orjson.loads(built_in)
        if path == "/apis" and self._extra:
            document["items"] += [_aggregated_group(group, versions) for group, versions in self._groups()]
            built_in = orjson.dumps(document) + b"\n"
        hashed = orjson.dumps({"metadata": document["metadata"], "items": document["items"]})
        return built_in, f'"{hashlib.sha512(hashed).hexdigest().upper()}"'

    def _groups(self) -> Iterable[tuple[str, list[tuple[str, list[Resource]]]]]:
        for group, members in groupby(self._extra, key=lambda one: one.group):
            yield group, [(version, list(found)) for version, found in groupby(members, key=lambda one: one.version)]

    def _custom_documents(self) -> dict[str, bytes]:
        if not self._extra:
            return {}
        added: dict[str, bytes] = {}
        groups = orjson.loads(self._answers["/apis"])
        for name, versions in self._groups():
            entry = _plain_group(name, [version for version, _ in versions])
            groups["groups"].append(entry)
            added[f"/apis/{name}"] = _body({"kind": "APIGroup", "apiVersion": "v1", **entry})
            for version, members in versions:
                added[f"/apis/{name}/{version}"] = _body(_resource_list(f"{name}/{version}", members))
        return {**added, "/apis": _body(groups)}


@lru_cache(maxsize=64)
def discovery(schema: Schema, extra: tuple[Resource, ...] = (), server_address: str = "127.0.0.1:6443") -> Discovery:
    """A shared :class:`Discovery`: clusters with equal custom resources get the same one."""
    return Discovery(schema, extra, server_address=server_address)


def storage_version_hash(group: str, version: str, kind: str) -> str:
    """The ``storageVersionHash`` of a resource list: the version in which objects are kept, hashed."""
    return base64.b64encode(hashlib.sha256(f"{group}/{version}/{kind}".encode()).digest()[:8]).decode("ascii")


def _body(document: Document) -> bytes:
    return orjson.dumps(document) + b"\n"


def _version_order(version: str) -> tuple[int, int, int, str]:
    """Kubernetes' order of versions: v2, v1, v1beta2, v1beta1, v1alpha1, then others by name."""
    for rank, stage in enumerate(("", "beta", "alpha")):
        major, separator, minor = version.removeprefix("v").partition(stage) if stage else (version[1:], "", "0")
        if version.startswith("v") and major.isdecimal() and minor.isdecimal() and (separator or not stage):
            return rank, -int(major), -int(minor), ""
    return 3, 0, 0, version


def _verbs(found: frozenset[str], order: tuple[str, ...]) -> list[str]:
    return [verb for verb in order if verb in found] + sorted(found - set(order))


def _gvk(resource: Resource, kind: str, group: str = "", version: str = "") -> Document:
    return {"group": group or resource.group, "version": version or resource.version, "kind": kind}


def _aggregated_group(group: str, versions: list[tuple[str, list[Resource]]]) -> Document:
    rows = [
        {"version": version, "resources": [_aggregated_resource(one) for one in members], "freshness": "Current"}
        for version, members in versions
    ]
    return {"metadata": {"name": group}, "versions": rows}


def _aggregated_resource(resource: Resource) -> Document:
    row: Document = {
        "resource": resource.plural,
        "responseKind": _gvk(resource, resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": _verbs(resource.verbs, CUSTOM_VERBS),
    }
    if resource.short_names:
        row["shortNames"] = list(resource.short_names)
    if resource.categories:
        row["categories"] = list(resource.categories)
    if resource.subresources:
        row["subresources"] = [
            {
                "subresource": name,
                "responseKind": _gvk(resource, sub.kind or resource.kind, sub.group, sub.version),
                "verbs": _verbs(sub.verbs, _SUBRESOURCE_VERBS),
            }
            for name, sub in resource.subresources.items()
        ]
    return row


def _plain_group(name: str, versions: list[str]) -> Document:
    rows = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": rows, "preferredVersion": rows[0]}


def _resource_list(group_version: str, members: list[Resource]) -> Document:
    rows: list[Document] = []
    for one in members:
        rows.append(_plain_resource(one))
        rows += [_plain_subresource(one, name) for name in one.subresources]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": rows}


def _plain_resource(resource: Resource) -> Document:
    row: Document = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _verbs(resource.verbs, CUSTOM_VERBS),
    }
    if resource.short_names:
        row["shortNames"] = list(resource.short_names)
    if resource.categories:
        row["categories"] = list(resource.categories)
    row["storageVersionHash"] = storage_version_hash(
        resource.group, resource.storage_version or resource.version, resource.kind
    )
    return row


def _plain_subresource(resource: Resource, name: str) -> Document:
    sub = resource.subresources[name]
    row: Document = {"name": f"{resource.plural}/{name}", "singularName": "", "namespaced": resource.namespaced}
    if (sub.group or resource.group, sub.version or resource.version) != (resource.group, resource.version):
        row |= {"group": sub.group, "version": sub.version}
    return {**row, "kind": sub.kind or resource.kind, "verbs": _verbs(sub.verbs, _SUBRESOURCE_VERBS)}
