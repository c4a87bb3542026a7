"""Who owns what: the fieldsV1 that a real 1.36.2 gave to the same objects (``POST`` with ``dryRun=All``)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kube.testbed import Bed

#: Path, the object's spec, the owned fields of it. Structs and maps are one value or many as their OpenAPI documents
#: say: no list of kinds is made by hand.
REAL: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a struct without a mark": (
        "/apis/networking.k8s.io/v1/ingressclasses",
        {"controller": "a.b/c", "parameters": {"apiGroup": "k", "kind": "IP", "name": "x", "scope": "Cluster"}},
        {"f:controller": {}, "f:parameters": {".": {}, "f:apiGroup": {}, "f:kind": {}, "f:name": {}, "f:scope": {}}},
    ),
    "a field that undoes its type's mark": (
        "/api/v1/persistentvolumes",
        {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "volumeMode": "Filesystem",
            "claimRef": {"name": "a", "namespace": "b"},
            "nfs": {"server": "s", "path": "/p"},
        },
        {
            "f:accessModes": {},
            "f:capacity": {".": {}, "f:storage": {}},
            "f:claimRef": {".": {}, "f:name": {}, "f:namespace": {}},
            "f:nfs": {".": {}, "f:path": {}, "f:server": {}},
            "f:persistentVolumeReclaimPolicy": {},
            "f:volumeMode": {},
        },
    ),
    "an atomic map, and list keys with a default": (
        "/api/v1/namespaces/default/services",
        {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}], "selector": {"a": "b"}},
        {
            "f:internalTrafficPolicy": {},
            "f:ports": {
                ".": {},
                'k:{"port":80,"protocol":"TCP"}': {
                    ".": {},
                    "f:name": {},
                    "f:port": {},
                    "f:protocol": {},
                    "f:targetPort": {},
                },
                'k:{"port":81,"protocol":"TCP"}': {
                    ".": {},
                    "f:name": {},
                    "f:port": {},
                    "f:protocol": {},
                    "f:targetPort": {},
                },
            },
            "f:selector": {},
            "f:sessionAffinity": {},
            "f:type": {},
        },
    ),
    "an atomic struct": (
        "/api/v1/namespaces/default/resourcequotas",
        {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]}},
        {"f:scopeSelector": {}},
    ),
}


@pytest.mark.parametrize("case", REAL)
def test_owned_fields_are_a_real_server_s(case: str) -> None:
    """The spec's part of the creator's entry."""
    path, spec, fields = REAL[case]
    made = Bed().post(path, {"metadata": {"name": "zz"}, "spec": spec})
    (entry,) = made["metadata"]["managedFields"]
    assert entry["fieldsV1"]["f:spec"] == fields
