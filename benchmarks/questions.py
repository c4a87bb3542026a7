"""The requests that are measured: the same for the simulated API server and for a real one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

JSON = "application/json"
PROTOBUF = "application/vnd.kubernetes.protobuf"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
MERGE = "application/merge-patch+json"
NAMESPACE = "bench"
BASE = f"/api/v1/namespaces/{NAMESPACE}"
MAPS, APPS = f"{BASE}/configmaps", f"/apis/apps/v1/namespaces/{NAMESPACE}"
CUSTOM = f"/apis/bench.scale-agent.io/v1/namespaces/{NAMESPACE}/widgets"
LISTED = 100


@dataclass(frozen=True, slots=True)
class Question:
    """One kind of request. ``path`` and ``body`` get the number of the repetition, each is new."""

    name: str
    method: str
    path: Callable[[int], str]
    body: Callable[[int], Any] | None = None
    accept: str = JSON
    media: str = JSON
    repeat: int = 300

    def encoded(self, number: int) -> bytes:
        """The body's bytes."""
        return b"" if self.body is None else json.dumps(self.body(number)).encode()


def config_map(name: str) -> dict[str, Any]:
    """A small object, as clients make many of."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"app": "bench"}},
        "data": {"key": "value" * 20},
    }


def deployment(name: str) -> dict[str, Any]:
    """A deployment that wants no pods, so that controllers have nothing to do."""
    labels = {"app": name}
    pod = {"containers": [{"name": "main", "image": "nginx:1.29", "ports": [{"containerPort": 80}]}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def widget(name: str) -> dict[str, Any]:
    """A custom object."""
    spec = {"size": 3, "parts": [{"name": "a", "weight": 1}]}
    return {"apiVersion": "bench.scale-agent.io/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


_PART = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string", "maxLength": 63}, "weight": {"type": "integer", "default": 1}},
}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.bench.scale-agent.io"},
    "spec": {
        "group": "bench.scale-agent.io",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "size": {"type": "integer", "minimum": 0},
                                    "parts": {"type": "array", "items": _PART},
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}
#: What must be there before: path and object.
FURNITURE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
    ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", DEFINITION),
    *((MAPS, config_map(f"listed-{number}")) for number in range(LISTED)),
    (f"{APPS}/deployments", deployment("patched")),
)
#: Paths that take it all away again.
REMOVED = (
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.bench.scale-agent.io",
    f"/api/v1/namespaces/{NAMESPACE}",
)


def _same(path: str) -> Callable[[int], str]:
    return lambda number: path


def _rotating(number: int) -> str:
    return f"{MAPS}/listed-{number % LISTED}"


def _stamp(number: int) -> dict[str, Any]:
    return {"data": {"key": "value" * 20, "n": str(number)}}


_REVIEW = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": NAMESPACE}}}
QUESTIONS = (
    Question("get", "GET", _rotating),
    Question("get_protobuf", "GET", _rotating, accept=PROTOBUF),
    Question("get_absent", "GET", lambda number: f"{MAPS}/absent-{number}"),
    Question("list_100", "GET", _same(MAPS), repeat=60),
    Question("list_100_protobuf", "GET", _same(MAPS), accept=PROTOBUF, repeat=60),
    Question("list_100_table", "GET", _same(MAPS), accept=TABLE, repeat=40),
    Question("list_selected", "GET", _same(f"{MAPS}?labelSelector=app%3Dbench&limit=10"), repeat=100),
    Question("create", "POST", _same(MAPS), lambda number: config_map(f"made-{number}")),
    Question("update", "PUT", _rotating, lambda number: config_map(f"listed-{number % LISTED}") | _stamp(number)),
    Question("merge_patch", "PATCH", _rotating, _stamp, media=MERGE),
    Question(
        "strategic_patch",
        "PATCH",
        _same(f"{APPS}/deployments/patched"),
        lambda number: {"metadata": {"annotations": {"n": str(number)}}, "spec": {"minReadySeconds": number}},
        media="application/strategic-merge-patch+json",
    ),
    Question(
        "apply",
        "PATCH",
        lambda number: f"{_rotating(number)}?fieldManager=bench&force=true",
        lambda number: config_map(f"listed-{number % LISTED}") | _stamp(number),
        media="application/apply-patch+yaml",
    ),
    Question(
        "create_deployment", "POST", _same(f"{APPS}/deployments"), lambda number: deployment(f"d-{number}"), repeat=100
    ),
    Question("create_custom", "POST", _same(CUSTOM), lambda number: widget(f"w-{number}")),
    Question(
        "access_review",
        "POST",
        _same("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        lambda number: {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", **_REVIEW},
    ),
    Question("discovery", "GET", _same("/apis"), repeat=100),
    Question("openapi_apps", "GET", _same("/openapi/v3/apis/apps/v1"), repeat=40),
    Question("delete", "DELETE", lambda number: f"{MAPS}/made-{number}"),
)
