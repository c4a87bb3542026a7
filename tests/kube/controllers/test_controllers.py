from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scale_agent.kube.http import Response
from tests.kube.testbed import NODE, WATCH_LIST, Bed, events, legacy_token, snapshot, types_and_names

DEFAULT = "/api/v1/namespaces/default"
APPS = "/apis/apps/v1/namespaces/default"
MERGE = "application/merge-patch+json"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def _deployment(replicas: int = 1, image: str = "web:1") -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}
    return {
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template},
    }


def _pods(bed: Bed) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bed.get(f"{DEFAULT}/pods")["items"]
    return found


def _conditions(obj: dict[str, Any]) -> dict[str, str]:
    return {one["type"]: one["status"] for one in obj["status"].get("conditions") or ()}


def test_a_deployment_rolls_out() -> None:
    bed = Bed()
    bed.post(f"{APPS}/deployments", _deployment(2))
    assert bed.get(f"{APPS}/deployments/web")["status"].get("readyReplicas") is None
    assert {pod["status"]["phase"] for pod in _pods(bed)} == {"Pending"}
    bed.advance(3)
    done = bed.get(f"{APPS}/deployments/web")
    assert (done["status"]["readyReplicas"], done["status"]["updatedReplicas"]) == (2, 2)
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert _conditions(done) == {"Available": "True", "Progressing": "True"}
    for pod in _pods(bed):
        assert (pod["spec"]["nodeName"], pod["status"]["hostIP"], _conditions(pod)["Ready"]) == (
            "node-1",
            "10.0.0.1",
            "True",
        )


def test_a_new_template_is_a_rollout_that_overlaps() -> None:
    bed = Bed()
    bed.post(f"{APPS}/deployments", _deployment())
    bed.advance(3)
    bed.call("PUT", f"{APPS}/deployments/web", _deployment(image="web:2"))
    assert sorted(pod["spec"]["containers"][0]["image"] for pod in _pods(bed)) == ["web:1", "web:2"]
    bed.advance(5)
    assert [pod["spec"]["containers"][0]["image"] for pod in _pods(bed)] == ["web:2"]
    done = bed.get(f"{APPS}/deployments/web")
    assert (done["status"]["observedGeneration"], done["status"]["replicas"]) == (2, 1)
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    sets = bed.get(f"{APPS}/replicasets")["items"]
    assert sorted(one["spec"]["replicas"] for one in sets) == [0, 1]


def test_scaling_and_deleting() -> None:
    bed = Bed()
    bed.post(f"{APPS}/deployments", _deployment())
    bed.advance(3)
    bed.call("PATCH", f"{APPS}/deployments/web/scale", {"spec": {"replicas": 3}}, media=MERGE)
    bed.advance(3)
    assert len(_pods(bed)) == 3
    bed.call("DELETE", f"{APPS}/deployments/web", {"propagationPolicy": "Background"})
    bed.advance(3)
    assert _pods(bed) == []
    assert bed.get(f"{APPS}/replicasets")["items"] == []


def test_orphans_stay_and_foreground_waits() -> None:
    bed = Bed()
    bed.post(f"{APPS}/deployments", _deployment())
    bed.advance(3)
    bed.call("DELETE", f"{APPS}/deployments/web", {"propagationPolicy": "Orphan"})
    (left,) = bed.get(f"{APPS}/replicasets")["items"]
    assert "ownerReferences" not in left["metadata"]
    name = left["metadata"]["name"]
    held = bed.call("DELETE", f"{APPS}/replicasets/{name}", {"propagationPolicy": "Foreground"})
    assert held["metadata"]["finalizers"] == ["foregroundDeletion"]
    bed.get(f"{APPS}/replicasets/{name}")
    bed.advance(3)
    bed.get(f"{APPS}/replicasets/{name}", expect=404)


