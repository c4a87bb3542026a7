"""What controllers do to objects, as far as it shows without nodes: workloads, accounts, budgets, claims, endpoints."""

from __future__ import annotations

from typing import Any

from tests.kube.parity.objects import APP, config_map, deployment, labelled, named, pod_spec, template
from tests.kube.parity.steps import TABLE, Script, delete, get, merge, post, quiet, script, strategic, wait

SEEN = "status.observedGeneration"
WEB = {"labelSelector": "app=web"}
DEPLOYMENTS = script(
    "deployments",
    post("deployments", deployment(replicas=2)),
    wait(get("deployments/web"), "status.unavailableReplicas==2"),
    wait(get("replicasets", **WEB), "items.0.status.fullyLabeledReplicas==2"),
    wait(get("pods", **WEB), "items=2"),
    get("deployments/web", accept=TABLE),
    get("replicasets", accept=TABLE, **WEB),
    merge("deployments/web", {"spec": {"replicas": 1}}),
    wait(get("deployments/web"), "status.replicas==1"),
    wait(get("pods", **WEB), "items=1"),
    strategic(
        "deployments/web", {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "nginx:2"}]}}}}
    ),
    wait(get("replicasets", **WEB), "items=2"),
    wait(get("deployments/web"), "status.observedGeneration==3"),
    merge("deployments/web", {"spec": {"paused": True}}),
    wait(get("deployments/web"), "status.observedGeneration==4"),
    merge("deployments/web", {"spec": {"replicas": 0}}),
    wait(get("pods", **WEB), "items=0"),
    wait(get("deployments/web"), "!status.replicas"),
    post(
        "deployments",
        deployment(
            "recreate",
            replicas=1,
            strategy={"type": "Recreate"},
            selector={"matchLabels": {"r": "1"}},
            template={"metadata": {"labels": {"r": "1"}}, "spec": pod_spec()},
        ),
    ),
    wait(get("deployments/recreate"), "status.unavailableReplicas==1"),
    merge("deployments/recreate", {"spec": {"template": {"metadata": {"annotations": {"restart": "now"}}}}}),
    wait(get("replicasets", labelSelector="r=1"), "items=2"),
    wait(get("deployments/recreate"), "status.updatedReplicas==1"),
    delete("deployments/web"),
    wait(get("replicasets", **WEB), "items=0"),
)
SETS = script(
    "replicasets",
    post("replicasets", named("rs", spec={"replicas": 2, "selector": {"matchLabels": APP}, "template": template()})),
    wait(get("replicasets/rs"), "status.fullyLabeledReplicas==2"),
    wait(get("pods", **WEB), "items=2"),
    get("pods", **WEB, as_="pods"),
    delete("pods/{{pods.items.0.metadata.name}}"),
    wait(get("pods/{{pods.items.0.metadata.name}}"), "code=404"),
    wait(get("pods", **WEB), "items=2"),
    merge("replicasets/rs", {"spec": {"replicas": 1}}),
    wait(get("replicasets/rs"), "status.replicas==1"),
    post(
        "replicationcontrollers",
        named(
            "rc",
            spec={
                "replicas": 1,
                "selector": {"rc": "1"},
                "template": {"metadata": {"labels": {"rc": "1"}}, "spec": pod_spec()},
            },
        ),
    ),
    wait(get("replicationcontrollers/rc"), "status.fullyLabeledReplicas==1"),
    wait(get("pods", labelSelector="rc=1"), "items=1"),
    post("pods", labelled("orphan", {"o": "1"}, spec=pod_spec())),
    post(
        "replicasets",
        named(
            "adopts",
            spec={
                "replicas": 1,
                "selector": {"matchLabels": {"o": "1"}},
                "template": {"metadata": {"labels": {"o": "1"}}, "spec": pod_spec()},
            },
        ),
    ),
    wait(get("replicasets/adopts"), "status.replicas==1"),
    wait(get("pods/orphan"), "metadata.ownerReferences"),
    merge("pods/orphan", {"metadata": {"labels": {"o": None}}}),
    wait(get("pods/orphan"), "!metadata.ownerReferences"),
)
STATEFUL = script(
    "statefulsets",
    post(
        "statefulsets",
        named(
            "db",
            spec={
                "replicas": 2,
                "serviceName": "db",
                "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": APP},
                "template": template(),
                "volumeClaimTemplates": [
                    {
                        "metadata": {"name": "data"},
                        "spec": {
                            "accessModes": ["ReadWriteOnce"],
                            "storageClassName": "none",
                            "resources": {"requests": {"storage": "1Gi"}},
                        },
                    }
                ],
            },
        ),
    ),
    wait(get("pods", **WEB), "items=2"),
    wait(get("statefulsets/db"), "status.replicas==2"),
    get("persistentvolumeclaims"),
    get("controllerrevisions"),
    get("statefulsets/db", accept=TABLE),
    merge("statefulsets/db", {"spec": {"replicas": 1}}),
    wait(get("pods", **WEB), "items=1"),
    wait(get("statefulsets/db"), "status.replicas==1"),
    post(
        "daemonsets",
        named(
            "ds",
            spec={
                "selector": {"matchLabels": {"d": "1"}},
                "template": {"metadata": {"labels": {"d": "1"}}, "spec": pod_spec()},
            },
        ),
    ),
    wait(get("daemonsets/ds"), SEEN),
    get("controllerrevisions", labelSelector="d=1"),
    get("daemonsets/ds", accept=TABLE),
)
NEVER: dict[str, Any] = {"spec": pod_spec(restartPolicy="Never")}
JOBS = script(
    "jobs",
    post("jobs", named("one", spec={"template": NEVER})),
    wait(get("jobs/one"), "status.active==1"),
    wait(get("pods", labelSelector="job-name=one"), "items=1"),
    get("pods", labelSelector="batch.kubernetes.io/job-name=one", as_="pods"),
    merge("pods/{{pods.items.0.metadata.name}}/status", {"status": {"phase": "Succeeded"}}),
    wait(get("jobs/one"), "status.succeeded==1"),
    get("jobs/one", accept=TABLE),
    post("jobs", named("fails", spec={"backoffLimit": 0, "template": NEVER})),
    wait(get("pods", labelSelector="job-name=fails"), "items=1"),
    get("pods", labelSelector="job-name=fails", as_="bad"),
    merge("pods/{{bad.items.0.metadata.name}}/status", {"status": {"phase": "Failed"}}),
    wait(get("jobs/fails"), "status.conditions.type=Failed"),
    post(
        "jobs", named("many", spec={"completions": 3, "parallelism": 2, "completionMode": "Indexed", "template": NEVER})
    ),
    wait(get("jobs/many"), "status.active==2"),
    wait(get("pods", labelSelector="job-name=many"), "items=2"),
    merge("jobs/many", {"spec": {"suspend": True}}),
    quiet(wait(get("jobs/many"), "status.conditions.type=Suspended.status==True")),
    wait(get("jobs/many"), "status.terminating==0"),
    wait(get("pods", labelSelector="job-name=many"), "items=0"),
    delete("jobs/one"),
    delete("jobs/fails", propagationPolicy="Background"),
    wait(get("pods", labelSelector="job-name=fails"), "items=0"),
)
ACCOUNTS = script(
    "accounts",
    get("serviceaccounts"),
    get("configmaps"),
    delete("serviceaccounts/default"),
    wait(get("serviceaccounts/default"), "code=200"),
    delete("configmaps/kube-root-ca.crt"),
    wait(get("configmaps/kube-root-ca.crt"), "code=200"),
    merge("configmaps/kube-root-ca.crt", {"data": {"ca.crt": "wrong", "x": "y"}}),
    wait(get("configmaps/kube-root-ca.crt"), "!data.x"),
    post("serviceaccounts", named("one")),
    post(
        "secrets",
        {
            "metadata": {"name": "t", "annotations": {"kubernetes.io/service-account.name": "one"}},
            "type": "kubernetes.io/service-account-token",
        },
    ),
    wait(get("secrets/t"), "data.token"),
    post(
        "secrets",
        {
            "metadata": {"name": "lost", "annotations": {"kubernetes.io/service-account.name": "none"}},
            "type": "kubernetes.io/service-account-token",
        },
    ),
    wait(get("secrets/lost"), "code=404"),
    delete("serviceaccounts/one"),
    wait(get("secrets/t"), "code=404"),
    post(
        "clusterroles",
        {
            "metadata": {"name": "p-aggregated"},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"p-aggregate": "1"}}]},
        },
    ),
    post(
        "clusterroles",
        {
            "metadata": {"name": "p-part", "labels": {"p-aggregate": "1"}},
            "rules": [{"apiGroups": ["x"], "resources": ["y"], "verbs": ["z"]}],
        },
    ),
    wait(get("clusterroles/p-aggregated"), "rules"),
    delete("clusterroles/p-part"),
    wait(get("clusterroles/p-aggregated"), "!rules"),
)
READY = {
    "phase": "Running",
    "podIP": "10.1.2.3",
    "podIPs": [{"ip": "10.1.2.3"}],
    "conditions": [{"type": "Ready", "status": "True"}],
}
ENDPOINTS = script(
    "endpoints",
    post("nodes", named("p-endpoints")),
    post(
        "services", named("web", spec={"selector": APP, "ports": [{"name": "http", "port": 80, "targetPort": "web"}]})
    ),
    wait(get("endpoints/web"), "code=200"),
    wait(get("endpointslices", labelSelector="kubernetes.io/service-name=web"), "items=1"),
    post(
        "pods",
        labelled(
            "one",
            APP,
            spec=pod_spec(
                nodeName="p-endpoints",
                containers=[{"name": "main", "image": "x", "ports": [{"name": "web", "containerPort": 8080}]}],
            ),
        ),
    ),
    merge("pods/one/status", {"status": READY}),
    wait(get("endpoints/web"), "subsets.0.addresses"),
    wait(get("endpointslices", labelSelector="kubernetes.io/service-name=web"), "items.0.endpoints"),
    strategic("pods/one/status", {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
    wait(get("endpoints/web"), "subsets.0.notReadyAddresses"),
    merge("services/web", {"spec": {"publishNotReadyAddresses": True}}),
    wait(get("endpoints/web"), "subsets.0.addresses"),
    get("endpoints/web", accept=TABLE),
    delete("services/web"),
    wait(get("endpoints/web"), "code=404"),
    wait(get("endpointslices", labelSelector="kubernetes.io/service-name=web"), "items=0"),
    post("services", named("free", spec={"ports": [{"port": 80}]})),
    post("endpoints", named("free", subsets=[{"addresses": [{"ip": "10.9.9.9"}], "ports": [{"port": 80}]}])),
    wait(get("endpointslices", labelSelector="kubernetes.io/service-name=free"), "items=1"),
)
STORAGE = script(
    "storage",
    post(
        "persistentvolumes",
        named(
            "p-volume",
            spec={
                "capacity": {"storage": "2Gi"},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "p-manual",
                "hostPath": {"path": "/x"},
            },
        ),
    ),
    wait(get("persistentvolumes/p-volume"), "status.phase==Available"),
    post(
        "persistentvolumeclaims",
        named(
            "claim",
            spec={
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "p-manual",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        ),
    ),
    wait(get("persistentvolumeclaims/claim"), "status.phase==Bound"),
    wait(get("persistentvolumes/p-volume"), "status.phase==Bound"),
    get("persistentvolumeclaims/claim", accept=TABLE),
    get("persistentvolumes/p-volume", accept=TABLE),
    delete("persistentvolumeclaims/claim"),
    wait(get("persistentvolumeclaims/claim"), "code=404"),
    wait(get("persistentvolumes/p-volume"), "status.phase==Released"),
    delete("persistentvolumes/p-volume"),
    wait(get("persistentvolumes/p-volume"), "code=404"),
    post(
        "persistentvolumeclaims",
        named(
            "alone",
            spec={
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "p-none",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        ),
    ),
    post(
        "pods", named("user", spec=pod_spec(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "alone"}}]))
    ),
    delete("persistentvolumeclaims/alone"),
    wait(get("persistentvolumeclaims/alone"), "metadata.deletionTimestamp"),
    delete("pods/user"),
    wait(get("persistentvolumeclaims/alone"), "code=404"),
)
BUDGETS = script(
    "budgets-and-quotas",
    post("poddisruptionbudgets", named("b", spec={"maxUnavailable": 1, "selector": {"matchLabels": APP}})),
    wait(get("poddisruptionbudgets/b"), SEEN),
    post("replicasets", named("rs", spec={"replicas": 2, "selector": {"matchLabels": APP}, "template": template()})),
    wait(get("poddisruptionbudgets/b"), "status.expectedPods==2"),
    get("poddisruptionbudgets/b", accept=TABLE),
    post("resourcequotas", named("q", spec={"hard": {"pods": "9", "count/configmaps": "3", "secrets": "1"}})),
    wait(get("resourcequotas/q"), "status.used.pods==2"),
    post("configmaps", config_map("one", {})),
    get("resourcequotas/q"),
    post("configmaps", config_map("two", {})),
    post("configmaps", config_map("three", {})),
    delete("configmaps/one"),
    wait(get("resourcequotas/q"), "status.used.count/configmaps==2"),
    post("nodes", named("p-control")),
    wait(get("nodes/p-control"), "metadata.annotations.node~1alpha~1kubernetes~1io/ttl"),
)
SCRIPTS: tuple[Script, ...] = (DEPLOYMENTS, SETS, STATEFUL, JOBS, ACCOUNTS, ENDPOINTS, STORAGE, BUDGETS)
