"""Custom resources with a schema: pruning, defaulting, validation; definitions that are refused."""

from __future__ import annotations

from typing import Any

from tests.kube.parity.definitions import ANY, Obj, definition, installed, of, thing, version
from tests.kube.parity.steps import TABLE, Script, Step, apply, ask, get, json_patch, merge, post, script

D = "p-schema.example.com"
WIDGET_SCHEMA: Obj = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 10},
                "color": {"type": "string", "enum": ["red", "blue"], "default": "red"},
                "name": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 5},
                "ratio": {"type": "number", "multipleOf": 0.5},
                "on": {"type": "boolean"},
                "nullable": {"type": "string", "nullable": True},
                "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set", "maxItems": 3},
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["port"],
                    "items": {
                        "type": "object",
                        "required": ["port"],
                        "properties": {"port": {"type": "integer"}, "name": {"type": "string", "default": "http"}},
                    },
                },
                "map": {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2},
                "free": ANY,
                "any": {"x-kubernetes-int-or-string": True},
                "when": {"type": "string", "format": "date-time"},
                "nested": {"type": "object", "default": {}, "properties": {"deep": {"type": "integer", "default": 7}}},
                "one": {
                    "type": "object",
                    "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                    "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
                },
                "min": {"type": "integer"},
                "max": {"type": "integer"},
                "fixed": {
                    "type": "string",
                    "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "is fixed"}],
                },
            },
            "x-kubernetes-validations": [
                {
                    "rule": "!has(self.min) || !has(self.max) || self.min <= self.max",
                    "message": "min above max",
                    "reason": "FieldValueForbidden",
                    "fieldPath": ".min",
                }
            ],
        },
        "status": {"type": "object", "properties": {"ready": {"type": "integer"}}},
    },
}
WIDGETS, W = of(D, "widgets"), of(D, "widgets", "one")


def widget(called: str = "one", /, **spec: Any) -> Obj:
    """A widget."""
    return thing(D, "Widget", called, spec=spec)


def refused_widget(body: Obj) -> Step:
    """A widget that is not valid: what is accepted by mistake spoils nothing."""
    return post(WIDGETS, body, dryRun="All")


TWICE = f'{{"apiVersion":"{D}/v1","kind":"Widget","metadata":{{"name":"twice"}},"spec":{{"size":1,"size":2}}}}'
SCHEMA = script(
    "schema",
    installed(definition(D, "Widget", version("v1", WIDGET_SCHEMA))),
    post(WIDGETS, widget(size=3)),
    post(WIDGETS, widget("pruned", size=3, unknown={"a": 1}, nested={"x": 1}, free={"kept": [1, {"b": 2}]})),
    post(WIDGETS, widget("strict", size=3, unknown=1), fieldValidation="Strict"),
    post(WIDGETS, widget("ignored", size=3, unknown=1), fieldValidation="Ignore"),
    post(WIDGETS, TWICE),
    refused_widget(thing(D, "Widget", "bare")),
    refused_widget(widget("bad")),
    refused_widget(widget("bad", size=0)),
    refused_widget(widget("bad", size=11)),
    refused_widget(widget("bad", size="3")),
    refused_widget(widget("bad", size=3.5)),
    post(WIDGETS, widget("whole", size=3.0)),
    refused_widget(widget("bad", size=None)),
    refused_widget(widget("bad", size=3, color="green")),
    post(WIDGETS, widget("nulls", size=3, color=None, nullable=None, on=None)),
    refused_widget(widget("bad", size=3, name="A")),
    refused_widget(widget("bad", size=3, name="abcdefgh")),
    refused_widget(widget("bad", size=3, ratio=0.3)),
    refused_widget(widget("bad", size=3, on="yes")),
    refused_widget(widget("bad", size=3, tags=["a", "a"])),
    refused_widget(widget("bad", size=3, tags=["a", "b", "c", "d"])),
    refused_widget(widget("bad", size=3, tags="a")),
    refused_widget(widget("bad", size=3, ports=[{"port": 1}, {"port": 1}])),
    refused_widget(widget("bad", size=3, ports=[{"name": "x"}])),
    post(WIDGETS, widget("ports", size=3, ports=[{"port": 1}, {"port": 2, "name": "x"}])),
    refused_widget(widget("bad", size=3, map={"a": "x"})),
    refused_widget(widget("bad", size=3, map={"a": 1, "b": 2, "c": 3})),
    post(WIDGETS, widget("any", size=3, any="5%", when="2020-01-01T00:00:00Z")),
    refused_widget(widget("bad", size=3, any=1.5)),
    refused_widget(widget("bad", size=3, when="yesterday")),
    refused_widget(widget("bad", size=3, one={})),
    refused_widget(widget("bad", size=3, one={"a": "1", "b": "2"})),
    refused_widget(widget("bad", size=3, min=2, max=1)),
    refused_widget(widget("bad", size=0, color="green", tags=["a", "a"], on="no")),
    post(WIDGETS, widget("fixed", size=3, fixed="a")),
    merge(of(D, "widgets", "fixed"), {"spec": {"fixed": "b"}}),
    merge(of(D, "widgets", "fixed"), {"spec": {"fixed": None}}),
    merge(W, {"spec": {"size": 99}}),
    merge(W, {"spec": {"unknown": 1, "nested": {"deep": None}}}),
    merge(W, {"status": {"ready": 1}}),
    json_patch(W, [{"op": "remove", "path": "/spec"}]),
    apply(W, widget(size=3, ports=[{"port": 80}], tags=["a"])),
    apply(W, widget(size=3, ports=[{"port": 81}], tags=["b"]), manager="other"),
    apply(W, widget(size=4, ports=[{"port": 80, "name": "x"}]), manager="other"),
    apply(W, widget(size=3, unknown=1)),
    apply(W, widget(size="x")),
    get(W),
    get(WIDGETS, accept=TABLE),
)


