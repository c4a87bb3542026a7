"""What was done to a real controller manager, as functions to be done to ours too.

There is no kubelet and no scheduler on either side: a scenario plays them by writing the status of pods. A step is
told with :meth:`Play.step`; what there is after it has settled is what is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

Obj = dict[str, Any]
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
CORE, APPS, BATCH = "/api/v1", "/apis/apps/v1", "/apis/batch/v1"


class Play(Protocol):
    """One side. ``namespace`` is the scenario's own, ``cluster`` begins the names of what lives outside of it."""

    namespace: str
    cluster: str

    def call(self, method: str, path: str, body: object = None, media: str = "application/json") -> Obj:
        """A request that must be answered; ``{ns}`` and ``{c}`` in path and body are filled in."""

    def wait(self, seconds: float) -> None:
        """Let time go by."""

    def step(self, name: str) -> None:
        """Let everything settle, and keep what there is."""


def template(app: str, image: str = "web:1", **spec: Any) -> Obj:
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "c", "image": image}], **spec}}


def workload(name: str, replicas: int = 3, image: str = "web:1", **spec: Any) -> Obj:
    body = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template(name, image)}
    return {"metadata": {"name": name}, "spec": {**body, **spec}}


def at(group: str, plural: str, name: str = "") -> str:
    return f"{group}/namespaces/{{ns}}/{plural}" + (f"/{name}" if name else "")


def pods(play: Play, selector: str = "") -> list[Obj]:
    path = at(CORE, "pods")
    found: list[Obj] = play.call("GET", path + (f"?labelSelector={selector}" if selector else ""))["items"]
    return found


def _condition(kind: str, value: str) -> Obj:
    return {"type": kind, "status": value, "lastTransitionTime": "{now}"}


def set_status(play: Play, pod: Obj, status: Obj) -> None:
    """Write a pod's status, unless a controller has taken the pod away by now."""
    if any(one["metadata"]["uid"] == pod["metadata"]["uid"] for one in pods(play)):
        play.call("PATCH", at(CORE, "pods", pod["metadata"]["name"]) + "/status", {"status": status}, STRATEGIC)


def make_ready(play: Play, selector: str = "", value: str = "True", limit: int = 99) -> int:
    """Every pod that is not as wanted runs and is (not) ready; how many there were."""
    count = 0
    for pod in sorted(pods(play, selector), key=lambda one: str(one["metadata"]["name"])):
        have = {one["type"]: one["status"] for one in pod["status"].get("conditions") or ()}
        if have.get("Ready") != value and not pod["metadata"].get("deletionTimestamp") and count < limit:
            count += 1
            status = {"phase": "Running", "conditions": [_condition("Ready", value)]}
            set_status(play, pod, {**status, "podIP": f"10.42.0.{count}", "podIPs": [{"ip": f"10.42.0.{count}"}]})
    return count


def bind(play: Play) -> None:
    """Bind each daemon pod to the node that its affinity names, as the scheduler does."""
    for pod in pods(play):
        if not pod["spec"].get("nodeName"):
            required = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
            node = required["nodeSelectorTerms"][0]["matchFields"][0]["values"][0]
            target = {"target": {"apiVersion": "v1", "kind": "Node", "name": node}, "metadata": {"name": "x"}}
            target["metadata"]["name"] = pod["metadata"]["name"]
            play.call("POST", at(CORE, "pods", pod["metadata"]["name"]) + "/binding", target)


def reap(play: Play) -> None:
    """End the pods that are being deleted, as a kubelet does."""
    for pod in pods(play):
        if pod["metadata"].get("deletionTimestamp"):
            play.call("DELETE", at(CORE, "pods", pod["metadata"]["name"]), {"gracePeriodSeconds": 0})


def settle_daemons(play: Play, name: str) -> None:
    """Bind, end and make ready until nothing is left to do."""
    for number in range(4):
        bind(play)
        reap(play)
        if not make_ready(play):
            break
        play.step(f"{name} {number}")


