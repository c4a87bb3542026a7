"""``cluster.yaml`` of scale-cluster-agent: read as it is, every field honoured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scale_agent.cluster.profile import load, loads
from scale_agent.errors import ProfileError

TEXT = """\
name: ignored
clusterID: c-1
status: ready
anything: {unknown: true}
nodes:
  - name: "{{cluster-name}}-node1"
    status: Ready
    roles: [control-plane, etcd, master]
    age: 5d
    version: v1.33.5+k3s1
    internalIP: 10.244.244.1
    externalIP: 192.0.2.1
    osImage: Alpine Linux
    kernelVer: 6.6.26-linuxkit
    containerRuntime: containerd 1.7.11-k3s2
    capacity: {cpu: "4", memory: 8Gi, pods: "110"}
    allocatable: {cpu: 3800m, memory: 7Gi}
  - {name: "{{cluster-name}}-node2", status: NotReady, roles: [worker], version: v1.33.5+k3s1, kernelVersion: 5.15.0}
pods:
  - name: coredns-1
    namespace: kube-system
    status: Running
    ready: 1/1
    restarts: 2
    age: 3h
    ip: 10.42.0.5
    node: "{{cluster-name}}-node1"
    labels: {app: dns}
  - {name: three, namespace: default, status: Running, ready: 2/3, age: 1d}
  - {name: job, namespace: batch, status: Completed, ready: 0/1}
  - {name: bad, namespace: batch, status: CrashLoopBackOff, ready: 0/1, restarts: 7}
  - {name: waits, namespace: batch, status: Pending, ready: 0/1}
services:
  - {name: kubernetes, namespace: default, type: ClusterIP, clusterIP: 10.43.0.1, ports: 443/TCP}
  - name: traefik
    namespace: kube-system
    type: LoadBalancer
    clusterIP: 10.43.7.7
    externalIP: 192.0.2.9
    ports: "80:32522/TCP,443/TCP"
    age: 5d
secrets:
  - {name: token, namespace: kube-system, type: kubernetes.io/service-account-token, data: 3, dataKeys: [ca.crt, token]}
configmaps:
  - {name: kube-root-ca.crt, namespace: default, data: 1}
  - {name: traefik-config, namespace: kube-system, data: 2, age: 5d}
deployments:
  - {name: web, namespace: shop, ready: 3/3, upToDate: "3", available: "3", labels: {tier: front}}
  - {name: grafana, namespace: monitoring, available: 1}
