from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scale_agent.kube.http import Response
from tests.kube.testbed import JSON, PROTOBUF, Bed, decoded, snapshot

DEFAULT = "/api/v1/namespaces/default"
MAPS = f"{DEFAULT}/configmaps"
MERGE = "application/merge-patch+json"
CA = f"{MAPS}/kube-root-ca.crt"


def test_the_first_acceptable_representation_is_answered() -> None:
    bed = Bed()
    for accept, expected in (
        (f"{PROTOBUF}, {JSON}", PROTOBUF),
        (f"{JSON}, {PROTOBUF}", JSON),
        (f"{JSON};q=0.1, {PROTOBUF}", PROTOBUF),
        ("*/*", JSON),
        ("", JSON),
        ("text/html, */*", JSON),
        ("application/yaml", "application/yaml"),
    ):
        response = bed.ask("GET", "/api/v1/namespaces/default", accept=accept)
        assert dict(response.headers)["Content-Type"] == expected
        assert dict(response.headers)["Cache-Control"] == "no-cache, private"


def test_json_and_protobuf_say_the_same() -> None:
    bed = Bed()
    for path in (
        "/api/v1/namespaces/kube-system",
        "/api/v1/nodes/node-1",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/admin",
    ):
        assert decoded(bed.ask("GET", path, accept=PROTOBUF).body, bed) == bed.get(path)
    listed = decoded(bed.ask("GET", "/api/v1/namespaces", accept=PROTOBUF).body, bed)
    plain = bed.get("/api/v1/namespaces")
    assert [one["metadata"] for one in listed["items"]] == [one["metadata"] for one in plain["items"]]
    assert "kind" not in plain["items"][0]


def test_a_protobuf_body_creates_what_it_says() -> None:
    bed = Bed()
    obj = {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"generateName": "s-"},
        "type": "x/y",
        "data": {"a": "YQ=="},
    }
    body = bed.api.core.catalog.encode(obj)
    response = bed.ask("POST", f"{DEFAULT}/secrets", body, media=PROTOBUF, accept=f"{PROTOBUF},{JSON}")
    assert response.status == 201
    made = decoded(response.body, bed)
    assert made["metadata"]["name"].startswith("s-")
    assert (made["type"], made["data"]) == ("x/y", {"a": "YQ=="})


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "reason", "message"),
    [  # words of a running 1.36.2
        ("GET", f"{MAPS}/nope", None, 404, "NotFound", 'configmaps "nope" not found'),
        ("GET", "/api/v1/foos", None, 404, "NotFound", "the server could not find the requested resource"),
        (
            "POST",
            "/api/v1/namespaces",
            {"metadata": {"name": "default"}},
            409,
            "AlreadyExists",
            'namespaces "default" already exists',
        ),
        (
            "POST",
            "/api/v1/namespaces/no/configmaps",
            {"metadata": {"name": "a"}},
            404,
            "NotFound",
            'namespaces "no" not found',
        ),
        (
            "POST",
            MAPS,
            {"metadata": {}},
            422,
            "Invalid",
            'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
        ),
        (
            "POST",
            MAPS,
            {"metadata": {"name": "A_b"}},
            422,
            "Invalid",
            'ConfigMap "A_b" is invalid: metadata.name: Invalid value: "A_b"',
        ),
        (
            "POST",
            MAPS,
            {"metadata": {"name": "a", "namespace": "x"}},
            400,
            "BadRequest",
            "the namespace of the provided object does not match",
        ),
        (
            "POST",
            MAPS,
            {"kind": "Secret", "metadata": {"name": "a"}},
            400,
            "BadRequest",
            'Secret in version "v1" cannot be handled as a ConfigMap',
        ),
        ("POST", MAPS, b"{", 400, "BadRequest", "the object provided is unrecognized (must be of type ConfigMap)"),
        ("PUT", f"{MAPS}/nope", {"metadata": {"name": "nope"}}, 404, "NotFound", 'configmaps "nope" not found'),
        (
            "PUT",
            CA,
            {"metadata": {"name": "kube-root-ca.crt", "resourceVersion": "1"}},
            409,
            "Conflict",
            "Operation cannot be fulfilled on configmaps",
        ),
        (
            "PUT",
            CA,
            {"metadata": {"name": "other"}},
            400,
            "BadRequest",
            "the name of the object (other) does not match the name on the URL",
        ),
        (
            "PUT",
            CA,
            {"metadata": {"name": "kube-root-ca.crt", "uid": "xx"}},
            409,
            "Conflict",
            "UID in precondition: xx",
        ),
        (
            "DELETE",
            CA,
            {"preconditions": {"uid": "xx"}},
            409,
            "Conflict",
            "the UID in the precondition (xx) does not match the UID in record",
        ),
        ("PUT", MAPS, {}, 405, "MethodNotAllowed", "the server does not allow this method on the requested resource"),
        ("POST", "/api/v1/configmaps", {}, 405, "MethodNotAllowed", "the server does not allow this method"),
        (
            "POST",
            "/apis/apps/v1/namespaces/default/deployments",
            {"metadata": {"name": "d"}},
            422,
            "Invalid",
            'Deployment.apps "d" is invalid: [spec.selector: Required value',
        ),
    ],
)
def test_refusals_are_those_of_the_real_server(
    method: str, path: str, body: Any, code: int, reason: str, message: str
) -> None:
    found = Bed().call(method, path, body, expect=code)
    assert (found["kind"], found["status"], found["reason"], found["code"]) == ("Status", "Failure", reason, code)
    assert message in found["message"]