def settle_rollout(play: Play, name: str, most: int = 9) -> None:
    """Make pods ready until no new ones come."""
    for number in range(most):
        if not make_ready(play):
            break
        play.step(f"{name} {number}")


def finish_pods(play: Play, phase: str, limit: int = 99) -> int:
    count = 0
    for pod in sorted(pods(play), key=lambda one: str(one["metadata"]["name"])):
        if pod["status"]["phase"] not in ("Succeeded", "Failed") and count < limit:
            count += 1
            code = 0 if phase == "Succeeded" else 1
            ended = {"exitCode": code, "startedAt": "{now}", "finishedAt": "{now}"}
            container = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 0}
            statuses = [{**container, "state": {"terminated": ended}}]
            set_status(play, pod, {"phase": phase, "containerStatuses": statuses})
    return count


def patch(play: Play, path: str, body: Obj) -> None:
    play.call("PATCH", path, body, MERGE)


def image(play: Play, path: str, tag: str) -> None:
    body = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": tag}]}}}}
    play.call("PATCH", path, body, STRATEGIC)


def deployment(play: Play) -> None:
    path = at(APPS, "deployments", "web")
    play.call("POST", at(APPS, "deployments"), workload("web"))
    play.step("created")
    settle_rollout(play, "ready")
    image(play, path, "web:2")
    play.step("second image")
    settle_rollout(play, "second ready")
    patch(play, path, {"spec": {"replicas": 5}})
    play.step("scaled up")
    settle_rollout(play, "scaled up ready")
    patch(play, path, {"spec": {"replicas": 2}})
    play.step("scaled down")
    patch(play, path, {"spec": {"paused": True}})
    play.step("paused")
    image(play, path, "web:3")
    play.step("image while paused")
    patch(play, path, {"spec": {"paused": False}})
    play.step("resumed")
    settle_rollout(play, "third ready")
    image(play, path, "web:1")
    play.step("back")
    settle_rollout(play, "back ready")
    play.call("DELETE", path, {"propagationPolicy": "Background"})
    play.step("deleted")


def deployment_proportional(play: Play) -> None:
    path = at(APPS, "deployments", "web")
    play.call("POST", at(APPS, "deployments"), workload("web", 10))
    play.step("created")
    make_ready(play)
    play.step("ready")
    image(play, path, "web:2")
    play.step("second image")
    patch(play, path, {"spec": {"replicas": 15}})
    play.step("scaled in the middle")
    image(play, path, "web:3")
    play.step("third image")
    settle_rollout(play, "ready")


def deployment_recreate(play: Play) -> None:
    path = at(APPS, "deployments", "web")
    play.call("POST", at(APPS, "deployments"), workload("web", 2, strategy={"type": "Recreate"}))
    play.step("created")
    settle_rollout(play, "ready")
    image(play, path, "web:2")
    play.step("second image")
    settle_rollout(play, "second ready")


def deployment_limits(play: Play) -> None:
    """minReadySeconds, a progress deadline that passes, and a short history."""
    path = at(APPS, "deployments", "web")
    body = workload("web", 1, minReadySeconds=2, progressDeadlineSeconds=3, revisionHistoryLimit=1)
    body["metadata"]["annotations"] = {"mine": "1"}
    play.call("POST", at(APPS, "deployments"), body)
    play.step("created")
    make_ready(play)
    play.step("ready, not available")
    play.wait(4)
    play.step("available")
    for number in (2, 3):
        image(play, path, f"web:{number}")
        play.step(f"image {number}")
        make_ready(play)
        play.wait(4)
        play.step(f"image {number} available")
    image(play, path, "web:4")
    play.wait(6)
    play.step("deadline passed")


def deployment_unavailable(play: Play) -> None:
    path = at(APPS, "deployments", "web")
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 2}}
    play.call("POST", at(APPS, "deployments"), workload("web", 4, strategy=rolling))
    play.step("created")
    settle_rollout(play, "ready")
    image(play, path, "web:2")
    play.step("second image")
    settle_rollout(play, "second ready")
    patch(play, path, {"spec": {"replicas": 0}})
    play.step("scaled to nothing")


