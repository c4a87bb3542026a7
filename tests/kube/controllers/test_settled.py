"""What a profile puts into a cluster is what the controllers would have made: they find nothing to do."""

from __future__ import annotations

from typing import Any

from scale_agent.cluster.profile import loads
from scale_agent.kube.storage.snapshot import Snapshot
from tests.kube.testbed import START_S, Bed

_PROFILE = """
name: p
version: v1.36.2
nodes:
  - {name: "n-{n}", count: 3}
workloads:
  - {kind: Deployment, namespace: apps, name: "d-{n}", count: 2, replicas: 3, image: "web:1", requests: {cpu: 100m}}
  - {kind: StatefulSet, namespace: apps, name: s, replicas: 2, image: "db:1"}
  - {kind: DaemonSet, namespace: apps, name: a, image: "agent:1"}
"""
APPS = "/apis/apps/v1/namespaces/apps"
MERGE = "application/merge-patch+json"


def _bed() -> Bed:
    profile = loads(_PROFILE)
    objects = profile.objects("2027-01-15T08:00:00Z")
    return Bed(Snapshot.build(objects, version=profile.version, now=START_S))


def _state(bed: Bed) -> dict[str, Any]:
    found = {}
    for path in (f"{APPS}/{plural}" for plural in ("deployments", "replicasets", "statefulsets", "daemonsets")):
        for one in bed.get(path)["items"]:
            found[f"{path}/{one['metadata']['name']}"] = (one["spec"], one.get("status"))
    for path in ("/api/v1/namespaces/apps/pods", f"{APPS}/controllerrevisions"):
        for one in bed.get(path)["items"]:
            found[f"{path}/{one['metadata']['name']}"] = one["metadata"]["uid"]
    return found


def test_a_look_at_every_workload_changes_nothing() -> None:
    bed = _bed()
    before = _state(bed)
    for path in [path for path in before if "/pods/" not in path and "revisions" not in path]:
        bed.call("PATCH", path, {"metadata": {"annotations": {"look": "again"}}}, media=MERGE)
    bed.advance(30)
    after = _state(bed)
    for path, (_, status) in [(path, value) for path, value in after.items() if isinstance(value, tuple)]:
        status["observedGeneration"] = 1  # an annotation of a Deployment counts
        after[path] = (after[path][0], status)
    assert after == before
    assert bed.get("/api/v1/namespaces/apps/events")["items"] == []


def test_pods_have_addresses_of_their_nodes_and_nobody_elses() -> None:
    bed = _bed()
    pods = bed.get("/api/v1/namespaces/apps/pods")["items"]
    addresses = [pod["status"]["podIP"] for pod in pods]
    assert len(set(addresses)) == len(pods) == 2 * 3 + 2 + 3
    cidrs = {node["metadata"]["name"]: node["spec"]["podCIDR"] for node in bed.get("/api/v1/nodes")["items"]}
    for pod in pods:
        assert pod["status"]["podIP"].rpartition(".")[0] == cidrs[pod["spec"]["nodeName"]].rpartition(".")[0]
    bed.call("PATCH", f"{APPS}/deployments/d-1", {"spec": {"replicas": 9}}, media=MERGE)
    bed.advance(3)
    addresses = [pod["status"]["podIP"] for pod in bed.get("/api/v1/namespaces/apps/pods")["items"]]
    assert len(set(addresses)) == len(addresses) == 17
