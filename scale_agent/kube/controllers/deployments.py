"""Deployments: one ReplicaSet per pod template, rolled out step by step (pkg/controller/deployment)."""

from __future__ import annotations

from collections.abc import Sequence

from scale_agent.kube import writes
from scale_agent.kube.codec import gonumbers
from scale_agent.kube.controllers import events, orphans, progress, rollouts
from scale_agent.kube.controllers.common import (
    actor,
    annotations_of,
    change_meta,
    controller_in,
    current,
    deleting,
    find_condition,
    labels_of,
    owned,
    owner_reference,
    read,
    remove,
    selected,
    set_status,
)
from scale_agent.kube.controllers.hashes import template_hash
from scale_agent.kube.controllers.orphans import SETS
from scale_agent.kube.controllers.rollouts import HASH_LABEL, REVISION, size
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

DEPLOYMENTS: ResourceKey = ("apps", "deployments")
SOURCE = events.Source("deployment-controller")


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


class _Look:
    """One look at one Deployment: what there is, and what to do about it."""

    def __init__(self, core: Core, deployment: Obj, now: float) -> None:
        self.core = core
        self.deployment = deployment
        self.now = now
        self.resource = core.builtin("apps", "v1", "deployments")
        self.set_resource = core.builtin("apps", "v1", "replicasets")
        self.sizes = rollouts.sizes_of(deployment)
        self.sets = self.claimed()
        self.newest = rollouts.newest_of(deployment, self.sets)

    @property
    def old(self) -> list[Obj]:
        """All but the newest."""
        return [one for one in self.sets if one is not self.newest]

    def sync(self) -> None:
        """``syncDeployment``."""
        if deleting(self.deployment):
            self.report(rolling=False)
            return
        self.note_pause()
        if self.deployment["spec"].get("paused"):
            self.find_newest(create=False)
            self.scale()
            self.clean()
            self.report(rolling=False)
        elif self.is_scaling():
            self.find_newest(create=False)
            self.scale()
            self.report(rolling=False)
        elif self.sizes.rolling:
            self.roll()
        else:
            self.recreate()

    def claimed(self) -> list[Obj]:
        """Its ReplicaSets: its own that fit, and orphans that fit; what does not fit is let go."""
        selector = self.deployment["spec"].get("selector")
        kept = []
        for one in owned(self.core, self.resource, self.deployment, SETS):
            if selected(selector, labels_of(one)):
                kept.append(one)
            elif not deleting(self.deployment):
                self.release(one)
        if not deleting(self.deployment):
            found = [self.adopted(one) for one in self.orphans() if selected(selector, labels_of(one))]
            kept += [one for one in found if one is not None]
        return rollouts.by_age(kept)

    def orphans(self) -> list[Obj]:
        """ReplicaSets of the namespace that nobody controls; few, if any."""
        namespace = self.deployment["metadata"]["namespace"]
        names = sorted(orphans.names(self.core, SETS, namespace))
        found = [read(self.core, SETS, namespace, name) for name in names]
        return [one for one in found if one is not None]

    def adopted(self, one: Obj) -> Obj | None:
        """An orphan with its new controller, unless it is being deleted or gone."""
        references = [*(one["metadata"].get("ownerReferences") or ()), owner_reference(self.resource, self.deployment)]
        if deleting(one):
            return None
        change_meta(self.core, self.set_resource, one, self.now, ownerReferences=references)
        version = current(self.core, self.set_resource, one)
        return self.core.seen(version) if version is not None else None

    def release(self, one: Obj) -> None:
        uid = self.deployment["metadata"]["uid"]
        left = [each for each in one["metadata"].get("ownerReferences") or () if each.get("uid") != uid]
        change_meta(self.core, self.set_resource, one, self.now, ownerReferences=left)

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

    def write(self, status: Obj, revision: str = "") -> None:
        """Store a status, and go on from what was stored."""
        annotations = annotations_of(self.deployment)
        if revision and annotations.get(REVISION) != revision:
            annotations = {**annotations, REVISION: revision}
        elif status == self.deployment.get("status"):
            return
        set_status(self.core, self.resource, self.deployment, status, self.now, annotations)
        version = current(self.core, self.resource, self.deployment)
        if version is not None:
            self.deployment = self.core.seen(version)

    def is_scaling(self) -> bool:
        """Whether the Deployment's size changed since its ReplicaSets were last sized."""
        self.find_newest(create=False)
        for one in rollouts.active(self.sets):
            if gonumbers.whole(annotations_of(one).get(rollouts.DESIRED, "")) not in (None, self.sizes.wanted):
                return True
        return False

    def find_newest(self, *, create: bool) -> None:
        """The ReplicaSet of the present template, with its revision; made if there is none and one may be made."""
        revision = max(map(rollouts.revision_of, self.old), default=0) + 1
        if self.newest is None:
            if create:
                self.create(revision)
            return
        meta = self.newest["metadata"]
        wanted = rollouts.with_revision(annotations_of(self.newest), self.deployment, revision)
        min_ready_s = self.deployment["spec"].get("minReadySeconds") or 0
        if wanted != annotations_of(self.newest) or (self.newest["spec"].get("minReadySeconds") or 0) != min_ready_s:
            spec = {name: value for name, value in self.newest["spec"].items() if name != "minReadySeconds"}
            if min_ready_s:
                spec["minReadySeconds"] = min_ready_s
            self.update_set({**self.newest, "metadata": {**meta, "annotations": wanted}, "spec": spec})
        self.tell_revision(annotations_of(self.newest).get(REVISION, ""))

    def tell_revision(self, revision: str) -> None:
        """The Deployment shows its newest ReplicaSet's revision, and has a condition Progressing from the first."""
        status = self.deployment.get("status") or {}
        assert self.newest is not None
        if progress.has_deadline(self.deployment) and find_condition(self.deployment, "Progressing") is None:
            found = f'Found new replica set "{self.newest["metadata"]["name"]}"'
            new = progress.condition("Progressing", "True", "FoundNewReplicaSet", found, self.now)
            status = {**status, "conditions": progress.put(status.get("conditions") or (), new)}
        self.write(status, revision)

    def update_set(self, obj: Obj) -> Obj:
        """Store a ReplicaSet, and put what was stored in the place of what it was."""
        version = current(self.core, self.set_resource, obj)
        if version is None:
            return obj
        meta = {**obj["metadata"], "resourceVersion": str(version.rv)}
        body = {**obj, "metadata": meta}
        stored = self.core.seen(writes.update(self.core, self.set_resource, version, body, actor(self.now)))
        uid = stored["metadata"]["uid"]
        self.sets = [stored if one["metadata"]["uid"] == uid else one for one in self.sets]
        if self.newest is not None and self.newest["metadata"]["uid"] == uid:
            self.newest = stored
        return stored

    def create(self, revision: int) -> None:
        """The ReplicaSet of the present template."""
        body = self.new_set(revision)
        name = body["metadata"]["name"]
        if self.core.store.get(SETS, body["metadata"]["namespace"], name) is not None:
            status = self.deployment.get("status") or {}
            self.write({**status, "collisionCount": int(status.get("collisionCount") or 0) + 1})
            raise StatusError(409, "AlreadyExists", f'replicasets.apps "{name}" already exists')
        made = self.core.seen(writes.create(self.core, self.set_resource, body, actor(self.now)))
        self.sets.append(made)
        self.newest = made
        if size(made):
            self.tell(f"Scaled up replica set {name} from 0 to {size(made)}")
        status = dict(self.deployment.get("status") or {})
        if progress.has_deadline(self.deployment):
            text = f'Created new replica set "{name}"'
            new = progress.condition("Progressing", "True", "NewReplicaSetCreated", text, self.now)
            status["conditions"] = progress.put(status.get("conditions") or (), new)
        self.write(status, str(revision))

    def new_set(self, revision: int) -> Obj:
        """What the new ReplicaSet is to be."""
        meta, spec = self.deployment["metadata"], self.deployment["spec"]
        collisions = int((self.deployment.get("status") or {}).get("collisionCount") or 0)
        digest = template_hash(spec["template"], collisions)
        labels = {**((spec["template"].get("metadata") or {}).get("labels") or {}), HASH_LABEL: digest}
        annotations = rollouts.with_revision({}, self.deployment, revision)
        annotations |= self.size_annotations()
        selector = spec["selector"]
        made: Obj = {
            "replicas": rollouts.new_size(self.sizes, self.sets, 0),
            "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: digest}},
            "template": {
                **spec["template"],
                "metadata": {**(spec["template"].get("metadata") or {}), "labels": labels},
            },
        }
        if spec.get("minReadySeconds"):
            made["minReadySeconds"] = spec["minReadySeconds"]
        owner = owner_reference(self.resource, self.deployment)
        own = {
            "name": f"{meta['name'][: 252 - len(digest)]}-{digest}",
            "namespace": meta["namespace"],
            "labels": labels,
        }
        return {"metadata": {**own, "annotations": annotations, "ownerReferences": [owner]}, "spec": made}

    def size_annotations(self) -> dict[str, str]:
        """How large the Deployment is and may be, as its ReplicaSets note it."""
        return {rollouts.DESIRED: str(self.sizes.wanted), rollouts.MAXIMUM: str(self.sizes.most)}

    def resize(self, one: Obj, replicas: int, *, force: bool = False) -> bool:
        """Give a ReplicaSet another size; whether that was needed. ``force``: bring its annotations up to date too."""
        before = size(one)
        stale = force and any(annotations_of(one).get(name) != text for name, text in self.size_annotations().items())
        if before == replicas and not stale:
            return False
        annotations = {**annotations_of(one), **self.size_annotations()}
        meta = {**one["metadata"], "annotations": annotations}
        self.update_set({**one, "metadata": meta, "spec": {**one["spec"], "replicas": replicas}})
        if before != replicas:
            way = "up" if before < replicas else "down"
            self.tell(f"Scaled {way} replica set {one['metadata']['name']} from {before} to {replicas}")
        return before != replicas

    def tell(self, message: str) -> None:
        events.record(self.core, self.deployment, SOURCE, events.Words("ScalingReplicaSet", message), self.now)

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
        self.find_newest(create=True)
        assert self.newest is not None
        if size(self.newest) != self.sizes.wanted:
            wanted = self.sizes.wanted
            if size(self.newest) < wanted:
                wanted = rollouts.new_size(self.sizes, self.sets, size(self.newest))
            if self.resize(self.newest, wanted):
                self.report()
                return
        sizes = rollouts.shrunk(self.sizes, self.newest, self.old)
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
        self.find_newest(create=False)
        shrunk = [self.resize(one, 0) for one in rollouts.active(self.old)]
        if any(shrunk) or self.old_pods_left():
            self.report()
            return
        self.find_newest(create=True)
        assert self.newest is not None
        self.resize(self.newest, self.sizes.wanted)
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
