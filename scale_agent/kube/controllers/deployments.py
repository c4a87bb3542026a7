"""Deployments: one ReplicaSet per pod template, rolled out step by step (pkg/controller/deployment)."""

from __future__ import annotations

from collections.abc import Sequence

from scale_agent.kube.codec import gonumbers
from scale_agent.kube.controllers import progress, rollouts
from scale_agent.kube.controllers.common import (
    annotations_of,
    controller_in,
    deleting,
    find_condition,
    owned,
    read,
    remove,
)
from scale_agent.kube.controllers.deployment_sets import DeploymentSets
from scale_agent.kube.controllers.orphans import SETS
from scale_agent.kube.controllers.rollouts import size
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

DEPLOYMENTS: ResourceKey = ("apps", "deployments")


def of_pod(core: Core, change: Change, _: float) -> None:
    """Rule: an old pod is gone, for which a Deployment that recreates may have waited."""
    reference = controller_in(change.event.after)
    if reference is None or reference.get("kind") != "ReplicaSet":
        return
    owner = controller_in(core.store.get(SETS, change.event.after.namespace, str(reference["name"])))
    if owner is not None and owner.get("kind") == "Deployment":
        version = core.store.get(DEPLOYMENTS, change.event.after.namespace, str(owner["name"]))
        if version is not None and b'"type":"Recreate"' in version.json:
            core.queue.add(reconcile, version.namespace, version.name)


def reconcile(core: Core, namespace: str, name: str, now: float) -> None:
    """Look at a Deployment."""
    deployment = read(core, DEPLOYMENTS, namespace, name)
    if deployment is not None:
        _Look(core, deployment, now).sync()


