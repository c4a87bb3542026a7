"""Status, scale, eviction, binding, approval, tokens, finalize, ephemeral containers, resize, proxies."""

from __future__ import annotations

from typing import Any

from tests.kube.parity.objects import APP, deployment, labelled, named, pod_spec, template, typed
from tests.kube.parity.steps import (
    TABLE,
    Script,
    apply,
    delete,
    get,
    json_patch,
    merge,
    post,
    put,
    script,
    strategic,
    wait,
)

#: For CN=jane, O=dev; its key was thrown away.
CSR = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWE1IOENBUUF3SFRFTU1Bb0dBMVVFQ2d3RFpHVjJNUTB3Q3dZ"
    "RFZRUUREQVJxWVc1bE1Ga3dFd1lIS29aSQp6ajBDQVFZSUtvWkl6ajBEQVFjRFFnQUVkb1hCTGZXR2F1aHBOUmtSelpNVXhKTjd3"
    "Yi82SEJ4QnlBbGlwY25VCllBa1dvWXN4VytzSHV2Y0RoanVUS1o2TTZnTExjNXJsdE9mYXcxUkRUU1NUd2FBQU1Bb0dDQ3FHU000"
    "OUJBTUMKQTBnQU1FVUNJUUQ5Tzlxa0tPSWxidzVzQnBVT05HT29ObEVmVDByazRiZEpBN0lacnl1SzF3SWdlNUNaN0hadQp1RTVG"
    "QjZYa0ZZaDc4QkJEYzFtTTE3aFB6empTUGpzL2lYWT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg=="
)
STATUS = script(
    "status",
    post("deployments", deployment(paused=True)),
    wait(get("deployments/web", as_="a"), "status.conditions"),
    get("deployments/web/status"),
    put(
        "deployments/web/status",
        {"...": "{{a}}", "spec": {"replicas": 9}, "status": {"replicas": 3, "readyReplicas": 2}},
    ),
    put("deployments/web/status", {"...": "{{a}}", "status": {"replicas": 3}}),
    merge("deployments/web/status", {"status": {"availableReplicas": 9, "readyReplicas": 1, "replicas": 3}}),
    merge("deployments/web/status", {"metadata": {"labels": {"s": "t"}}, "spec": {"paused": False}}),
    strategic("deployments/web/status", {"status": {"conditions": [{"type": "Mine", "status": "True"}]}}),
    json_patch("deployments/web/status", [{"op": "replace", "path": "/status/replicas", "value": "x"}]),
    merge("deployments/web", {"status": {"replicas": 77}}),
    post("deployments/web/status", {}),
    delete("deployments/web/status"),
    get("deployments/none/status"),
    post("pods", named("one", spec=pod_spec(), status={"phase": "Running", "podIP": "1.2.3.4"}), as_="p"),
    put(
        "pods/one/status",
        {"...": "{{p}}", "status": {"phase": "Running", "podIP": "10.0.0.9"}, "spec": {"nodeName": "x"}},
    ),
    merge("pods/one/status", {"status": {"phase": "Dancing"}}),
    strategic("pods/one/status", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
    strategic(
        "pods/one/status",
        {
            "status": {
                "conditions": [{"type": "Ready", "status": "False"}],
                "containerStatuses": [{"name": "main", "ready": True, "restartCount": 0, "image": "i", "imageID": ""}],
            }
        },
    ),
    merge("pods/one/status", {"metadata": {"annotations": {"a": "b"}, "finalizers": ["e.com/x"]}}),
    merge("pods/one/status", {"status": None}),
    post("namespaces", named("p-status", status={"phase": "Terminating"}), as_="ns"),
    merge(
        "namespaces/p-status/status",
        {
            "status": {
                "phase": "Active",
                "conditions": [
                    {
                        "type": "X",
                        "status": "True",
                        "lastTransitionTime": "2020-01-01T00:00:00Z",
                        "reason": "R",
                        "message": "m",
                    }
                ],
            }
        },
    ),
    get("namespaces/p-status/status"),
    post("nodes", named("p-status", status={"capacity": {"cpu": "4"}})),
    wait(get("nodes/p-status"), "metadata.annotations"),
    merge(
        "nodes/p-status/status",
        {
            "status": {"capacity": {"memory": "8Gi"}, "conditions": [{"type": "Ready", "status": "True"}]},
            "spec": {"unschedulable": True},
        },
    ),
    get("nodes/p-status/status", accept=TABLE),
    post("services", named("one", spec={"clusterIP": "None"})),
    merge("services/one/status", {"status": {"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}]}}}),
    apply("pods/one/status", typed("v1", "Pod", "one", status={"phase": "Running"})),
    apply(
        "deployments/web/status",
        typed("apps/v1", "Deployment", "web", status={"conditions": [{"type": "SSA", "status": "True"}]}),
    ),
    get("configmaps/one/status"),
    get("persistentvolumeclaims/none/status"),
    put("jobs/none/status", {}),
)
SCALES = {
    "deployments": {"replicas": 1, "paused": True, "selector": {"matchLabels": APP}, "template": template()},
    "replicasets": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "web", "x": "y"}},
        "template": {**template(), "metadata": {"labels": {"app": "web", "x": "y"}}},
    },
    "statefulsets": {
        "replicas": 0,
        "serviceName": "x",
        "selector": {"matchLabels": {"app": "s"}},
        "template": {**template(), "metadata": {"labels": {"app": "s"}}},
    },
    "replicationcontrollers": {
        "replicas": 0,
        "selector": {"app": "rc"},
        "template": {**template(), "metadata": {"labels": {"app": "rc"}}},
    },
}


def scaled(place: str) -> list[Any]:
    """The scale of one workload."""
    one = f"{place}/one"
    return [
        post(place, named("one", spec=SCALES[place])),
        wait(get(one), "status.observedGeneration"),
        get(f"{one}/scale", as_="s"),
        put(f"{one}/scale", {"...": "{{s}}", "spec": {"replicas": 0}, "metadata": {"resourceVersion": ""}}, as_="t"),
        put(f"{one}/scale", {"...": "{{s}}", "spec": {"replicas": 0}, "metadata": {"resourceVersion": "1"}}),
        put(f"{one}/scale", {"...": "{{s}}", "spec": {"replicas": -1}, "metadata": {"resourceVersion": ""}}),
        put(f"{one}/scale", {"...": "{{s}}", "metadata": {"name": "other", "resourceVersion": ""}}),
        merge(f"{one}/scale", {"spec": {"replicas": 0}}),
        merge(f"{one}/scale", {"spec": {"replicas": "x"}}),
        strategic(f"{one}/scale", {"spec": {"replicas": 0}}),
        json_patch(f"{one}/scale", [{"op": "replace", "path": "/spec/replicas", "value": 0}]),
        merge(f"{one}/scale", {"spec": {"replicas": 3}}, dryRun="All"),
        get(f"{place}/none/scale"),
        merge(f"{place}/none/scale", {"spec": {"replicas": 0}}),
        get(one),
    ]


SCALE = [script(f"scale-{place}", *scaled(place)) for place in SCALES]
EVICTION = script(
    "eviction",
    post("pods", labelled("one", APP, spec=pod_spec())),
    post("pods", labelled("two", APP, spec=pod_spec())),
    post("pods/one/eviction", typed("policy/v1", "Eviction", "one"), dryRun="All"),
    post("pods/one/eviction", typed("policy/v1", "Eviction", "one")),
    get("pods/one"),
    post("pods/none/eviction", typed("policy/v1", "Eviction", "none")),
    post("pods/two/eviction", typed("policy/v1", "Eviction", "other")),
    post("pods/two/eviction", typed("policy/v1beta1", "Eviction", "two")),
    post("pods/two/eviction", typed("v1", "Pod", "two")),
    post("pods/two/eviction", {"metadata": {"name": "two"}, "deleteOptions": {"preconditions": {"uid": "x"}}}),
    post("pods", labelled("three", APP, spec=pod_spec())),
    post("poddisruptionbudgets", named("pdb", spec={"minAvailable": 1, "selector": {"matchLabels": APP}})),
    wait(get("poddisruptionbudgets/pdb"), "status.observedGeneration"),
    merge("pods/three/status", {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}),
    wait(get("poddisruptionbudgets/pdb"), "status.currentHealthy==1"),
    post("pods/three/eviction", typed("policy/v1", "Eviction", "three")),
    merge("poddisruptionbudgets/pdb", {"spec": {"minAvailable": 0}}),
    wait(get("poddisruptionbudgets/pdb"), "status.disruptionsAllowed==1"),
    post("pods/three/eviction", typed("policy/v1", "Eviction", "three")),
    get("pods/three"),
    get("pods/three/eviction"),
)
BINDING = script(
    "binding",
    post("nodes", named("p-bind")),
    post("pods", named("one", spec=pod_spec())),
    post(
        "pods/one/binding", typed("v1", "Binding", "one", target={"apiVersion": "v1", "kind": "Node", "name": "p-bind"})
    ),
    get("pods/one"),
    post("pods/one/binding", typed("v1", "Binding", "one", target={"kind": "Node", "name": "p-bind"})),
    post("pods/none/binding", typed("v1", "Binding", "none", target={"kind": "Node", "name": "p-bind"})),
    post("pods", named("two", spec=pod_spec())),
    post("bindings", typed("v1", "Binding", "two", target={"kind": "Node", "name": "p-bind"})),
    post("bindings", typed("v1", "Binding", "two", target={"kind": "Minion", "name": "p-bind"})),
    post("bindings", typed("v1", "Binding", "two", target={})),
    post("pods", named("gated", spec=pod_spec(schedulingGates=[{"name": "e.com/g"}]))),
    post("pods/gated/binding", typed("v1", "Binding", "gated", target={"kind": "Node", "name": "p-bind"})),
)
TOKENS = script(
    "tokens",
    post("serviceaccounts", named("one"), as_="sa"),
    post("serviceaccounts/one/token", {"spec": {}}),
    post("serviceaccounts/one/token", {"spec": {"audiences": ["a"], "expirationSeconds": 3600}}),
    post("serviceaccounts/one/token", {"spec": {"expirationSeconds": 10}}),
    post("serviceaccounts/one/token", {"spec": {"expirationSeconds": 10_000_000_000}}),
    post(
        "serviceaccounts/one/token",
        {"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "none", "uid": "x"}}},
    ),
    post(
        "serviceaccounts/one/token",
        {"spec": {"boundObjectRef": {"kind": "ConfigMap", "apiVersion": "v1", "name": "x"}}},
    ),
    post("serviceaccounts/one/token", {}),
    post("serviceaccounts/one/token", {"metadata": {"name": "other"}, "spec": {}}),
    post("serviceaccounts/none/token", {"spec": {}}),
    get("serviceaccounts/one/token"),
    post(
        "secrets",
        named("old", type="kubernetes.io/service-account-token")
        | {"metadata": {"name": "old", "annotations": {"kubernetes.io/service-account.name": "one"}}},
    ),
    wait(get("secrets/old"), "data.token"),
    post("secrets", named("bad", type="kubernetes.io/service-account-token")),
    post("serviceaccounts/one/token", {"spec": {}}, dryRun="All"),
    delete("serviceaccounts/one"),
    wait(get("secrets/old"), "code=404"),
)
OTHER = script(
    "other",
    put("namespaces/{{ns}}/finalize", typed("v1", "Namespace", "{{ns}}", spec={"finalizers": ["kubernetes"]})),
    get("namespaces/{{ns}}/finalize"),
    post("pods", named("one", spec=pod_spec(nodeName="p-nowhere"))),
    get("pods/one/ephemeralcontainers"),
    strategic(
        "pods/one/ephemeralcontainers", {"spec": {"ephemeralContainers": [{"name": "debug", "image": "busybox"}]}}
    ),
    strategic("pods/one/ephemeralcontainers", {"spec": {"ephemeralContainers": [{"name": "debug", "image": "other"}]}}),
    get("pods/one/resize"),
    strategic("pods/one/resize", {"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "1"}}}]}}),
    get("pods/none/log"),
    get("pods/one/log", container="none"),
    get("pods/one/log", tailLines="x"),
    get("pods/one/log", tailLines="-1"),
    get("pods/one/log", sinceSeconds="1", sinceTime="2020-01-01T00:00:00Z"),
    get("pods/none/exec"),
    get("pods/none/attach"),
    get("pods/none/portforward"),
    get("pods/none/proxy"),
    get("pods/none/proxy/path"),
    get("services/none/proxy/path"),
    get("nodes/none/proxy/metrics"),
    post("pods/one/exec", None),
    get("certificatesigningrequests/none/approval"),
    put("certificatesigningrequests/none/approval", {}),
    post(
        "certificatesigningrequests",
        named("p-bad", spec={"request": "bm9uZQ==", "signerName": "e.com/s", "usages": ["client auth"]}),
    ),
    post("certificatesigningrequests", named("p-bad", spec={"request": CSR, "usages": ["client auth"]})),
)
SIGNED = {"request": CSR, "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]}
APPROVED = {"type": "Approved", "status": "True", "reason": "Fine", "message": "ok"}
APPROVAL = script(
    "approval",
    post("certificatesigningrequests", named("p-csr", spec=SIGNED), as_="a"),
    get("certificatesigningrequests/p-csr/approval"),
    put("certificatesigningrequests/p-csr/approval", {"...": "{{a}}", "status": {"conditions": [APPROVED]}}, as_="b"),
    put("certificatesigningrequests/p-csr/approval", {"...": "{{b}}", "status": {"conditions": []}}),
    put(
        "certificatesigningrequests/p-csr/approval",
        {"...": "{{b}}", "status": {"conditions": [APPROVED, {"type": "Denied", "status": "True", "reason": "x"}]}},
    ),
    put("certificatesigningrequests/p-csr/status", {"...": "{{b}}", "status": {"certificate": "bm9uZQ=="}}),
    merge("certificatesigningrequests/p-csr", {"status": {"conditions": []}}),
    merge("certificatesigningrequests/p-csr", {"spec": {"usages": ["server auth"]}}),
    get("certificatesigningrequests/p-csr"),
    get("certificatesigningrequests/p-csr", accept=TABLE),
    post("certificatesigningrequests", named("p-denied", spec={**SIGNED, "expirationSeconds": 5})),
    post("certificatesigningrequests", named("p-denied", spec={**SIGNED, "signerName": "e.com/s"}), as_="d"),
    put(
        "certificatesigningrequests/p-denied/approval",
        {"...": "{{d}}", "status": {"conditions": [{"type": "Denied", "status": "True", "reason": "No"}]}},
    ),
    post("certificatesigningrequests", named("p-mine", spec={**SIGNED, "username": "other", "groups": ["g"]})),
    delete("certificatesigningrequests/p-csr"),
)
SCRIPTS: tuple[Script, ...] = (STATUS, *SCALE, EVICTION, BINDING, TOKENS, OTHER, APPROVAL)
