"""CronJobs: a Job whenever it is time (k8s.io/kubernetes/pkg/controller/cronjob)."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

import orjson

from scale_agent.kube import writes
from scale_agent.kube.codec import moments
from scale_agent.kube.controllers import cron, events
from scale_agent.kube.controllers.common import (
    actor,
    created_at,
    deleting,
    is_true,
    owned,
    owner_reference,
    read,
    remove,
    set_status,
)
from scale_agent.kube.controllers.jobs import is_finished
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.version import Obj

CRON_JOBS: ResourceKey = ("batch", "cronjobs")
JOBS: ResourceKey = ("batch", "jobs")
SOURCE = events.Source("cronjob-controller")
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"


def begin(core: Core, _: float) -> None:
    """The CronJobs that a cluster begins with are looked at."""
    if core.store.has(CRON_JOBS):
        for version in core.store.list(CRON_JOBS):
            core.queue.add(reconcile, version.namespace, version.name)


def reconcile(core: Core, namespace: str, name: str, now: float) -> None:
    """Look at a CronJob."""
    found = read(core, CRON_JOBS, namespace, name)
    if found is not None and not deleting(found):
        _Look(core, found, now).sync()


class _Look:
    """One look at one CronJob."""

    def __init__(self, core: Core, found: Obj, now: float) -> None:
        self.core, self.cron, self.now = core, found, now
        self.resource = core.builtin("batch", "v1", "cronjobs")
        self.job_resource = core.builtin("batch", "v1", "jobs")
        self.jobs = owned(core, self.resource, found, JOBS)
        self.status = dict(found.get("status") or {})
        self.spec = found["spec"]

    def sync(self) -> None:
        """Note what ended, forget what is too old, start what is due."""
        self.follow()
        self.forget()
        if not self.spec.get("suspend"):
            self.start_due()
        self.write()

    def tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        events.record(self.core, self.cron, SOURCE, events.Words(reason, message, warning), self.now)

    def follow(self) -> None:
        """The list of active Jobs, and when one last succeeded."""
        active = {str(one.get("uid", "")): one for one in self.status.get("active") or ()}
        by_uid = {job["metadata"]["uid"]: job for job in self.jobs}
        for uid in [uid for uid in active if uid not in by_uid]:
            self.tell("MissingJob", f"Active job went missing: {active.pop(uid).get('name', '')}")
        for uid, job in by_uid.items():
            name = job["metadata"]["name"]
            if uid in active and is_finished(job):
                del active[uid]
                kind = "Complete" if is_true(job, "Complete") else "Failed"
                self.tell("SawCompletedJob", f"Saw completed job: {name}, condition: {kind}")
            if is_true(job, "Complete"):
                self.note_success(job)
        self.set_active(list(active.values()))

    def note_success(self, job: Obj) -> None:
        done = (job.get("status") or {}).get("completionTime")
        if done and done > (self.status.get("lastSuccessfulTime") or ""):
            self.status["lastSuccessfulTime"] = done

    def set_active(self, active: list[Obj]) -> None:
        self.status.pop("active", None)
        if active:
            self.status["active"] = active

    def forget(self) -> None:
        """Finished Jobs beyond the limits of the history go, oldest first."""
        for kind, limit in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            ended = sorted((job for job in self.jobs if is_true(job, kind)), key=_started)
            most = self.spec.get(limit)
            for job in ended[: max(len(ended) - int(most), 0)] if most is not None else ():
                self.delete(job)

    def delete(self, job: Obj) -> None:
        options = writes.DeleteOptions(propagation="Background")
        if remove(self.core, self.job_resource, job, self.now, options):
            self.tell("SuccessfulDelete", f"Deleted job {job['metadata']['name']}")
            self.set_active(
                [one for one in self.status.get("active") or () if one.get("uid") != job["metadata"]["uid"]]
            )

    def start_due(self) -> None:
        """Start the newest Job whose time has come; appoint a look when the next one's has."""
        try:
            schedule = cron.parse(str(self.spec.get("schedule", "")))
        except ValueError as error:
            text = f"unparseable schedule: {self.spec.get('schedule')!r} : {error}"
            self.tell("UnparseableSchedule", text, warning=True)
            return
        zone = cron.zone(self.spec.get("timeZone"))
        last = moments.parse(self.status.get("lastScheduleTime") or "") or created_at(self.cron)
        due = _newest_due(schedule, zone, last, self.now)
        next_due = schedule.next_after(self.now, zone)
        if next_due is not None:
            self.appoint(next_due)
        limit = self.spec.get("startingDeadlineSeconds")
        if due is None:
            return
        if limit is not None and due + int(limit) < self.now:
            late = datetime_text(due)
            self.tell("MissSchedule", f"Missed scheduled time to start a job: {late}", warning=True)
            return
        self.start(due)

    def appoint(self, due: float) -> None:
        """One appointment at a time for each CronJob."""
        meta = self.cron["metadata"]
        told = self.core.memo.setdefault("cron", {})
        if told.get(meta["uid"]) != due:
            told[meta["uid"]] = due
            self.core.later(due, reconcile, meta["namespace"], meta["name"])

    def start(self, due: float) -> None:
        active = self.status.get("active") or []
        policy = self.spec.get("concurrencyPolicy", "Allow")
        if policy == "Forbid" and active:
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.tell("JobAlreadyActive", text)
            return
        if policy == "Replace":
            for job in [one for one in self.jobs if any(one["metadata"]["uid"] == each.get("uid") for each in active)]:
                self.delete(job)
        body = self.new_job(due)
        if self.core.store.get(JOBS, body["metadata"]["namespace"], body["metadata"]["name"]) is not None:
            return
        made = self.core.seen(writes.create(self.core, self.job_resource, body, actor(self.now)))
        meta = made["metadata"]
        self.tell("SuccessfulCreate", f"Created job {meta['name']}")
        reference = {"kind": "Job", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
        reference |= {"apiVersion": "batch/v1", "resourceVersion": meta["resourceVersion"]}
        self.set_active([*(self.status.get("active") or ()), reference])
        self.status["lastScheduleTime"] = moments.stamp(due)

    def new_job(self, due: float) -> Obj:
        """A Job of the template, named by the minute (``getJobFromTemplate2``)."""
        template = orjson.loads(orjson.dumps(self.spec["jobTemplate"]))
        given = template.get("metadata") or {}
        name = self.cron["metadata"]["name"]
        zone = cron.zone(self.spec.get("timeZone"))
        stamp = datetime.fromtimestamp(due, zone).isoformat().replace("+00:00", "Z")
        meta = {
            "name": f"{name[:52]}-{int(due) // 60}",
            "namespace": self.cron["metadata"]["namespace"],
            "annotations": {**(given.get("annotations") or {}), SCHEDULED: stamp},
            "ownerReferences": [owner_reference(self.resource, self.cron)],
        }
        if given.get("labels"):
            meta["labels"] = given["labels"]
        return {"metadata": meta, "spec": template.get("spec") or {}}

    def write(self) -> None:
        set_status(self.core, self.resource, self.cron, self.status, self.now)


def _newest_due(schedule: cron.Schedule, zone: tzinfo, last: float, now: float) -> float | None:
    """The newest time after ``last`` that has come; of many missed ones only the newest matters."""
    due = None
    found = schedule.next_after(last, zone)
    while found is not None and found <= now:
        due = found
        # a long pause is not walked through minute by minute
        found = schedule.next_after(max(found, now - 86400.0 * 7), zone)
    return due


def _started(job: Obj) -> tuple[str, str]:
    return str((job.get("status") or {}).get("startTime") or ""), job["metadata"]["name"]


def datetime_text(time: float) -> str:
    """RFC 1123 with a numeric zone, as Go's ``time.RFC1123Z``."""
    return datetime.fromtimestamp(time, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