"""


@pytest.fixture(scope="module")
def objects() -> dict[tuple[str, str], Any]:
    made = loads(TEXT, "config/cluster.yaml").objects("2026-01-10T08:00:00Z")
    return {(obj["kind"], obj["metadata"]["name"]): obj for obj in made}


def test_it_is_known_by_its_shape() -> None:
    profile = loads(TEXT, "config/cluster.yaml")
    assert (profile.name, profile.version, profile.replicas) == ("cluster", "v1.33.5", 1)
    assert loads("nodes: [{name: a, internalIP: 10.0.0.1}]").name == "profile"
    with pytest.raises(ProfileError, match="field 'version' is missing"):
        loads("name: x\nnodes: [{name: a, roles: [worker]}]")


def test_nodes_have_all_that_is_said_of_them(objects: dict[tuple[str, str], Any]) -> None:
    node = objects["Node", "cluster-node1"]
    assert node["metadata"]["creationTimestamp"] == "2026-01-05T08:00:00Z"
    assert "node-role.kubernetes.io/master" in node["metadata"]["labels"]
    status = node["status"]
    assert status["capacity"] == {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    assert (status["allocatable"]["cpu"], status["allocatable"]["memory"]) == ("3800m", "7Gi")
    assert [(one["type"], one["address"]) for one in status["addresses"]] == [
        ("InternalIP", "10.244.244.1"),
        ("ExternalIP", "192.0.2.1"),
        ("Hostname", "cluster-node1"),
    ]
    info = status["nodeInfo"]
    assert (info["kubeletVersion"], info["osImage"]) == ("v1.33.5+k3s1", "Alpine Linux")
    assert (info["kernelVersion"], info["containerRuntimeVersion"]) == ("6.6.26-linuxkit", "containerd://1.7.11-k3s2")
    other = objects["Node", "cluster-node2"]["status"]
    assert (other["conditions"][0]["status"], other["nodeInfo"]["kernelVersion"]) == ("False", "5.15.0")


def test_pods_are_in_their_namespaces_and_states(objects: dict[tuple[str, str], Any]) -> None:
    dns = objects["Pod", "coredns-1"]
    assert (dns["metadata"]["namespace"], dns["spec"]["nodeName"]) == ("kube-system", "cluster-node1")
    assert (dns["status"]["podIP"], dns["metadata"]["labels"]) == ("10.42.0.5", {"app": "dns"})
    assert dns["metadata"]["creationTimestamp"] == "2026-01-10T05:00:00Z"
    assert dns["status"]["containerStatuses"][0]["restartCount"] == 2
    assert [one["ready"] for one in objects["Pod", "three"]["status"]["containerStatuses"]].count(True) == 2
    assert objects["Pod", "job"]["status"]["phase"] == "Succeeded"
    bad = objects["Pod", "bad"]["status"]["containerStatuses"][0]
    assert (bad["state"], bad["restartCount"]) == ({"waiting": {"reason": "CrashLoopBackOff"}}, 7)
    waits = objects["Pod", "waits"]
    assert waits["status"]["phase"] == "Pending"
    assert "nodeName" not in waits["spec"]
    assert ("Namespace", "batch") in objects


def test_services_secrets_and_config_maps(objects: dict[tuple[str, str], Any]) -> None:
    traefik = objects["Service", "traefik"]
    assert (traefik["spec"]["type"], traefik["spec"]["clusterIP"]) == ("LoadBalancer", "10.43.7.7")
    assert [(one["port"], one.get("nodePort")) for one in traefik["spec"]["ports"]] == [(80, 32522), (443, None)]
    assert traefik["status"]["loadBalancer"]["ingress"] == [{"ip": "192.0.2.9"}]
    assert list(objects["Secret", "token"]["data"]) == ["ca.crt", "token", "key-3"]
    assert len(objects["ConfigMap", "traefik-config"]["data"]) == 2
    assert ("Service", "kubernetes") not in objects, "every cluster has its own"
    assert ("ConfigMap", "kube-root-ca.crt") not in objects


def test_deployments_have_their_pods(objects: dict[tuple[str, str], Any]) -> None:
    web = objects["Deployment", "web"]
    assert (web["metadata"]["namespace"], web["status"]["readyReplicas"]) == ("shop", 3)
    assert web["metadata"]["labels"]["tier"] == "front"
    assert sum(kind == "Pod" and name.startswith("web-") for kind, name in objects) == 3
    assert objects["Deployment", "grafana"]["spec"]["replicas"] == 1
    assert ("Namespace", "monitoring") in objects


@pytest.mark.parametrize(
    ("version", "served"),
    [("v1.28.5+k3s1", "v1.33.13"), ("v1.36.1+rke2r1", "v1.36.1"), ("v1.40.0", "v1.36.2"), ("odd", "v1.36.2")],
)
def test_the_api_is_the_nodes_version_or_the_nearest_without_its_suffix(version: str, served: str) -> None:
    profile = loads(f"nodes: [{{name: a, version: {version}}}]")
    assert profile.version == served
    assert profile.objects()[0]["status"]["nodeInfo"]["kubeletVersion"] == version


@pytest.mark.parametrize(
    ("body", "line", "path"),
    [
        ("pods:\n  - {namespace: a}", 2, "pods[0]"),
        ("pods:\n  - {name: a, ready: most}", 2, "pods[0].ready"),
        ("pods:\n  - {name: a, restarts: lots}", 2, "pods[0].restarts"),
        ("pods:\n  - {name: a, age: old}", 2, "pods[0].age"),
        ("pods: {}", 1, "pods"),
        ("pods: []\nservices:\n  - {name: a, ports: http}", 3, "services[0].ports"),
        ("services:\n  - {name: a, type: Odd}", 2, "services[0].type"),
        ("configmaps:\n  - {name: A B}", 2, "configmaps[0].name"),
        ("configmaps:\n  - {name: a, data: 5000}", 2, "configmaps[0].data"),
        ("deployments:\n  - {namespace: a}", 2, "deployments[0]"),
        ("nodes:\n  - {name: a, version: v1, capacity: {cpu: lots}}", 2, "nodes[0].capacity"),
        ("nodes:\n  - {name: a, internalIP: here}", 2, "nodes[0].internalIP"),
        ("pods: [7]", 1, "pods[0]"),
    ],
)
def test_mistakes_are_told_with_their_place(body: str, line: int, path: str) -> None:
    with pytest.raises(ProfileError) as caught:
        loads(body, "cluster.yaml")
    assert caught.value.where == f"cluster.yaml:{line} {path}"
    assert caught.value.cure


def test_a_file_of_it_is_loaded_like_any_profile(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text(TEXT)
    assert load(tmp_path / "cluster.yaml").contents == loads(TEXT, str(tmp_path / "cluster.yaml")).contents
