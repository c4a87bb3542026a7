"""A recorded request body as the stand-in will send it: what Rancher changes, not what the cluster already knew."""

from __future__ import annotations

import base64
from typing import Any

from scale_agent.standin import codec
from scale_agent.standin.paths import RESOURCES, object_path

#: By kind, the parts that Rancher changes with a PUT; the rest of the body is the object as the cluster answered it.
CHANGED = {
    "Namespace": (("metadata", "annotations"), ("metadata", "labels")),
    "ClusterRole": (("rules",), ("metadata", "ownerReferences")),
    "ClusterRoleBinding": (("metadata", "ownerReferences"),),
    "ServiceAccount": (("metadata", "annotations"), ("metadata", "ownerReferences")),
    "Deployment": (("spec", "template", "metadata", "annotations"),),
    "Node": (("metadata", "annotations"), ("metadata", "labels")),
}
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def recorded_body(row: dict[str, Any]) -> tuple[Any, str]:
    """The body as a JSON value and how it is encoded: ``json``, ``protobuf`` or ``none``."""
    if row.get("body_base64"):
        return codec.decode_protobuf(base64.b64decode(row["body_base64"])), "protobuf"
    if row.get("body") is not None and row["body"] != "":
        return row["body"], "json"
    return None, "none"


def _part(body: dict[str, Any], path: tuple[str, ...]) -> Any:
    for key in path:
        body = body.get(key) if isinstance(body, dict) else None  # type: ignore[assignment]
    return body


def change_of(body: dict[str, Any]) -> dict[str, Any]:
    """The merge patch (RFC 7386) that a recorded PUT body stands for."""
    out: dict[str, Any] = {}
    for path in CHANGED[body["kind"]]:
        value = _part(body, path)
        if value is None:
            continue
        if path[-1] == "annotations":
            value = {key: item for key, item in value.items() if key != _LAST_APPLIED}
        here = out
        for key in path[:-1]:
            here = here.setdefault(key, {})
        here[path[-1]] = value
    return out


def point_owners(value: Any, namespace: str) -> None:
    """Replace, in place, the uid of every owner reference by a placeholder that names the owner's path."""
    for reference in _references(value):
        if (reference["apiVersion"], reference["kind"]) not in RESOURCES:
            continue  # an object of Rancher's own: its uid is one of this run's literals
        # the only namespaced owner of cluster-wide objects is the clean-up job, in namespace default
        path = object_path(reference["apiVersion"], reference["kind"], namespace or "default", reference["name"])
        reference["uid"] = f"${{uid:{path}}}"


def _references(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, dict):
        return []
    return list(value.get("metadata", {}).get("ownerReferences") or [])
