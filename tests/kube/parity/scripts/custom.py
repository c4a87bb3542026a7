"""Custom resources: definitions, pruning, defaulting, validation, versions, subresources, columns, discovery."""

from __future__ import annotations

from tests.kube.parity.definitions import ESTABLISHED, Obj, definition, installed, of, thing, version
from tests.kube.parity.steps import (
    PARTIAL,
    PROTOBUF,
    TABLE,
    YAML,
    Script,
    apply,
    delete,
    events,
    get,
    json_patch,
    live,
    merge,
    post,
    put,
    script,
    strategic,
    wait,
    watch,
)

G = "p-plain.example.com"
ALL, ONE = of(G, "boxes"), of(G, "boxes", "one")
BOX = {**definition(G, "Box", version("v1"), shortNames=["bx"], categories=["all"])}
BOX["metadata"]["name"], BOX["spec"]["names"]["plural"] = f"boxes.{G}", "boxes"
PLAIN = script(
    "plain",
    get(f"/apis/{G}"),
    installed(BOX),
    get(f"/apis/{G}"),
    get(f"/apis/{G}/v1"),
    get(f"/apis/{G}/v2"),
    post(ALL, thing(G, "Box", "one", spec={"z": 1, "a": [1, {"b": None}], "f": 1.5, "big": 12345678901}), as_="a"),
    post(ALL, thing(G, "Box", "one")),
    post(ALL, thing(G, "Box", "two") | {"metadata": {"generateName": "gen-"}}),
    post(ALL, {"metadata": {"name": "untyped"}}),
    post(ALL, thing(G, "Crate", "x")),
    post(ALL, thing(G, "Box", "x", version="v2")),
    post(ALL, thing(G, "Box", "Bad_Name")),
    post(ALL, thing(G, "Box", "bad-meta") | {"metadata": {"name": "bad-meta", "labels": {"a": 1}}}),
    post(ALL, thing(G, "Box", "bad-meta") | {"metadata": {"name": "bad-meta", "unknown": "x"}}),
    post(
        ALL, thing(G, "Box", "bad-meta") | {"metadata": {"name": "bad-meta2", "unknown": "x"}}, fieldValidation="Strict"
    ),
    get(ONE),
    get(ALL),
    get(ALL, limit=1, as_="page"),
    get(ALL, limit=1, **{"continue": "{{page.continue}}"}),
    get(ONE, accept=TABLE),
    get(ALL, accept=TABLE),
    get(ONE, accept=PARTIAL),
    get(ALL, accept="application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"),
    get(ONE, accept="application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"),
    get(ONE, accept=PROTOBUF),
    get(ONE, accept=f"{PROTOBUF},application/json"),
    get(ONE, accept=YAML),
    get(ONE, accept="application/xml"),
    merge(ONE, {"spec": {"z": 2, "a": None}}),
    merge(ONE, {"spec": {"z": 2}}),
    json_patch(ONE, [{"op": "add", "path": "/spec/new", "value": [1, 2]}]),
    json_patch(ONE, [{"op": "remove", "path": "/spec/none"}]),
    strategic(ONE, {"spec": {"z": 3}}),
    merge(ONE, {"kind": "Crate"}),
    merge(ONE, {"apiVersion": f"{G}/v2"}),
    merge(ONE, {"metadata": {"labels": {"l": "1"}, "annotations": {"a": "b"}}}),
    get(ALL, labelSelector="l=1"),
    get(ALL, fieldSelector="metadata.name=one"),
    get(ALL, fieldSelector="spec.z=3"),
    put(ONE, {"...": "{{a}}", "spec": {"z": 9}}),
    put(ONE, {"...": "{{a}}", "metadata": {"resourceVersion": ""}, "spec": {"z": 9}}),
    put(ONE, thing(G, "Box", "other")),
    put(of(G, "boxes", "fresh"), thing(G, "Box", "fresh")),
    apply(of(G, "boxes", "applied"), thing(G, "Box", "applied", spec={"a": 1, "list": [1, 2]})),
    apply(of(G, "boxes", "applied"), thing(G, "Box", "applied", spec={"a": 2, "list": [3]}), manager="other"),
    apply(of(G, "boxes", "applied"), thing(G, "Box", "applied", spec={"b": 2}), manager="other"),
    get(f"{ONE}/status"),
    get(f"{ONE}/scale"),
    watch(ALL, resourceVersion="{{a.rv}}"),
    delete(ONE, dryRun="All"),
    delete(ONE),
    delete(ONE),
    delete(ALL),
    get(ALL),
)
S = "p-sub.example.com"
SUB_SCHEMA: Obj = {
    "type": "object",
    "properties": {
        "spec": {"type": "object", "properties": {"replicas": {"type": "integer"}, "x": {"type": "string"}}},
        "status": {
            "type": "object",
            "properties": {
                "replicas": {"type": "integer"},
                "selector": {"type": "string"},
                "phase": {"type": "string"},
            },
        },
    },
}
SUBS = {
    "status": {},
    "scale": {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    },
}
COLUMNS = [
    {"name": "X", "type": "string", "jsonPath": ".spec.x"},
    {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas", "description": "how many", "priority": 1},
    {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
    {"name": "Since", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]
SETS, T = of(S, "sets"), of(S, "sets", "one")
SUBRESOURCES = script(
    "subresources",
    installed(
        definition(
            S,
            "Set",
            version(
                "v1",
                SUB_SCHEMA,
                subresources=SUBS,
                additionalPrinterColumns=COLUMNS,
                selectableFields=[{"jsonPath": ".spec.x"}],
            ),
        )
    ),
    post(SETS, thing(S, "Set", "one", spec={"replicas": 2, "x": "y"}, status={"phase": "Ignored"}), as_="a"),
    post(SETS, thing(S, "Set", "none")),
    get(f"{T}/status"),
    put(
        f"{T}/status",
        {"...": "{{a}}", "spec": {"replicas": 9}, "status": {"replicas": 1, "selector": "a=b", "phase": "Up"}},
    ),
    merge(f"{T}/status", {"status": {"replicas": 2}, "spec": {"replicas": 9}, "metadata": {"labels": {"a": "b"}}}),
    merge(f"{T}/status", {"status": {"replicas": "many"}}),
    merge(T, {"status": {"replicas": 99}, "spec": {"x": "z"}}),
    merge(T, {"metadata": {"annotations": {"a": "b"}}}),
    merge(T, {"spec": {"x": "z"}}),
    get(f"{T}/scale", as_="scale"),
    put(f"{T}/scale", {"...": "{{scale}}", "spec": {"replicas": 5}}),
    put(f"{T}/scale", {"...": "{{scale}}", "spec": {"replicas": 6}}),
    merge(f"{T}/scale", {"spec": {"replicas": 4}}),
    merge(f"{T}/scale", {"spec": {"replicas": -1}}),
    get(f"{SETS}/none/scale"),
    merge(f"{SETS}/none/scale", {"spec": {"replicas": 1}}),
    post(f"{T}/scale", {}),
    delete(f"{T}/status"),
    apply(f"{T}/status", thing(S, "Set", "one", status={"phase": "Applied"})),
    get(T),
    get(T, accept=TABLE),
    get(SETS, accept=TABLE),
    get(SETS, accept=TABLE, includeObject="None"),
    get(SETS, fieldSelector="spec.x=z"),
    get(SETS, fieldSelector="spec.replicas=4"),
    get(f"/apis/{S}/v1"),
)
M = "p-multi.example.com"
V1: Obj = {
    "type": "object",
    "properties": {"spec": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}},
}
V2: Obj = {
    "type": "object",
    "properties": {
        "spec": {"type": "object", "properties": {"a": {"type": "string"}, "c": {"type": "string", "default": "two"}}}
    },
}
MULTI_CRD = definition(
    M,
    "Multi",
    version("v1", V1),
    version("v2", V2, storage=False),
    version("v1beta1", V1, storage=False, deprecated=True),
    version("v0", V1, storage=False, served=False),
)
MULTI = script(
    "versions",
    installed(MULTI_CRD),
    get(f"/apis/{M}"),
    get(f"/apis/{M}/v2"),
    post(of(M, "multis"), thing(M, "Multi", "one", spec={"a": "1", "b": "2"}), as_="a"),
    get(of(M, "multis", "one", "v2")),
    get(of(M, "multis", "", "v2")),
    get(of(M, "multis", "one", "v1beta1")),
    get(of(M, "multis", "one", "v0")),
    post(of(M, "multis", "", "v2"), thing(M, "Multi", "two", "v2", spec={"a": "1", "c": "3"})),
    post(of(M, "multis", "", "v2"), thing(M, "Multi", "three", "v1")),
    post(of(M, "multis", "", "v1beta1"), thing(M, "Multi", "old", "v1beta1")),
    get(of(M, "multis", "two")),
    get(of(M, "multis")),
    merge(of(M, "multis", "one", "v2"), {"spec": {"a": "9"}}),
    get(of(M, "multis", "one")),
    watch(of(M, "multis", "", "v2"), resourceVersion="{{a.rv}}"),
    merge(f"customresourcedefinitions/multis.{M}", {"spec": {"names": {"shortNames": ["mu"]}}}),
    wait(get(f"/apis/{M}/v1"), "resources.name=multis.shortNames"),
    merge(f"customresourcedefinitions/multis.{M}", {"spec": {"scope": "Cluster"}}),
    merge(f"customresourcedefinitions/multis.{M}", {"spec": {"group": "other.example.com"}}),
    merge(f"customresourcedefinitions/multis.{M}", {"spec": {"versions": []}}),
    delete(f"customresourcedefinitions/multis.{M}"),
    wait(get(f"customresourcedefinitions/multis.{M}"), "code=404"),
    wait(get(of(M, "multis")), "code=404"),
    wait(get(f"/apis/{M}"), "code=404"),
)
C = "p-cluster.example.com"
CLUSTER = script(
    "cluster-scoped",
    installed(definition(C, "Zone", version("v1"), scope="Cluster")),
    post(f"/apis/{C}/v1/zones", thing(C, "Zone", "one", spec={"a": 1}), as_="a"),
    get(f"/apis/{C}/v1/zones/one"),
    get(f"/apis/{C}/v1/namespaces/default/zones"),
    post(f"/apis/{C}/v1/namespaces/default/zones", thing(C, "Zone", "two")),
    live(f"/apis/{C}/v1/zones", "w", resourceVersion="{{a.rv}}"),
    merge(f"/apis/{C}/v1/zones/one", {"metadata": {"finalizers": ["e.com/f"]}}),
    delete(f"/apis/{C}/v1/zones/one"),
    get(f"/apis/{C}/v1/zones/one"),
    merge(f"/apis/{C}/v1/zones/one", {"metadata": {"finalizers": None}}),
    events("w", 3),
    get(f"/apis/{C}/v1/zones/one"),
)


CLASH = script(
    "names-clash",
    installed(definition("p-clash.example.com", "First", version("v1"), shortNames=["fst"])),
    post(
        "customresourcedefinitions",
        definition("p-clash.example.com", "Second", version("v1"), shortNames=["fst"], singular="first"),
    ),
    wait(get("customresourcedefinitions/seconds.p-clash.example.com"), "status.conditions.type=NamesAccepted"),
    get("/apis/p-clash.example.com/v1"),
    delete("customresourcedefinitions/firsts.p-clash.example.com"),
    wait(get("customresourcedefinitions/seconds.p-clash.example.com"), ESTABLISHED),
    wait(get("/apis/p-clash.example.com/v1"), "resources.name=seconds"),
)
SCRIPTS: tuple[Script, ...] = (PLAIN, SUBRESOURCES, MULTI, CLUSTER, CLASH)
