"""fieldValidation: the refusals and warnings that a real 1.36.2 gave to the same requests."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.kube.testbed import JSON, Bed

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WIDGETS = "/apis/strict.example.com/v1/gadgets"
YAML = "application/yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"

DOUBLED = (
    b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"sv","foo":1,"labels":{"a":"1","a":"2","a":"3"}},'
    b'"data":{"x":"1","x":"2"},"spec":{"foo":1},"data":{"y":"1"}}'
)
POD = (
    b'{"spec":{"zoo":1,"containers":[{"name":"a","image":"x","bla":{"a":1,"a":2},"env":[{"name":"a","name":"b","foo":1}'
    b']},{"name":"b","image":"x","image":"y","bla":1,"bla":2}]},"metadata":{"name":"a","name":"p"},"kind":"Pod",'
    b'"Kind":"Pod","apiVersion":"v1","apiVersion":"v1"}'
)
LINES = b"""metadata:
  name: sv
  foo: 1
  foo: 2
kind: ConfigMap
apiVersion: v1
kind: ConfigMap
data:
  x: "1"
  x: "2"
spec: {a: 1, a: 2}
"""
CUSTOM = (
    b'{"apiVersion":"strict.example.com/v1","kind":"Gadget","metadata":{"name":"g","foo":1,"labels":{"a":"1","a":"2"}},'
    b'"spec":{"a":1,"a":2,"b":2,"b":3}}'
)

#: Path, media type, body, what a real server objects to.
POSTS: dict[str, tuple[str, str, bytes, list[str]]] = {
    "a ConfigMap, in the document's order": (
        MAPS,
        JSON,
        DOUBLED,
        [
            'unknown field "metadata.foo"',
            'duplicate field "metadata.labels.a"',
            'duplicate field "data.x"',
            'unknown field "spec"',
            'duplicate field "data"',
        ],
    ),
    "a Pod, with lists": (
        PODS,
        JSON,
        POD,
        [
            'unknown field "spec.zoo"',
            'unknown field "spec.containers[0].bla"',
            'duplicate field "spec.containers[0].env[0].name"',
            'unknown field "spec.containers[0].env[0].foo"',
            'duplicate field "spec.containers[1].image"',
            'unknown field "spec.containers[1].bla"',
            'duplicate field "metadata.name"',
            'unknown field "Kind"',
            'duplicate field "apiVersion"',
        ],
    ),
    "YAML, lines first": (
        MAPS,
        YAML,
        LINES,
        [
            'line 4: key "foo" already set in map',
            'line 7: key "kind" already set in map',
            'line 10: key "x" already set in map',
            'line 11: key "a" already set in map',
            'unknown field "metadata.foo"',
            'unknown field "spec"',
        ],
    ),
    "a review": (
        REVIEWS,
        JSON,
        b'{"spec":{"foo":1,"resourceAttributes":{"verb":"get"}}}',
        ['unknown field "spec.foo"'],
    ),
    "a custom resource, doubled fields first": (
        WIDGETS,
        JSON,
        CUSTOM,
        [
            'duplicate field "metadata.labels.a"',
            'duplicate field "spec.a"',
            'duplicate field "spec.b"',
            'unknown field "metadata.foo"',
        ],
    ),
}
KINDS = {MAPS: "ConfigMap", PODS: "Pod", REVIEWS: "SelfSubjectAccessReview", WIDGETS: "Gadget"}


@pytest.fixture
def bed() -> Bed:
    """With a ConfigMap ``a`` and a definition that accepts everything."""
    made = Bed()
    made.post(MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}})
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {
        "group": "strict.example.com",
        "scope": "Cluster",
        "names": {"plural": "gadgets", "kind": "Gadget"},
        "versions": [version],
    }
    definition = {"metadata": {"name": "gadgets.strict.example.com"}, "spec": spec}
    made.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    return made


def warnings(answer: Any) -> list[str]:
    """The texts of an answer's Warning headers."""
    texts = [value for name, value in answer.headers if name == "Warning"]
    assert all(text.startswith('299 - "') for text in texts)
    return [orjson.loads(text.removeprefix("299 - ")) for text in texts]


@pytest.mark.parametrize("case", POSTS)
def test_strict_refuses(bed: Bed, case: str) -> None:
    """400, everything in one message; YAML's lines together."""
    path, media, body, objections = POSTS[case]
    refused = bed.post(path, body, media=media, fieldValidation="Strict", expect=400)
    lines = [text for text in objections if text.startswith("line ")]
    fields = [text for text in objections if text not in lines]
    whole = ["\n  ".join(["yaml: unmarshal errors:", *lines])] if lines else []
    kind = KINDS[path]
    expected = f'{kind} in version "v1" cannot be handled as a {kind}: strict decoding error: '
    assert refused["message"] == expected + ", ".join(whole + fields)
    assert (refused["reason"], refused["code"]) == ("BadRequest", 400)


