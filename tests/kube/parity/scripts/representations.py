"""Tables, partial metadata, protobuf, YAML, compression: of objects, lists and refusals."""

from __future__ import annotations

from tests.kube.parity.objects import config_map, deployment, named, pod_spec
from tests.kube.parity.places import PLACES
from tests.kube.parity.steps import (
    PARTIAL,
    PARTIAL_LIST,
    PROTOBUF,
    TABLE,
    YAML,
    Script,
    Step,
    delete,
    get,
    merge,
    post,
    put,
    script,
    wait,
)

AS_TABLE = ";as=Table;v=v1;g=meta.k8s.io"
AS_PARTIAL = ";as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
AS_PARTIAL_LIST = ";as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
KUBECTL = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)
RANCHER = f"{PROTOBUF},application/json"
CM = "configmaps/one"
EVERY = (
    TABLE,
    KUBECTL,
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
    PROTOBUF + AS_TABLE,
    YAML + AS_TABLE,
    PARTIAL,
    PARTIAL_LIST,
    "application/json;as=PartialObjectMetadata;v=v1beta1;g=meta.k8s.io",
    PROTOBUF + AS_PARTIAL,
    PROTOBUF + AS_PARTIAL_LIST,
    YAML + AS_PARTIAL,
    PROTOBUF,
    RANCHER,
    f"application/json,{PROTOBUF}",
    f"{PROTOBUF};q=0.1,application/json",
    YAML,
    f"{YAML},application/json",
    "*/*",
    "application/*",
    "text/*,application/json",
    "application/json;charset=utf-8",
    "application/json;as=Table;g=meta.k8s.io",
    "application/json;v=v1;g=meta.k8s.io",
    "application/json;as=Status;v=v1;g=meta.k8s.io",
    "",
)
FORMS = script(
    "forms",
    post("configmaps", config_map("one", {"a": "1"}, labels={"l": "1"}, annotations={"x": "y"})),
    [get(CM, accept=accept) for accept in EVERY],
    [get("configmaps", accept=accept, labelSelector="l=1") for accept in EVERY],
)
BIG = {"a": "x" * 140_000}
COMPRESSED = script(
    "compressed",
    post("configmaps", config_map("one", {"a": "1"})),
    post("configmaps", config_map("big", BIG)),
    get(CM, headers={"accept-encoding": "gzip"}),
    get("configmaps/big", headers={"accept-encoding": "gzip"}),
    get("configmaps/big", headers={"accept-encoding": "deflate, gzip;q=1.0"}),
    get("configmaps/big", headers={"accept-encoding": "gzip;q=0"}),
    get("configmaps/big", headers={"accept-encoding": "br"}),
    get("configmaps/big", headers={"accept-encoding": "*"}),
    get("configmaps/big", headers={"accept-encoding": "gzip"}, accept=PROTOBUF),
    get("configmaps/big", headers={"accept-encoding": "gzip"}, accept=YAML),
    get("configmaps", headers={"accept-encoding": "gzip"}, limit=5),
    merge("configmaps/big", {"data": {"b": "1"}}, headers={"accept-encoding": "gzip"}),
    get("/openapi/v3", headers={"accept-encoding": "gzip"}),
    get("/apis", headers={"accept-encoding": "gzip"}),
    get("/healthz", headers={"accept-encoding": "gzip"}),
)
WRITES = script(
    "writes",
    [
        post("configmaps", config_map(f"c{number}", {"a": "1"}), accept=accept)
        for number, accept in enumerate((TABLE, PARTIAL, PROTOBUF, YAML, PROTOBUF + AS_TABLE, PROTOBUF + AS_PARTIAL))
    ],
    put("configmaps/c0", config_map("c0", {"a": "2"}), accept=TABLE),
    merge("configmaps/c0", {"data": {"a": "3"}}, accept=PARTIAL),
    put("configmaps/c0", config_map("c0", {"a": "4"}), media=PROTOBUF, accept=PROTOBUF),
    post("configmaps", config_map("c0", {}), accept=TABLE),
    post("configmaps", config_map("c0", {}), accept=PROTOBUF),
    post("configmaps", config_map("c0", {}), accept=YAML),
    post("configmaps", config_map("c9", {}), accept="text/html"),
    get("configmaps/c9"),
    delete("configmaps/c0", accept=TABLE),
    delete("configmaps/c1", accept=PARTIAL),
    delete("configmaps/c2", accept=PROTOBUF),
    delete("configmaps/c3", accept=YAML),
    delete("configmaps", accept=TABLE),
)


