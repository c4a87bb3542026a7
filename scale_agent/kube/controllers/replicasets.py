"""ReplicaSets: as many pods as they say."""

from __future__ import annotations

from typing import Any

from scale_agent.kube import writes
from scale_agent.kube.controllers.common import (
    actor,
    controller_version,
    owned,
    owner_reference,
    remove,
    set_status,
    stored,
)
from scale_agent.kube.core import Core
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj, Version


def of_pod(core: Core, change: Change, now: float) -> None:
    """A pod changed: its ReplicaSet counts again."""
    version = controller_version(core, change, "ReplicaSet", "apps", "replicasets")
    if version is not None:
        _reconcile(core, version, now)


def reconcile(core: Core, change: Change, now: float) -> None:
    """A ReplicaSet changed: make or delete pods, and say how many there are."""
    version = stored(core, change) if change.event.type is not EventType.DELETED else None
    if version is not None:
        _reconcile(core, version, now)


def _reconcile(core: Core, version: Version, now: float) -> None:
    resource = core.builtin("apps", "v1", "replicasets")
    replica_set = version.object()
    if replica_set["metadata"].get("deletionTimestamp"):
        return
    seen_rv = core.store.rv
    pods = core.builtin("", "v1", "pods")
    mine = [pod for pod in owned(core, pods, replica_set) if _counts(pod)]
    wanted = int(replica_set["spec"].get("replicas") or 0)
    for _ in range(len(mine), wanted):
        writes.create(core, pods, pod_from(core, replica_set), actor(now))
    for pod in sorted(mine, key=is_ready)[: max(len(mine) - wanted, 0)]:
        remove(core, pods, pod, now)
    if core.store.rv != seen_rv:
        mine = [pod for pod in owned(core, pods, replica_set) if _counts(pod)]
    set_status(core, resource, replica_set, counted_status(replica_set, mine), now)


def _counts(pod: Obj) -> bool:
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not ended and not pod["metadata"].get("deletionTimestamp")


def is_ready(pod: Obj) -> bool:
    """Whether the pod's Ready condition holds."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def counted_status(replica_set: Obj, pods: list[Obj]) -> Obj:
    """The numbers of a ReplicaSet's status; zeros are left out as Go leaves them out."""
    ready = sum(map(is_ready, pods))
    generation = replica_set["metadata"].get("generation", 1)
    status: dict[str, Any] = {"replicas": len(pods), "terminatingReplicas": 0, "observedGeneration": generation}
    if pods:
        status["fullyLabeledReplicas"] = len(pods)
    if ready:
        status["readyReplicas"] = status["availableReplicas"] = ready
    return status


def pod_from(core: Core, replica_set: Obj) -> Obj:
    """A pod of the ReplicaSet's template."""
    resource = core.builtin("apps", "v1", "replicasets")
    template = replica_set["spec"]["template"]
    given = template.get("metadata") or {}
    meta = {name: given[name] for name in ("labels", "annotations", "finalizers") if given.get(name)}
    meta["generateName"] = f"{replica_set['metadata']['name']}-"
    meta["namespace"] = replica_set["metadata"]["namespace"]
    meta["ownerReferences"] = [owner_reference(resource, replica_set)]
    return {"metadata": meta, "spec": dict(template["spec"])}
