"""What a server refuses in well-formed objects: causes, fields and words of many kinds."""

from __future__ import annotations

from typing import Any

from tests.kube.parity.objects import APP, deployment, named, pod_spec, template
from tests.kube.parity.steps import Body, Script, Step, get, merge, script, wait
from tests.kube.parity.steps import post as create

CMS = "configmaps"


def post(place: str, body: Body) -> Step:
    """What is refused even when nothing would be made: so that what is not refused spoils nothing."""
    return create(place, body, dryRun="All")


def pod(**spec: Any) -> Step:
    """A pod that is refused."""
    return post("pods", named("bad", spec={**pod_spec(), **spec}))


def one(**parts: Any) -> Step:
    """A pod whose only container is refused."""
    return pod(containers=[{"name": "main", "image": "nginx", **parts}])


def meta(**parts: Any) -> Step:
    """A config map whose metadata are refused."""
    return post(CMS, {"metadata": {"name": "bad", **parts}})


METADATA = script(
    "metadata",
    meta(labels={"": "x"}),
    meta(labels={"a/b/c": "x"}),
    meta(labels={"UPPER.com/a": "x"}),
    meta(labels={"x" * 64: "x"}),
    meta(labels={"a": "-"}),
    meta(labels={"a": "x" * 64, "b": "y" * 64}),
    meta(annotations={"a b": "x"}),
    meta(annotations={"A/b": "x"}),
    meta(finalizers=["bad finalizer"]),
    meta(finalizers=["kubernetes"]),
    meta(ownerReferences=[{}]),
    meta(ownerReferences=[{"apiVersion": "a/b/c", "kind": "K", "name": "n", "uid": "u"}]),
    meta(ownerReferences=[{"apiVersion": "v1", "kind": "", "name": "", "uid": ""}]),
    meta(managedFields=[{"manager": "x" * 200}]),
    meta(name="a", generateName="B_"),
    meta(namespace="UPPER"),
    meta(deletionTimestamp="2020-01-01T00:00:00Z", deletionGracePeriodSeconds=5),
    [post(CMS, {"metadata": {"name": "bad"}, "data": {key: ""}}) for key in ("bad key", "..", "x" * 254)],
    post(CMS, {"metadata": {"name": "bad"}, "data": {"a": "1"}, "binaryData": {"a": "MQ=="}}),
)
PODS = script(
    "pods",
    post("pods", named("bad")),
    post("pods", named("bad", spec={})),
    pod(containers=[]),
    pod(containers=[{}]),
    pod(containers=[{"name": "a", "image": "x"}, {"name": "a", "image": "x"}]),
    one(name="Bad_Name"),
    one(image=""),
    one(image=" nginx"),
    one(imagePullPolicy="Sometimes"),
    one(ports=[{"containerPort": 0}]),
    one(ports=[{"containerPort": 70000, "protocol": "ICMP", "name": "toolongname-toolong"}]),
    one(ports=[{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}]),
    one(ports=[{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 80}]),
    one(env=[{"name": ""}]),
    one(env=[{"name": "a=b"}]),
    one(env=[{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
    one(env=[{"name": "A", "valueFrom": {}}]),
    one(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nothing"}}}]),
    one(volumeMounts=[{"name": "none", "mountPath": "/x"}]),
    one(volumeMounts=[{"name": "", "mountPath": ""}]),
    one(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}),
    one(resources={"limits": {"cpu": "-1"}}),
    one(resources={"limits": {"nothing": "1"}}),
    one(resources={"requests": {"nvidia.com/gpu": "1"}}),
    one(livenessProbe={}),
    one(livenessProbe={"httpGet": {"port": 0}}),
    one(livenessProbe={"httpGet": {"port": 80}, "tcpSocket": {"port": 80}}),
    one(livenessProbe={"tcpSocket": {"port": 80}, "periodSeconds": -1, "successThreshold": 2}),
    one(lifecycle={"preStop": {}}),
    one(securityContext={"runAsUser": -1, "privileged": True, "allowPrivilegeEscalation": False}),
    one(terminationMessagePolicy="Never"),
    one(workingDir="", command=[""], args=[], stdin=True, envFrom=[{}]),
    pod(restartPolicy="Sometimes"),
    pod(dnsPolicy="Whatever"),
    pod(dnsPolicy="None"),
    pod(terminationGracePeriodSeconds=-1),
    pod(activeDeadlineSeconds=0),
    pod(hostname="Bad_Host"),
    pod(subdomain="Bad_"),
    pod(nodeName="Bad_Node"),
    pod(nodeSelector={"bad key": "x"}),
    pod(serviceAccountName="Bad_"),
    pod(volumes=[{"name": "a"}, {"name": "a"}]),
    pod(volumes=[{"name": "Bad_", "emptyDir": {}}]),
    pod(volumes=[{"name": "a", "emptyDir": {}, "hostPath": {"path": "/x"}}]),
    pod(volumes=[{"name": "a", "hostPath": {"path": ""}}]),
    pod(volumes=[{"name": "a", "configMap": {}}, {"name": "b", "secret": {}}]),
    pod(volumes=[{"name": "a", "persistentVolumeClaim": {"claimName": ""}}]),
    pod(tolerations=[{"key": "", "operator": "Equal"}]),
    pod(tolerations=[{"key": "a", "operator": "Likes", "effect": "None"}]),
    pod(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]),
    pod(hostAliases=[{"ip": "x", "hostnames": ["Bad_"]}]),
    pod(affinity={"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": {}}]}}),
    pod(topologySpreadConstraints=[{"maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "x"}]),
    pod(initContainers=[{"name": "main", "image": "x"}]),
    pod(ephemeralContainers=[{"name": "e", "image": "x"}]),
    pod(imagePullSecrets=[{}]),
    pod(hostPID=True, shareProcessNamespace=True),
    pod(securityContext={"sysctls": [{"name": "bad sysctl", "value": "1"}], "fsGroup": -1}),
    pod(schedulerName="Bad Scheduler"),
    pod(preemptionPolicy="Sometimes", overhead={"cpu": "1"}),
    create("pods", named("good", spec=pod_spec())),
    merge("pods/good", {"spec": {"restartPolicy": "Never"}}),
    merge("pods/good", {"spec": {"nodeName": "x"}}),
    merge("pods/good", {"spec": {"containers": [{"name": "main", "image": ""}]}}),
    merge("pods/good", {"spec": {"activeDeadlineSeconds": 5}}),
    merge("pods/good", {"spec": {"activeDeadlineSeconds": 9}}),
    merge("pods/good", {"spec": {"serviceAccountName": "other"}}),
)


def bad_deployment(**spec: Any) -> Step:
    """A Deployment that is refused."""
    return post("deployments", deployment("bad", **spec))


def job(**spec: Any) -> Step:
    """A Job that is refused."""
    return post("jobs", named("bad", spec={"template": {"spec": pod_spec(restartPolicy="Never")}, **spec}))


def cron(**spec: Any) -> Step:
    """A CronJob that is refused."""
    inner = {"spec": {"template": {"spec": pod_spec(restartPolicy="Never")}}}
    return post("cronjobs", named("bad", spec={"schedule": "@daily", "jobTemplate": inner, **spec}))


OTHER = {"metadata": {"labels": {"app": "other"}}, "spec": pod_spec()}
WORKLOADS = script(
    "workloads",
    post("deployments", named("bad")),
    post("deployments", named("bad", spec={})),
    bad_deployment(selector={}),
    bad_deployment(selector=None),
    bad_deployment(selector={"matchLabels": {"bad key": "x"}}),
    bad_deployment(selector={"matchExpressions": [{"key": "a", "operator": "In"}]}),
    bad_deployment(template=OTHER),
    bad_deployment(replicas=-1),
    bad_deployment(minReadySeconds=-1, progressDeadlineSeconds=0, revisionHistoryLimit=-1),
    bad_deployment(strategy={"type": "Fast"}),
    bad_deployment(strategy={"type": "Recreate", "rollingUpdate": {}}),
    bad_deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
    bad_deployment(strategy={"rollingUpdate": {"maxSurge": "x"}}),
    bad_deployment(template=template(restartPolicy="Never")),
    bad_deployment(template={"metadata": {"labels": APP}, "spec": {"containers": [{"name": "a"}, {"name": "B"}]}}),
    create("deployments", deployment("good")),
    wait(get("deployments/good"), "status.conditions"),
    merge("deployments/good", {"spec": {"selector": {"matchLabels": {"x": "y"}}}}),
    merge("deployments/good", {"spec": {"template": {"metadata": {"labels": {"app": "x"}}}}}),
    post("replicasets", named("bad", spec={"replicas": 1, "selector": {"matchLabels": APP}, "template": OTHER})),
    post("statefulsets", named("bad", spec={"replicas": 1, "selector": {"matchLabels": APP}, "template": OTHER})),
    post(
        "statefulsets",
        named(
            "bad",
            spec={
                "podManagementPolicy": "x",
                "updateStrategy": {"type": "y"},
                "selector": {"matchLabels": APP},
                "template": template(),
            },
        ),
    ),
    post("daemonsets", named("bad", spec={"selector": {"matchLabels": APP}, "template": OTHER})),
    post("replicationcontrollers", named("bad", spec={"selector": {"a": "b"}, "template": template()})),
    job(template={"spec": pod_spec()}),
    job(parallelism=-1, completions=-1, backoffLimit=-1, activeDeadlineSeconds=-1, ttlSecondsAfterFinished=-1),
    job(completionMode="Sometimes"),
    job(completionMode="Indexed"),
    job(selector={"matchLabels": {"a": "b"}}),
    job(podFailurePolicy={"rules": [{"action": "x"}]}),
    cron(schedule=""),
    cron(schedule="every day"),
    cron(schedule="* * * * * *"),
    cron(schedule="TZ=UTC * * * * *"),
    cron(timeZone="Nowhere/City"),
    cron(concurrencyPolicy="x", successfulJobsHistoryLimit=-1, startingDeadlineSeconds=-1),
    post("horizontalpodautoscalers", named("bad", spec={})),
    post(
        "horizontalpodautoscalers",
        named("bad", spec={"minReplicas": 5, "maxReplicas": 3, "scaleTargetRef": {"kind": "D", "name": "x"}}),
    ),
    post(
        "horizontalpodautoscalers",
        named(
            "bad",
            spec={"maxReplicas": 3, "scaleTargetRef": {"kind": "D", "name": "x"}, "metrics": [{"type": "Resource"}]},
        ),
    ),
    post("poddisruptionbudgets", named("bad", spec={"minAvailable": 1, "maxUnavailable": 1})),
    post("poddisruptionbudgets", named("bad", spec={"minAvailable": "x%"})),
    post("poddisruptionbudgets", named("bad", spec={"minAvailable": -1})),
)


def service(**spec: Any) -> Step:
    """A Service that is refused."""
    return post("services", named("bad", spec={"ports": [{"port": 80}], **spec}))


def ingress(**spec: Any) -> Step:
    """An Ingress that is refused."""
    return post("ingresses", named("bad", spec=spec))


def path(**parts: Any) -> Step:
    """An Ingress with one path that is refused."""
    return ingress(
        rules=[{"http": {"paths": [{"backend": {"service": {"name": "x", "port": {"number": 1}}}, **parts}]}}]
    )


NETWORK = script(
    "network",
    post("services", named("bad")),
    service(ports=[]),
    service(ports=[{"port": 0}]),
    service(ports=[{"port": 80}, {"port": 81}]),
    service(ports=[{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]),
    service(ports=[{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]),
    service(ports=[{"port": 80, "protocol": "ICMP", "targetPort": "Bad_"}]),
    service(ports=[{"port": 80, "nodePort": 30001}]),
    service(type="Magic"),
    service(type="ExternalName"),
    service(type="ExternalName", externalName="Bad_"),
    service(clusterIP="x"),
    service(clusterIPs=["10.43.1.1"]),
    service(sessionAffinity="Sticky"),
    service(externalIPs=["127.0.0.1", "x"]),
    service(ipFamilies=["IPv6"]),
    service(ipFamilies=["IPv5"], ipFamilyPolicy="x"),
    service(type="LoadBalancer", loadBalancerSourceRanges=["x"]),
    service(externalTrafficPolicy="Local"),
    service(internalTrafficPolicy="Maybe"),
    service(selector={"bad key": "x"}),
    ingress(),
    ingress(defaultBackend={}),
    ingress(defaultBackend={"service": {"name": "", "port": {}}}),
    ingress(rules=[{"host": "Bad_"}]),
    ingress(rules=[{"host": "1.2.3.4"}]),
    path(path="/"),
    path(path="x", pathType="Prefix"),
    path(path="/a//b", pathType="Exact"),
    path(path="/", pathType="Regex"),
    ingress(defaultBackend={"service": {"name": "x", "port": {"number": 1}}}, tls=[{"hosts": ["Bad_"]}]),
    post("networkpolicies", named("bad", spec={})),
    post("networkpolicies", named("bad", spec={"podSelector": {}, "ingress": [{"from": [{}]}]})),
    post(
        "networkpolicies", named("bad", spec={"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "x"}}]}]})
    ),
    post("networkpolicies", named("bad", spec={"podSelector": {}, "policyTypes": ["Up", "Down", "Ingress"]})),
    post("endpoints", named("bad", subsets=[{"addresses": [{"ip": "x"}], "ports": [{"port": 0}]}])),
    post("endpointslices", named("bad", addressType="IPv4", endpoints=[{"addresses": ["x"]}])),
    post("endpointslices", named("bad", endpoints=[])),
    post("ingressclasses", named("p-bad", spec={"controller": "nodomain"})),
    post("ingressclasses", named("p-bad", spec={})),
    post("servicecidrs", named("p-bad", spec={"cidrs": ["x"]})),
    post("ipaddresses", named("p-bad", spec={})),
)
REST = script(
    "rest",
    post("secrets", named("bad", type="kubernetes.io/tls")),
    post("secrets", named("bad", type="kubernetes.io/dockerconfigjson", stringData={".dockerconfigjson": "x"})),
    post("secrets", named("bad", type="kubernetes.io/basic-auth")),
    post("secrets", named("bad", type="kubernetes.io/ssh-auth")),
    post("secrets", named("bad", stringData={"bad key": "x"})),
    create("secrets", named("typed", type="a")),
    merge("secrets/typed", {"type": "b"}),
    post("persistentvolumeclaims", named("bad")),
    post(
        "persistentvolumeclaims",
        named("bad", spec={"accessModes": ["Never"], "resources": {"requests": {"storage": "0"}}}),
    ),
    post(
        "persistentvolumeclaims",
        named(
            "bad",
            spec={"accessModes": ["ReadWriteOnce", "ReadWriteOncePod"], "resources": {"requests": {"storage": "1Gi"}}},
        ),
    ),
    create(
        "persistentvolumeclaims",
        named(
            "good",
            spec={
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "none",
            },
        ),
    ),
    merge("persistentvolumeclaims/good", {"spec": {"accessModes": ["ReadOnlyMany"]}}),
    merge("persistentvolumeclaims/good", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}),
    post("persistentvolumes", named("p-bad", spec={})),
    post(
        "persistentvolumes",
        named(
            "p-bad",
            spec={
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Burn",
                "hostPath": {"path": "../x"},
            },
        ),
    ),
    post("storageclasses", named("p-bad")),
    post("storageclasses", named("p-bad", provisioner="Bad Name", reclaimPolicy="x", volumeBindingMode="y")),
    post("resourcequotas", named("bad", spec={"hard": {"bad resource": "1", "pods": "1.5"}})),
    post("resourcequotas", named("bad", spec={"hard": {"pods": "1"}, "scopes": ["Terminating", "NotTerminating"]})),
    post(
        "limitranges", named("bad", spec={"limits": [{"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}}]})
    ),
    post("limitranges", named("bad", spec={"limits": [{"type": "Pod", "default": {"cpu": "1"}}]})),
    post("leases", named("bad", spec={"leaseDurationSeconds": 0, "leaseTransitions": -1})),
    post("priorityclasses", named("p-bad", value=2_000_000_000)),
    post("priorityclasses", named("p-bad")),
    post("runtimeclasses", named("p-bad", handler="Bad_")),
    post("runtimeclasses", named("p-bad")),
    post("csidrivers", named("Bad", spec={})),
    post("csinodes", named("p-bad", spec={"drivers": [{"name": "", "nodeID": ""}]})),
    post("volumeattachments", named("p-bad", spec={})),
    post("nodes", named("p-bad", spec={"podCIDR": "x", "taints": [{"key": "", "effect": "Nope"}]})),
    post("namespaces", named("p-bad", spec={"finalizers": ["bad"]})),
    post("events", named("bad", involvedObject={"namespace": "other"})),
    post("events.events", named("bad", regarding={"namespace": "{{ns}}"})),
    post("controllerrevisions", named("bad")),
    post("controllerrevisions", named("bad", revision=-1, data={})),
    post("podtemplates", named("bad")),
    post("roles", named("bad", rules=[{}])),
    post("rolebindings", named("bad")),
    post("flowschemas", named("p-bad", spec={})),
    post(
        "flowschemas",
        named("p-bad", spec={"priorityLevelConfiguration": {"name": "x"}, "matchingPrecedence": 0, "rules": [{}]}),
    ),
    post("prioritylevelconfigurations", named("p-bad", spec={"type": "Endless"})),
    post("apiservices", named("v1.bad.example.com", spec={"group": "bad.example.com", "version": "v1"})),
    post("mutatingwebhookconfigurations", named("p-bad", webhooks=[{"name": "x"}])),
    post(
        "validatingwebhookconfigurations",
        named(
            "p-bad",
            webhooks=[{"name": "a.b.c", "sideEffects": "Some", "clientConfig": {}, "admissionReviewVersions": []}],
        ),
    ),
    post("validatingadmissionpolicies", named("p-bad", spec={"validations": [{"expression": "object."}]})),
    post("validatingadmissionpolicies", named("p-bad", spec={})),
    post("validatingadmissionpolicybindings", named("p-bad", spec={})),
    post("resourceclaims", named("bad", spec={"devices": {"requests": [{"name": "a"}]}})),
    post("deviceclasses", named("p-bad", spec={"selectors": [{"cel": {"expression": "1 +"}}]})),
    post("resourceslices", named("p-bad", spec={})),
    post("certificatesigningrequests", named("p-bad", spec={})),
    post("componentstatuses", {}),
)
SCRIPTS: tuple[Script, ...] = (METADATA, PODS, WORKLOADS, NETWORK, REST)