def test_unknown_groups_are_plain_text() -> None:
    response = Bed().ask("GET", "/apis/k3s.cattle.io/v1", accept=PROTOBUF)
    assert (response.status, response.body) == (404, b"404 page not found\n")
    assert dict(response.headers)["Content-Type"] == "text/plain; charset=utf-8"


def test_refusals_come_in_protobuf_to_those_who_ask_for_it() -> None:
    bed = Bed()
    response = bed.ask("GET", f"{MAPS}/nope", accept=f"{PROTOBUF}, {JSON}")
    assert dict(response.headers)["Content-Type"] == PROTOBUF
    found = decoded(response.body, bed)
    assert (found["code"], found["details"]) == (404, {"name": "nope", "kind": "configmaps"})


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ({"fieldSelector": "foo=bar"}, 400, "field label not supported: foo"),
        ({"labelSelector": "a=b=c"}, 400, "found '=', expected: ',' or 'end of string'"),
        ({"limit": "x"}, 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ({"resourceVersion": "x"}, 400, "invalid resource version"),
        (
            {"resourceVersionMatch": "Exact"},
            422,
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        ({"resourceVersion": "0", "resourceVersionMatch": "Foo"}, 422, 'supported values: "Exact", "NotOlderThan", ""'),
        ({"resourceVersion": "99999999"}, 504, "Too large resource version: 99999999, current:"),
        ({"continue": "abc"}, 400, "invalid continue token"),
    ],
)
def test_bad_list_options_are_refused(query: dict[str, str], code: int, message: str) -> None:
    assert message in Bed().get("/api/v1/pods", expect=code, **query)["message"]


def test_wrong_content_types_are_415_and_wrong_accepts_406() -> None:
    bed = Bed()
    assert "accepted media types include" in bed.call("POST", MAPS, {}, media="text/foo", expect=415)["message"]
    assert bed.call("PATCH", CA, {}, media="text/foo", expect=415)["message"] == "415: Unsupported Media Type"
    assert "406: Not Acceptable" in bed.get(MAPS, accept="text/foo", expect=406)["message"]