def replicaset(play: Play) -> None:
    pod = {"metadata": {"name": "mine", "labels": {"app": "rs"}}, "spec": template("rs")["spec"]}
    play.call("POST", at(CORE, "pods"), pod)
    play.call("POST", at(APPS, "replicasets"), workload("rs", 2))
    play.step("adopted")
    make_ready(play)
    play.step("ready")
    patch(play, at(CORE, "pods", "mine"), {"metadata": {"labels": {"app": "other"}}})
    play.step("released")
    patch(play, at(APPS, "replicasets", "rs"), {"spec": {"replicas": 4}})
    play.step("scaled up")
    patch(play, at(APPS, "replicasets", "rs"), {"spec": {"replicas": 1}})
    play.step("scaled down")
    play.call("DELETE", at(APPS, "replicasets", "rs"), {"propagationPolicy": "Orphan"})
    play.step("orphaned")


def replication_controller(play: Play) -> None:
    body = {"replicas": 2, "selector": {"app": "rc"}, "template": template("rc")}
    play.call("POST", at(CORE, "replicationcontrollers"), {"metadata": {"name": "rc"}, "spec": body})
    play.step("created")
    make_ready(play)
    play.step("ready")
    patch(play, at(CORE, "replicationcontrollers", "rc"), {"spec": {"replicas": 1}})
    play.step("scaled down")
    play.call("DELETE", at(CORE, "replicationcontrollers", "rc"), {"propagationPolicy": "Background"})
    play.step("deleted")


def claim_template(name: str) -> Obj:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": name}, "spec": spec}


def statefulset(play: Play) -> None:
    path = at(APPS, "statefulsets", "db")
    claims: Obj = {"volumeClaimTemplates": [claim_template("data")]}
    play.call("POST", at(APPS, "statefulsets"), workload("db", 3, serviceName="db", **claims))
    play.step("created")
    settle_rollout(play, "ready")
    image(play, path, "web:2")
    play.step("second image")
    settle_rollout(play, "second ready")
    patch(play, path, {"spec": {"replicas": 1}})
    play.step("scaled down")
    patch(play, path, {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}, "replicas": 2}})
    play.step("partition")
    settle_rollout(play, "partition ready")
    image(play, path, "web:3")
    play.step("third image")
    settle_rollout(play, "third ready")
    play.call("DELETE", path, {"propagationPolicy": "Background"})
    play.step("deleted")


def statefulset_parallel(play: Play) -> None:
    path = at(APPS, "statefulsets", "db")
    extra: Obj = {"serviceName": "db", "podManagementPolicy": "Parallel", "updateStrategy": {"type": "OnDelete"}}
    retention = {"whenDeleted": "Delete", "whenScaled": "Delete"}
    claims: Obj = {"volumeClaimTemplates": [claim_template("data")], "persistentVolumeClaimRetentionPolicy": retention}
    play.call("POST", at(APPS, "statefulsets"), workload("db", 3, ordinals={"start": 2}, **extra, **claims))
    play.step("created")
    settle_rollout(play, "ready")
    image(play, path, "web:2")
    play.step("second image")
    play.call("DELETE", at(CORE, "pods", "db-3"))
    play.step("one deleted")
    settle_rollout(play, "again ready")
    patch(play, path, {"spec": {"replicas": 1}})
    play.step("scaled down")


def _node(name: str, **labels: str) -> Obj:
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
    times = {"lastHeartbeatTime": "{now}", "lastTransitionTime": "{now}"}
    return {
        "metadata": {"name": name, "labels": labels},
        "status": {"conditions": [{**ready, **times}], "capacity": {"pods": "110", "cpu": "4", "memory": "8Gi"}},
    }


