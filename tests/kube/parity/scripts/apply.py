"""Server-side apply: ownership, conflicts, what is given up, and what other writes do to it."""

from __future__ import annotations

from typing import Any

from tests.kube.parity.objects import APP, config_map, deployment, owner, pod_spec, typed
from tests.kube.parity.steps import (
    APPLY,
    JSON,
    Script,
    apply,
    ask,
    get,
    json_patch,
    merge,
    observed,
    post,
    put,
    script,
    strategic,
    wait,
    watch,
)

CM, WEB, SVC, SA = "configmaps/one", "deployments/web", "services/one", "serviceaccounts/one"


def cm(data: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    """The configuration of the one config map."""
    return config_map("one", data, **meta)


BASICS = script(
    "basics",
    apply(CM, cm({"a": "1", "b": "2"}, labels={"l": "1"}), as_="a"),
    apply(CM, cm({"a": "1", "b": "2"}, labels={"l": "1"})),
    apply(CM, cm({"a": "2", "b": "2"}, labels={"l": "1"})),
    apply(CM, cm({"a": "2"})),
    apply(CM, cm({"a": "3"}), manager="other"),
    apply(CM, cm({"a": "2", "c": "3"}), manager="other"),
    apply(CM, cm({"a": "3", "c": "3"}), manager="other", force=True),
    apply(CM, cm({"a": "2"})),
    apply(CM, cm({})),
    apply(CM, cm()),
    apply(CM, cm(), manager="other"),
    get(CM),
    watch("configmaps", resourceVersion="{{a.rv}}"),
)
CONFLICTS = script(
    "conflicts",
    post("configmaps", cm({"a": "1", "b": "2", "c": "3"})),
    apply(CM, cm({"a": "2"})),
    apply(CM, cm({"a": "2", "b": "3", "c": "4"})),
    apply(CM, cm({"a": "1"})),
    apply(CM, cm({"a": "9", "b": "9"}), force=True),
    merge(CM, {"data": {"a": "10"}}),
    apply(CM, cm({"a": "9", "b": "9"})),
    apply(CM, cm({"a": "9", "b": "9"}), manager="third"),
    apply(CM, cm({"b": "8"}), manager="fourth"),
    apply(CM, cm({"b": "8"}), manager="fourth", force=True),
    merge(CM, {"data": {"b": None}}),
    apply(CM, cm({"b": "8"}), manager="fourth"),
    get(CM, as_="now"),
    put(CM, {"...": "{{now}}", "data": {"a": "put"}}),
    apply(CM, cm({"a": "9"})),
    apply(CM, cm({"a": "9"}), force=True, dryRun="All"),
    apply(CM, cm({"a": "9"}), force=False),
    get(CM),
)
FORM = script(
    "form",
    ask("PATCH", CM, cm({"a": "1"}), media=APPLY),
    apply(CM, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\ndata:\n  y: 'yes'\n"),
    apply(CM, {"data": {"a": "1"}}),
    apply(CM, {"apiVersion": "v1", "metadata": {"name": "one"}}),
    apply(CM, {"kind": "ConfigMap", "metadata": {"name": "one"}}),
    apply(CM, {"apiVersion": "v1", "kind": "ConfigMap"}),
    apply(CM, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one"}}),
    apply(CM, {"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "one"}}),
    apply(CM, config_map("two", {})),
    apply(CM, cm({"a": "1"}, namespace="other")),
    apply(CM, cm({"a": "1"}, namespace="{{ns}}")),
    apply(CM, cm({"a": 1})),
    apply(CM, cm({"a": "1"}) | {"unknown": 1}),
    apply(CM, cm({"a": "1"}) | {"unknown": 1}, fieldValidation="Strict"),
    apply(CM, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: '1', a: '2'}\n"),
    apply(
        CM, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {a: '1', a: '2'}\n", fieldValidation="Strict"
    ),
    apply(CM, cm({"a": "1"}, managedFields=[{"manager": "x", "operation": "Apply", "apiVersion": "v1"}])),
    apply(CM, cm({"a": "1"}, managedFields=[])),
    apply(CM, cm({"a": "1"}, managedFields=None)),
    apply(CM, cm({"a": "1"}, resourceVersion="1")),
    apply(CM, cm({"a": "1"}, uid="00000000-0000-4000-8000-000000000000")),
    apply(CM, cm({"a": "1"}, creationTimestamp=None)),
    apply(CM, cm({"a": None})),
    apply(CM, {**cm(), "data": None}),
    apply(CM, "a: b: c"),
    apply(CM, "[]"),
    apply(CM, "text"),
    apply(CM, ""),
    apply(CM, "null"),
    apply(CM, cm({"a": "1"}), manager=""),
    apply(CM, cm({"a": "1"}), manager="x" * 129),
    apply(CM, cm({"a": "1"}), force="maybe"),
    apply("configmaps/new", config_map("new", {"a": "1"}), dryRun="All"),
    get("configmaps/new"),
    apply("configmaps/new", config_map("new", {"a": "1"}, resourceVersion="5")),
    apply("configmaps/new", config_map("new", {"a": "1"}, uid="00000000-0000-4000-8000-000000000000")),
    apply("configmaps/Bad_Name", config_map("Bad_Name", {"a": "1"})),
    apply("configmaps/new", config_map("new", {"a": "1"}, generateName="gen-")),
    apply("configmaps", config_map("new", {"a": "1"})),
    apply("/api/v1/namespaces/p-none/configmaps/one", cm({"a": "1"})),
    apply("/apis/none.example.com/v1/things/one", cm()),
    get(CM),
)


def web(*containers: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A paused Deployment's configuration."""
    pod = {"metadata": {"labels": APP}, "spec": pod_spec(containers=list(containers), **parts)}
    return deployment(template=pod, paused=True)


MAIN = {"name": "main", "image": "nginx", "ports": [{"containerPort": 80}]}
MAPS = script(
    "list-maps",
    apply(WEB, web(MAIN, {"name": "side", "image": "busybox"})),
    wait(get(WEB), "status.observedGeneration"),
    observed(
        WEB,
        apply(WEB, web({"name": "side", "image": "busybox"}, MAIN)),
        apply(WEB, web(MAIN)),
        apply(WEB, web({**MAIN, "ports": [{"containerPort": 80, "protocol": "UDP"}, {"containerPort": 80}]})),
        apply(WEB, web({**MAIN, "ports": [{"containerPort": 80}, {"containerPort": 80}]})),
        apply(WEB, web({**MAIN, "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]})),
        apply(WEB, web({**MAIN, "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})),
        strategic(WEB, {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "nginx:2"}]}}}}),
        apply(WEB, web(MAIN)),
        apply(WEB, web(MAIN), force=True),
        apply(WEB, web({"name": "main", "image": "nginx:3"}), manager="other"),
        apply(WEB, web({"name": "other", "image": "redis"}), manager="other"),
        apply(WEB, web(MAIN, hostAliases=[{"ip": "10.0.0.1", "hostnames": ["a"]}])),
        apply(WEB, web(MAIN, tolerations=[{"key": "a", "operator": "Exists"}])),
        apply(WEB, web(MAIN, tolerations=[{"key": "b", "operator": "Exists"}]), manager="other"),
        apply(WEB, web(MAIN, volumes=[{"name": "v", "emptyDir": {}}], nodeSelector={"a": "b"})),
        apply(WEB, web(MAIN, volumes=[{"name": "v", "configMap": {"name": "x"}}])),
        apply(WEB, {**web(MAIN), "spec": {"replicas": 2}}),
        apply(
            WEB,
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 3}},
            manager="scaler",
        ),
        apply(
            WEB,
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 3}},
            manager="scaler",
            force=True,
        ),
        ask(
            "PATCH",
            f"{WEB}/scale",
            {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": 4}},
            media=APPLY,
            fieldManager="scaler",
            force=True,
        ),
        ask(
            "PATCH",
            f"{WEB}/status",
            typed("apps/v1", "Deployment", "web", status={"replicas": 7}),
            media=APPLY,
            fieldManager="stat",
            force=True,
        ),
    ),
    get(WEB),
)
SETS = script(
    "sets",
    apply(CM, cm(None, finalizers=["e.com/a", "e.com/b"])),
    apply(CM, cm(None, finalizers=["e.com/b", "e.com/c"]), manager="other"),
    apply(CM, cm(None, finalizers=["e.com/a"])),
    apply(CM, cm(None, finalizers=["e.com/c"]), manager="other"),
    apply(CM, cm(None, finalizers=["e.com/a", "e.com/a"])),
    apply(CM, cm(None, ownerReferences=[owner("x", "u-1")])),
    apply(
        CM,
        cm(None, ownerReferences=[owner("y", "u-2")]),
        manager="other",
    ),
    apply(CM, cm({})),
    apply(CM, cm({}), manager="other"),
    merge(CM, {"metadata": {"finalizers": None}}),
    apply(SVC, typed("v1", "Service", "one", spec={"clusterIP": "None", "ports": [{"port": 80, "name": "a"}]})),
    apply(SVC, typed("v1", "Service", "one", spec={"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]})),
    apply(
        SVC,
        typed("v1", "Service", "one", spec={"ports": [{"port": 81, "name": "b", "protocol": "UDP"}]}),
        manager="other",
    ),
    apply(SVC, typed("v1", "Service", "one", spec={"selector": {"a": "b"}, "externalName": None}), manager="atomic"),
    apply(SVC, typed("v1", "Service", "one", spec={"selector": {"a": "c"}}), manager="atomic"),
    apply(SVC, typed("v1", "Service", "one", spec={"selector": {"b": "c"}}), manager="atomic2"),
    apply(SA, typed("v1", "ServiceAccount", "one", secrets=[{"name": "a"}], imagePullSecrets=[{"name": "b"}])),
    apply(SA, typed("v1", "ServiceAccount", "one", imagePullSecrets=[{"name": "c"}]), manager="other"),
    get(SVC),
)
LAST = "kubectl.kubernetes.io/last-applied-configuration"
CLIENT_SIDE = (
    '{"apiVersion":"v1","data":{"a":"1","b":"2"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"one"}}\n'
)
MIGRATION = script(
    "migration",
    post(
        "configmaps",
        cm({"a": "1", "b": "2"}, annotations={LAST: CLIENT_SIDE}),
        fieldManager="kubectl-client-side-apply",
    ),
    apply(CM, cm({"a": "1"}), manager="kubectl"),
    apply(CM, cm({"a": "1", "b": "3"}), manager="kubectl"),
    apply(CM, cm({"a": "2"}, annotations={LAST: CLIENT_SIDE}), manager="kubectl"),
    get(CM, as_="one"),
    json_patch(
        CM,
        [
            {"op": "test", "path": "/metadata/resourceVersion", "value": "{{one.rv}}"},
            {"op": "replace", "path": "/metadata/managedFields", "value": [{}]},
        ],
    ),
    apply(CM, cm({"a": "3"}), manager="kubectl"),
    merge(CM, {"metadata": {"managedFields": [{}]}}),
    merge(CM, {"data": {"z": "26"}}),
    merge(
        CM,
        {
            "metadata": {
                "managedFields": [
                    {
                        "manager": "me",
                        "operation": "Apply",
                        "apiVersion": "v1",
                        "fieldsType": "FieldsV1",
                        "fieldsV1": {"f:data": {"f:a": {}}},
                    }
                ]
            }
        },
    ),
    apply(CM, cm({}), manager="me"),
    merge(
        CM,
        {
            "metadata": {
                "managedFields": [
                    {
                        "manager": "me",
                        "operation": "Guess",
                        "apiVersion": "v1",
                        "fieldsType": "FieldsV1",
                        "fieldsV1": {},
                    }
                ]
            }
        },
    ),
    merge(
        CM,
        {
            "metadata": {
                "managedFields": [
                    {
                        "manager": "me",
                        "operation": "Apply",
                        "apiVersion": "v1",
                        "fieldsType": "FieldsV9",
                        "fieldsV1": {},
                    }
                ]
            }
        },
    ),
    merge(
        CM,
        {
            "metadata": {
                "managedFields": [
                    {
                        "manager": "me",
                        "operation": "Apply",
                        "apiVersion": "v1",
                        "fieldsType": "FieldsV1",
                        "fieldsV1": {"x": {}},
                    }
                ]
            }
        },
    ),
    post(
        "configmaps",
        config_map(
            "two",
            {},
            managedFields=[
                {
                    "manager": "me",
                    "operation": "Update",
                    "apiVersion": "v1",
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:data": {}},
                }
            ],
        ),
    ),
    post("configmaps", config_map("three", {"a": "b"}, managedFields=[])),
    get(CM),
)
CLUSTER = script(
    "cluster-scoped",
    apply(
        "namespaces/p-applied",
        typed("v1", "Namespace", "p-applied", metadata={"name": "p-applied", "labels": {"a": "b"}}),
    ),
    apply(
        "clusterroles/p-applied",
        typed(
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "p-applied",
            rules=[{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}],
        ),
    ),
    apply(
        "clusterroles/p-applied",
        typed(
            "rbac.authorization.k8s.io/v1",
            "ClusterRole",
            "p-applied",
            rules=[{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}],
        ),
        manager="other",
    ),
    apply(
        "clusterroles/p-applied",
        typed("rbac.authorization.k8s.io/v1", "ClusterRole", "p-applied", rules=[]),
        manager="other",
        force=True,
    ),
    apply("priorityclasses/p-applied", typed("scheduling.k8s.io/v1", "PriorityClass", "p-applied", value=5)),
    apply("priorityclasses/p-applied", typed("scheduling.k8s.io/v1", "PriorityClass", "p-applied", value=6)),
    apply(
        "storageclasses/p-applied",
        typed("storage.k8s.io/v1", "StorageClass", "p-applied", provisioner="e.com/x", parameters={"a": "b"}),
    ),
    apply("secrets/one", typed("v1", "Secret", "one", stringData={"a": "1"})),
    apply("secrets/one", typed("v1", "Secret", "one", stringData={"a": "2"}, data={"b": "MQ=="})),
    apply("secrets/one", typed("v1", "Secret", "one")),
    apply("pods/one", typed("v1", "Pod", "one", spec=pod_spec())),
    apply(
        "pods/one",
        typed(
            "v1",
            "Pod",
            "one",
            spec=pod_spec(containers=[{"name": "main", "image": "nginx:2", "resources": {"limits": {"cpu": "1000m"}}}]),
        ),
    ),
    apply("pods/one", typed("v1", "Pod", "one", spec=pod_spec(containers=[{"name": "main", "image": "nginx:2"}]))),
    apply("leases/one", typed("coordination.k8s.io/v1", "Lease", "one", spec={"holderIdentity": "a"})),
    apply("leases/one", typed("coordination.k8s.io/v1", "Lease", "one", spec={"holderIdentity": "b"}), manager="other"),
    ask(
        "PATCH",
        "leases/one",
        typed("coordination.k8s.io/v1", "Lease", "one", spec={}),
        media=APPLY,
        accept=JSON,
        fieldManager="applier",
    ),
)
SCRIPTS: tuple[Script, ...] = (BASICS, CONFLICTS, FORM, MAPS, SETS, MIGRATION, CLUSTER)
