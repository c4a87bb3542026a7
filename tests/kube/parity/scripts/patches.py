"""JSON, merge and strategic merge patches: what they do, and how they are refused."""

from __future__ import annotations

from typing import Any

from tests.kube.parity.objects import config_map, deployment, labelled, named, owner, pod_spec
from tests.kube.parity.steps import (
    JSON,
    JSON_PATCH,
    MERGE,
    PROTOBUF,
    STRATEGIC,
    TABLE,
    YAML,
    Script,
    Step,
    ask,
    get,
    json_patch,
    merge,
    observed,
    post,
    script,
    strategic,
    wait,
)

CM, WEB, POD, SVC = "configmaps/one", "deployments/web", "pods/one", "services/one"


def op(what: str, path: str, **more: Any) -> dict[str, Any]:
    """One operation of a JSON patch."""
    return {"op": what, "path": path, **more}


def made(kind: str, body: object) -> Step:
    """Create the object that is patched."""
    return post(kind, body)


ONE = config_map("one", {"a": "1", "b": "2"}, labels={"l": "1"}, annotations={"n/x": "1"})
JSON_PATCHES = script(
    "json",
    made("configmaps", ONE),
    json_patch(CM, [op("add", "/data/c", value="3")]),
    json_patch(CM, [op("replace", "/data/a", value="one")]),
    json_patch(CM, [op("remove", "/data/b")]),
    json_patch(CM, [op("copy", "/data/d", **{"from": "/data/a"})]),
    json_patch(CM, [op("move", "/data/e", **{"from": "/data/d"})]),
    json_patch(CM, [op("test", "/data/a", value="one"), op("add", "/data/f", value="")]),
    json_patch(CM, [op("test", "/data/a", value="two"), op("add", "/data/g", value="")]),
    json_patch(CM, [op("remove", "/data/none")]),
    json_patch(CM, [op("replace", "/data/none", value="x")]),
    json_patch(CM, [op("add", "/none/deep", value="x")]),
    json_patch(CM, [op("add", "/metadata/annotations/n~1x", value="slash")]),
    json_patch(CM, [op("remove", "/metadata/annotations/t~0y")]),
    json_patch(CM, [op("add", "/data", value={})]),
    json_patch(CM, [op("remove", "/data")]),
    json_patch(CM, [op("remove", "/metadata/labels")]),
    json_patch(CM, [op("replace", "/metadata/name", value="other")]),
    json_patch(CM, [op("replace", "/metadata/uid", value="other")]),
    json_patch(CM, [op("replace", "/metadata/resourceVersion", value="1")]),
    json_patch(CM, [op("replace", "/kind", value="Secret")]),
    json_patch(CM, [op("replace", "/apiVersion", value="v2")]),
    json_patch(CM, [op("add", "/unknown", value="x")]),
    json_patch(CM, [op("add", "/unknown", value="x")], fieldValidation="Strict"),
    json_patch(CM, [op("add", "/data", value="text")]),
    json_patch(CM, [op("add", "/data", value={"a": 1})]),
    json_patch(CM, [op("jump", "/data")]),
    json_patch(CM, [{"op": "add"}]),
    json_patch(CM, [{"path": "/data"}]),
    json_patch(CM, {"op": "add"}),
    json_patch(CM, []),
    json_patch(CM, "not json"),
    json_patch(CM, "null"),
    json_patch(CM, ""),
    json_patch("configmaps/none", [op("add", "/data", value={})]),
    get(CM),
)
LISTS = script(
    "json-lists",
    made("pods", named("one", spec=pod_spec(tolerations=[{"key": "a", "operator": "Exists"}]))),
    json_patch(POD, [op("add", "/spec/tolerations/-", value={"key": "b", "operator": "Exists"})]),
    json_patch(POD, [op("add", "/spec/tolerations/0", value={"key": "c", "operator": "Exists"})]),
    json_patch(POD, [op("replace", "/spec/containers/0/image", value="nginx:2")]),
    json_patch(POD, [op("replace", "/spec/containers/7/image", value="nginx:2")]),
    json_patch(POD, [op("replace", "/spec/containers/-1/image", value="nginx:2")]),
    json_patch(POD, [op("replace", "/spec/containers/x/image", value="nginx:2")]),
    json_patch(POD, [op("add", "/spec/tolerations/99", value={"key": "d"})]),
    json_patch(POD, [op("remove", "/spec/containers/0")]),
    json_patch(POD, [op("add", f"/metadata/labels/l{n}", value="x") for n in range(10001)]),
)
MERGES = script(
    "merge",
    made("configmaps", ONE),
    merge(CM, {"data": {"a": None, "c": "3"}}),
    merge(CM, {"data": {"a": None}}),
    merge(CM, {"data": None}),
    merge(CM, {"metadata": {"labels": None, "annotations": {"k": "v"}}}),
    merge(CM, {}),
    merge(CM, {"metadata": {"name": "other"}}),
    merge(CM, {"metadata": {"namespace": "other"}}),
    merge(CM, {"metadata": {"uid": "00000000-0000-4000-8000-000000000000"}}),
    merge(CM, {"metadata": {"resourceVersion": "1"}}),
    merge(CM, {"metadata": {"generation": 7, "creationTimestamp": "2020-01-01T00:00:00Z", "selfLink": "/x"}}),
    merge(CM, {"metadata": {"ownerReferences": [owner("x", "u-1")]}}),
    merge(CM, {"metadata": {"finalizers": ["example.com/f"]}}),
    merge(CM, {"metadata": {"finalizers": ["plain"]}}),
    merge(CM, {"metadata": {"finalizers": None, "ownerReferences": None}}),
    merge(CM, {"metadata": {"managedFields": []}}),
    merge(CM, {"metadata": {"labels": {"bad key!": "x"}}}),
    merge(CM, {"metadata": {"labels": {"ok": "bad value!"}}}),
    merge(CM, {"metadata": {"labels": {"ok": 5}}}),
    merge(CM, {"metadata": {"annotations": {"ok": True}}}),
    merge(CM, {"kind": "Secret"}),
    merge(CM, {"apiVersion": "v2"}),
    merge(CM, {"apiVersion": "v1", "kind": "ConfigMap", "data": {"z": "26"}}),
    merge(CM, {"unknown": 1}),
    merge(CM, {"unknown": 1}, fieldValidation="Strict"),
    merge(CM, {"unknown": 1}, fieldValidation="Ignore"),
    merge(CM, '{"data":{"a":"1","a":"2"}}', fieldValidation="Strict"),
    merge(CM, '{"data":{"a":"1","a":"2"}}'),
    merge(CM, {"data": {"bad key": "x"}}),
    merge(CM, {"immutable": True}),
    merge(CM, {"data": {"q": "x"}}),
    merge(CM, {"immutable": False}),
    merge(CM, "[]"),
    merge(CM, "null"),
    merge(CM, "5"),
    merge(CM, '"text"'),
    merge(CM, ""),
    merge(CM, "{"),
    merge("configmaps/none", {"data": {}}),
    get(CM),
)
TEMPLATE: dict[str, Any] = {"spec": {"template": {"spec": {}}}}