def _renew(play: Play, name: str) -> None:
    """A node's kubelet says that it lives."""
    node = _node(name)
    play.call("PATCH", f"{CORE}/nodes/{name}/status", {"status": node["status"]}, STRATEGIC)


def daemonset(play: Play) -> None:
    path = at(APPS, "daemonsets", "agent")
    for number in (1, 2):
        play.call("POST", f"{CORE}/nodes", _node(f"{{c}}-{number}", ctl="{c}"))
        _renew(play, f"{{c}}-{number}")
    play.wait(6)
    body = workload("agent")
    del body["spec"]["replicas"]
    body["spec"]["template"]["spec"]["nodeSelector"] = {"ctl": "{c}"}
    play.call("POST", at(APPS, "daemonsets"), body)
    play.step("created")
    settle_daemons(play, "ready")
    image(play, path, "web:2")
    play.step("second image")
    settle_daemons(play, "second ready")
    play.call("POST", f"{CORE}/nodes", _node("{c}-3", ctl="{c}"))
    _renew(play, "{c}-3")
    play.wait(6)
    play.step("node added")
    settle_daemons(play, "third node ready")
    patch(play, f"{CORE}/nodes/{{c}}-3", {"metadata": {"labels": {"ctl": "other"}}})
    play.step("node no longer matches")
    reap(play)
    play.call("DELETE", f"{CORE}/nodes/{{c}}-2")
    play.wait(6)
    play.step("node removed")
    play.call("DELETE", path, {"propagationPolicy": "Background"})
    play.step("deleted")
    reap(play)


def job(name: str, **spec: Any) -> Obj:
    body = {"metadata": {"name": name}, "spec": {"template": template(name, restartPolicy="Never"), **spec}}
    del body["spec"]["template"]["metadata"]
    return body


def jobs(play: Play) -> None:
    play.call("POST", at(BATCH, "jobs"), job("one"))
    play.step("created")
    make_ready(play)
    play.step("ready")
    finish_pods(play, "Succeeded")
    play.step("complete")
    play.call("DELETE", at(BATCH, "jobs", "one"), {"propagationPolicy": "Background"})
    play.step("deleted")


def jobs_parallel(play: Play) -> None:
    play.call("POST", at(BATCH, "jobs"), job("many", completions=3, parallelism=2))
    play.step("created")
    finish_pods(play, "Succeeded", 1)
    play.step("one done")
    patch(play, at(BATCH, "jobs", "many"), {"spec": {"suspend": True}})
    play.step("suspended")
    patch(play, at(BATCH, "jobs", "many"), {"spec": {"suspend": False}})
    play.step("resumed")
    finish_pods(play, "Succeeded")
    play.step("all done")


def jobs_indexed(play: Play) -> None:
    play.call("POST", at(BATCH, "jobs"), job("indexed", completions=3, parallelism=2, completionMode="Indexed"))
    play.step("created")
    finish_pods(play, "Succeeded")
    play.step("two done")
    finish_pods(play, "Succeeded")
    play.step("all done")


def jobs_failing(play: Play) -> None:
    play.call("POST", at(BATCH, "jobs"), job("bad", backoffLimit=0))
    play.step("created")
    finish_pods(play, "Failed")
    play.wait(3)
    play.step("failed")
    play.call("POST", at(BATCH, "jobs"), job("late", activeDeadlineSeconds=2))
    play.wait(5)
    play.step("deadline")
    play.call("POST", at(BATCH, "jobs"), job("gone", ttlSecondsAfterFinished=2))
    play.step("with a time to live")
    finish_pods(play, "Succeeded")
    play.step("done")
    play.wait(4)
    play.step("gone")


def jobs_backoff(play: Play) -> None:
    play.call("POST", at(BATCH, "jobs"), job("again", backoffLimit=2))
    play.step("created")
    finish_pods(play, "Failed")
    play.step("failed once")
    play.wait(12)
    play.step("again")


