"""Server-side apply and patches through the server, as a real 1.36.2 answered the same requests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kube.testbed import Bed

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
MAPS = "/api/v1/namespaces/default/configmaps"
ONE = f"{MAPS}/one"
DEPLOYMENT = "/apis/apps/v1/namespaces/default/deployments/web"


def _map(data: Any = None, **meta: Any) -> dict[str, Any]:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", **meta}}
    return body if data is None else {**body, "data": data}


def _web(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def _whole(**spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "main", "image": "nginx"}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    return _web(selector={"matchLabels": {"app": "web"}}, template=template, replicas=0, **spec)


def _apply(bed: Bed, path: str, body: Any, manager: str = "a", expect: int = 200, **query: Any) -> dict[str, Any]:
    return bed.call("PATCH", path, body, media=APPLY, fieldManager=manager, expect=expect, **query)


def _owners(obj: dict[str, Any]) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"].get("managedFields", [])}


def test_an_apply_creates_and_owns_what_it_sets() -> None:
    made = _apply(Bed(), ONE, _map({"k": "1"}), expect=201)
    assert made["data"] == {"k": "1"}
    (entry,) = made["metadata"]["managedFields"]
    assert (entry["operation"], entry["fieldsV1"]) == ("Apply", {"f:data": {"f:k": {}}})


def test_the_same_again_changes_nothing_and_a_second_owner_shares() -> None:
    bed = Bed()
    first = _apply(bed, ONE, _map({"k": "1"}), expect=201)
    bed.advance(5)
    assert _apply(bed, ONE, _map({"k": "1"})) == first
    shared = _apply(bed, ONE, _map({"k": "1"}), "b")
    assert _owners(shared) == {"a": {"f:data": {"f:k": {}}}, "b": {"f:data": {"f:k": {}}}}
    assert "time" not in shared["metadata"]["managedFields"][0]  # so is the real one's
    assert _apply(bed, ONE, _map(), "a")["data"] == {"k": "1"}  # the other still owns it
    assert "data" not in _apply(bed, ONE, _map(), "b")


def test_conflicts_name_the_owner_and_the_field_and_force_takes_it() -> None:
    bed = Bed()
    _apply(bed, ONE, _map({"k": "1", "l": "1"}), expect=201)
    refused = _apply(bed, ONE, _map({"k": "2"}), "b", expect=409)
    assert refused["message"] == 'Apply failed with 1 conflict: conflict with "a": .data.k'
    assert refused["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "a"', "field": ".data.k"}
    ]
    both = _apply(bed, ONE, _map({"k": "2", "l": "2"}), "b", expect=409)
    assert both["message"] == 'Apply failed with 2 conflicts: conflicts with "a":\n- .data.k\n- .data.l'
    forced = _apply(bed, ONE, _map({"k": "2"}), "b", force="true")
    assert _owners(forced) == {"a": {"f:data": {"f:l": {}}}, "b": {"f:data": {"f:k": {}}}}


def test_updates_conflict_too_and_say_their_version() -> None:
    bed = Bed()
    _apply(bed, ONE, _map({"k": "1"}), expect=201)
    bed.call("PATCH", ONE, {"data": {"k": "2"}}, media=MERGE, fieldManager="editor")
    refused = _apply(bed, ONE, _map({"k": "1"}), expect=409)
    assert refused["message"] == 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.k'


def test_items_of_lists_are_owned_by_their_keys() -> None:
    bed = Bed()
    _apply(bed, DEPLOYMENT, _whole(), expect=201)
    side = {"containers": [{"name": "side", "image": "busybox"}]}
    two = _apply(bed, DEPLOYMENT, _web(template={"spec": side}), "b")
    assert [one["name"] for one in two["spec"]["template"]["spec"]["containers"]] == ["main", "side"]
    containers = _owners(two)["b"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert containers == {'k:{"name":"side"}': {".": {}, "f:image": {}, "f:name": {}}}
    given_up = _apply(bed, DEPLOYMENT, {name: value for name, value in _web().items() if name != "spec"}, "b")
    assert [one["name"] for one in given_up["spec"]["template"]["spec"]["containers"]] == ["main"]
    assert "b" not in _owners(given_up)


def test_what_was_untracked_is_from_before_the_first_apply() -> None:
    bed = Bed()
    bed.configmap("one", labels={"l": "1"})
    cleared = bed.call("PATCH", ONE, {"metadata": {"managedFields": [{}]}}, media=MERGE)
    assert "managedFields" not in cleared["metadata"]
    assert "managedFields" not in bed.call("PATCH", ONE, {"data": {"k": "1"}}, media=MERGE)["metadata"]
    applied = _apply(bed, ONE, _map({"n": "1"}))
    assert _owners(applied) == {
        "a": {"f:data": {"f:n": {}}},
        "before-first-apply": {"f:data": {".": {}, "f:k": {}}, "f:metadata": {"f:labels": {".": {}, "f:l": {}}}},
    }


def test_kubectl_takes_over_what_it_applied_on_the_client_s_side() -> None:
    bed = Bed()
    said = '{"apiVersion":"v1","data":{"k":"1"},"kind":"ConfigMap","metadata":{"name":"one","namespace":"default"}}\n'
    name = "kubectl.kubernetes.io/last-applied-configuration"
    body = _map({"k": "1", "l": "1"}, annotations={name: said})
    bed.post(MAPS, body, fieldManager="kubectl-client-side-apply")
    assert _apply(bed, ONE, _map({"l": "2"}), "kubectl", expect=409)["details"]["causes"][0]["field"] == ".data.l"
    taken = _apply(bed, ONE, _map({"k": "2"}), "kubectl")
    assert taken["data"] == {"k": "2", "l": "1"}
    assert '"data":{"k":"2"}' in taken["metadata"]["annotations"][name]


def test_the_status_is_applied_through_its_subresource_only() -> None:
    bed = Bed()
    _apply(bed, DEPLOYMENT, {**_whole(paused=True), "status": {"replicas": 9}}, expect=201)
    assert bed.get(DEPLOYMENT)["status"].get("replicas") is None
    applied = {**_web(paused=False), "status": {"replicas": 9}}
    made = _apply(bed, f"{DEPLOYMENT}/status", applied, "s", force="true")
    assert (made["spec"]["paused"], made["status"]["replicas"]) == (True, 9)
    (entry,) = (one for one in made["metadata"]["managedFields"] if one["manager"] == "s")
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:replicas": {}}})


def test_whoever_scales_owns_the_replicas() -> None:
    bed = Bed()
    _apply(bed, DEPLOYMENT, _whole(), expect=201)
    bed.call("PATCH", f"{DEPLOYMENT}/scale", {"spec": {"replicas": 1}}, media=MERGE, fieldManager="s")
    (entry,) = (one for one in bed.get(DEPLOYMENT)["metadata"]["managedFields"] if one["manager"] == "s")
    assert entry == {
        "manager": "s",
        "operation": "Update",
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
        "subresource": "scale",
    }
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 2}}
    refused = _apply(bed, f"{DEPLOYMENT}/scale", scale, "t", expect=409)
    whom = '"s" with subresource "scale" using autoscaling/v1'
    assert refused["message"] == f"Apply failed with 1 conflict: conflict with {whom}: .spec.replicas"
    assert _apply(bed, f"{DEPLOYMENT}/scale", scale, "t", force="true")["spec"] == {"replicas": 2}


def test_the_eleventh_updater_folds_the_oldest_together() -> None:
    bed = Bed()
    bed.post(MAPS, _map({"k": "1"}))
    for number in range(11):
        bed.call("PATCH", ONE, {"data": {f"k{number:02}": "v"}}, media=MERGE, fieldManager=f"m{number:02}")
        bed.advance(1)
    owners = _owners(bed.get(ONE))
    assert list(owners) == ["ancient-changes", *(f"m{number:02}" for number in range(2, 11))]
    assert owners["ancient-changes"] == {"f:data": {".": {}, "f:k": {}, "f:k00": {}, "f:k01": {}}}


def test_a_dry_run_of_an_apply_leaves_no_trace() -> None:
    bed = Bed()
    assert _apply(bed, ONE, _map({"k": "1"}), expect=201, dryRun="All")["data"] == {"k": "1"}
    bed.get(ONE, expect=404)


def test_yaml_is_read_as_the_real_server_reads_it() -> None:
    bed = Bed()
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {y: 'a', t: 'b', t: 'c'}\n"
    answer = bed.ask("PATCH", ONE, body, media=APPLY, fieldManager="a")
    assert answer.status == 201
    assert dict(answer.headers)["Warning"] == '299 - "line 4: key \\"t\\" already set in map"'
    assert bed.get(ONE)["data"] == {"true": "a", "t": "c"}


REFUSED: dict[str, tuple[Any, dict[str, Any], int, str]] = {
    "no manager": (_map(), {"fieldManager": ""}, 422, "fieldManager: Required value: is required for apply patch"),
    "a long manager": (_map(), {"fieldManager": "x" * 129}, 422, "fieldManager: Too long: may not be more than 128"),
    "another kind": ({**_map(), "kind": "Secret"}, {}, 400, "invalid object type: /v1, Kind=Secret"),
    "no kind": ({"metadata": {"name": "one"}}, {}, 400, "invalid object type: /, Kind="),
    "owners": (_map(managedFields=[]), {}, 400, "metadata.managedFields must be nil"),
    "another name": (
        {**_map(), "metadata": {"name": "b"}},
        {},
        400,
        "the name of the object (b) does not match the name",
    ),
    "no name": (
        {"apiVersion": "v1", "kind": "ConfigMap"},
        {},
        400,
        "(one based on URL) was undeterminable: name must be",
    ),
    "another namespace": (_map(namespace="x"), {}, 400, "the namespace of the provided object does not match"),
    "a uid of nothing": (_map(uid="u-1"), {}, 409, "uid mismatch: the provided object specified uid u-1, and no"),
    "an unknown field": (
        {**_map(), "daata": {}},
        {},
        500,
        "failed to create typed patch object (/one; /v1, Kind=ConfigMap): .daata: field not declared in schema",
    ),
    "a wrong type": (_map({"k": 2}), {}, 500, ".data.k: expected string, got &value.valueUnstructured{Value:2}"),
    "no YAML": (b"{a: b", {}, 400, "error decoding YAML: error converting YAML to JSON: yaml: "),
    "a list": ([], {}, 400, "cannot unmarshal array into Go value of type map[string]interface {}"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_applies_are_refused_in_the_real_server_s_words(case: str) -> None:
    body, query, code, words = REFUSED[case]
    refused = Bed().call("PATCH", ONE, body, media=APPLY, expect=code, **{"fieldManager": "a", **query})
    assert words in refused["message"]


PATCHES: dict[str, tuple[str, Any, int, str]] = {
    "force": (f"{MERGE}?force=true", {}, 422, "force: Forbidden: may not be specified for non-apply patch"),
    "a list": (MERGE, [], 400, "error decoding patch: json: cannot unmarshal array into Go value of type map[string]"),
    "null": (MERGE, b"null", 400, "Invalid JSON Patch"),
    "half of it": (MERGE, b'{"a":', 400, "error decoding patch: unexpected end of JSON input"),
    "another kind": (MERGE, {"kind": "Nope"}, 422, 'no kind "Nope" is registered for version "v1"'),
    "another uid": (MERGE, {"metadata": {"uid": "x"}}, 422, 'metadata.uid: Invalid value: "x": field is immutable'),
    "an old version": (MERGE, {"metadata": {"resourceVersion": "1"}}, 409, "the object has been modified"),
    "another name": (MERGE, {"metadata": {"name": "x"}}, 400, "(x) does not match the name on the URL (one)"),
    "a failed test": (
        JSON_PATCH,
        [{"op": "test", "path": "/kind", "value": "x"}],
        422,
        "the server rejected our request",
    ),
    "no operations": (JSON_PATCH, {}, 400, "cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
    "too many": (
        JSON_PATCH,
        [{"op": "test", "path": "/a"}] * 10_001,
        413,
        "operations in a JSON patch is 10000",
    ),
    "a number for a text": (STRATEGIC, {"data": {"k": 1}}, 422, '"map[data:map[k:1]]": cannot convert int64 to string'),
    "a text for a map": (STRATEGIC, {"data": "x"}, 422, "cannot restore map from string"),
    "a bad directive": (STRATEGIC, {"$patch": "fly"}, 500, "unknown patch type: fly in map: map[$patch:fly]"),
    "cbor": ("application/apply-patch+cbor", b"x", 415, "415: Unsupported Media Type"),
}


@pytest.mark.parametrize("case", PATCHES)
def test_patches_are_refused_in_the_real_server_s_words(case: str) -> None:
    bed = Bed()
    bed.configmap("one")
    media, body, code, words = PATCHES[case]
    media, _, query = media.partition("?")
    options = dict([query.split("=")]) if query else {}
    assert words in bed.call("PATCH", ONE, body, media=media, expect=code, **options)["message"]


def test_clients_may_write_managed_fields() -> None:
    bed = Bed()
    bed.configmap("one")
    entry = {
        "manager": "z",
        "operation": "Apply",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {}},
    }
    for good, body in (
        (True, entry),
        (False, {**entry, "operation": "Own"}),
        (False, {**entry, "fieldsV1": {"x": {}}}),
    ):
        made = bed.call("PATCH", ONE, {"metadata": {"managedFields": [body]}}, media=MERGE)
        assert good == (made["metadata"]["managedFields"] == [body])
    assert _owners(bed.get(ONE)) == {"z": {"f:data": {}}}
    emptied = bed.get(ONE)
    emptied["metadata"]["managedFields"] = []
    assert "managedFields" not in bed.call("PUT", ONE, emptied)["metadata"]