def test_pods_without_a_node_wait() -> None:
    bed = Bed(snapshot({**NODE, "spec": {"unschedulable": True}}))
    bed.post(f"{DEFAULT}/pods", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    bed.advance(10)
    (pod,) = _pods(bed)
    assert (pod["status"]["phase"], _conditions(pod)) == ("Pending", {"PodScheduled": "False"})


def test_a_job_completes() -> None:
    bed = Bed()
    spec = {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}
    job = bed.post(
        "/apis/batch/v1/namespaces/default/jobs",
        {"metadata": {"generateName": "j-"}, "spec": {"template": {"spec": spec}}},
    )
    bed.advance(20)
    done = bed.get(f"/apis/batch/v1/namespaces/default/jobs/{job['metadata']['name']}")
    assert (done["status"]["succeeded"], _conditions(done)["Complete"]) == (1, "True")
    assert [pod["status"]["phase"] for pod in _pods(bed)] == ["Succeeded"]


def test_a_token_secret_is_filled_right_after_its_answer() -> None:
    bed = Bed()
    watch = bed.watch(f"{DEFAULT}/secrets", **WATCH_LIST)
    events(watch)
    body = {"metadata": {"generateName": "t-", "annotations": {"kubernetes.io/service-account.name": "default"}}}
    made = bed.post(f"{DEFAULT}/secrets", {**body, "type": "kubernetes.io/service-account-token"})
    assert "data" not in made
    name = made["metadata"]["name"]
    data = bed.get(f"{DEFAULT}/secrets/{name}")["data"]
    uid = bed.get(f"{DEFAULT}/serviceaccounts/default")["metadata"]["uid"]
    assert base64.b64decode(data["token"]).decode() == legacy_token("default", "default", uid, name)
    assert base64.b64decode(data["namespace"]) == b"default"
    assert b"BEGIN CERTIFICATE" in base64.b64decode(data["ca.crt"])
    assert types_and_names(events(watch)) == [("ADDED", name), ("MODIFIED", name)]
    review = bed.post(
        "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": base64.b64decode(data["token"]).decode()}}
    )
    assert review["status"]["user"]["username"] == "system:serviceaccount:default:default"
    bed.call("DELETE", f"{DEFAULT}/serviceaccounts/default")
    bed.get(f"{DEFAULT}/secrets/{name}", expect=404)


def test_a_token_secret_without_an_account_is_deleted() -> None:
    bed = Bed()
    meta = {"name": "t", "annotations": {"kubernetes.io/service-account.name": "nobody"}}
    bed.post(f"{DEFAULT}/secrets", {"metadata": meta, "type": "kubernetes.io/service-account-token"})
    bed.get(f"{DEFAULT}/secrets/t", expect=404)


def test_namespaces_are_furnished_and_cleared() -> None:
    bed = Bed()
    made = bed.post("/api/v1/namespaces", {"metadata": {"name": "n"}})
    assert made["status"]["phase"] == "Active"
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "n"}
    bed.get("/api/v1/namespaces/n/serviceaccounts/default")
    assert "BEGIN" in bed.get("/api/v1/namespaces/n/configmaps/kube-root-ca.crt")["data"]["ca.crt"]
    bed.configmap("held", "n", finalizers=["x.y/z"])
    bed.configmap("free", "n")
    going = bed.call("DELETE", "/api/v1/namespaces/n")
    assert going["status"]["phase"] == "Terminating"
    refused = bed.post("/api/v1/namespaces/n/configmaps", {"metadata": {"name": "late"}}, expect=403)
    assert "because it is being terminated" in refused["message"]
    bed.advance(6)
    assert [one["metadata"]["name"] for one in bed.get("/api/v1/namespaces/n/configmaps")["items"]] == ["held"]
    conditions = bed.get("/api/v1/namespaces/n")["status"]["conditions"]
    assert [one["type"] for one in conditions if one["status"] == "True"] == [
        "NamespaceContentRemaining",
        "NamespaceFinalizersRemaining",
    ]
    bed.call("PATCH", "/api/v1/namespaces/n/configmaps/held", {"metadata": {"finalizers": None}}, media=MERGE)
    bed.get("/api/v1/namespaces/n", expect=404)


def test_every_namespace_of_a_snapshot_is_furnished() -> None:
    bed = Bed(snapshot({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}))
    bed.get("/api/v1/namespaces/n/serviceaccounts/default")
    assert "BEGIN" in bed.get("/api/v1/namespaces/n/configmaps/kube-root-ca.crt")["data"]["ca.crt"]


def _definition() -> dict[str, Any]:
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        "additionalPrinterColumns": [{"name": "Size", "type": "string", "jsonPath": ".spec.size"}],
    }
    spec = {
        "group": "x.io",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [version],
    }
    return {"metadata": {"name": "widgets.x.io"}, "spec": spec}


WIDGETS = "/apis/x.io/v1/namespaces/default/widgets"