def spec(**parts: Any) -> dict[str, Any]:
    """A patch of the pods' spec in a Deployment."""
    return {"spec": {"template": {"spec": parts}}}


CONTAINERS = [
    {"name": "main", "image": "nginx", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
    {"name": "side", "image": "busybox", "args": ["a", "b"]},
]
FULL = pod_spec(
    containers=CONTAINERS,
    volumes=[{"name": "v", "emptyDir": {}}, {"name": "w", "configMap": {"name": "x"}}],
    tolerations=[{"key": "a", "operator": "Exists"}],
    hostAliases=[{"ip": "10.0.0.1", "hostnames": ["h"]}],
)
STRATEGICS = script(
    "strategic",
    made("deployments", deployment(template={"metadata": {"labels": {"app": "web"}}, "spec": FULL}, paused=True)),
    wait(get(WEB), "status.observedGeneration"),
    observed(
        WEB,
        strategic(WEB, spec(containers=[{"name": "side", "image": "busybox:2"}])),
        strategic(WEB, spec(containers=[{"name": "third", "image": "redis"}])),
        strategic(WEB, spec(containers=[{"name": "third", "$patch": "delete"}])),
        strategic(WEB, spec(containers=[{"name": "absent", "$patch": "delete"}])),
        strategic(
            WEB,
            spec(
                containers=[{"name": "main", "env": [{"name": "B", "$patch": "delete"}, {"name": "C", "value": "3"}]}]
            ),
        ),
        strategic(WEB, spec(containers=[{"name": "side", "args": ["c"]}])),
        strategic(WEB, spec(**{"$setElementOrder/containers": [{"name": "side"}, {"name": "main"}]})),
        strategic(
            WEB,
            spec(
                **{
                    "$setElementOrder/containers": [{"name": "new"}, {"name": "main"}, {"name": "side"}],
                    "containers": [{"name": "new", "image": "nginx"}],
                }
            ),
        ),
        strategic(
            WEB,
            spec(**{"$setElementOrder/containers": [{"name": "main"}], "containers": [{"name": "x", "image": "y"}]}),
        ),
        strategic(WEB, spec(containers=[{"$patch": "replace"}, {"name": "only", "image": "nginx"}])),
        strategic(WEB, spec(volumes=[{"name": "v", "$retainKeys": ["name", "secret"], "secret": {"secretName": "s"}}])),
        strategic(WEB, spec(volumes=[{"name": "w", "secret": {"secretName": "s"}}])),
        strategic(WEB, spec(tolerations=[{"key": "b", "operator": "Exists"}])),
        strategic(
            WEB, spec(hostAliases=[{"ip": "10.0.0.1", "hostnames": ["i"]}, {"ip": "10.0.0.2", "hostnames": ["j"]}])
        ),
        strategic(WEB, {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
        strategic(WEB, {"spec": {"strategy": {"$patch": "replace", "type": "RollingUpdate"}}}),
        strategic(WEB, {"metadata": {"labels": {"$patch": "replace", "x": "y"}}}),
        strategic(WEB, {"metadata": {"labels": {"$patch": "delete"}}}),
        strategic(WEB, {"metadata": {"annotations": None}}),
        strategic(WEB, spec(containers=[{"image": "no-name"}])),
        strategic(WEB, spec(containers=[{"name": "a", "$patch": "explode"}])),
        strategic(WEB, spec(containers={"name": "a"})),
        strategic(WEB, spec(**{"$setElementOrder/containers": ["main"]})),
        strategic(WEB, spec(**{"$deleteFromPrimitiveList/containers": ["main"]})),
        strategic(WEB, {"spec": {"replicas": "three"}}),
        strategic(WEB, {"spec": {"selector": {"matchLabels": {"app": "other"}}}}),
        strategic(WEB, {"spec": {"unknown": 1}}),
        strategic(WEB, {"spec": {"unknown": 1}}, fieldValidation="Strict"),
        strategic(WEB, {"$patch": "delete"}),
        strategic(WEB, {"$patch": "replace", "metadata": {"name": "web"}}),
        strategic(WEB, "[]"),
        strategic(WEB, "null"),
        strategic(WEB, "{"),
    ),
    get(WEB),
)
PRIMITIVES = script(
    "strategic-primitives",
    made(
        "configmaps", labelled("one", {}, data={}) | {"metadata": {"name": "one", "finalizers": ["e.com/a", "e.com/b"]}}
    ),
    strategic(CM, {"metadata": {"finalizers": ["e.com/c"]}}),
    strategic(CM, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["e.com/a", "e.com/none"]}}),
    strategic(CM, {"metadata": {"$setElementOrder/finalizers": ["e.com/c", "e.com/b"], "finalizers": ["e.com/d"]}}),
    strategic(CM, {"metadata": {"$setElementOrder/finalizers": ["e.com/d", "e.com/c", "e.com/b"]}}),
    strategic(CM, {"metadata": {"ownerReferences": [owner("x", "u-1")]}}),
    strategic(CM, {"metadata": {"ownerReferences": [{"uid": "u-1", "controller": True}]}}),
    strategic(CM, {"metadata": {"ownerReferences": [{"uid": "u-1", "$patch": "delete"}]}}),
    strategic(CM, {"metadata": {"finalizers": None}}),
    made("services", named("one", spec={"ports": [{"name": "a", "port": 80}], "clusterIP": "None"})),
    strategic(SVC, {"spec": {"ports": [{"port": 81, "name": "b"}]}}),
    strategic(SVC, {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}),
    strategic(SVC, {"spec": {"ports": [{"port": 81, "$patch": "delete"}]}}),
    strategic(SVC, {"spec": {"ports": [{"name": "only-name"}]}}),
    get(SVC),
)
MEDIA = script(
    "media",
    made("configmaps", ONE),
    ask("PATCH", CM, {"data": {"m": "1"}}, media=JSON),
    ask("PATCH", CM, {"data": {"m": "1"}}, media="text/plain"),
    ask("PATCH", CM, {"data": {"m": "1"}}, media=YAML),
    ask("PATCH", CM, {"data": {"m": "1"}}, media=""),
    ask("PATCH", CM, {"data": {"m": "2"}}, media=f"{MERGE}; charset=utf-8"),
    ask("PATCH", CM, {"data": {"m": "3"}}, media="application/merge-patch"),
    ask("PATCH", CM, "data: {m: '4'}", media=MERGE),
    ask("PATCH", CM, [op("add", "/data/m", value="5")], media=JSON_PATCH, accept=PROTOBUF),
    ask("PATCH", CM, {"data": {"m": "6"}}, media=STRATEGIC, accept=TABLE),
    ask("PATCH", CM, {"data": {"m": "7"}}, media=STRATEGIC, accept=YAML),
    ask("PATCH", "configmaps", {"data": {}}, media=MERGE),
    merge(CM, {"data": {"m": "8"}}, dryRun="All"),
    merge(CM, {"data": {"m": "8"}}, dryRun="Some"),
    merge(CM, {"data": {"m": "8"}}, force=True),
    merge(CM, {"data": {"m": "8"}}, fieldManager="other"),
    merge(CM, {"data": {"m": "9"}}, fieldManager="x" * 129),
    merge(CM, {"data": {"m": "9"}}, fieldManager="bad\u0001"),
    merge(CM, {"data": {"m": "9"}}, fieldValidation="Maybe"),
)
SCRIPTS: tuple[Script, ...] = (JSON_PATCHES, LISTS, MERGES, STRATEGICS, PRIMITIVES, MEDIA)
