"""Scheduler and kubelets: compared with documentation and recordings of real nodes, as the oracle has neither."""

from __future__ import annotations

from typing import Any

from tests.kube.testbed import NODE, START_S, Bed, events, snapshot

PODS = "/api/v1/namespaces/default/pods"
NODES = "/api/v1/nodes"
MERGE = "application/merge-patch+json"


def _pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "nginx"}], **spec}}


def _conditions(pod: dict[str, Any]) -> dict[str, str]:
    return {one["type"]: one["status"] for one in pod["status"]["conditions"]}


def _told(bed: Bed, kind: str = "Pod") -> list[tuple[str, str]]:
    found = bed.get("/api/v1/namespaces/default/events")["items"]
    return [(one["reason"], one["message"]) for one in found if one["involvedObject"]["kind"] == kind]


def test_a_pod_is_bound_created_started() -> None:
    bed = Bed()
    bed.post(PODS, _pod())
    created = bed.get(f"{PODS}/p")
    assert created["spec"]["nodeName"] == "node-1"
    assert _conditions(created) == {
        "PodReadyToStartContainers": "False",
        "Initialized": "True",
        "Ready": "False",
        "ContainersReady": "False",
        "PodScheduled": "True",
    }
    assert created["status"]["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    bed.advance(2)
    pod = bed.get(f"{PODS}/p")
    assert pod["status"]["phase"] == "Running"
    assert set(_conditions(pod).values()) == {"True"}
    (status,) = pod["status"]["containerStatuses"]
    assert status["image"] == "docker.io/library/nginx:latest"
    assert status["imageID"].startswith("docker.io/library/nginx@sha256:")
    assert len(status["containerID"]) == len("containerd://") + 64
    managers = {(one["manager"], one.get("subresource")) for one in pod["metadata"]["managedFields"]}
    assert managers == {("tester", None), ("kubelet", "status")}
    reasons = [reason for reason, _ in _told(bed)]
    assert sorted(reasons) == ["Created", "Pulled", "Pulling", "Scheduled", "Started"]
    assert ("Scheduled", "Successfully assigned default/p to node-1") in _told(bed)


def test_init_containers_and_probes_take_their_time() -> None:
    bed = Bed()
    probe = {"httpGet": {"port": 80}, "initialDelaySeconds": 5}
    containers = [{"name": "c", "image": "web:1", "readinessProbe": probe}, {"name": "d", "image": "web:1"}]
    inits = [{"name": "i", "image": "init:1"}, {"name": "s", "image": "side:1", "restartPolicy": "Always"}]
    bed.post(PODS, _pod(containers=containers, initContainers=inits))
    assert _conditions(bed.get(f"{PODS}/p"))["Initialized"] == "False"
    bed.advance(2)
    pod = bed.get(f"{PODS}/p")
    assert (pod["status"]["phase"], _conditions(pod)["Ready"]) == ("Running", "False")
    states = {one["name"]: list(one["state"]) for one in pod["status"]["initContainerStatuses"]}
    assert states == {"i": ["terminated"], "s": ["running"]}
    bed.advance(6)
    assert _conditions(bed.get(f"{PODS}/p"))["Ready"] == "True"


def test_nodes_that_do_not_fit_are_counted_in_the_refusal() -> None:
    other = {**NODE, "metadata": {"name": "b", "labels": {"disk": "ssd"}}, "spec": {"unschedulable": True}}
    taint = {"key": "k", "value": "v", "effect": "NoSchedule"}
    third = {**NODE, "metadata": {"name": "c", "labels": {"disk": "ssd"}}, "spec": {"taints": [taint]}}
    bed = Bed(snapshot(other, third))
    bed.post(PODS, _pod(nodeSelector={"disk": "ssd"}))
    pod = bed.get(f"{PODS}/p")
    assert "nodeName" not in pod["spec"]
    (condition,) = pod["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "Unschedulable")
    assert condition["message"] == (
        "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated "
        "taint(s), 1 node(s) were unschedulable. preemption: 0/3 nodes are available: 3 Preemption is not helpful for "
        "scheduling."
    )
    assert _told(bed) == [("FailedScheduling", condition["message"])]
    bed.call("PATCH", f"{NODES}/b", {"spec": {"unschedulable": False}}, media=MERGE)
    assert bed.get(f"{PODS}/p")["spec"]["nodeName"] == "b"


def test_tolerations_and_affinity() -> None:
    taint = {"key": "k", "value": "v", "effect": "NoSchedule"}
    third = {**NODE, "metadata": {"name": "c", "labels": {"cpu": "8"}}, "spec": {"taints": [taint]}}
    bed = Bed(snapshot(third))
    expression = {"key": "cpu", "operator": "Gt", "values": ["4"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    bed.post(PODS, _pod("tolerant", affinity=affinity, tolerations=[{"key": "k", "operator": "Exists"}]))
    bed.post(PODS, _pod("intolerant", affinity=affinity))
    assert bed.get(f"{PODS}/tolerant")["spec"]["nodeName"] == "c"
    assert "nodeName" not in bed.get(f"{PODS}/intolerant")["spec"]


def test_pods_spread_over_the_nodes() -> None:
    bed = Bed(snapshot({**NODE, "metadata": {"name": "b"}}, {**NODE, "metadata": {"name": "c"}}))
    for number in range(9):
        bed.post(PODS, _pod(f"p{number}"))
    nodes = [pod["spec"]["nodeName"] for pod in bed.get(PODS)["items"]]
    assert sorted(map(nodes.count, set(nodes))) == [3, 3, 3]
    bed.advance(3)
    addresses = {pod["status"]["podIP"] for pod in bed.get(PODS)["items"]}
    assert len(addresses) == 9


def test_a_deleted_pod_says_that_its_containers_ended() -> None:
    bed = Bed()
    bed.post(PODS, _pod())
    bed.advance(2)
    watch = bed.watch(PODS, watch="true", timeoutSeconds=60)
    events(watch)
    going = bed.call("DELETE", f"{PODS}/p")
    assert going["metadata"]["deletionGracePeriodSeconds"] == 30
    bed.advance(1)
    seen = events(watch)
    assert [one["type"] for one in seen] == ["MODIFIED", "MODIFIED", "MODIFIED", "DELETED"]
    assert [one["object"]["metadata"]["deletionGracePeriodSeconds"] for one in seen] == [30, 30, 0, 0]
    terminated = seen[1]["object"]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (terminated["exitCode"], seen[1]["object"]["status"]["phase"]) == (0, "Succeeded")
    assert ("Killing", "Stopping container c") in _told(bed)


def test_equal_events_count_up_and_many_alike_are_combined() -> None:
    bed = Bed()
    spec = {"selector": {"matchLabels": {"a": "b"}}, "replicas": 40}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    path = "/apis/apps/v1/namespaces/default/replicasets"
    bed.post(path, {"metadata": {"name": "r"}, "spec": {**spec, "template": template}})
    found = [one for one in bed.get("/api/v1/namespaces/default/events")["items"] if one["source"].get("component")]
    mine = [one for one in found if one["reason"] == "SuccessfulCreate"]
    assert len(mine) == 10
    (combined,) = [one for one in mine if one["message"].startswith("(combined from similar events): Created pod: ")]
    assert sum(one["count"] for one in mine) == 25  # then the source's budget for this object is used up
    assert combined["count"] == 16
    bed.advance(3700)
    assert bed.get("/api/v1/namespaces/default/events")["items"] == []


def test_an_event_is_the_same_by_both_groups_and_in_protobuf() -> None:
    bed = Bed()
    bed.post(PODS, _pod())
    bed.advance(2)
    core = bed.get("/api/v1/namespaces/default/events")["items"]
    other = bed.get("/apis/events.k8s.io/v1/namespaces/default/events")["items"]
    assert [one["message"] for one in core] == [one["note"] for one in other]
    resource = bed.api.core.builtin("", "v1", "events")
    for version in bed.api.core.store.list(("", "events")):
        assert bed.api.core.catalog.normalize(version.object(), resource) == version.object()


def test_a_job_completes_and_a_cronjob_makes_the_next() -> None:
    bed = Bed()
    bed.now_s = START_S - START_S % 60 + 30
    template = {"spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}}
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}}
    bed.post("/apis/batch/v1/namespaces/default/cronjobs", {"metadata": {"name": "tick"}, "spec": spec})
    bed.advance(200)
    jobs = bed.get("/apis/batch/v1/namespaces/default/jobs")["items"]
    assert len(jobs) == 3
    assert all(job["status"]["succeeded"] == 1 for job in jobs)


def test_a_claim_waits_for_its_pod_and_gets_a_volume() -> None:
    bed = Bed()
    storage = {"metadata": {"name": "fast"}, "provisioner": "x.io/p", "volumeBindingMode": "WaitForFirstConsumer"}
    bed.post("/apis/storage.k8s.io/v1/storageclasses", storage)
    claims = "/api/v1/namespaces/default/persistentvolumeclaims"
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "fast"}
    bed.post(claims, {"metadata": {"name": "c"}, "spec": spec})
    bed.advance(5)
    assert bed.get(f"{claims}/c")["status"]["phase"] == "Pending"
    bed.post(PODS, _pod(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]))
    bed.advance(5)
    claim = bed.get(f"{claims}/c")
    assert claim["status"]["phase"] == "Bound"
    assert bed.get(f"{PODS}/p")["status"]["phase"] == "Running"
    volume = bed.get(f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}")
    assert volume["spec"]["claimRef"]["uid"] == claim["metadata"]["uid"]
    bed.call("DELETE", f"{PODS}/p")
    bed.call("DELETE", f"{claims}/c")
    bed.advance(5)
    assert bed.get("/api/v1/persistentvolumes")["items"] == []


def test_a_cordoned_node_is_tainted_and_its_pods_can_be_evicted() -> None:
    bed = Bed()
    bed.post(PODS, _pod())
    bed.advance(2)
    bed.call("PATCH", f"{NODES}/node-1", {"spec": {"unschedulable": True}}, media=MERGE)
    (taint,) = bed.get(f"{NODES}/node-1")["spec"]["taints"]
    assert (taint["key"], taint["effect"]) == ("node.kubernetes.io/unschedulable", "NoSchedule")
    body = {"spec": {"taints": [{"key": "k", "effect": "NoExecute"}]}}
    bed.call("PATCH", f"{NODES}/node-1", body, media=MERGE)
    bed.advance(1)
    bed.get(f"{PODS}/p", expect=404)


def test_a_pod_that_was_there_from_the_beginning_is_adopted() -> None:
    other = Bed()
    other.post(PODS, {**_pod("old"), "metadata": {"name": "old", "labels": {"a": "b"}}})
    other.advance(2)
    bed = Bed(snapshot(other.get(f"{PODS}/old")))
    template = {"metadata": {"labels": {"a": "b"}}, "spec": _pod()["spec"]}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "replicas": 1, "template": template}
    bed.post("/apis/apps/v1/namespaces/default/replicasets", {"metadata": {"name": "r"}, "spec": spec})
    (only,) = bed.get(PODS)["items"]
    assert (only["metadata"]["name"], only["metadata"]["ownerReferences"][0]["name"]) == ("old", "r")
