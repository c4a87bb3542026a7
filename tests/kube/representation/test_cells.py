"""Cells of kubectl's columns that no recording shows. Expected values: the rules of k8s.io/kubernetes/pkg/printers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scale_agent.kube.representation import cells_cluster, cells_network, cells_pods, cells_storage
from scale_agent.kube.storage.version import Obj

Reader = Callable[[Obj, float], Any]
META = {"metadata": {"name": "x"}}


def ended(reason: str = "", code: int = 0, **more: Any) -> dict[str, Any]:
    terminated: dict[str, Any] = {"exitCode": code}
    if reason:
        terminated["reason"] = reason
    return {"name": "c", "state": {"terminated": terminated}, **more}


RUNNING = {"name": "c", "ready": True, "state": {"running": {}}}
PODS: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({"containers": [{}]}, {"phase": "Pending"}, "Pending", "0/1"),
    ({"containers": [{}]}, {"phase": "Running", "containerStatuses": [RUNNING]}, "Running", "1/1"),
    ({"containers": [{}]}, {"phase": "Succeeded", "containerStatuses": [ended("Completed")]}, "Completed", "0/1"),
    ({"containers": [{}]}, {"phase": "Failed", "containerStatuses": [ended("", 3)]}, "ExitCode:3", "0/1"),
    (
        {"containers": [{}], "initContainers": [{"name": "i"}, {"name": "j"}]},
        {"phase": "Pending", "initContainerStatuses": [ended("Completed"), {"name": "j", "state": {"running": {}}}]},
        "Init:1/2",
        "0/1",
    ),
    (
        {"containers": [{}], "initContainers": [{"name": "i"}]},
        {
            "phase": "Pending",
            "initContainerStatuses": [{"name": "i", "state": {"waiting": {"reason": "ErrImagePull"}}}],
        },
        "Init:ErrImagePull",
        "0/1",
    ),
    (
        {"containers": [{}]},
        {
            "phase": "Running",
            "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
        },
        "CrashLoopBackOff",
        "0/1",
    ),
    (
        {"containers": [{}], "initContainers": [{"name": "s", "restartPolicy": "Always"}]},
        {
            "phase": "Running",
            "initContainerStatuses": [{"name": "s", "started": True, "ready": True, "state": {"running": {}}}],
            "containerStatuses": [RUNNING],
        },
        "Running",
        "2/2",
    ),
    (
        {"containers": [{}]},
        {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]},
        "SchedulingGated",
        "0/1",
    ),
]


@pytest.mark.parametrize(("spec", "status", "word", "ready"), PODS)
def test_a_pods_state_in_one_word(spec: Obj, status: Obj, word: str, ready: str) -> None:
    pod = {**META, "spec": spec, "status": status}
    assert (cells_pods.status(pod, 0), cells_pods.ready(pod, 0)) == (word, ready)


def test_a_pod_that_is_deleted_is_terminating_unless_it_has_ended() -> None:
    meta = {"metadata": {"name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert cells_pods.status({**meta, "status": {"phase": "Running"}}, 0) == "Terminating"
    assert cells_pods.status({**meta, "status": {"phase": "Succeeded"}}, 0) == "Succeeded"


def test_restarts_say_when_the_last_one_was() -> None:
    state = {"lastState": {"terminated": {"finishedAt": "1970-01-01T00:01:00Z"}}, "restartCount": 4}
    pod = {**META, "spec": {"containers": [{}]}, "status": {"containerStatuses": [{**RUNNING, **state}]}}
    assert cells_pods.restarts(pod, 120) == "4 (60s ago)"


CELLS: list[tuple[Reader, Obj, Any]] = [
    (cells_network.hosts, {"spec": {"rules": [{"host": f"h{n}"} for n in range(5)]}}, "h0,h1,h2 + 2 more..."),
    (cells_network.hosts, {"spec": {"rules": [{}]}}, "*"),
    (cells_network.ingress_ports, {"spec": {"tls": [{}]}}, "80, 443"),
    (cells_network.class_parameters, {"spec": {"parameters": {"kind": "K", "apiGroup": "g", "name": "n"}}}, "K.g/n"),
    (
        cells_network.parent,
        {"spec": {"parentRef": {"resource": "services", "namespace": "a", "name": "b"}}},
        "services/a/b",
    ),
    (cells_network.slice_ports, {"ports": [{"port": 80}, {"name": "web"}]}, "80,web"),
    (cells_network.slice_ports, {}, "<unset>"),
    (cells_network.pod_selector, {"spec": {"podSelector": {}}}, "<none>"),
    (cells_storage.volume_modes, {"spec": {"accessModes": ["ReadWriteMany", "ReadWriteOnce"]}}, "RWO,RWX"),
    (cells_storage.claim, {"spec": {"claimRef": {"namespace": "a", "name": "b"}}}, "a/b"),
    (cells_storage.bound_capacity, {"spec": {}, "status": {"capacity": {"storage": "1Gi"}}}, ""),
    (
        cells_cluster.quota(False),
        {"status": {"hard": {"pods": "3", "limits.cpu": "2"}, "used": {"pods": "1"}}},
        "pods: 1/3",
    ),
    (cells_cluster.quota(True), {"status": {"hard": {"pods": "3", "limits.cpu": "2"}}}, "limits.cpu: 0/2"),
    (cells_cluster.available_or_not("minAvailable"), {"spec": {"minAvailable": 0}}, "0"),
    (cells_cluster.available_or_not("minAvailable"), {"spec": {}}, "N/A"),
    (
        cells_cluster.request_condition,
        {"status": {"conditions": [{"type": "Approved"}], "certificate": "x"}},
        "Approved,Issued",
    ),
    (
        cells_cluster.claim_state,
        {**META, "status": {"allocation": {"a": 1}, "reservedFor": [{}]}},
        "allocated,reserved",
    ),
    (cells_cluster.dangling, {}, "?"),
    (cells_cluster.limited("limitResponse", "queuing", "queues"), {"spec": {"limited": {}}}, "<none>"),
    (
        cells_cluster.targets,
        {
            "spec": {
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}}]
            },
            "status": {"currentMetrics": [{"resource": {"current": {"averageUtilization": 10}}}]},
        },
        "cpu: 10%/80%",
    ),
    (
        cells_cluster.controller,
        {
            "metadata": {
                "ownerReferences": [{"controller": True, "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d"}]
            }
        },
        "daemonset.apps/d",
    ),
]


@pytest.mark.parametrize(("read", "obj", "cell"), CELLS)
def test_cells(read: Reader, obj: Obj, cell: Any) -> None:
    assert read(obj, 0) == cell
