"""A Deployment's ReplicaSets: which they are, and how they come, change and grow (pkg/controller/deployment)."""

from __future__ import annotations

from scale_agent.kube import writes
from scale_agent.kube.controllers import events, orphans, progress, rollouts
from scale_agent.kube.controllers.common import (
    actor,
    annotations_of,
    change_meta,
    current,
    deleting,
    find_condition,
    labels_of,
    owned,
    owner_reference,
    read,
    selected,
    set_status,
)
from scale_agent.kube.controllers.hashes import template_hash
from scale_agent.kube.controllers.orphans import SETS
from scale_agent.kube.controllers.rollouts import HASH_LABEL, REVISION, size
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.storage.version import Obj

SOURCE = events.Source("deployment-controller")


class DeploymentSets:
    """One Deployment and its ReplicaSets as they are now; every change keeps this up to date."""

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

    def claimed(self) -> list[Obj]:
        """Its ReplicaSets: its own that fit, and orphans that fit; what does not fit is let go."""
        selector = self.deployment["spec"].get("selector")
        is_deleting = deleting(self.deployment)
        kept = []
        for one in owned(self.core, self.resource, self.deployment, SETS):
            if selected(selector, labels_of(one)):
                kept.append(one)
            elif not is_deleting:
                self.release(one)
        if not is_deleting:
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

    def next_revision(self) -> int:
        """The revision after the old ones'."""
        return max(map(rollouts.revision_of, self.old), default=0) + 1

    def keep_newest(self) -> None:
        """Bring the ReplicaSet of the present template up to date, with its revision, if there is one."""
        if self.newest is None:
            return
        annotations, spec = annotations_of(self.newest), self.newest["spec"]
        wanted = rollouts.with_revision(annotations, self.deployment, self.next_revision())
        min_ready_s = self.deployment["spec"].get("minReadySeconds") or 0
        if wanted != annotations or (spec.get("minReadySeconds") or 0) != min_ready_s:
            spec = {name: value for name, value in spec.items() if name != "minReadySeconds"}
            if min_ready_s:
                spec["minReadySeconds"] = min_ready_s
            meta = {**self.newest["metadata"], "annotations": wanted}
            self.update_set({**self.newest, "metadata": meta, "spec": spec})
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

    def made_newest(self) -> Obj:
        """The ReplicaSet of the present template; made if there is none."""
        if self.newest is None:
            self.create()
        assert self.newest is not None
        return self.newest

    def create(self) -> None:
        """Make the ReplicaSet of the present template. Raises 409 when its name is another's."""
        revision = self.next_revision()
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
