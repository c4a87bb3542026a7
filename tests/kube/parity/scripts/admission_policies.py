"""What a server adds to objects that others have a say in: services, quotas and limits, classes, security."""

from __future__ import annotations

from typing import Any

from tests.kube.parity.objects import APP, named, pod_spec, template
from tests.kube.parity.steps import Script, Step, delete, get, merge, post, put, script, strategic, wait


def pod(called: str, **spec: Any) -> Step:
    """A pod."""
    return post("pods", named(called, spec=pod_spec(**spec)))


def container(**more: Any) -> list[dict[str, Any]]:
    """One container with more than a name."""
    return [{"name": "main", "image": "nginx", **more}]


SERVICES = script(
    "services",
    post("services", named("plain", spec={"selector": APP, "ports": [{"port": 80}]}), as_="plain"),
    get("services/plain"),
    wait(get("endpoints/plain"), "code=200"),
    wait(get("endpointslices", labelSelector="kubernetes.io/service-name=plain"), "items=1"),
    put("services/plain", {"...": "{{plain}}", "spec": {"clusterIP": ""}}),
    put("services/plain", {"...": "{{plain}}", "spec": {"clusterIP": "10.43.9.9", "clusterIPs": ["10.43.9.9"]}}),
    merge("services/plain", {"spec": {"type": "NodePort"}}),
    merge("services/plain", {"spec": {"type": "ClusterIP", "ports": [{"port": 80, "nodePort": None}]}}),
    merge(
        "services/plain",
        {"spec": {"type": "ExternalName", "externalName": "e.com", "clusterIP": None, "clusterIPs": None}},
    ),
    post("services", named("node", spec={"type": "NodePort", "ports": [{"port": 80, "nodePort": 30777}]})),
    post("services", named("node2", spec={"type": "NodePort", "ports": [{"port": 80, "nodePort": 30777}]})),
    post("services", named("node3", spec={"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]})),
    post(
        "services",
        named("lb", spec={"type": "LoadBalancer", "ports": [{"port": 443, "name": "https", "targetPort": "x"}]}),
    ),
    post("services", named("headless", spec={"clusterIP": "None"})),
    post("services", named("fixed", spec={"clusterIP": "10.43.77.77", "ports": [{"port": 80}]})),
    post("services", named("taken", spec={"clusterIP": "10.43.77.77", "ports": [{"port": 80}]})),
    post("services", named("outside", spec={"clusterIP": "10.1.1.1", "ports": [{"port": 80}]})),
    post("services", named("external", spec={"type": "ExternalName", "externalName": "e.com"})),
    post("services", named("sticky", spec={"sessionAffinity": "ClientIP", "ports": [{"port": 80}]})),
    post("services", named("dual", spec={"ipFamilyPolicy": "PreferDualStack", "ports": [{"port": 80}]})),
    post(
        "services",
        named(
            "local",
            spec={"internalTrafficPolicy": "Local", "trafficDistribution": "PreferClose", "ports": [{"port": 80}]},
        ),
    ),
    delete("services/fixed"),
    post("services", named("taken", spec={"clusterIP": "10.43.77.77", "ports": [{"port": 80}]})),
)
POLICIES = script(
    "quotas-and-limits",
    post(
        "limitranges",
        named(
            "l",
            spec={
                "limits": [
                    {
                        "type": "Container",
                        "default": {"cpu": "200m"},
                        "defaultRequest": {"cpu": "100m", "memory": "64Mi"},
                        "max": {"cpu": "1"},
                        "min": {"cpu": "50m"},
                    },
                    {"type": "Pod", "max": {"cpu": "2"}},
                    {"type": "PersistentVolumeClaim", "max": {"storage": "5Gi"}},
                ]
            },
        ),
    ),
    pod("defaulted"),
    pod("over", containers=container(resources={"limits": {"cpu": "3"}})),
    pod("under", containers=container(resources={"requests": {"cpu": "1m"}})),
    post(
        "persistentvolumeclaims",
        named("over", spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "9Gi"}}}),
    ),
    post(
        "resourcequotas",
        named("q", spec={"hard": {"pods": "2", "configmaps": "2", "requests.cpu": "150m", "services.nodeports": "0"}}),
    ),
    wait(get("resourcequotas/q"), "status.used.pods"),
    pod("second", containers=container(resources={"requests": {"cpu": "60m"}, "limits": {"cpu": "60m"}})),
    pod("third"),
    post("configmaps", named("one")),
    post("configmaps", named("two")),
    post("services", named("np", spec={"type": "NodePort", "ports": [{"port": 80}]})),
    get("resourcequotas/q"),
    delete("pods/defaulted"),
    wait(get("resourcequotas/q"), "status.used.pods==0"),
    pod("second", containers=container(resources={"requests": {"cpu": "60m"}, "limits": {"cpu": "60m"}})),
    pod("third", containers=container(resources={"requests": {"cpu": "60m"}, "limits": {"cpu": "60m"}})),
    pod("fourth", containers=container(resources={"requests": {"cpu": "60m"}, "limits": {"cpu": "60m"}})),
    strategic("resourcequotas/q", {"spec": {"hard": {"pods": "-1"}}}),
)
CLUSTER = script(
    "cluster",
    post("namespaces", named("p-labels", spec={"finalizers": []})),
    post(
        "namespaces",
        {
            "metadata": {
                "name": "p-secure",
                "labels": {
                    "pod-security.kubernetes.io/enforce": "restricted",
                    "pod-security.kubernetes.io/warn": "baseline",
                },
            }
        },
    ),
    wait(get("/api/v1/namespaces/p-secure/serviceaccounts/default"), "code=200"),
    post("/api/v1/namespaces/p-secure/pods", named("bad", spec=pod_spec(hostNetwork=True))),
    post(
        "/apis/apps/v1/namespaces/p-secure/deployments",
        named("warned", spec={"replicas": 0, "selector": {"matchLabels": APP}, "template": template(hostNetwork=True)}),
    ),
    post("namespaces", {"metadata": {"name": "p-bad", "labels": {"pod-security.kubernetes.io/enforce": "nonsense"}}}),
    post(
        "storageclasses",
        {
            "metadata": {"name": "p-default", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "e.com/x",
        },
    ),
    post(
        "persistentvolumeclaims",
        named("defaulted", spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}),
    ),
    delete("storageclasses/p-default"),
    post("priorityclasses", named("p-global", value=5, globalDefault=True)),
    get("priorityclasses/p-global"),
    delete("priorityclasses/p-global"),
    post(
        "persistentvolumes",
        named(
            "p-pv", spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
        ),
    ),
    post(
        "runtimeclasses",
        named("p-rc", handler="h", overhead={"podFixed": {"cpu": "10m"}}, scheduling={"nodeSelector": {"r": "c"}}),
    ),
    pod("runtime", runtimeClassName="p-rc", nodeSelector={"a": "b"}),
    post("nodes", named("p-node", spec={"podCIDR": "10.9.0.0/24"})),
    post(
        "ingressclasses",
        {
            "metadata": {"name": "p-ic", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
            "spec": {"controller": "e.com/c"},
        },
    ),
    post("ingresses", named("defaulted", spec={"defaultBackend": {"service": {"name": "x", "port": {"number": 1}}}})),
    delete("ingressclasses/p-ic"),
    post(
        "ingresses",
        named(
            "paths",
            spec={
                "rules": [
                    {
                        "http": {
                            "paths": [
                                {
                                    "path": "/",
                                    "pathType": "Prefix",
                                    "backend": {"service": {"name": "x", "port": {"name": "y"}}},
                                }
                            ]
                        }
                    }
                ]
            },
        ),
    ),
    post("networkpolicies", named("default-types", spec={"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]})),
    post("csidrivers", named("p-csi", spec={})),
    post("volumeattributesclasses", named("p-vac", driverName="x")),
    post(
        "apiservices",
        named(
            "v1.p-api.example.com",
            spec={
                "group": "p-api.example.com",
                "version": "v1",
                "groupPriorityMinimum": 100,
                "versionPriority": 10,
                "service": {"namespace": "{{ns}}", "name": "none"},
            },
        ),
    ),
    post("secrets", named("docker", type="kubernetes.io/dockerconfigjson", stringData={".dockerconfigjson": "{}"})),
    post("secrets", named("basic", type="kubernetes.io/basic-auth", stringData={"username": "u"})),
    post("secrets", named("immutable", immutable=True, data={"a": "MQ=="})),
    merge("secrets/immutable", {"data": {"a": "Mg=="}}),
    post(
        "events",
        named("e1", involvedObject={"kind": "Pod", "name": "x", "namespace": "{{ns}}"}, type="Normal", count=1),
    ),
    post(
        "events.events",
        named(
            "e2",
            regarding={"kind": "Pod", "name": "x", "namespace": "{{ns}}"},
            eventTime="2020-01-01T00:00:00.000000Z",
            reportingController="c.e.com/x",
            reportingInstance="i",
            action="A",
            reason="R",
            type="Normal",
        ),
    ),
    get("events/e2"),
    get("events.events/e1"),
    post(
        "leases",
        named(
            "l",
            spec={
                "holderIdentity": "x",
                "acquireTime": "2020-01-01T00:00:00.123456Z",
                "renewTime": "2020-01-01T00:00:00.5Z",
                "leaseTransitions": 0,
            },
        ),
    ),
)
SCRIPTS: tuple[Script, ...] = (SERVICES, POLICIES, CLUSTER)
