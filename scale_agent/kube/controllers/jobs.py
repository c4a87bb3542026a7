"""Jobs: pods that run to their end (pkg/controller/job), and Jobs that go some time after their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scale_agent.kube import writes
from scale_agent.kube.codec import moments
from scale_agent.kube.controllers import events, indexes, podcontrol
from scale_agent.kube.controllers.common import (
    created_at,
    deleting,
    drop_finalizer,
    find_condition,
    is_true,
    read,
    remove,
    set_status,
)
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.version import Obj

JOBS: ResourceKey = ("batch", "jobs")
SOURCE = events.Source("job-controller")
TRACKING = "batch.kubernetes.io/job-tracking"
#: A failed pod is replaced this much later, doubling with each failure up to the longest (seconds).
BACKOFF_S, LONGEST_BACKOFF_S = 10.0, 600.0
REACHED = ("CompletionsReached", "Reached expected number of succeeded pods")
TOO_OFTEN = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
TOO_LONG = ("DeadlineExceeded", "Job was active longer than specified deadline")


def reconcile(core: Core, namespace: str, name: str, now: float) -> None:
    """Look at a Job."""
    found = read(core, JOBS, namespace, name)
    if found is not None:
        _Look(core, found, now).sync()


def is_finished(job: Obj) -> bool:
    """Whether a Job is complete or has failed."""
    return is_true(job, "Complete") or is_true(job, "Failed")


class _Look:
    """One look at one Job."""

    def __init__(self, core: Core, job: Obj, now: float) -> None:
        self.core, self.job, self.now = core, job, now
        self.resource = core.builtin("batch", "v1", "jobs")
        self.pod_resource = core.builtin("", "v1", "pods")
        self.spec = job["spec"]
        self.indexed = self.spec.get("completionMode") == "Indexed"
        self.pods = podcontrol.claimed(core, self.resource, job, self.spec.get("selector"), now)
        self.status = dict(job.get("status") or {})
        self.conditions = list(self.status.get("conditions") or ())

    @property
    def completions(self) -> int | None:
        """How many have to succeed; ``None``: one, whichever, and then all that run."""
        found = self.spec.get("completions")
        return int(found) if found is not None else None

    def sync(self) -> None:
        """Count what ended, make what is missing, say how things are."""
        if is_finished(self.job) or deleting(self.job):
            self.untrack(self.ended())
            self.appoint_end()
            return
        suspended = bool(self.spec.get("suspend"))
        if "startTime" not in self.status and not suspended:
            self.status["startTime"] = moments.stamp(self.now)
        ended = [pod for pod in self.ended() if TRACKING in (pod["metadata"].get("finalizers") or ())]
        self.count(ended)
        verdict = self.verdict()
        active = [pod for pod in self.pods if podcontrol.is_active(pod)]
        if verdict is not None:
            active = self.stop(active)
        elif suspended:
            active = self.suspend(active)
        else:
            self.resume()
            active = self.manage(active)
        self.untrack(ended)
        if verdict is not None and not active:
            self.finish(verdict)
        self.report(active)
        self.tell(verdict if verdict is not None and not active else None)

    def ended(self) -> list[Obj]:
        """Pods that succeeded, failed, or are being deleted and therefore fail."""
        return [pod for pod in self.pods if podcontrol.phase(pod) in ("Succeeded", "Failed") or self.counts_failed(pod)]

    @staticmethod
    def counts_failed(pod: Obj) -> bool:
        return deleting(pod) and not pod["spec"].get("nodeName")

    def count(self, ended: Iterable[Obj]) -> None:
        """Add the pods that ended since the last look."""
        for pod in ended:
            name = "succeeded" if podcontrol.phase(pod) == "Succeeded" else "failed"
            if name == "succeeded" and self.indexed:
                self.complete_index(pod)
            else:
                self.status[name] = int(self.status.get(name) or 0) + 1

    def complete_index(self, pod: Obj) -> None:
        done = self.completed()
        done.add(indexes.of(pod))
        self.status["completedIndexes"] = indexes.text(done)
        self.status["succeeded"] = len(done)

    def completed(self) -> set[int]:
        """Indexes that are done, as the status has them."""
        return indexes.parse(self.status.get("completedIndexes", ""), self.completions or 0)

    def untrack(self, pods: Iterable[Obj]) -> None:
        """Take the finalizer off pods that are counted."""
        for pod in pods:
            if TRACKING in (pod["metadata"].get("finalizers") or ()):
                drop_finalizer(self.core, self.pod_resource, pod, TRACKING, self.now)

    @property
    def failed(self) -> int:
        return int(self.status.get("failed") or 0)

    @property
    def succeeded(self) -> int:
        return int(self.status.get("succeeded") or 0)

    def verdict(self) -> tuple[str, str, str] | None:
        """The condition with which the Job ends, its reason and message; ``None`` while it goes on."""
        if self.failed > int(self.spec.get("backoffLimit", 6)):
            return ("Failed", *TOO_OFTEN)
        deadline, start = self.spec.get("activeDeadlineSeconds"), moments.parse(self.status.get("startTime", ""))
        if deadline is not None and start is not None and not self.spec.get("suspend"):
            if self.now >= start + int(deadline):
                return ("Failed", *TOO_LONG)
            self.core.later(start + int(deadline), reconcile, *self.key)
        active = any(podcontrol.is_active(pod) for pod in self.pods)
        needed = self.completions
        done = self.succeeded >= needed if needed is not None else self.succeeded > 0 and not active
        return ("Complete", *REACHED) if done else None

    @property
    def key(self) -> tuple[str, str]:
        return self.job["metadata"]["namespace"], self.job["metadata"]["name"]

    def stop(self, active: list[Obj]) -> list[Obj]:
        """Delete what still runs; what no node runs is gone, and counts as failed, at once."""
        if active:
            self.delete(active)
            gone = [pod for pod in active if not pod["spec"].get("nodeName")]
            self.status["failed"] = self.failed + len(gone)
            if not self.failed:
                del self.status["failed"]
        return []

    def delete(self, pods: Iterable[Obj]) -> None:
        for pod in pods:
            podcontrol.delete(self.core, self.job, pod, SOURCE, self.now)
            self.untrack([pod])

    def suspend(self, active: list[Obj]) -> list[Obj]:
        """Pods of a suspended Job go and do not count."""
        self.delete(active)
        if not is_true({"status": {"conditions": self.conditions}}, "Suspended"):
            self.condition("Suspended", "True", "JobSuspended", "Job suspended")
            events.record(self.core, self.job, SOURCE, events.Words("Suspended", "Job suspended"), self.now)
        self.status.pop("startTime", None)
        return []

    def resume(self) -> None:
        if is_true({"status": {"conditions": self.conditions}}, "Suspended"):
            self.condition("Suspended", "False", "JobResumed", "Job resumed")
            self.status["startTime"] = moments.stamp(self.now)
            events.record(self.core, self.job, SOURCE, events.Words("Resumed", "Job resumed"), self.now)

    def condition(self, kind: str, value: str, reason: str, message: str) -> None:
        time = moments.stamp(self.now)
        made = {"type": kind, "status": value, "lastProbeTime": time, "lastTransitionTime": time}
        others = [one for one in self.conditions if one["type"] != kind]
        self.conditions = [*others, {**made, "reason": reason, "message": message}]

    def manage(self, active: list[Obj]) -> list[Obj]:
        """As many pods as may run at once and are still needed."""
        parallel = int(self.spec.get("parallelism", 1))
        wanted = parallel
        if self.completions is not None:
            wanted = min(parallel, self.completions - self.succeeded)
        elif self.succeeded:
            wanted = min(parallel, len(active))
        if len(active) > wanted:
            order = podcontrol.first_to_go(active, active, self.now)
            count = len(active) - max(wanted, 0)
            self.delete(order[:count])
            return order[count:]
        missing = wanted - len(active)
        if not missing:
            return active
        wait = self.backoff_ends() - self.now
        if wait > 0:
            self.core.later(self.now + wait, reconcile, *self.key)
            return active
        return [*active, *self.create(missing, active)]

    def backoff_ends(self) -> float:
        """When the next pod may be made: some time after the newest failure."""
        newest = [pod for pod in self.pods if podcontrol.phase(pod) in ("Succeeded", "Failed")]
        newest.sort(key=_finished_at, reverse=True)
        failures = 0
        for pod in newest:
            if podcontrol.phase(pod) == "Succeeded":
                break
            failures += 1
        if not failures:
            return 0.0
        return _finished_at(newest[0]) + min(BACKOFF_S * 2.0 ** (failures - 1), LONGEST_BACKOFF_S)

    def create(self, count: int, active: list[Obj]) -> list[Obj]:
        numbers: Sequence[int | None] = [None] * count
        if self.indexed:
            taken = self.completed() | {indexes.of(pod) for pod in active}
            numbers = [*(one for one in range(self.completions or 0) if one not in taken)][:count]
        made = []
        for number in numbers:
            try:
                pod = podcontrol.create(self.core, self.job, self.new_pod(number), SOURCE, self.now)
            except StatusError:
                break
            if pod is not None:
                made.append(pod)
        return made

    def new_pod(self, number: int | None) -> Obj:
        pod = podcontrol.pod_from(self.resource, self.job, self.spec["template"])
        meta = pod["metadata"]
        meta["finalizers"] = [*(meta.get("finalizers") or ()), TRACKING]
        if number is not None:
            indexes.give(pod, self.job, number)
        return pod

    def finish(self, verdict: tuple[str, str, str]) -> None:
        kind, reason, message = verdict
        self.condition("SuccessCriteriaMet" if kind == "Complete" else "FailureTarget", "True", reason, message)
        self.condition(kind, "True", reason, message)
        if kind == "Complete":
            self.status["completionTime"] = moments.stamp(self.now)

    def report(self, active: list[Obj]) -> None:
        status = {**self.status, "uncountedTerminatedPods": {}, "ready": sum(map(podcontrol.is_ready, active))}
        status.pop("active", None)
        if active:
            status["active"] = len(active)
        status["terminating"] = sum(deleting(pod) and not self.counts_failed(pod) for pod in self.pods)
        if self.conditions:
            status["conditions"] = self.conditions
        set_status(self.core, self.resource, self.job, status, self.now)

    def tell(self, verdict: tuple[str, str, str] | None) -> None:
        """How it ended."""
        if verdict is None:
            return
        kind, reason, message = verdict
        words = events.Words("Completed", "Job completed")
        if kind == "Failed":
            words = events.Words(reason, message, warning=True)
        events.record(self.core, self.job, SOURCE, words, self.now)

    def appoint_end(self) -> None:
        """A finished Job with a time to live goes when that is over (controller ``ttl-after-finished``)."""
        lasts = self.spec.get("ttlSecondsAfterFinished")
        if lasts is None or deleting(self.job) or "ttl-after-finished" in self.core.store.snapshot.without:
            return
        found = find_condition(self.job, "Complete") or find_condition(self.job, "Failed") or {}
        due = (moments.parse(found.get("lastTransitionTime", "")) or self.now) + int(lasts)
        if due > self.now:
            self.core.later(due, reconcile, *self.key)
            return
        options = writes.DeleteOptions(propagation="Foreground")
        remove(self.core, self.resource, self.job, self.now, options)


def _finished_at(pod: Obj) -> float:
    """When the last container of a pod ended."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    times = [
        moments.parse(((one.get("state") or {}).get("terminated") or {}).get("finishedAt") or "") for one in statuses
    ]
    return max((time for time in times if time is not None), default=created_at(pod))
