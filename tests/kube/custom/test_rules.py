"""Rules in CEL, where the library is installed; what can be said about a rule without it."""

from __future__ import annotations

from typing import Any

import pytest

from scale_agent.kube.custom import cel, cel_check, cel_values, rules
from scale_agent.kube.custom.schema import Node
from tests.kube.custom.cluster import DEFINITIONS, Shop, definition, of_spec, version

needs_cel = pytest.mark.skipif(not cel.available(), reason="cel-expr-python is not installed")


def causes(schema: dict[str, Any], value: Any, old: Any = None) -> list[tuple[str, str, str]]:
    return [(one.reason, one.field, one.message) for one in rules.problems(Node(schema), value, old)]


RANGE = of_spec(
    {"min": {"type": "integer"}, "max": {"type": "integer"}, "fixed": {"type": "string"}},
    **{"x-kubernetes-validations": [{"rule": "!has(self.min) || !has(self.max) || self.min <= self.max"}]},
)


def ruled(**rule: Any) -> dict[str, Any]:
    """:data:`RANGE` with another rule."""
    return of_spec(RANGE["properties"]["spec"]["properties"], **{"x-kubernetes-validations": [rule]})


@needs_cel
def test_a_broken_rule_is_a_cause_without_the_value() -> None:
    text = "!has(self.min) || !has(self.max) || self.min <= self.max"
    assert causes(RANGE, {"spec": {"min": 1, "max": 2}}) == []
    assert causes(RANGE, {"spec": {"min": 3, "max": 2}}) == [
        ("FieldValueInvalid", "spec", f"Invalid value: failed rule: {text}")
    ]


@needs_cel
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"message": " no "}, ("FieldValueInvalid", "spec", "Invalid value: no")),
        (
            {"messageExpression": "'min is ' + string(self.min)"},
            ("FieldValueInvalid", "spec", "Invalid value: min is 3"),
        ),
        ({"messageExpression": "self.missing", "message": "m"}, ("FieldValueInvalid", "spec", "Invalid value: m")),
        (
            {"reason": "FieldValueForbidden", "fieldPath": ".min", "message": "m"},
            ("FieldValueForbidden", "spec.min", "Forbidden: m"),
        ),
        ({"reason": "FieldValueRequired", "message": "m"}, ("FieldValueRequired", "spec", "Required value: m")),
        ({"reason": "FieldValueDuplicate"}, ("FieldValueDuplicate", "spec", "Duplicate value")),
    ],
)
def test_messages_reasons_and_paths(more: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert causes(ruled(rule="self.min < 3", **more), {"spec": {"min": 3}}) == [expected]


@needs_cel
def test_rules_about_changes_are_asked_of_changes_only() -> None:
    schema = of_spec(
        {"fixed": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed"}]}}
    )
    assert causes(schema, {"spec": {"fixed": "a"}}) == []
    assert causes(schema, {"spec": {"fixed": "b"}}, {"spec": {}}) == []
    assert causes(schema, {"spec": {"fixed": "b"}}, {"spec": {"fixed": "a"}}) == [
        ("FieldValueInvalid", "spec.fixed", 'Invalid value: "b": fixed')
    ]


@needs_cel
def test_what_was_broken_before_is_let_through() -> None:
    broken = {"spec": {"min": 3, "max": 2}}
    assert causes(RANGE, broken, broken) == []
    assert causes(RANGE, {"spec": {"min": 4, "max": 2}}, broken) != []


@needs_cel
def test_a_rule_that_fails_says_why() -> None:
    assert causes(ruled(rule="self.min > 0"), {"spec": {}}) == [
        ("FieldValueInvalid", "spec", 'Invalid value: "object": no such key: min evaluating rule: self.min > 0')
    ]


@needs_cel
def test_rules_are_not_asked_of_what_is_wrong_anyway() -> None:
    shop = Shop(version("v1", RANGE))
    refused = shop.call("POST", shop.gears(), shop.gear("one", {"min": "x", "max": 1}), expect=422)
    assert [one["field"] for one in refused["details"]["causes"]] == ["spec.min", "<nil>"]
    refused = shop.call("POST", shop.gears(), shop.gear("one", {"min": 2, "max": 1}), expect=422)
    assert [one["field"] for one in refused["details"]["causes"]] == ["spec"]


@needs_cel
def test_rules_with_functions_of_kubernetes_are_not_asked() -> None:
    assert causes(ruled(rule="isURL(self.fixed)"), {"spec": {"fixed": "no"}}) == []


@needs_cel
def test_a_rule_that_is_no_expression_is_refused_with_its_definition() -> None:
    schema = of_spec({"a": {"type": "string", "x-kubernetes-validations": [{"rule": "self =="}]}})
    refused = Shop().call("POST", DEFINITIONS, definition("things", "Thing", version("v1", schema)), expect=422)
    cause = refused["details"]["causes"][0]
    place = "spec.validation.openAPIV3Schema.properties[spec].properties[a].x-kubernetes-validations[0].rule"
    assert cause["field"] == place
    assert "compilation failed: ERROR: <input>:1:8: Syntax error" in cause["message"]


def test_unknown_fields_are_found_without_the_library() -> None:
    spec = RANGE["properties"]["spec"]
    assert cel_check.problem("self.min < self.max && self.fixed.startsWith('self.other')", spec, root=False) == ""
    found = cel_check.problem("self.min < self.most", spec, root=False)
    text = "ERROR: <input>:1:16: undefined field 'most'\n | self.min < self.most\n | ...............^"
    assert found == f"compilation failed: {text}"
    assert cel_check.problem("self.metadata.name == 'x'", RANGE, root=True) == ""


def test_an_object_with_rules_says_that_they_were_not_checked() -> None:
    shop = Shop(
        version(
            "v1",
            of_spec(
                RANGE["properties"]["spec"]["properties"],
                required=["min"],
                **{"x-kubernetes-validations": [{"rule": "self.min > 0"}]},
            ),
        )
    )
    refused = shop.call("POST", shop.gears(), shop.gear("one", {"max": 1}), expect=422)
    assert refused["details"]["causes"][1]["message"].startswith("Invalid value: null: some validation rules were not")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a", "a"), ("a-b", "a__dash__b"), ("a.b/c", "a__dot__b__slash__c"), ("namespace", "__namespace__"), ("1a", None)],
)
def test_names_as_rules_write_them(name: str, expected: str | None) -> None:
    assert cel_values.escaped(name) == expected


def test_values_as_rules_see_them() -> None:
    node = Node(
        {"type": "object", "properties": {"a-b": {"type": "number"}, "c": {"type": "string", "format": "byte"}}}
    )
    seen = cel_values.of(
        {"a-b": 1, "c": "aGk=", "unknown": 1, "kind": "K", "metadata": {"name": "n", "labels": {}}}, node, root=True
    )
    assert seen == {"a__dash__b": 1.0, "c": b"hi", "kind": "K", "metadata": {"name": "n"}}
    assert isinstance(seen["a__dash__b"], float)
