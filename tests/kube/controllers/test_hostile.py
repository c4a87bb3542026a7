"""Whatever clients write into specs, statuses and metadata, no controller stumbles over it."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kube.controllers.scenarios import claim_template, job, workload
from tests.kube.testbed import JSON, NODE, Bed, snapshot

MERGE = "application/merge-patch+json"
CORE, APPS, BATCH = (f"{base}/namespaces/default" for base in ("/api/v1", "/apis/apps/v1", "/apis/batch/v1"))
_DAEMONS = workload("ds")
del _DAEMONS["spec"]["replicas"]
_CLAIMS: dict[str, Any] = {"serviceName": "x", "volumeClaimTemplates": [claim_template("d")]}
_TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
_MADE: tuple[tuple[str, dict[str, Any]], ...] = (
    (f"{APPS}/deployments", workload("web", 2)),
    (f"{APPS}/statefulsets", workload("db", 2, **_CLAIMS)),
    (f"{APPS}/daemonsets", _DAEMONS),
    (f"{APPS}/replicasets", workload("rs", 2)),
    (f"{BATCH}/jobs", job("j", completions=2, completionMode="Indexed")),
    (f"{BATCH}/cronjobs", {"metadata": {"name": "c"}, "spec": {"schedule": "* * * * *", "jobTemplate": job("x")}}),
    (f"{CORE}/services", {"metadata": {"name": "s"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}),
    (
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        {"metadata": {"name": "p"}, "spec": {"selector": {"matchLabels": {"app": "web"}}, "minAvailable": "50%"}},
    ),
    (
        "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
        {"metadata": {"name": "h"}, "spec": {"scaleTargetRef": _TARGET, "maxReplicas": 3}},
    ),
    (f"{CORE}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "4", "requests.cpu": "2"}}}),
    (f"{CORE}/persistentvolumeclaims", claim_template("cl")),
    ("/api/v1/nodes", {"metadata": {"name": "n2"}}),
    (
        f"{CORE}/pods",
        {"metadata": {"name": "pp", "labels": {"app": "web"}}, "spec": job("x")["spec"]["template"]["spec"]},
    ),
)
_PATHS = (*(path for path, _ in _MADE), *[f"{CORE}/pods"] * 4)
_CONDITIONS = ("Progressing", "Available", "Ready", "Complete", "Suspended", "DisruptionAllowed", "ReplicaFailure")
_STATUS = st.one_of(
    st.builds(
        lambda kind, value: {"conditions": [{"type": kind, "status": value}]},
        st.sampled_from(_CONDITIONS),
        st.sampled_from(["True", "False", "?"]),
    ),
    st.sampled_from(
        [
            {"conditions": [{"type": "Progressing"}]},
            {"readyReplicas": 99},
            {"phase": "Weird"},
            {"podIP": "x"},
            {"containerStatuses": [{"name": "z"}]},
            {"completedIndexes": "5-1,x"},
            {"active": [{"name": "x"}]},
            {"lastScheduleTime": "2020-01-01T00:00:00Z"},
            {"currentRevision": "nope"},
            {"addresses": [{"type": "InternalIP"}]},
            {"allocatable": {"pods": "1"}},
        ]
    ),
)
_SPEC: Any = st.sampled_from(
    [
        {"replicas": 0},
        {"replicas": 5},
        {"paused": True},
        {"suspend": True},
        {"suspend": False},
        {"parallelism": 0},
        {"schedule": "0 0 30 2 *"},
        {"timeZone": "No/Where"},
        {"minReadySeconds": 3},
        {"revisionHistoryLimit": 0},
        {"strategy": {"type": "Recreate", "rollingUpdate": None}},
        {"taints": [{"key": "a", "effect": "NoExecute"}]},
        {"unschedulable": True},
        {"ttlSecondsAfterFinished": 0},
        {"activeDeadlineSeconds": 1},
        {"hard": {"count/": "1", "x.y/z": "3", "limits.": "1"}},
        {"template": {"spec": {"containers": [{"name": "c", "image": "i2"}]}}},
    ]
)
_META: Any = st.sampled_from(
    [
        {"annotations": {"deployment.kubernetes.io/revision": "x", "deployment.kubernetes.io/desired-replicas": "x"}},
        {"annotations": {"batch.kubernetes.io/job-completion-index": "q"}},
        {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "--1"}},
        {"labels": {"app": "other"}},
        {"finalizers": ["a.b/c"]},
        {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "u"}]},
        {"labels": None, "annotations": None},
    ]
)
_ACT = st.one_of(
    st.tuples(st.just("status"), _STATUS),
    st.tuples(st.just("spec"), _SPEC),
    st.tuples(st.just("metadata"), _META),
    st.tuples(st.just("delete"), st.sampled_from(["Background", "Foreground", "Orphan"])),
)
_STEPS = st.lists(st.tuples(st.sampled_from(_PATHS), st.integers(0, 9), _ACT, st.sampled_from([0, 1, 61])), max_size=12)


@settings(max_examples=30, deadline=None)
@given(_STEPS)
def test_no_controller_stumbles(steps: list[tuple[str, int, tuple[str, Any], int]]) -> None:
    bed = Bed(snapshot({**NODE, "metadata": {"name": "n1"}}))
    for path, obj in _MADE:
        bed.ask("POST", path, obj)
    for path, number, (what, value), seconds in steps:
        items = orjson.loads(bed.ask("GET", path).body).get("items") or []
        if not items:
            continue
        target = f"{path}/{items[number % len(items)]['metadata']['name']}"
        if what == "delete":
            bed.ask("DELETE", target, {"propagationPolicy": value}, media=JSON)
        else:
            part = f"{target}/status" if what == "status" else target
            bed.ask("PATCH", part, {what: value}, media=MERGE)
        bed.advance(seconds)
    bed.advance(100)
    assert "unreadable" not in bed.api.core.memo