def test_custom_resources_are_served_and_go_with_their_definition() -> None:
    bed = Bed()
    assert bed.ask("GET", WIDGETS).body == b"404 page not found\n"
    bed.post(CRDS, _definition())
    assert _conditions(bed.get(f"{CRDS}/widgets.x.io")) == {"NamesAccepted": "True", "Established": "True"}
    assert bed.get("/apis/x.io/v1")["resources"][0]["name"] == "widgets"
    assert bed.get("/apis/apiregistration.k8s.io/v1/apiservices/v1.x.io")["spec"]["group"] == "x.io"
    widget = {
        "apiVersion": "x.io/v1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"size": "big"},
        "status": {"a": 1},
    }
    made = bed.post(WIDGETS, widget)
    assert "status" not in made
    assert made["metadata"]["generation"] == 1
    table = bed.get(WIDGETS, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert table["rows"][0]["cells"] == ["w", "big"]
    response = bed.ask("GET", WIDGETS, accept="application/vnd.kubernetes.protobuf, application/json")
    assert dict(response.headers)["Content-Type"] == "application/json"
    bed.call("DELETE", f"{CRDS}/widgets.x.io")
    assert bed.ask("GET", WIDGETS).body == b"404 page not found\n"
    bed.get("/apis/apiregistration.k8s.io/v1/apiservices/v1.x.io", expect=404)


@settings(max_examples=150)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "labels",
                "annotations",
                "finalizers",
                "ownerReferences",
                "uid",
                "managedFields",
                "generateName",
                "resourceVersion",
            ]
        ),
        st.one_of(
            st.integers(0, 9),
            st.text("aé/-", max_size=3),
            st.lists(st.integers(0, 3), max_size=2),
            st.dictionaries(st.text("aé/-", max_size=2), st.integers(0, 3), max_size=2),
            st.none(),
        ),
        max_size=3,
    ),
    st.sampled_from(["POST", "PUT", "PATCH"]),
)
def test_hostile_metadata_of_custom_objects_is_refused_or_stored(meta: dict[str, Any], method: str) -> None:
    bed = Bed()
    bed.post(CRDS, _definition())
    base = {"apiVersion": "x.io/v1", "kind": "Widget"}
    bed.post(WIDGETS, {**base, "metadata": {"name": "w"}})
    path = WIDGETS if method == "POST" else f"{WIDGETS}/w"
    name = "n" if method == "POST" else "w"
    answer = bed.ask(
        method,
        path,
        {**base, "metadata": {**meta, "name": name}},
        media=MERGE if method == "PATCH" else "application/json",
    )
    refused = (400, 409, 422, 500) if "resourceVersion" in meta else (400, 409, 422)  # as the real one: Go's own words
    assert answer.status in (200, 201, *refused)
    assert bed.ask("GET", WIDGETS, labelSelector="a=b").status == 200


def test_a_token_request_and_a_binding() -> None:
    bed = Bed()
    token = bed.post(f"{DEFAULT}/serviceaccounts/default/token", {"spec": {"expirationSeconds": 600}})
    assert token["status"]["token"].startswith("eyJ")
    bed.post(f"{DEFAULT}/pods", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    bed.post(f"{DEFAULT}/pods/p/binding", {"metadata": {"name": "p"}, "target": {"name": "x"}}, expect=409)
    bed.post(f"{DEFAULT}/pods/p/eviction", {"metadata": {"name": "p"}})
    bed.advance(2)
    bed.get(f"{DEFAULT}/pods/p", expect=404)


def test_on_due_tells_of_earlier_appointments() -> None:
    bed = Bed()
    told: list[float] = []
    bed.api.on_due = told.append
    assert bed.api.advance(bed.now_s) is None
    bed.watch(f"{DEFAULT}/secrets", watch="true", timeoutSeconds=300)
    bed.watch(f"{DEFAULT}/secrets", watch="true", timeoutSeconds=200)
    assert told == [pytest.approx(bed.now_s + 300), pytest.approx(bed.now_s + 200)]
    assert bed.api.advance(bed.now_s) == pytest.approx(bed.now_s + 200)


def test_plain_endpoints_change_nothing() -> None:
    bed = Bed()
    answer = bed.api.handle(bed.request("GET", "/readyz"), bed.now_s)
    assert isinstance(answer, Response)
    assert bed.api.advance(bed.now_s) is None