def test_an_update_counts_only_when_it_changes_something() -> None:
    bed = Bed()
    made = bed.configmap("a")
    same = bed.call("PUT", f"{MAPS}/a", made)
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    other = bed.call("PUT", f"{MAPS}/a", {**made, "data": {"x": "y"}})
    assert int(other["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    assert other["metadata"]["uid"] == made["metadata"]["uid"]
    bed.call("PUT", f"{MAPS}/a", {**made, "data": {"x": "z"}}, expect=409)


def test_the_server_owns_its_metadata() -> None:
    bed = Bed()
    made = bed.configmap("a", uid="mine", creationTimestamp="2001-01-01T00:00:00Z", generation=7)
    assert made["metadata"]["uid"] != "mine"
    assert made["metadata"]["creationTimestamp"].startswith("2027")
    assert "generation" not in made["metadata"]
    changed = bed.call(
        "PATCH", f"{MAPS}/a", {"metadata": {"creationTimestamp": None, "labels": {"a": "b"}}}, media=MERGE
    )
    assert changed["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]


def test_strict_validation_names_unknown_fields_and_warn_warns() -> None:
    bed = Bed()
    body = {"metadata": {"name": "a", "foo": 1}, "spec": {"a": 1}}
    refused = bed.post("/api/v1/namespaces", body, fieldValidation="Strict", expect=400)
    assert refused["message"].endswith('strict decoding error: unknown field "metadata.foo", unknown field "spec.a"')
    response = bed.ask("POST", "/api/v1/namespaces", body)
    warnings = [value for name, value in response.headers if name == "Warning"]
    assert warnings == ['299 - "unknown field \\"metadata.foo\\""', '299 - "unknown field \\"spec.a\\""']
    assert "foo" not in orjson.loads(response.body)["metadata"]


def test_a_dry_run_leaves_no_trace() -> None:
    bed = Bed()
    before = bed.api.core.store.rv
    made = bed.post(MAPS, {"metadata": {"name": "a"}}, dryRun="All")
    assert "resourceVersion" not in made["metadata"]
    bed.call("DELETE", CA, dryRun="All")
    assert bed.api.core.store.rv == before
    bed.get(f"{MAPS}/a", expect=404)


def test_pages_continue_where_they_stopped() -> None:
    bed = Bed()
    for name in "abcde":
        bed.configmap(name)
    names, token = [], ""
    while True:
        page = bed.get(MAPS, limit=2, **({"continue": token} if token else {}))
        names += [one["metadata"]["name"] for one in page["items"]]
        bed.ask("DELETE", f"{MAPS}/e")  # pages show one moment
        token = page["metadata"].get("continue", "")
        if not token:
            break
        assert page["metadata"]["remainingItemCount"] == 6 - len(names)
    assert names == ["a", "b", "c", "d", "e", "kube-root-ca.crt"]


def test_an_exact_version_is_the_past() -> None:
    bed = Bed()
    rv = bed.configmap("a")["metadata"]["resourceVersion"]
    bed.configmap("b")
    past = bed.get(MAPS, resourceVersion=rv, resourceVersionMatch="Exact")
    assert [one["metadata"]["name"] for one in past["items"]] == ["a", "kube-root-ca.crt"]
    assert past["metadata"]["resourceVersion"] == rv
    assert len(bed.get(MAPS, resourceVersion=rv, resourceVersionMatch="NotOlderThan")["items"]) == 3


def test_finalizers_hold_an_object_until_they_are_gone() -> None:
    bed = Bed()
    bed.configmap("a", finalizers=["x.y/z"])
    held = bed.call("DELETE", f"{MAPS}/a")
    assert (held["kind"], held["metadata"]["finalizers"]) == ("ConfigMap", ["x.y/z"])
    assert held["metadata"]["deletionTimestamp"]
    again = bed.post(MAPS, {"metadata": {"name": "a"}}, expect=409)
    assert again["message"].startswith("object is being deleted: ")
    bed.call("PATCH", f"{MAPS}/a", {"metadata": {"finalizers": None}}, media=MERGE)
    bed.get(f"{MAPS}/a", expect=404)


def test_a_deletion_is_answered_with_status_or_object() -> None:
    bed = Bed()
    uid = bed.configmap("a")["metadata"]["uid"]
    gone = bed.call("DELETE", f"{MAPS}/a")
    assert gone["status"] == "Success"
    assert gone["details"] == {"name": "a", "kind": "configmaps", "uid": uid}
    assert bed.call("DELETE", f"{DEFAULT}/serviceaccounts/default")["kind"] == "ServiceAccount"


def test_status_is_apart_from_spec() -> None:
    bed = Bed(snapshot(without=("statefulset",)))
    spec = {
        "selector": {"matchLabels": {"a": "b"}},
        "replicas": 0,
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    }
    path = "/apis/apps/v1/namespaces/default/statefulsets"
    made = bed.post(path, {"metadata": {"name": "s"}, "spec": spec, "status": {"replicas": 9}})
    assert made["status"]["replicas"] == 0
    assert made["metadata"]["generation"] == 1
    state = bed.call("PATCH", f"{path}/s/status", {"status": {"replicas": 3}, "spec": {"replicas": 8}}, media=MERGE)
    assert (state["status"]["replicas"], state["spec"]["replicas"], state["metadata"]["generation"]) == (3, 0, 1)
    changed = bed.call("PATCH", f"{path}/s", {"status": {"replicas": 4}, "spec": {"replicas": 2}}, media=MERGE)
    assert (changed["status"]["replicas"], changed["spec"]["replicas"], changed["metadata"]["generation"]) == (3, 2, 2)
    scale = bed.call("PATCH", f"{path}/s/scale", {"spec": {"replicas": 5}}, media=MERGE)
    assert (scale["kind"], scale["spec"], scale["status"]) == (
        "Scale",
        {"replicas": 5},
        {"replicas": 3, "selector": "a=b"},
    )


def test_managed_fields_say_who_set_what() -> None:
    bed = Bed()
    made = bed.post(
        MAPS, {"metadata": {"name": "a", "labels": {"x": "1"}}, "data": {"k": "v"}}, agent="kubectl/v1.36 (linux)"
    )
    (entry,) = made["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"], entry["apiVersion"]) == ("kubectl", "Update", "v1")
    assert entry["fieldsV1"] == {"f:data": {".": {}, "f:k": {}}, "f:metadata": {"f:labels": {".": {}, "f:x": {}}}}
    changed = bed.call("PATCH", f"{MAPS}/a", {"data": {"k": "w", "l": "m"}}, media=MERGE, agent="rancher/v1")
    owners = {one["manager"]: one["fieldsV1"] for one in changed["metadata"]["managedFields"]}
    assert owners["rancher"] == {"f:data": {"f:k": {}, "f:l": {}}}
    assert owners["kubectl"] == {"f:data": {}, "f:metadata": {"f:labels": {".": {}, "f:x": {}}}}


def test_reviews_are_answered_and_not_stored() -> None:
    bed = Bed()
    before = bed.api.core.store.rv
    review = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
    made = bed.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    assert made["status"] == {"allowed": True}
    unknown = bed.post("/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": "x"}})
    assert "authenticated" not in unknown["status"]
    assert bed.api.core.store.rv == before