def cronjob(play: Play) -> None:
    body = {"schedule": "* * * * *", "jobTemplate": {"spec": job("x")["spec"]}, "successfulJobsHistoryLimit": 1}
    play.call("POST", at(BATCH, "cronjobs"), {"metadata": {"name": "tick"}, "spec": body})
    play.step("created")
    play.wait(61)
    play.step("first")
    finish_pods(play, "Succeeded")
    play.step("first done")
    patch(play, at(BATCH, "cronjobs", "tick"), {"spec": {"concurrencyPolicy": "Forbid"}})
    play.wait(60)
    play.step("second")
    play.wait(60)
    play.step("third is missed")
    finish_pods(play, "Succeeded")
    play.step("second done")
    patch(play, at(BATCH, "cronjobs", "tick"), {"spec": {"suspend": True}})
    play.step("suspended")


def endpoints(play: Play) -> None:
    ports = [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "raw", "port": 81, "targetPort": 8081}]
    spec = {"selector": {"app": "ep"}, "ports": ports}
    play.call("POST", at(CORE, "services"), {"metadata": {"name": "ep", "labels": {"l": "v"}}, "spec": spec})
    headless = {"selector": {"app": "ep"}, "clusterIP": "None"}
    play.call("POST", at(CORE, "services"), {"metadata": {"name": "ep-headless"}, "spec": headless})
    play.call("POST", at(CORE, "services"), {"metadata": {"name": "bare"}, "spec": {"ports": [{"port": 80}]}})
    play.step("services")
    play.call("POST", f"{CORE}/nodes", _node("{c}-1", **{"topology.kubernetes.io/zone": "z"}))
    _renew(play, "{c}-1")
    play.wait(6)
    container = {"name": "c", "image": "i", "ports": [{"name": "web", "containerPort": 8080}]}
    for number in (1, 2):
        meta = {"name": f"p{number}", "labels": {"app": "ep"}}
        pod = {"metadata": meta, "spec": {"containers": [container], "nodeName": "{c}-1"}}
        play.call("POST", at(CORE, "pods"), pod)
    play.step("pods")
    make_ready(play, limit=1)
    play.step("one ready")
    make_ready(play, value="False")
    play.step("none ready")
    make_ready(play)
    play.step("both ready")
    play.call("DELETE", at(CORE, "pods", "p1"))
    play.step("one being deleted")
    reap(play)
    play.step("one deleted")
    patch(play, at(CORE, "services", "ep"), {"spec": {"selector": {"app": "none"}}})
    play.step("other selector")
    play.call("DELETE", at(CORE, "services", "ep"))
    play.step("deleted")


def budget(play: Play) -> None:
    path = at("/apis/policy/v1", "poddisruptionbudgets")
    for app, limit in (("web", {"minAvailable": 2}), ("other", {"maxUnavailable": "50%"})):
        spec = {"selector": {"matchLabels": {"app": app}}, **limit}
        play.call("POST", path, {"metadata": {"name": app}, "spec": spec})
    play.step("no pods")
    play.call("POST", at(APPS, "deployments"), workload("web", 3))
    play.call("POST", at(APPS, "deployments"), workload("other", 3))
    play.step("not ready")
    make_ready(play)
    play.step("ready")


