"""Custom objects through the API: status, scale, generation, ratcheting, numbers, selectors, columns."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.kube.custom.cluster import FREE, GROUP, MERGE, Shop, of_spec, version

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
SCALE = {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n", "labelSelectorPath": ".status.chosen"}


def causes(refused: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["field"], one["message"]) for one in refused["details"]["causes"]]


def test_status_is_written_through_its_subresource_only_and_counts_no_generation() -> None:
    shop = Shop(version("v1", FREE, subresources={"status": {}}))
    assert "status" not in shop.make("one", {"a": 1}, status={"x": 1})
    shop.merge(shop.gears("one"), {"status": {"x": 2}})
    assert "status" not in shop.get(shop.gears("one"))
    answer = shop.merge(
        f"{shop.gears('one')}/status", {"status": {"x": 3}, "spec": {"a": 2}, "metadata": {"labels": {"l": "m"}}}
    )
    assert (answer["status"], answer["spec"], answer["metadata"]["generation"]) == ({"x": 3}, {"a": 1}, 1)
    assert "labels" not in answer["metadata"]


def test_without_the_subresource_a_status_is_a_field_like_others() -> None:
    shop = Shop()
    assert shop.make("one", status={"x": 1})["status"] == {"x": 1}
    assert shop.merge(shop.gears("one"), {"status": {"x": 2}})["metadata"]["generation"] == 2
    assert shop.merge(shop.gears("one"), {"metadata": {"labels": {"a": "b"}}})["metadata"]["generation"] == 2
    assert shop.ask("GET", f"{shop.gears('one')}/status").status == 404


def test_scale_reads_and_writes_where_the_definition_says() -> None:
    shop = Shop(version("v1", FREE, subresources={"status": {}, "scale": SCALE}))
    shop.make("one", {"n": 3})
    path = f"{shop.gears('one')}/scale"
    shop.merge(f"{shop.gears('one')}/status", {"status": {"n": 2, "chosen": "a=b"}})
    scale = shop.get(path)
    assert (scale["spec"], scale["status"]) == ({"replicas": 3}, {"replicas": 2, "selector": "a=b"})
    scale["spec"]["replicas"] = 5
    shop.call("PUT", path, scale)
    assert shop.get(shop.gears("one"))["spec"] == {"n": 5}
    assert causes(shop.merge(path, {"spec": {"replicas": -1}}, expect=422)) == [
        (".spec.n", "Invalid value: -1: should be a non-negative integer")
    ]
    shop.merge(shop.gears("one"), {"spec": {"n": None}})
    assert 'the spec replicas field \\".spec.n\\" does not exist' in shop.ask("GET", path).body.decode()
    refused = shop.merge(path, {"metadata": {"labels": {"a": "b"}}}, expect=400)
    assert refused["message"] == 'the spec replicas field ".spec.n" cannot be empty'


def test_replicas_that_are_none_are_refused() -> None:
    shop = Shop(version("v1", FREE, subresources={"scale": SCALE}))
    refused = shop.call("POST", shop.gears(), shop.gear("one", {"n": "3"}), expect=422)
    assert causes(refused)[0] == (
        ".spec.n",
        "Invalid value: 0: .spec.n accessor error: 3 is of the type string, expected int64",
    )


@pytest.mark.parametrize(
    ("patch", "expect"),
    [
        ({"metadata": {"labels": {"a": "b"}}}, 200),
        ({"spec": {"other": "x"}}, 200),
        ({"spec": {"size": 98}}, 422),
        ({"spec": {"ports": [{"port": 2, "name": "x"}, {"port": 1, "name": 5}]}}, 200),
        ({"spec": {"ports": [{"port": 1, "name": 6}]}}, 422),
        ({"spec": {"tags": ["a", "a", "b"]}}, 200),
    ],
)
def test_what_was_wrong_before_and_did_not_change_is_let_through(patch: dict[str, Any], expect: int) -> None:
    """Elements of a map are known by their keys; a list with repetitions may have others."""
    shop = Shop()
    shop.make("one", {"size": 99, "ports": [{"port": 1, "name": 5}, {"port": 2}], "tags": ["a", "a"]})
    text, items = {"type": "string"}, {"port": {"type": "integer"}, "name": {"type": "string"}}
    ports = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["port"],
        "items": {"type": "object", "required": ["port"], "properties": items},
    }
    tags = {"type": "array", "x-kubernetes-list-type": "set", "items": text}
    size = {"type": "integer", "maximum": 10}
    shop.change(version("v1", of_spec({"size": size, "ports": ports, "tags": tags, "other": text})))
    shop.merge(shop.gears("one"), patch, expect=expect)


def test_numbers_are_written_as_go_writes_them() -> None:
    shop = Shop()
    body = orjson.dumps(shop.gear("one")).replace(
        b'"spec":{}', b'"spec":{"a":1.0,"b":1e3,"c":2.5,"d":12345678901234567890}'
    )
    answer = shop.ask("POST", shop.gears(), body).body
    assert b'"spec":{"a":1,"b":1000,"c":2.5,"d":12345678901234567000}' in answer


def test_finalizers_that_may_collide_are_warned_of() -> None:
    shop = Shop()
    made = shop.gear("one")
    made["metadata"]["finalizers"] = ["plain", "a.b", "example.com/good"]
    warnings = [text for name, text in shop.ask("POST", shop.gears(), made).headers if name == "Warning"]
    assert [text.split('\\"')[1] for text in warnings] == ["a.b", "plain"]
    assert "including a path (/)" in warnings[0]


def test_selectable_fields_select() -> None:
    schema = of_spec({"color": {"type": "string"}, "n": {"type": "integer"}, "on": {"type": "boolean"}})
    fields = [{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.n"}, {"jsonPath": ".spec.on"}]
    shop = Shop(version("v1", schema, selectableFields=fields))
    shop.make("a", {"color": "red", "n": 1, "on": True})
    shop.make("b", {"color": "blue", "n": 2})
    for selector, names in (("spec.color=red", ["a"]), ("spec.n=2,spec.on!=true", ["b"]), ("spec.on=true", ["a"])):
        found = shop.get(shop.gears(), fieldSelector=selector)["items"]
        assert [one["metadata"]["name"] for one in found] == names
    refused = shop.call("GET", shop.gears(), fieldSelector="spec.other=1", expect=400)
    assert refused["message"] == "field label not supported: spec.other"


def test_printer_columns_show_what_their_paths_find() -> None:
    paths = {
        "Text": ("string", ".spec.text", "a"),
        "List": ("string", ".spec.list", '["p",1,null]'),
        "First": ("string", ".spec.list[0]", "p"),
        "Ready": ("string", '.status.conditions[?(@.type=="Ready")].status', "Yes"),
        "Label": ("string", r".metadata.labels.a\.b/c", "d"),
        "Null": ("string", ".spec.null", "<no value>"),
        "Count": ("integer", ".spec.ratio", 2),
        "Ratio": ("number", ".spec.ratio", 2.5),
        "On": ("boolean", ".spec.text", None),
        "When": ("date", ".metadata.creationTimestamp", "0s"),
        "Bad": ("date", ".spec.text", "<invalid>"),
        "None": ("string", ".spec.nothing", None),
        "Members": ("string", ".spec.map[*]", None),
        "Any": ("string", ".spec.map.*", "1"),
    }
    columns = [{"name": name, "type": kind, "jsonPath": path} for name, (kind, path, _) in paths.items()]
    shop = Shop(version("v1", FREE, additionalPrinterColumns=columns))
    made = shop.gear("one", {"text": "a", "list": ["p", 1, None], "null": None, "ratio": 2.5, "map": {"x": 1}})
    made["metadata"]["labels"] = {"a.b/c": "d"}
    made["status"] = {"conditions": [{"type": "A", "status": "No"}, {"type": "Ready", "status": "Yes"}]}
    shop.post(shop.gears(), made)
    table = shop.get(shop.gears(), accept=TABLE)
    assert [one["name"] for one in table["columnDefinitions"]] == ["Name", *paths]
    assert dict(zip(paths, table["rows"][0]["cells"][1:], strict=True)) == {
        name: cell for name, (_, _, cell) in paths.items()
    }


def test_unknown_fields_come_in_the_order_of_a_real_server() -> None:
    shop = Shop(version("v1", of_spec({"a": {"type": "string"}})))
    made = {**shop.gear("one", {"b": 1}), "aaa": 1}
    made["metadata"]["wrong"] = 1
    refused = shop.call("POST", shop.gears(), made, fieldValidation="Strict", expect=400)
    unknown = 'unknown field "metadata.wrong", unknown field "aaa", unknown field "spec.b"'
    assert refused["message"].endswith(f"strict decoding error: {unknown}")
    assert shop.post(shop.gears(), made, fieldValidation="Ignore")["spec"] == {}


def test_requests_that_no_custom_resource_answers() -> None:
    shop = Shop()
    shop.make("one")
    assert shop.ask("GET", f"{shop.gears('one')}/scale").status == 404
    assert shop.ask("GET", f"/apis/{GROUP}/v1/gears/one").body == b"404 page not found\n"
    assert shop.ask("POST", f"/apis/{GROUP}/v1/gears", shop.gear("x")).body == b"404 page not found\n"
    wrong = {**shop.gear("x"), "kind": "Other"}
    refused = shop.call("POST", shop.gears(), wrong, expect=422)
    assert refused["message"] == f'Other.{GROUP} "x" is invalid: kind: Invalid value: "Other": must be Gear'


def test_what_does_not_say_what_it_is() -> None:
    shop = Shop()
    shop.make("one")
    named = {"metadata": {"name": "one"}}
    text = orjson.dumps(named).decode()
    kindless = f"Object 'Kind' is missing in '{text}' ({text})"  # no longer than what is shown of a body
    start = "the object provided is unrecognized (must be of type Gear): "
    assert shop.call("POST", shop.gears(), named, expect=400)["message"] == start + kindless
    versionless = f"the API version in the data () does not match the expected API version ({GROUP}/v1)"
    refused = shop.call("POST", shop.gears(), {"kind": "Gear", **named}, expect=400)
    assert refused["message"] == versionless
    refused = shop.merge(shop.gears("one"), {"kind": None}, expect=422)
    assert "Object 'Kind' is missing in '{\"apiVersion\":" in refused["message"]
    refused = shop.merge(shop.gears("one"), {"kind": "Other", "apiVersion": f"{GROUP}/v2"}, expect=422)
    assert [one["field"] for one in refused["details"]["causes"]] == ["kind", "apiVersion"]


def test_a_patch_to_a_version_that_there_is_not_has_only_unknown_fields() -> None:
    shop = Shop()
    shop.make("one", {"a": 1})
    patch = {"apiVersion": f"{GROUP}/v2"}
    answer = shop.ask("PATCH", shop.gears("one"), patch, media=MERGE)
    assert answer.status == 422
    assert [value for name, value in answer.headers if name == "Warning"] == ['299 - "unknown field \\"spec\\""']
    refused = shop.call("PATCH", shop.gears("one"), patch, media=MERGE, fieldValidation="Strict", expect=422)
    assert refused["message"].endswith('strict decoding error: unknown field "spec"')


def test_owners_are_dropped_whose_version_lacks_a_field() -> None:
    """Conversion drops no fields, so a real server cannot tell what the owner of the other version sees."""
    text = {"type": "string"}
    shop = Shop(version("v1", of_spec({"a": text})), version("v2", of_spec({"a": text, "b": text}), storage=False))
    shop.make("one", {"a": "1"})
    kept = shop.merge(shop.gears("one", "v2"), {"spec": {"a": "2"}})
    assert len(kept["metadata"]["managedFields"]) == 2
    dropped = shop.merge(shop.gears("one", "v2"), {"spec": {"b": "2"}})
    assert "managedFields" not in dropped["metadata"]