class _Look(DeploymentSets):
    """One look at one Deployment: what to do about what there is."""

    def sync(self) -> None:
        """``syncDeployment``."""
        if deleting(self.deployment):
            self.report(rolling=False)
            return
        self.note_pause()
        self.keep_newest()
        if self.deployment["spec"].get("paused"):
            self.scale()
            self.clean()
            self.report(rolling=False)
        elif self.is_scaling():
            self.scale()
            self.report(rolling=False)
        elif self.sizes.rolling:
            self.roll()
        else:
            self.recreate()

    def note_pause(self) -> None:
        """Progress is not counted while paused."""
        condition = find_condition(self.deployment, "Progressing")
        reason = condition.get("reason", "") if condition is not None else ""
        paused = bool(self.deployment["spec"].get("paused"))
        if not progress.has_deadline(self.deployment) or reason == "ProgressDeadlineExceeded":
            return
        if paused == (reason == "DeploymentPaused"):
            return
        word = "paused" if paused else "resumed"
        new = progress.condition(
            "Progressing", "Unknown", f"Deployment{word.title()}", f"Deployment is {word}", self.now
        )
        status = self.deployment.get("status") or {}
        self.write({**status, "conditions": progress.put(status.get("conditions") or (), new)})

    def is_scaling(self) -> bool:
        """Whether the Deployment's size changed since its ReplicaSets were last sized."""
        for one in rollouts.active(self.sets):
            if gonumbers.whole(annotations_of(one).get(rollouts.DESIRED, "")) not in (None, self.sizes.wanted):
                return True
        return False

    def scale(self) -> None:
        """The Deployment was resized: its only active ReplicaSet follows, or each its share."""
        active = rollouts.active(self.sets)
        if len(active) < 2:
            latest = self.newest or (self.sets[-1] if self.sets else None)
            one = active[0] if active else latest
            if one is not None:
                self.resize(one, self.sizes.wanted)
        elif self.is_saturated():
            for one in rollouts.active(self.old):
                self.resize(one, 0)
        elif self.sizes.rolling:
            replicas = int((self.deployment.get("status") or {}).get("replicas") or 0)
            new = rollouts.proportioned(self.sizes, active, replicas)
            for one in active:
                self.resize(one, new[one["metadata"]["name"]], force=True)

    def is_saturated(self) -> bool:
        """Whether the newest ReplicaSet has all the pods there are to be."""
        if self.newest is None or annotations_of(self.newest).get(rollouts.DESIRED) != str(self.sizes.wanted):
            return False
        return size(self.newest) == rollouts.available(self.newest) == self.sizes.wanted

    def roll(self) -> None:
        """``rolloutRolling``: the new one grows as far as it may, else the old ones shrink as far as they may."""
        newest = self.made_newest()
        if size(newest) != self.sizes.wanted:
            wanted = self.sizes.wanted
            if size(newest) < wanted:
                wanted = rollouts.new_size(self.sizes, self.sets, size(newest))
            if self.resize(newest, wanted):
                self.report()
                return
        sizes = rollouts.shrunk(self.sizes, newest, self.old)
        for one in rollouts.by_age(self.old):
            if one["metadata"]["name"] in sizes:
                self.shrink(one, sizes[one["metadata"]["name"]])
        if not sizes and progress.complete(self.deployment, self.deployment.get("status") or {}):
            self.clean()
        self.report()

    def shrink(self, one: Obj, replicas: int) -> None:
        """Unavailable pods go first, in a step of their own."""
        sick = size(one) - rollouts.available(one)
        between = max(size(one) - max(sick, 0), replicas)
        if replicas < between < size(one):
            self.resize(one, between)
            one = next(each for each in self.sets if each["metadata"]["uid"] == one["metadata"]["uid"])
        self.resize(one, replicas)

    def recreate(self) -> None:
        """``rolloutRecreate``: the new one comes when the last old pod is gone."""
        shrunk = [self.resize(one, 0) for one in rollouts.active(self.old)]
        if any(shrunk) or self.old_pods_left():
            self.report()
            return
        self.resize(self.made_newest(), self.sizes.wanted)
        if progress.complete(self.deployment, self.deployment.get("status") or {}):
            self.clean()
        self.report()

    def old_pods_left(self) -> bool:
        """Whether any old pod still runs."""
        pods = [pod for one in self.old for pod in owned(self.core, self.set_resource, one, ("", "pods"))]
        running = any((pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed") for pod in pods)
        return running or rollouts.counted(self.old, "replicas") > 0

    def clean(self) -> None:
        """Old empty ReplicaSets beyond the history's limit go, lowest revision first."""
        limit = self.deployment["spec"].get("revisionHistoryLimit")
        alive = sorted((one for one in self.old if not deleting(one)), key=rollouts.revision_of)
        for one in alive[: max(len(alive) - int(limit), 0)] if limit is not None else ():
            status = one.get("status") or {}
            seen = int(status.get("observedGeneration") or 0) >= int(one["metadata"].get("generation") or 0)
            if not size(one) and not status.get("replicas") and seen:
                remove(self.core, self.set_resource, one, self.now)
                self.sets = [each for each in self.sets if each is not one]

    def report(self, *, rolling: bool = True) -> None:
        """Write the status; while a rollout goes on, with its progress."""
        status = progress.calculated(self.deployment, self.sizes, self.newest, self.sets, self.now)
        if rolling:
            status = progress.with_progress(self.deployment, status, self.newest, self.now)
            first: Sequence[Obj] = [self.newest] if self.newest is not None else []
            status = progress.with_failure(status, [*first, *self.old])
        self.write(status)
        due = progress.deadline(self.deployment, status["conditions"]) if rolling else None
        if due is not None and not progress.complete(self.deployment, status):
            self.appoint(max(due, self.now) + 1)

    def appoint(self, due: float) -> None:
        """Look again when the deadline has passed; one appointment per Deployment and deadline."""
        meta = self.deployment["metadata"]
        _appoint(self.core, meta["namespace"], meta["name"], meta["uid"], due)


def _appoint(core: Core, namespace: str, name: str, uid: str, due: float) -> None:
    """Holds names only: ten minutes are long."""
    told = core.memo.setdefault("deadlines", {})
    if told.get(uid) != due:
        told[uid] = due
        core.schedule.at(due, lambda _: _look_late(core, namespace, name, uid, due))


def _look_late(core: Core, namespace: str, name: str, uid: str, due: float) -> None:
    if core.memo.get("deadlines", {}).get(uid) == due:
        del core.memo["deadlines"][uid]
        core.queue.add(reconcile, namespace, name)