def test_plain_endpoints() -> None:
    bed = Bed()
    assert bed.ask("GET", "/readyz", timeout="45s").body == b"ok"
    assert bed.get("/version")["gitVersion"] == "v1.36.2"
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    response = bed.ask("GET", "/apis", accept=f"{aggregated},application/json")
    assert dict(response.headers)["Content-Type"] == aggregated
    assert bed.get("/apis/apps/v1")["kind"] == "APIResourceList"
    bed.call("POST", "/version", {}, expect=405)


_paths = st.sampled_from(
    [
        "/",
        "/api",
        "/api/v1",
        MAPS,
        CA,
        f"{MAPS}/x",
        f"{CA}/status",
        "/api/v1/nodes/node-1/status",
        "/apis/apps/v1/namespaces/default/deployments",
        "/api/v1/namespaces/default/pods/x/log",
        "/openapi/v3",
        "/api//x",
        "/apis/x",
        f"{DEFAULT}/serviceaccounts/default/token",
        "/api/v1/namespaces/default/finalize",
    ]
)
_bodies = st.one_of(
    st.binary(max_size=30),
    st.binary(max_size=30).map(lambda tail: b"k8s\0" + tail),
    st.recursive(
        st.none() | st.integers(-(2**40), 2**40) | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "metadata",
                        "name",
                        "spec",
                        "data",
                        "labels",
                        "kind",
                        "op",
                        "path",
                        "finalizers",
                        "status",
                        "$patch",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ).map(orjson.dumps),
)
_media = st.sampled_from(
    [
        JSON,
        PROTOBUF,
        "application/yaml",
        MERGE,
        "application/json-patch+json",
        "application/strategic-merge-patch+json",
        "",
        "x",
    ]
)


@settings(max_examples=400)
@given(
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"]),
    st.one_of(_paths, st.text(max_size=20).map(lambda text: "/" + text)),
    _bodies,
    _media,
    st.sampled_from(
        [
            "",
            "watch=true",
            "limit=-1&timeoutSeconds=-5",
            "labelSelector=%21",
            "dryRun=All",
            "a=%ff&b",
            "propagationPolicy=Orphan",
        ]
    ),
    st.sampled_from([JSON, PROTOBUF, "", ";;,", "application/json;as=Table;v=v1;g=meta.k8s.io", "*/*;q=x"]),
)
def test_nothing_that_is_asked_raises(method: str, path: str, body: bytes, media: str, query: str, accept: str) -> None:
    bed = Bed()
    request = bed.request(method, path, body, media=media, accept=accept)
    answer = bed.api.handle(type(request)(method, path, query, request.headers, body), bed.now_s)
    if isinstance(answer, Response):
        assert 200 <= answer.status < 600
    else:
        answer.read(1000)
    bed.advance(10)
