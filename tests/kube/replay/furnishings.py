"""What controllers had made in the recorded clusters before second 0 and hardly any recorded answer shows.

The forms of Endpoints and EndpointSlices are those that a real 1.36.2 controller manager makes for the same Service.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scale_agent.kube.storage.snapshot import CA_PLACEHOLDER

Object = dict[str, Any]

#: Also there, though no client of the recordings ever touched them.
BOOTSTRAP = ("default", "kube-node-lease", "kube-public", "kube-system")
ROOT_CA = "kube-root-ca.crt"
DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


def missing(objects: Sequence[Object]) -> Iterator[Object]:
    """The default service account and the authority's certificate of each namespace that was there."""
    shown = {(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in objects}
    names = {one["metadata"]["name"] for one in objects if one["kind"] == "Namespace"} | set(BOOTSTRAP)
    for namespace in sorted(names):
        account: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        authority: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ROOT_CA}}
        authority["metadata"]["annotations"] = {"kubernetes.io/description": DESCRIPTION}
        authority["data"] = {"ca.crt": CA_PLACEHOLDER}
        for made in (account, authority):
            made["metadata"]["namespace"] = namespace
            if (made["kind"], namespace, made["metadata"]["name"]) not in shown:
                yield made


CHANGED = "endpoints.kubernetes.io/last-change-trigger-time"


def behind(objects: Sequence[Object]) -> Iterator[Object]:
    """Endpoints and an EndpointSlice for each Service: empty, its pods never get an address."""
    for service in objects:
        if service["kind"] != "Service":
            continue
        meta = service["metadata"]
        common = {"namespace": meta["namespace"], "creationTimestamp": meta["creationTimestamp"]}
        common["annotations"] = {CHANGED: meta["creationTimestamp"]}
        yield _endpoints(meta, common)
        yield _slice(meta, common)


def _fields(meta: Object, version: str, fields: Object) -> list[Object]:
    entry = {"manager": "kcm", "operation": "Update", "apiVersion": version, "time": meta["creationTimestamp"]}
    fields["f:annotations"] = {".": {}, f"f:{CHANGED}": {}}
    return [entry | {"fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": fields}}]


def _endpoints(meta: Object, common: Object) -> Object:
    label = "endpoints.kubernetes.io/managed-by"
    managed = _fields(meta, "v1", {"f:labels": {".": {}, f"f:{label}": {}}})
    made = common | {"name": meta["name"], "labels": {label: "endpoint-controller"}, "managedFields": managed}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": made}


def _slice(meta: Object, common: Object) -> Object:
    by, of = "endpointslice.kubernetes.io/managed-by", "kubernetes.io/service-name"
    owner = {"apiVersion": "v1", "kind": "Service", "name": meta["name"], "uid": meta["uid"]}
    uid = f'k:{{"uid":"{meta["uid"]}"}}'
    fields: Object = {"f:generateName": {}, "f:ownerReferences": {".": {}, uid: {}}}
    fields["f:labels"] = {".": {}, f"f:{by}": {}, f"f:{of}": {}}
    made = common | {"name": f"{meta['name']}-ksc2v", "generateName": f"{meta['name']}-"}
    made["labels"] = {by: "endpointslice-controller.k8s.io", of: meta["name"]}
    made["ownerReferences"] = [owner | {"controller": True, "blockOwnerDeletion": True}]
    made["managedFields"] = _fields(meta, "discovery.k8s.io/v1", fields)
    slice_ = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": made}
    return slice_ | {"addressType": "IPv4", "endpoints": None, "ports": None}
