"""The metrics server that k3s and RKE2 bring along: its workload, its Service and the APIService that announces it."""

from __future__ import annotations

from scale_agent.cluster.entries import Obj, Workload

_NAME, _NAMESPACE = "metrics-server", "kube-system"
_ADDRESS = "10.43.0.9"

WORKLOAD = Workload(
    kind="Deployment",
    namespace=_NAMESPACE,
    name=_NAME,
    count=1,
    replicas=1,
    image="rancher/mirrored-metrics-server:v0.8.0",
    requests=(("cpu", "100m"), ("memory", "70Mi")),
    labels=(),
)


def objects(made_at: str) -> list[Obj]:
    """Service, its endpoints, and the APIService, which is available. Fresh ones on every call."""
    meta = {"name": _NAME, "namespace": _NAMESPACE, "creationTimestamp": made_at}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {
            "clusterIP": _ADDRESS,
            "clusterIPs": [_ADDRESS],
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 10250}],
            "selector": {"app": _NAME},
            "type": "ClusterIP",
        },
    }
    labels = {
        "kubernetes.io/service-name": _NAME,
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**meta, "name": f"{_NAME}-5xk2p", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["10.42.0.9"], "conditions": {"ready": True, "serving": True, "terminating": False}}
        ],
        "ports": [{"name": "https", "port": 10250, "protocol": "TCP"}],
    }
    passed = {"type": "Available", "status": "True", "reason": "Passed", "message": "all checks passed"}
    announcement = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io", "creationTimestamp": made_at},
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "service": {"name": _NAME, "namespace": _NAMESPACE, "port": 443},
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
        "status": {"conditions": [{**passed, "lastTransitionTime": made_at}]},
    }
    return [service, endpoints, announcement]
