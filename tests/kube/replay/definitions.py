"""Custom resource definitions that the agents posted with bodies over 4 KB, which the recorder did not keep.

Their names, kinds and scopes are known from what was asked of them later; of their schemas nothing is kept, so here
they accept everything. The POST itself stays on the list of what cannot be replayed.
"""

from __future__ import annotations

from typing import Any

from tests.kube.replay.nodes import Additions
from tests.kube.replay.state import Write
from tests.kube.replay.timeline import Timeline

FILE = "rancher-2.15.0/agent-own-requests.jsonl"
COLLECTION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NAMESPACED = "Namespaced"
BY_RANCHER = {"app.kubernetes.io/managed-by": "rancher"}

#: Line, plural, group, version, kind, scope, labels.
DEFINITIONS: tuple[tuple[int, str, str, str, str, str, dict[str, str]], ...] = (
    (102, "auditpolicies", "auditlog.cattle.io", "v1", "AuditPolicy", "Cluster", BY_RANCHER),
    (103, "clusterrepos", "catalog.cattle.io", "v1", "ClusterRepo", "Cluster", BY_RANCHER),
    (104, "uiplugins", "catalog.cattle.io", "v1", "UIPlugin", NAMESPACED, BY_RANCHER),
    (107, "proxyendpoints", "management.cattle.io", "v3", "ProxyEndpoint", "Cluster", BY_RANCHER),
    (108, "beacons", "plan.cattle.io", "v1alpha1", "Beacon", NAMESPACED, BY_RANCHER),
    (109, "encryptionkeyrotations", "operation.cattle.io", "v1alpha1", "EncryptionKeyRotation", NAMESPACED, BY_RANCHER),
    (110, "etcdsnapshotsaves", "operation.cattle.io", "v1alpha1", "ETCDSnapshotSave", NAMESPACED, BY_RANCHER),
    (111, "etcdsnapshotrestores", "operation.cattle.io", "v1alpha1", "ETCDSnapshotRestore", NAMESPACED, BY_RANCHER),
    (124, "plans", "upgrade.cattle.io", "v1", "Plan", NAMESPACED, {}),
    (154, "apps", "catalog.cattle.io", "v1", "App", NAMESPACED, {}),
)


def _definition(plural: str, group: str, version: str, kind: str, scope: str, labels: dict[str, str]) -> dict[str, Any]:
    anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    served = {"name": version, "served": True, "storage": True, "schema": anything, "subresources": {"status": {}}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "labels": labels},
        "spec": {"group": group, "names": names, "scope": scope, "versions": [served]},
    }


def history(timeline: Timeline) -> Additions:
    """The definitions, each in place of the line whose body is missing."""
    out = Additions()
    if any(part.file == FILE for part in timeline.parts):
        for line, plural, group, version, kind, scope, labels in DEFINITIONS:
            made = _definition(plural, group, version, kind, scope, labels)
            out.writes.append(Write(f"{FILE}:{line}", "POST", COLLECTION, made, "", "its recorded body was not kept"))
    return out