def volumes(play: Play) -> None:
    spec = {
        "capacity": {"storage": "2Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "{c}-manual",
        "hostPath": {"path": "/x"},
    }
    play.call("POST", f"{CORE}/persistentvolumes", {"metadata": {"name": "{c}-pv"}, "spec": spec})
    play.step("volume")
    claim = claim_template("c1")
    claim["spec"]["storageClassName"] = "{c}-manual"
    play.call("POST", at(CORE, "persistentvolumeclaims"), claim)
    play.wait(2)
    play.step("bound")
    claim["metadata"]["name"] = "c2"
    play.call("POST", at(CORE, "persistentvolumeclaims"), claim)
    play.step("no volume")
    for name, mode in (("wait", "WaitForFirstConsumer"), ("now", "Immediate")):
        storage_class = {"metadata": {"name": f"{{c}}-{name}"}, "provisioner": "x.io/p", "volumeBindingMode": mode}
        play.call("POST", "/apis/storage.k8s.io/v1/storageclasses", storage_class)
    claim["metadata"]["name"], claim["spec"]["storageClassName"] = "c3", "{c}-wait"
    play.call("POST", at(CORE, "persistentvolumeclaims"), claim)
    claim["metadata"]["name"], claim["spec"]["storageClassName"] = "c4", "{c}-now"
    play.call("POST", at(CORE, "persistentvolumeclaims"), claim)
    play.step("classes")
    used = template("x", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c1"}}])["spec"]
    play.call("POST", at(CORE, "pods"), {"metadata": {"name": "user"}, "spec": {**used, "nodeName": "{c}-nowhere"}})
    play.call("DELETE", at(CORE, "persistentvolumeclaims", "c1"))
    play.step("held by a pod")
    play.call("DELETE", at(CORE, "pods", "user"), {"gracePeriodSeconds": 0})
    play.wait(2)
    play.step("released")
    play.call("DELETE", f"{CORE}/persistentvolumes/{{c}}-pv")
    play.step("volume deleted")


def autoscaler(play: Play) -> None:
    play.call("POST", at(APPS, "deployments"), workload("web", 1))
    body = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 4,
    }
    play.call("POST", at("/apis/autoscaling/v2", "horizontalpodautoscalers"), {"metadata": {"name": "h"}, "spec": body})
    play.wait(18)
    play.step("below the minimum")
    make_ready(play)
    play.wait(18)
    play.step("no metrics")


def quota(play: Play) -> None:
    hard = {"pods": "5", "configmaps": "10", "requests.cpu": "2", "services": "3", "count/deployments.apps": "2"}
    play.call("POST", at(CORE, "resourcequotas"), {"metadata": {"name": "q"}, "spec": {"hard": hard}})
    play.wait(2)
    play.step("empty")
    spec = template("x")["spec"]
    spec["containers"][0]["resources"] = {"requests": {"cpu": "500m"}}
    play.call("POST", at(CORE, "pods"), {"metadata": {"name": "p"}, "spec": spec})
    play.call("POST", at(CORE, "configmaps"), {"metadata": {"name": "c"}})
    play.wait(2)
    play.step("used")
    play.call("DELETE", at(CORE, "pods", "p"))
    play.wait(8)
    play.step("freed")


def namespace(play: Play) -> None:
    play.step("new")
    play.call("POST", at(CORE, "configmaps"), {"metadata": {"name": "held", "finalizers": ["x.io/hold"]}})
    play.call("POST", at(CORE, "pods"), {"metadata": {"name": "p"}, "spec": template("x")["spec"]})
    play.call("DELETE", f"{CORE}/namespaces/{{ns}}")
    play.wait(7)
    play.step("terminating")
    patch(play, at(CORE, "configmaps", "held"), {"metadata": {"finalizers": None}})
    play.wait(12)
    play.step("gone")


def aggregation(play: Play) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    selectors = {"clusterRoleSelectors": [{"matchLabels": {"part-of": "{c}"}}]}
    play.call("POST", rbac, {"metadata": {"name": "{c}-all"}, "aggregationRule": selectors, "rules": []})
    for name, resource in (("b", "pods"), ("a", "secrets")):
        rules = [{"apiGroups": [""], "resources": [resource], "verbs": ["get"]}]
        meta = {"name": f"{{c}}-{name}", "labels": {"part-of": "{c}"}}
        play.call("POST", rbac, {"metadata": meta, "rules": rules})
    play.step("aggregated")
    play.call("DELETE", f"{rbac}/{{c}}-b")
    play.step("one less")


def garbage(play: Play) -> None:
    def config(name: str, owners: list[Obj], **meta: Any) -> Obj:
        owned = {"metadata": {"name": name, "ownerReferences": owners, **meta}}
        return play.call("POST", at(CORE, "configmaps"), owned)

    def owner(obj: Obj, **more: Any) -> Obj:
        name, uid = obj["metadata"]["name"], obj["metadata"]["uid"]
        return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid, **more}

    first, second = config("first", []), config("second", [])
    config("both", [owner(first), owner(second)])
    config("blocked", [owner(second, blockOwnerDeletion=True)], finalizers=["x.io/hold"])
    absent = {"apiVersion": "v1", "kind": "ConfigMap", "name": "never", "uid": "11111111-1111-4111-8111-111111111111"}
    config("lost", [absent])
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"}
    body = {"metadata": {"name": "{c}-owner"}, "rules": []}
    made = play.call("POST", f"/apis/{role['apiVersion']}/clusterroles", body)
    config("of-cluster", [{**role, "name": "{c}-owner", "uid": made["metadata"]["uid"]}])
    play.wait(2)
    play.step("made")
    play.call("DELETE", at(CORE, "configmaps", "first"), {"propagationPolicy": "Background"})
    play.step("one owner gone")
    play.call("DELETE", at(CORE, "configmaps", "second"), {"propagationPolicy": "Foreground"})
    play.step("foreground waits")
    patch(play, at(CORE, "configmaps", "blocked"), {"metadata": {"finalizers": None}})
    play.step("foreground done")
    play.call("DELETE", f"/apis/{role['apiVersion']}/clusterroles/{{c}}-owner")
    play.step("owner outside gone")
    third = config("third", [])
    config("kept", [owner(third)])
    play.call("DELETE", at(CORE, "configmaps", "third"), {"propagationPolicy": "Orphan"})
    play.step("orphaned")


