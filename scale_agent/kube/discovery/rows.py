"""What discovery says of one resource, one group version, one group: the rows of its documents, as Go writes them."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from scale_agent.kube.schema.schema import Resource

Document = dict[str, Any]
#: Verbs of custom resources in the order in which a real server lists them.
CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_SUBRESOURCE_VERBS = ("get", "patch", "update")


def storage_version_hash(group: str, version: str, kind: str) -> str:
    """The ``storageVersionHash`` of a resource list: the version in which objects are kept, hashed."""
    return base64.b64encode(hashlib.sha256(f"{group}/{version}/{kind}".encode()).digest()[:8]).decode("ascii")


def _verbs(found: frozenset[str], order: tuple[str, ...]) -> list[str]:
    return [verb for verb in order if verb in found] + sorted(found - set(order))


def _gvk(resource: Resource, kind: str, group: str = "", version: str = "") -> Document:
    return {"group": group or resource.group, "version": version or resource.version, "kind": kind}


def aggregated_group(group: str, versions: list[tuple[str, list[Resource]]]) -> Document:
    """A group of the aggregated document."""
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


def plain_group(name: str, versions: list[str]) -> Document:
    """An APIGroup; the first version is the preferred one."""
    rows = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": rows, "preferredVersion": rows[0]}


def resource_list(group_version: str, members: list[Resource]) -> Document:
    """An APIResourceList: each resource, then its subresources."""
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
