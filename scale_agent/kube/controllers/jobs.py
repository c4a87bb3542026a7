"""Jobs: their pods run and succeed."""

from __future__ import annotations

from typing import Any

from scale_agent.kube import writes
from scale_agent.kube.codec import moments
from scale_agent.kube.controllers.common import actor, controller_of, current, owned, owner_reference, set_status
from scale_agent.kube.core import Core
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj


def of_pod(core: Core, change: Change, now: float) -> None:
    """A pod changed: its Job counts again."""
    reference = controller_of(change.event.after.object())
    if reference is None or reference.get("kind") != "Job":
        return
    version = core.store.get(("batch", "jobs"), change.event.after.namespace, str(reference["name"]))
    if version is not None:
        _reconcile(core, version.object(), now)


def reconcile(core: Core, change: Change, now: float) -> None:
    """A Job changed: make its pods, and say how they fare."""
    if change.event.type is not EventType.DELETED:
        _reconcile(core, change.event.after.object(), now)


def _reconcile(core: Core, job: Obj, now: float) -> None:
    resource = core.builtin("batch", "v1", "jobs")
    version = current(core, resource, job)
    if version is None:
        return
    job = version.object()
    spec = job["spec"]
    if job["metadata"].get("deletionTimestamp") or spec.get("suspend") or _complete(job):
        return
    pods = core.builtin("", "v1", "pods")
    mine = owned(core, resource, job, pods.key)
    completions = int(spec.get("completions") or spec.get("parallelism") or 1)
    done = sum(_phase(pod) == "Succeeded" for pod in mine)
    active = sum(_phase(pod) in ("Pending", "Running") for pod in mine)
    for _ in range(active, min(int(spec.get("parallelism") or 1), completions - done)):
        writes.create(core, pods, _pod(core, job), actor(now))
        active += 1
    set_status(core, resource, job, _status(job, active, done, completions, moments.stamp(now)), now)


def _complete(job: Obj) -> bool:
    return any(one.get("type") == "Complete" for one in (job.get("status") or {}).get("conditions") or ())


def _phase(pod: Obj) -> str:
    return str((pod.get("status") or {}).get("phase", ""))


def _pod(core: Core, job: Obj) -> Obj:
    template = job["spec"]["template"]
    given = template.get("metadata") or {}
    meta = {name: given[name] for name in ("labels", "annotations") if given.get(name)}
    meta["generateName"] = f"{job['metadata']['name']}-"
    meta["namespace"] = job["metadata"]["namespace"]
    meta["ownerReferences"] = [owner_reference(core.builtin("batch", "v1", "jobs"), job)]
    return {"metadata": meta, "spec": dict(template["spec"])}


def _status(job: Obj, active: int, done: int, completions: int, time: str) -> Obj:
    before = job.get("status") or {}
    status: dict[str, Any] = {
        "startTime": before.get("startTime", time),
        "terminating": 0,
        "uncountedTerminatedPods": {},
    }
    if active:
        status["active"] = status["ready"] = active
    else:
        status["ready"] = 0
    if done:
        status["succeeded"] = done
    if done >= completions:
        status["completionTime"] = time
        reached = {"reason": "CompletionsReached", "message": "Reached expected number of succeeded pods"}
        status["conditions"] = [
            {"type": kind, "status": "True", "lastProbeTime": time, "lastTransitionTime": time, **reached}
            for kind in ("SuccessCriteriaMet", "Complete")
        ]
    return status