def refused(**changes: Any) -> Step:
    """A definition that is not valid."""
    crd = definition("p-bad.example.com", "Bad", version("v1"))
    return post("customresourcedefinitions", {**crd, **changes, "spec": {**crd["spec"], **changes.get("spec", {})}})


REFUSED = script(
    "refused",
    refused(metadata={"name": "bads"}),
    refused(metadata={"name": "goods.p-bad.example.com"}),
    refused(spec={"scope": "Global"}),
    refused(spec={"scope": ""}),
    refused(spec={"versions": []}),
    refused(spec={"versions": [version("v1"), version("v1")]}),
    refused(spec={"versions": [version("v1"), version("v2")]}),
    refused(spec={"versions": [version("v1", storage=False)]}),
    refused(spec={"versions": [{"name": "v1", "served": True, "storage": True}]}),
    refused(spec={"versions": [version("v1", {"type": "string"})]}),
    refused(spec={"versions": [version("v1", {"properties": {"spec": {"type": "object"}}})]}),
    refused(spec={"versions": [version("v1", {"type": "object", "properties": {"spec": {}}})]}),
    refused(
        spec={"versions": [version("v1", {"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}})]}
    ),
    refused(
        spec={"versions": [version("v1", {"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}})]}
    ),
    refused(spec={"versions": [version("v1", {"type": "object", "properties": {"a": {"$ref": "#/x"}}})]}),
    refused(spec={"versions": [version("v1", {"type": "object", "x-kubernetes-validations": [{"rule": "self.x"}]})]}),
    refused(spec={"versions": [version("V1")]}),
    refused(spec={"names": {"plural": "bads"}}),
    refused(spec={"names": {"plural": "BADS", "kind": "bad kind"}}),
    refused(spec={"group": "UPPER"}),
    refused(spec={"preserveUnknownFields": True}),
    refused(spec={"versions": [version("v1", subresources={"scale": {"specReplicasPath": "x"}})]}),
    refused(
        spec={"versions": [version("v1", additionalPrinterColumns=[{"name": "A", "type": "color", "jsonPath": "x"}])]}
    ),
    ask("POST", "/apis/apiextensions.k8s.io/v1beta1/customresourcedefinitions", {}),
    refused(spec={"group": "pods.k8s.io"}, metadata={"name": "bads.pods.k8s.io"}),
)
SCRIPTS: tuple[Script, ...] = (SCHEMA, REFUSED)
