"""What a server adds to pods and workloads: defaults, accounts, priorities."""

from __future__ import annotations

from typing import Any

from tests.kube.parity.objects import APP, labelled, named, pod_spec, template
from tests.kube.parity.steps import Script, Step, get, post, script


def pod(called: str, **spec: Any) -> Step:
    """A pod."""
    return post("pods", named(called, spec=pod_spec(**spec)))


def container(**more: Any) -> list[dict[str, Any]]:
    """One container with more than a name."""
    return [{"name": "main", "image": "nginx", **more}]


PODS = script(
    "pods",
    pod("plain"),
    pod(
        "probes",
        containers=container(
            livenessProbe={"httpGet": {"port": 80}},
            readinessProbe={"tcpSocket": {"port": "http"}},
            startupProbe={"exec": {"command": ["a"]}},
        ),
    ),
    pod("grpc", containers=container(livenessProbe={"grpc": {"port": 80}, "timeoutSeconds": 5})),
    pod(
        "ports",
        containers=container(ports=[{"containerPort": 80}, {"containerPort": 81, "protocol": "UDP", "hostPort": 81}]),
    ),
    pod(
        "latest",
        containers=[
            {"name": "a", "image": "x:latest"},
            {"name": "b", "image": "x:1"},
            {"name": "c", "image": "x@sha256:" + "a" * 64},
            {"name": "d", "image": "localhost:5000/x"},
        ],
    ),
    pod("resources", containers=container(resources={"limits": {"cpu": "1000m", "memory": "1024Mi"}})),
    pod("requests", containers=container(resources={"requests": {"cpu": "0.5", "memory": "1e9"}})),
    pod(
        "guaranteed",
        containers=container(
            resources={"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}
        ),
    ),
    pod(
        "volumes",
        volumes=[
            {"name": "a", "secret": {"secretName": "s"}},
            {"name": "b", "configMap": {"name": "c"}},
            {"name": "c", "downwardAPI": {"items": []}},
            {"name": "d", "projected": {"sources": []}},
            {"name": "e", "hostPath": {"path": "/x"}},
            {"name": "f"},
            {"name": "g", "emptyDir": {"sizeLimit": "1Gi"}},
        ],
    ),
    pod(
        "iscsi",
        volumes=[
            {"name": "a", "iscsi": {"targetPortal": "1.1.1.1", "iqn": "iqn.2001-04.com.example:storage", "lun": 0}},
            {"name": "b", "rbd": {"monitors": ["a"], "image": "i"}},
            {"name": "c", "azureDisk": {"diskName": "d", "diskURI": "u"}},
        ],
    ),
    pod(
        "ephemeral",
        volumes=[
            {
                "name": "a",
                "ephemeral": {
                    "volumeClaimTemplate": {
                        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
                    }
                },
            }
        ],
    ),
    pod(
        "env",
        containers=container(
            env=[
                {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "B", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            ]
        ),
    ),
    pod("no-token", automountServiceAccountToken=False),
    pod("host", hostNetwork=True, containers=container(ports=[{"containerPort": 80}])),
    pod(
        "tolerates", tolerations=[{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}]
    ),
    pod(
        "spread",
        topologySpreadConstraints=[
            {
                "maxSkew": 1,
                "topologyKey": "zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": APP},
            }
        ],
    ),
    pod(
        "security",
        securityContext={"runAsUser": 1000, "fsGroup": 5},
        containers=container(securityContext={"privileged": True}),
    ),
    pod("init", initContainers=[{"name": "i", "image": "x", "restartPolicy": "Always"}]),
    pod(
        "hooks",
        containers=container(
            lifecycle={"preStop": {"httpGet": {"port": 80}}, "postStart": {"exec": {"command": ["a"]}}}
        ),
    ),
    pod("account", serviceAccountName="none"),
    pod("old-account", serviceAccount="default"),
    pod("critical", priorityClassName="system-cluster-critical"),
    pod("no-class", priorityClassName="none"),
    pod("priority", priority=7),
    pod("runtime", runtimeClassName="none"),
    pod(
        "selector",
        nodeSelector={"a": "b"},
        affinity={
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]
                }
            }
        },
    ),
    pod("dns", dnsPolicy="None", dnsConfig={"nameservers": ["1.1.1.1"]}),
    post("pods", named("status", spec=pod_spec(), status={"phase": "Running"})),
    post(
        "pods",
        labelled(
            "full",
            {"l": "1"},
            spec=pod_spec(hostname="h", subdomain="s", enableServiceLinks=False, shareProcessNamespace=True),
        ),
    ),
)
WORKLOADS = script(
    "workloads",
    post(
        "deployments",
        named("one", spec={"replicas": 0, "selector": {"matchLabels": APP}, "template": template()}),
        dryRun="All",
    ),
    post(
        "deployments",
        named(
            "recreate",
            spec={"strategy": {"type": "Recreate"}, "selector": {"matchLabels": APP}, "template": template()},
        ),
        dryRun="All",
    ),
    post(
        "deployments",
        named(
            "rolling",
            spec={
                "strategy": {"rollingUpdate": {"maxSurge": 0}},
                "selector": {"matchLabels": APP},
                "template": template(),
            },
        ),
        dryRun="All",
    ),
    post(
        "statefulsets",
        named(
            "one",
            spec={
                "selector": {"matchLabels": APP},
                "template": template(),
                "volumeClaimTemplates": [
                    {
                        "metadata": {"name": "v"},
                        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                    }
                ],
            },
        ),
        dryRun="All",
    ),
    post(
        "statefulsets",
        named(
            "ondelete",
            spec={
                "updateStrategy": {"type": "OnDelete"},
                "serviceName": "x",
                "selector": {"matchLabels": APP},
                "template": template(),
            },
        ),
        dryRun="All",
    ),
    post("daemonsets", named("one", spec={"selector": {"matchLabels": APP}, "template": template()}), dryRun="All"),
    post("replicasets", named("one", spec={"selector": {"matchLabels": APP}, "template": template()}), dryRun="All"),
    post("replicationcontrollers", named("one", spec={"template": template()}), dryRun="All"),
    post("jobs", named("one", spec={"template": {"spec": pod_spec(restartPolicy="Never")}}), dryRun="All"),
    post(
        "jobs",
        named(
            "indexed",
            spec={"completions": 3, "completionMode": "Indexed", "template": {"spec": pod_spec(restartPolicy="Never")}},
        ),
        dryRun="All",
    ),
    post(
        "jobs",
        named(
            "policy",
            spec={
                "podFailurePolicy": {"rules": [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [1]}}]},
                "template": {"spec": pod_spec(restartPolicy="Never")},
            },
        ),
        dryRun="All",
    ),
    post(
        "jobs",
        named(
            "manual",
            spec={
                "manualSelector": True,
                "selector": {"matchLabels": {"j": "k"}},
                "template": {"metadata": {"labels": {"j": "k"}}, "spec": pod_spec(restartPolicy="Never")},
            },
        ),
        dryRun="All",
    ),
    post(
        "cronjobs",
        named(
            "one",
            spec={
                "schedule": "* * * * *",
                "jobTemplate": {"spec": {"template": {"spec": pod_spec(restartPolicy="Never")}}},
            },
        ),
        dryRun="All",
    ),
    post(
        "horizontalpodautoscalers",
        named(
            "one",
            spec={
                "maxReplicas": 3,
                "scaleTargetRef": {"kind": "Deployment", "name": "x"},
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}},
            },
        ),
        dryRun="All",
    ),
    post(
        "/apis/autoscaling/v1/namespaces/{{ns}}/horizontalpodautoscalers",
        named(
            "one",
            spec={
                "maxReplicas": 3,
                "targetCPUUtilizationPercentage": 70,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
            },
        ),
    ),
    get("horizontalpodautoscalers/one"),
    get("/apis/autoscaling/v1/namespaces/{{ns}}/horizontalpodautoscalers/one"),
    post("podtemplates", named("one", template=template()), dryRun="All"),
    post("poddisruptionbudgets", named("one", spec={"selector": {"matchLabels": APP}}), dryRun="All"),
)
SCRIPTS: tuple[Script, ...] = (PODS, WORKLOADS)