@pytest.mark.parametrize("case", POSTS)
@pytest.mark.parametrize("query", [{"fieldValidation": "Warn"}, {}])
def test_warn_warns_and_is_the_default(bed: Bed, case: str, query: dict[str, Any]) -> None:
    """201 with one header each."""
    path, media, body, objections = POSTS[case]
    answer = bed.ask("POST", path, body, media=media, dryRun="All", **query)
    assert (answer.status, warnings(answer)) == (201, objections)


@pytest.mark.parametrize("case", POSTS)
def test_ignore_says_nothing(bed: Bed, case: str) -> None:
    """201 without a header."""
    path, media, body, _ = POSTS[case]
    answer = bed.ask("POST", path, body, media=media, dryRun="All", fieldValidation="Ignore")
    assert (answer.status, warnings(answer)) == (201, [])


#: Media type, patch, what the refusal quotes (``None``: the patched object), objections.
PATCHES: dict[str, tuple[str, bytes, str | None, list[str]]] = {
    "merge": (
        MERGE,
        b'{"foo":1,"data":{"x":"1","x":"2"},"metadata":{"labels":{"q":"1"},"bar":2}}',
        None,
        ['duplicate field "data.x"', 'unknown field "foo"', 'unknown field "metadata.bar"'],
    ),
    "merge, doubled only": (MERGE, b'{"data":{"x":"1","x":"2"}}', None, ['duplicate field "data.x"']),
    "strategic": (
        STRATEGIC,
        b'{"foo":{"a":[1,"x",null,1.5,true,{"z":1,"b":2}]},"data":{"k":"a\\"b"},"bar":1e30}',
        'map[bar:1e+30 data:map[k:a"b] foo:map[a:[1 x <nil> 1.5 true map[b:2 z:1]]]]',
        ['unknown field "bar"', 'unknown field "foo"'],
    ),
    "JSON patch": (
        JSON_PATCH,
        b'[{"op":"add","path":"/foo","value":{"z":1,"z":2},"bla":2}]',
        None,
        [
            'json patch duplicate field "[0].value.z"',
            'json patch unknown field "[0].bla"',
            'unknown field "foo"',
        ],
    ),
}


@pytest.mark.parametrize("case", PATCHES)
def test_strict_refuses_patches(bed: Bed, case: str) -> None:
    """422 that names the patch and quotes it, or what it makes."""
    media, body, quoted, objections = PATCHES[case]
    path = f"{MAPS}/a"
    refused = bed.call("PATCH", path, body, media=media, fieldValidation="Strict", expect=422)
    (cause,) = refused["details"]["causes"]
    start, end = "Invalid value: ", f": strict decoding error: {', '.join(objections)}"
    assert cause["reason"] == "FieldValueInvalid"
    assert cause["field"] == "patch"
    assert cause["message"].startswith(start)
    assert cause["message"].endswith(end)
    shown = orjson.loads(cause["message"].removeprefix(start).removesuffix(end))
    if quoted is not None:
        assert shown == quoted
    else:
        assert list(orjson.loads(shown)) == sorted(orjson.loads(shown))
        assert orjson.loads(shown)["metadata"]["uid"]
    assert refused["message"] == f' "" is invalid: patch: {cause["message"]}'
    assert list(refused["details"]) == ["causes"]
    assert bed.get(path)["data"] == {"k": "v"}


@pytest.mark.parametrize("case", PATCHES)
def test_warn_warns_of_patches(bed: Bed, case: str) -> None:
    """200 with one header each."""
    media, body, _, objections = PATCHES[case]
    answer = bed.ask("PATCH", f"{MAPS}/a", body, media=media, dryRun="All")
    assert (answer.status, warnings(answer)) == (200, objections)


def test_clean_and_merely_spaced_bodies_have_no_objections(bed: Bed) -> None:
    """Escapes, white space and numbers in other forms are no doubled fields."""
    body = b'{ "metadata": {"name": "s"},\n "data": {"\\u0061": "\\u003c", "b": "\\/"} }\n'
    answer = bed.ask("POST", MAPS, body, fieldValidation="Strict")
    assert (answer.status, warnings(answer)) == (201, [])


def test_a_body_that_is_nested_too_deeply_is_refused(bed: Bed) -> None:
    """One line, no traceback."""
    deep = b"[" * 1000 + b"]" * 1000
    refused = bed.post(MAPS, b'{"metadata":{"name":"d"},"foo":' + deep + b"}", fieldValidation="Strict", expect=400)
    assert "\n" not in refused["message"]
