"""StatefulSets: numbered pods with claims of their own (k8s.io/kubernetes/pkg/controller/statefulset)."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from scale_agent.kube import writes
from scale_agent.kube.codec import gonumbers
from scale_agent.kube.controllers import events, podcontrol, revisions
from scale_agent.kube.controllers.common import (
    actor,
    change_meta,
    deleting,
    labels_of,
    owner_reference,
    read,
    remove,
    set_status,
)
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.version import Obj

SETS: ResourceKey = ("apps", "statefulsets")
CLAIMS: ResourceKey = ("", "persistentvolumeclaims")
SOURCE = events.Source("statefulset-controller")
NAME_LABEL, INDEX_LABEL = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


def reconcile(core: Core, namespace: str, name: str, now: float) -> None:
    """Look at a StatefulSet."""
    found = read(core, SETS, namespace, name)
    if found is not None:
        _Look(core, found, now).sync()


def ordinal(pod: Obj) -> int:
    """The number at the end of a pod's name; -1 if there is none."""
    found = gonumbers.whole(pod["metadata"]["name"].rpartition("-")[2])
    return -1 if found is None else found


class _Look:
    """One look at one StatefulSet."""

    def __init__(self, core: Core, found: Obj, now: float) -> None:
        self.core, self.set, self.now = core, found, now
        self.resource = core.builtin("apps", "v1", "statefulsets")
        spec = found["spec"]
        self.ordered = spec.get("podManagementPolicy") != "Parallel"
        self.min_ready_s = int(spec.get("minReadySeconds") or 0)
        self.first = int((spec.get("ordinals") or {}).get("start") or 0)
        self.wanted = int(spec.get("replicas") or 0)
        pods = podcontrol.claimed(core, self.resource, found, spec.get("selector"), now)
        self.pods = {ordinal(pod): pod for pod in pods if ordinal(pod) >= 0}
        self.past = revisions.past(core, self.resource, found, now)
        names = {one["metadata"]["name"]: one for one in self.past.all}
        current = (found.get("status") or {}).get("currentRevision", "")
        self.current = names.get(current, self.past.update)

    @property
    def current_name(self) -> str:
        return str(self.current["metadata"]["name"])

    @property
    def update_name(self) -> str:
        return str(self.past.update["metadata"]["name"])

    @property
    def partition(self) -> int:
        """Pods below this number keep the current revision."""
        rolling = (self.set["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
        return int(rolling.get("partition") or 0)

    def sync(self) -> None:
        """Bring the pods where they are to be, one step, and say how things are."""
        if not deleting(self.set):
            self.fix_claims()
            if self.replicas() and self.condemned():
                self.update()
        self.report()
        live = {self.current_name, self.update_name}
        live |= {labels_of(pod).get(revisions.POD_LABEL, "") for pod in self.pods.values()}
        revisions.truncate(self.core, self.set, self.past.all, live, self.now)
        wait = podcontrol.available_in(self.pods.values(), self.min_ready_s, self.now) if self.min_ready_s else None
        if wait is not None:
            meta = self.set["metadata"]
            self.core.later(self.now + wait, reconcile, meta["namespace"], meta["name"])

    @property
    def numbers(self) -> range:
        """The numbers of the pods that are to be."""
        return range(self.first, self.first + self.wanted)

    def is_up(self, pod: Obj) -> bool:
        """Running, ready, and so for long enough."""
        return podcontrol.phase(pod) == "Running" and podcontrol.is_available(pod, self.min_ready_s, self.now)

    def replicas(self) -> bool:
        """Make what is missing; whether everything is there and, if order counts, up."""
        for number in self.numbers:
            pod = self.pods.get(number)
            if pod is not None and podcontrol.phase(pod) in ("Succeeded", "Failed"):
                if not deleting(pod):
                    self.delete(pod)
                if self.ordered:
                    return False
                continue
            if pod is None:
                self.create(number)
                if self.ordered:
                    return False
                continue
            if podcontrol.phase(pod) == "Pending":
                self.make_claims(pod)
            if self.ordered and (deleting(pod) or not self.is_up(pod)):
                return False
        return True

    def condemned(self) -> bool:
        """Delete what is too much, highest number first; whether the update may go on."""
        extra = [self.pods[number] for number in sorted(self.pods, reverse=True) if number not in self.numbers]
        unhealthy = self.first_unhealthy(extra)
        for pod in extra:
            if deleting(pod):
                if self.ordered:
                    return False
                continue
            if self.ordered and not self.is_up(pod) and pod is not unhealthy:
                return False
            self.delete(pod)
            if self.ordered:
                return False
        return True

    def first_unhealthy(self, extra: Sequence[Obj]) -> Obj | None:
        wanted = [self.pods[number] for number in self.numbers if number in self.pods]
        return next((pod for pod in (*wanted, *reversed(extra)) if deleting(pod) or not self.is_up(pod)), None)

    def update(self) -> None:
        """Replace the highest pod of another revision, if all above it are up."""
        if (self.set["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
            return
        for number in sorted((one for one in self.numbers if one - self.first >= self.partition), reverse=True):
            pod = self.pods.get(number)
            if pod is None:
                return
            if labels_of(pod).get(revisions.POD_LABEL) != self.update_name and not deleting(pod):
                self.delete(pod)
                return
            if deleting(pod) or not self.is_up(pod):
                return

    def create(self, number: int) -> None:
        """A pod of the revision that its number is to have, and its claims before it."""
        strategy = self.set["spec"].get("updateStrategy") or {}
        rolling = strategy.get("type") == "RollingUpdate"
        old = rolling and number < self.first + self.partition
        revision = self.current if old else self.past.update
        pod = self.new_pod(number, revision)
        self.make_claims(pod)
        try:
            made = self.core.seen(writes.create(self.core, self.core.builtin("", "v1", "pods"), pod, actor(self.now)))
        except StatusError as refusal:
            self.tell("create", pod, refusal.message)
            raise
        self.pods[number] = made
        self.tell("create", pod)

    def new_pod(self, number: int, revision: Obj) -> Obj:
        template = copy.deepcopy(revision["data"]["spec"]["template"])
        template.pop("$patch", None)
        pod = podcontrol.pod_from(self.resource, self.set, template)
        name = f"{self.set['metadata']['name']}-{number}"
        pod["metadata"]["name"] = name
        numbered = {NAME_LABEL: name, INDEX_LABEL: str(number), revisions.POD_LABEL: revision["metadata"]["name"]}
        pod["metadata"]["labels"] = {**labels_of(pod), **numbered}
        pod["spec"]["hostname"] = name
        if self.set["spec"].get("serviceName"):
            pod["spec"]["subdomain"] = self.set["spec"]["serviceName"]
        claims = {one["metadata"]["name"]: one for one in self.set["spec"].get("volumeClaimTemplates") or ()}
        others = [one for one in pod["spec"].get("volumes") or () if one["name"] not in claims]
        mine = [{"name": each, "persistentVolumeClaim": {"claimName": f"{each}-{name}"}} for each in claims]
        if mine or others:
            pod["spec"]["volumes"] = [*mine, *others]
        return pod

    def make_claims(self, pod: Obj) -> None:
        """The claims of a pod that are not there yet."""
        resource = self.core.builtin("", "v1", "persistentvolumeclaims")
        namespace, pod_name = self.set["metadata"]["namespace"], pod["metadata"]["name"]
        for template in self.set["spec"].get("volumeClaimTemplates") or ():
            name = f"{template['metadata']['name']}-{pod_name}"
            if self.core.store.get(CLAIMS, namespace, name) is not None:
                continue
            given = template["metadata"]
            fitting = (self.set["spec"].get("selector") or {}).get("matchLabels") or {}
            meta = {"name": name, "namespace": namespace, "labels": {**(given.get("labels") or {}), **fitting}}
            if given.get("annotations"):
                meta["annotations"] = given["annotations"]
            meta |= {"ownerReferences": owners} if (owners := self.claim_owners(ordinal(pod), pod)) else {}
            body = {"metadata": meta, "spec": copy.deepcopy(template.get("spec") or {})}
            writes.create(self.core, resource, body, actor(self.now))
            text = f"Create Claim {name} Pod {pod_name} in StatefulSet {self.set['metadata']['name']} success"
            events.record(self.core, self.set, SOURCE, events.Words("SuccessfulCreate", text), self.now)

    def claim_owners(self, number: int, pod: Obj | None) -> list[Obj]:
        """Who a pod's claims go with, by the retention policy: the set, the pod that is too much, nobody."""
        policy = self.set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
        too_much = number not in self.numbers
        if policy.get("whenScaled") == "Delete" and too_much and pod is not None and pod["metadata"].get("uid"):
            meta = pod["metadata"]
            return [{"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}]
        if policy.get("whenDeleted") == "Delete":
            return [owner_reference(self.resource, self.set)]
        return []

    def fix_claims(self) -> None:
        """Claims follow the retention policy: before a pod goes that is too much, its claims become its own."""
        policy = self.set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
        if "Delete" not in policy.values():
            return
        resource = self.core.builtin("", "v1", "persistentvolumeclaims")
        for number, pod in self.pods.items():
            owners = self.claim_owners(number, pod)
            for template in self.set["spec"].get("volumeClaimTemplates") or ():
                name = f"{template['metadata']['name']}-{pod['metadata']['name']}"
                claim = read(self.core, CLAIMS, self.set["metadata"]["namespace"], name)
                if claim is not None and (claim["metadata"].get("ownerReferences") or []) != owners:
                    change_meta(self.core, resource, claim, self.now, ownerReferences=owners)

    def delete(self, pod: Obj) -> None:
        if remove(self.core, self.core.builtin("", "v1", "pods"), pod, self.now):
            self.tell("delete", pod)
            meta = pod["metadata"]
            left = self.core.store.get(("", "pods"), meta["namespace"], meta["name"])
            if left is None:
                self.pods.pop(ordinal(pod), None)
            else:
                self.pods[ordinal(pod)] = self.core.seen(left)

    def tell(self, verb: str, pod: Obj, refusal: str = "") -> None:
        """As ``recordPodEvent``."""
        title = verb.title()
        text = f"{verb} Pod {pod['metadata']['name']} in StatefulSet {self.set['metadata']['name']}"
        text = text[0].upper() + text[1:]
        words = events.Words(f"Successful{title}", f"{text} successful")
        if refusal:
            words = events.Words(f"Failed{title}", f"{text} failed error: {refusal}", warning=True)
        events.record(self.core, self.set, SOURCE, words, self.now)

    def report(self) -> None:
        """The status; a rollout that is done makes the update the current revision."""
        pods = list(self.pods.values())
        ready = [pod for pod in pods if podcontrol.phase(pod) == "Running" and podcontrol.is_ready(pod)]
        alive = [labels_of(pod).get(revisions.POD_LABEL) for pod in pods if not deleting(pod)]
        numbers = {
            "replicas": len(pods),
            "readyReplicas": len(ready),
            "availableReplicas": sum(map(self.is_up, pods)),
            "currentReplicas": alive.count(self.current_name),
            "updatedReplicas": alive.count(self.update_name),
        }
        current = self.current_name
        rolling = (self.set["spec"].get("updateStrategy") or {}).get("type") == "RollingUpdate"
        if rolling and numbers["updatedReplicas"] == numbers["readyReplicas"] == numbers["replicas"] == self.wanted:
            current, numbers["currentReplicas"] = self.update_name, numbers["updatedReplicas"]
        kept = ("replicas", "availableReplicas")
        status: Obj = {name: value for name, value in numbers.items() if value or name in kept}
        status |= {"currentRevision": current, "updateRevision": self.update_name}
        status["observedGeneration"] = self.set["metadata"].get("generation", 1)
        status["collisionCount"] = int((self.set.get("status") or {}).get("collisionCount") or 0)
        set_status(self.core, self.resource, self.set, status, self.now)
