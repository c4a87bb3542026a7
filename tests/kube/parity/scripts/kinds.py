"""Every verb on every kind that can be created without anything else: one script per kind, all of one form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.kube.parity.objects import APP, pod_spec, template
from tests.kube.parity.steps import (
    PARTIAL,
    PROTOBUF,
    TABLE,
    Script,
    Step,
    delete,
    get,
    json_patch,
    merge,
    observed,
    post,
    put,
    quiet,
    script,
    strategic,
    wait,
    watch,
)

SUBJECT = {"kind": "ServiceAccount", "name": "default", "namespace": "default"}
WEBHOOK = {
    "name": "hook.example.com",
    "admissionReviewVersions": ["v1"],
    "sideEffects": "None",
    "failurePolicy": "Ignore",
    "clientConfig": {"url": "https://127.0.0.1:1/hook"},
    "rules": [{"apiGroups": ["none.example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["x"]}],
    "timeoutSeconds": 1,
}
SEEN = "status.observedGeneration"


@dataclass(frozen=True, slots=True)
class Kind:
    """``body`` without type and name; ``settled``: what controllers do to a new one, before anything is changed."""

    place: str
    body: dict[str, Any] = field(default_factory=dict)
    settled: str = ""
    name: str = ""


_WORKLOAD = {"selector": {"matchLabels": APP}, "template": template()}
_CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "none"}
_DEVICES = {"spec": {"devices": {"requests": [{"name": "one", "exactly": {"deviceClassName": "gpu.example.com"}}]}}}
_MATCH = {
    "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["none"]}]
}
KINDS = (
    Kind("configmaps", {"data": {"a": "1"}, "binaryData": {"b": "AAEC"}}),
    Kind("secrets", {"stringData": {"a": "1"}, "type": "Opaque"}),
    Kind("services", {"spec": {"ports": [{"port": 80}], "selector": APP}}),
    Kind("endpoints", {"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}]}),
    Kind("serviceaccounts"),
    Kind("pods", {"spec": pod_spec()}),
    Kind("podtemplates", {"template": template()}),
    Kind("replicationcontrollers", {"spec": {"replicas": 0, "template": template()}}, SEEN),
    Kind("limitranges", {"spec": {"limits": [{"type": "Container", "default": {"cpu": "100m"}}]}}),
    Kind("resourcequotas", {"spec": {"hard": {"pods": "10"}}}, "status.hard.pods"),
    Kind("persistentvolumeclaims", {"spec": _CLAIM}),
    Kind(
        "events",
        {"involvedObject": {"kind": "Pod", "namespace": "{{ns}}", "name": "x"}, "reason": "Seen", "message": "m"},
    ),
    Kind("namespaces"),
    Kind("nodes", {}, "metadata.annotations"),
    Kind(
        "persistentvolumes",
        {"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/tmp/x"}}},
        "status.phase==Available",
    ),
    Kind("deployments", {"spec": {"replicas": 0, **_WORKLOAD}}, "status.conditions"),
    Kind("replicasets", {"spec": {"replicas": 0, **_WORKLOAD}}, SEEN),
    Kind("statefulsets", {"spec": {"replicas": 0, "serviceName": "web", **_WORKLOAD}}, SEEN),
    Kind("daemonsets", {"spec": _WORKLOAD}, SEEN),
    Kind("controllerrevisions", {"revision": 1, "data": {"a": 1}}),
    Kind(
        "jobs", {"spec": {"suspend": True, "template": {"spec": pod_spec(restartPolicy="Never")}}}, "status.conditions"
    ),
    Kind(
        "cronjobs",
        {
            "spec": {
                "schedule": "0 0 1 1 *",
                "jobTemplate": {"spec": {"template": {"spec": pod_spec(restartPolicy="OnFailure")}}},
            }
        },
    ),
    Kind(
        "horizontalpodautoscalers",
        {"spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}}},
        "status.conditions",
    ),
    Kind("poddisruptionbudgets", {"spec": {"minAvailable": 1, "selector": {"matchLabels": APP}}}, "status.conditions"),
    Kind("ingresses", {"spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}}),
    Kind("ingressclasses", {"spec": {"controller": "example.com/controller"}}),
    Kind("networkpolicies", {"spec": {"podSelector": {}, "ingress": [{}]}}),
    Kind("servicecidrs", {"spec": {"cidrs": ["10.99.0.0/24"]}}, "status.conditions"),
    Kind(
        "ipaddresses",
        {"spec": {"parentRef": {"group": "", "resource": "services", "namespace": "default", "name": "kubernetes"}}},
        name="10.44.0.77",
    ),
    Kind("roles", {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
    Kind(
        "rolebindings",
        {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"}, "subjects": [SUBJECT]},
    ),
    Kind("clusterroles", {"rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}]}),
    Kind(
        "clusterrolebindings",
        {
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "x"},
            "subjects": [SUBJECT],
        },
    ),
    Kind("leases", {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 15}}),
    Kind(
        "endpointslices",
        {"addressType": "IPv4", "endpoints": [{"addresses": ["10.1.2.3"]}], "ports": [{"name": "http", "port": 80}]},
    ),
    Kind("priorityclasses", {"value": 7, "description": "seven"}),
    Kind("runtimeclasses", {"handler": "runc"}),
    Kind("storageclasses", {"provisioner": "example.com/none"}),
    Kind("csidrivers", {"spec": {"attachRequired": False}}),
    Kind("csinodes", {"spec": {"drivers": []}}),
    Kind("csistoragecapacities", {"storageClassName": "none"}),
    Kind(
        "volumeattachments",
        {"spec": {"attacher": "example.com", "nodeName": "none", "source": {"persistentVolumeName": "none"}}},
    ),
    Kind("volumeattributesclasses", {"driverName": "example.com", "parameters": {"a": "b"}}),
    Kind("flowschemas", {"spec": {"priorityLevelConfiguration": {"name": "global-default"}}}, "status.conditions"),
    Kind(
        "prioritylevelconfigurations",
        {"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}}}},
    ),
    Kind("mutatingwebhookconfigurations", {"webhooks": [WEBHOOK]}),
    Kind("validatingwebhookconfigurations", {"webhooks": [WEBHOOK]}),
    Kind(
        "validatingadmissionpolicies",
        {"spec": {"matchConstraints": _MATCH, "validations": [{"expression": "true"}]}},
        SEEN,
    ),
    Kind("validatingadmissionpolicybindings", {"spec": {"policyName": "none", "validationActions": ["Deny"]}}),
    Kind("deviceclasses", {"spec": {"selectors": [{"cel": {"expression": "true"}}]}}),
    Kind("resourceclaims", _DEVICES),
    Kind("resourceclaimtemplates", {"spec": _DEVICES}),
    Kind(
        "resourceslices",
        {
            "spec": {
                "driver": "example.com",
                "nodeName": "n",
                "pool": {"name": "n", "generation": 1, "resourceSliceCount": 1},
            }
        },
    ),
)


def steps(kind: Kind) -> list[Step | list[Step]]:
    """Create, refuse the second, read in every form, replace, refuse the stale one, patch, watch, delete."""
    place, name = kind.place, kind.name or f"p-{kind.place}"
    one = f"{place}/{name}"
    body = {"metadata": {"name": name, "labels": {"parity": "yes"}}, **kind.body}
    settled = wait(get(one, as_="a"), kind.settled) if kind.settled else get(one, as_="a")
    changes = [
        put(one, {"...": "{{a}}", "metadata": {"annotations": {"put": "1"}}}),
        put(one, {"...": "{{a}}", "metadata": {"annotations": {"put": "2"}}}),
        merge(one, {"metadata": {"labels": {"merged": "1"}}}),
        merge(one, {"metadata": {"labels": {"merged": "1"}}}),
        strategic(one, {"metadata": {"labels": {"strategic": "1", "merged": None}}}),
        json_patch(one, [{"op": "add", "path": "/metadata/labels/json", "value": "1"}], as_="b"),
    ]
    return [
        post(place, body, dryRun="All"),
        post(place, body, as_="new"),
        post(place, body),
        settled,
        get(place, labelSelector="parity=yes", as_="list"),
        get(one, accept=TABLE),
        get(place, accept=TABLE, labelSelector="parity=yes"),
        get(one, accept=PARTIAL),
        get(one, accept=PROTOBUF),
        get(place, accept=PROTOBUF, labelSelector="parity=yes"),
        observed(one, *changes) if place == "deployments" else changes,
        watch(place, resourceVersion="{{a.rv}}", labelSelector="parity=yes"),
        delete(one, dryRun="All"),
        quiet(get(one)),
        delete(place, labelSelector="parity=yes"),
        [delete(one)] if place == "namespaces" else [],
        wait(get(one), "code=404"),
        delete(one),
        put(one, {"...": "{{b}}", "metadata": {"resourceVersion": ""}}),
    ]


SCRIPTS: tuple[Script, ...] = tuple(script(kind.place, *steps(kind)) for kind in KINDS)