def table(place: str, **query: str) -> Step:
    """A collection as kubectl asks for it."""
    return get(place, accept=TABLE, **query)


OBJECTS = script(
    "table-objects",
    post("configmaps", config_map("one", {"a": "1"})),
    table(CM, includeObject="Object"),
    table(CM, includeObject="Metadata"),
    table(CM, includeObject="None"),
    table(CM, includeObject="Everything"),
    table(CM, includeObject=""),
    get(CM, accept=PARTIAL, includeObject="Object"),
    get(CM, includeObject="None"),
    table("configmaps", limit="1"),
    table("configmaps", labelSelector="none=none"),
    table("deployments"),
    get("pods", accept=PROTOBUF + AS_TABLE),
)
ROWS = script(
    "rows",
    post("pods", named("ready", spec=pod_spec(nodeName="p-node", readinessGates=[{"conditionType": "e.com/g"}]))),
    merge(
        "pods/ready/status",
        {
            "status": {
                "phase": "Running",
                "podIP": "10.1.2.3",
                "podIPs": [{"ip": "10.1.2.3"}],
                "nominatedNodeName": "other",
                "conditions": [{"type": "Ready", "status": "True"}, {"type": "e.com/g", "status": "True"}],
                "containerStatuses": [
                    {
                        "name": "main",
                        "ready": True,
                        "restartCount": 3,
                        "image": "i",
                        "imageID": "x",
                        "state": {"running": {}},
                    }
                ],
            }
        },
    ),
    post("pods", named("crash", spec=pod_spec())),
    merge(
        "pods/crash/status",
        {
            "status": {
                "phase": "Running",
                "containerStatuses": [
                    {
                        "name": "main",
                        "ready": False,
                        "restartCount": 2,
                        "image": "i",
                        "imageID": "x",
                        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                        "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2020-01-01T00:00:00Z"}},
                    }
                ],
            }
        },
    ),
    post(
        "pods", named("init", spec=pod_spec(initContainers=[{"name": "i", "image": "x"}, {"name": "j", "image": "x"}]))
    ),
    merge(
        "pods/init/status",
        {
            "status": {
                "initContainerStatuses": [
                    {
                        "name": "i",
                        "ready": False,
                        "restartCount": 1,
                        "image": "x",
                        "imageID": "",
                        "state": {"waiting": {"reason": "PodInitializing"}},
                    }
                ]
            }
        },
    ),
    post("pods", named("done", spec=pod_spec(restartPolicy="Never"))),
    merge(
        "pods/done/status",
        {
            "status": {
                "phase": "Succeeded",
                "containerStatuses": [
                    {
                        "name": "main",
                        "ready": False,
                        "restartCount": 0,
                        "image": "i",
                        "imageID": "x",
                        "state": {"terminated": {"exitCode": 0, "reason": "Completed"}},
                    }
                ],
            }
        },
    ),
    post("pods", named("evicted", spec=pod_spec())),
    merge("pods/evicted/status", {"status": {"phase": "Failed", "reason": "Evicted", "message": "gone"}}),
    post("pods", named("gated", spec=pod_spec(schedulingGates=[{"name": "e.com/g"}]))),
    table("pods"),
    post(
        "services",
        named(
            "lb", spec={"type": "LoadBalancer", "clusterIP": "10.43.200.1", "ports": [{"port": 80, "nodePort": 31234}]}
        ),
    ),
    merge("services/lb/status", {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "h"}]}}}),
    post("services", named("ext", spec={"type": "ExternalName", "externalName": "e.com"})),
    post(
        "services",
        named(
            "none",
            spec={"clusterIP": "None", "selector": {"a": "b", "c": "d"}, "ports": [{"port": 80, "protocol": "UDP"}]},
        ),
    ),
    post(
        "services",
        named(
            "ips",
            spec={
                "clusterIP": "10.43.200.2",
                "externalIPs": ["5.6.7.8"],
                "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}],
            },
        ),
    ),
    table("services"),
    post(
        "ingresses",
        named(
            "one",
            spec={
                "ingressClassName": "c",
                "rules": [{"host": "a.com"}, {"host": "b.com"}],
                "tls": [{"hosts": ["a.com"]}],
            },
        ),
    ),
    post("ingresses", named("any", spec={"defaultBackend": {"service": {"name": "x", "port": {"number": 1}}}})),
    table("ingresses"),
    post("deployments", deployment("web", replicas=2, paused=True)),
    wait(table("deployments"), "rows"),
    post("secrets", named("one", data={"a": "MQ==", "b": "Mg=="}, type="e.com/x")),
    table("secrets"),
    post("serviceaccounts", named("one", secrets=[{"name": "s"}])),
    table("serviceaccounts"),
    post(
        "cronjobs",
        named(
            "one",
            spec={
                "schedule": "@daily",
                "timeZone": "Etc/UTC",
                "suspend": True,
                "jobTemplate": {"spec": {"template": {"spec": pod_spec(restartPolicy="Never")}}},
            },
        ),
    ),
    table("cronjobs"),
    post(
        "networkpolicies",
        named(
            "one",
            spec={"podSelector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}},
        ),
    ),
    table("networkpolicies"),
    post(
        "persistentvolumeclaims",
        named(
            "one",
            spec={
                "accessModes": ["ReadWriteOnce", "ReadOnlyMany"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "none",
            },
        ),
    ),
    table("persistentvolumeclaims"),
    post(
        "rolebindings",
        named(
            "one",
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            subjects=[
                {"kind": "User", "name": "u"},
                {"kind": "Group", "name": "g"},
                {"kind": "ServiceAccount", "name": "s", "namespace": "n"},
            ],
        ),
    ),
    table("rolebindings"),
    post(
        "endpointslices",
        named(
            "one",
            addressType="IPv4",
            endpoints=[{"addresses": ["10.1.1.1"]}, {"addresses": ["10.1.1.2"]}],
            ports=[{"name": "a", "port": 80}, {"name": "b", "port": 81}],
        ),
    ),
    table("endpointslices"),
    post("poddisruptionbudgets", named("one", spec={"maxUnavailable": "50%", "selector": {"matchLabels": {"a": "b"}}})),
    wait(table("poddisruptionbudgets"), "rows"),
    post("resourcequotas", named("one", spec={"hard": {"pods": "5", "requests.cpu": "2"}})),
    wait(get("resourcequotas/one"), "status.used.pods"),
    table("resourcequotas"),
)
TABLES_OF_ALL = script(
    "columns",
    [table(place, labelSelector="none=none") for place in PLACES if "review" not in place and place != "bindings"],
    table("namespaces/default"),
    table("priorityclasses"),
    table("flowschemas/exempt"),
    table("prioritylevelconfigurations"),
    table("clusterroles/cluster-admin"),
    table("clusterrolebindings/cluster-admin"),
    table("apiservices/v1."),
    table("/api/v1/namespaces/default/services/kubernetes"),
    table("servicecidrs"),
)
SCRIPTS: tuple[Script, ...] = (FORMS, COMPRESSED, WRITES, OBJECTS, ROWS, TABLES_OF_ALL)