def accounts(play: Play) -> None:
    play.step("new")
    play.call("DELETE", at(CORE, "serviceaccounts", "default"))
    play.call("DELETE", at(CORE, "configmaps", "kube-root-ca.crt"))
    play.step("come back")
    patch(play, at(CORE, "configmaps", "kube-root-ca.crt"), {"data": {"ca.crt": "other"}})
    play.step("put right")
    annotations = {"kubernetes.io/service-account.name": "default"}
    secret = {"metadata": {"name": "t", "annotations": annotations}, "type": "kubernetes.io/service-account-token"}
    play.call("POST", at(CORE, "secrets"), secret)
    play.step("token")


def nodes(play: Play) -> None:
    play.call("POST", f"{CORE}/nodes", _node("{c}-1"))
    play.wait(3)
    play.step("added")
    _renew(play, "{c}-1")
    play.wait(6)
    play.step("ready")
    bound = {**template("x")["spec"], "nodeName": "{c}-1"}
    play.call("POST", at(CORE, "pods"), {"metadata": {"name": "p"}, "spec": bound})
    patch(play, f"{CORE}/nodes/{{c}}-1", {"spec": {"unschedulable": True}})
    play.wait(2)
    play.step("cordoned")
    patch(play, f"{CORE}/nodes/{{c}}-1", {"spec": {"unschedulable": None}})
    patch(play, f"{CORE}/nodes/{{c}}-1", {"spec": {"taints": [{"key": "k", "effect": "NoExecute"}]}})
    play.wait(2)
    play.step("evicted")
    play.call("DELETE", f"{CORE}/nodes/{{c}}-1")
    play.wait(6)
    play.step("removed")


SCENARIOS: Mapping[str, Callable[[Play], None]] = {
    one.__name__.replace("_", "-"): one
    for one in (
        deployment,
        deployment_proportional,
        deployment_recreate,
        deployment_limits,
        deployment_unavailable,
        replicaset,
        replication_controller,
        statefulset,
        statefulset_parallel,
        daemonset,
        jobs,
        jobs_parallel,
        jobs_indexed,
        jobs_failing,
        jobs_backoff,
        cronjob,
        endpoints,
        budget,
        volumes,
        autoscaler,
        quota,
        namespace,
        aggregation,
        garbage,
        accounts,
        nodes,
    )
}
