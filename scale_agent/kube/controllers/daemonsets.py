"""DaemonSets: one pod on each node that fits (k8s.io/kubernetes/pkg/controller/daemon)."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from scale_agent.kube.controllers import events, podcontrol, revisions, taints
from scale_agent.kube.controllers.common import (
    NODES,
    annotations_of,
    created_at,
    deleting,
    gone,
    labels_of,
    read,
    scaled,
    set_status,
)
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

SETS: ResourceKey = ("apps", "daemonsets")
SOURCE = events.Source("daemonset-controller")
GENERATION, TEMPLATE_LABEL = "deprecated.daemonset.template.generation", "pod-template-generation"
#: Taints that every daemon pod tolerates, with their effects (``AddOrUpdateDaemonPodTolerations``).
_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
_HOST_NETWORK = ("node.kubernetes.io/network-unavailable", "NoSchedule")


def node_changed(core: Core, change: Change, _: float) -> None:
    """Rule: a new node, or other labels or taints of one: every DaemonSet looks."""
    if not core.store.has(SETS) or not _matters(core, change):
        return
    for version in core.store.list(SETS):
        core.queue.add(reconcile, version.namespace, version.name)


def _matters(core: Core, change: Change) -> bool:
    """Heartbeats do not; nor does a node's end, whose pods are collected later (``syncNodeUpdate``)."""
    if gone(change) or change.event.before is None:
        return not gone(change)
    before, after = core.seen(change.event.before), core.seen(change.event.after)
    return before.get("spec") != after.get("spec") or labels_of(before) != labels_of(after)


def reconcile(core: Core, namespace: str, name: str, now: float) -> None:
    """Look at a DaemonSet."""
    found = read(core, SETS, namespace, name)
    if found is not None:
        _Look(core, found, now).sync()


def template_for(daemon_set: Obj, hashed: str) -> Obj:
    """A DaemonSet's template with the tolerations and labels that its pods get (``CreatePodTemplate``)."""
    template: Obj = copy.deepcopy(daemon_set["spec"]["template"])
    spec = template["spec"]
    given = list(spec.get("tolerations") or ())
    for key, effect in (*_TOLERATED, *((_HOST_NETWORK,) if spec.get("hostNetwork") else ())):
        one = {"key": key, "operator": "Exists", "effect": effect}
        if one not in given:
            given.append(one)
    spec["tolerations"] = given
    meta = template["metadata"] = dict(template.get("metadata") or {})
    labels = {**(meta.get("labels") or {}), revisions.POD_LABEL: hashed}
    generation = annotations_of(daemon_set).get(GENERATION, "")
    if generation:
        labels[TEMPLATE_LABEL] = generation
    meta["labels"] = labels
    return template


class _Look:
    """One look at one DaemonSet."""

    def __init__(self, core: Core, found: Obj, now: float) -> None:
        self.core, self.set, self.now = core, found, now
        self.resource = core.builtin("apps", "v1", "daemonsets")
        self.min_ready_s = int(found["spec"].get("minReadySeconds") or 0)
        self.past = revisions.past(core, self.resource, found, now)
        self.hash = revisions.hash_of(self.past.update)
        self.template = template_for(found, self.hash)
        self.nodes = [core.seen(version) for version in core.store.list(NODES)]
        self.pods = self.by_node()

    def by_node(self) -> dict[str, list[Obj]]:
        """Its pods by the node they run on, or are to run on; oldest first."""
        found: dict[str, list[Obj]] = {}
        for pod in podcontrol.claimed(self.core, self.resource, self.set, self.set["spec"].get("selector"), self.now):
            found.setdefault(target(pod), []).append(pod)
        return {node: sorted(pods, key=_age) for node, pods in found.items()}

    def sync(self) -> None:
        """Bring each node's pod where it is to be, and say how things are."""
        if not deleting(self.set):
            self.manage()
            if (self.set["spec"].get("updateStrategy") or {}).get("type") == "RollingUpdate":
                self.pods = self.by_node()
                self.roll()
            self.pods = self.by_node()
            live = {labels_of(pod).get(revisions.POD_LABEL, "") for pods in self.pods.values() for pod in pods}
            names = {one["metadata"]["name"] for one in self.past.all if revisions.hash_of(one) in live}
            names.add(self.past.update["metadata"]["name"])
            revisions.truncate(self.core, self.set, self.past.all, names, self.now)
        self.report()

    def wants(self, node: Obj) -> tuple[bool, bool]:
        """Whether a pod is to run on a node, and whether one that runs there may go on (``NodeShouldRunDaemonPod``)."""
        spec = self.template["spec"]
        if spec.get("nodeName") and spec["nodeName"] != node["metadata"]["name"]:
            return False, False
        if not taints.wants(spec, node):
            return False, False
        if taints.untolerated(spec, node) is None:
            return True, True
        return False, taints.untolerated(spec, node, ("NoExecute",)) is None

    def manage(self) -> None:
        """Pods where there are none, none where there are to be none, one where there are more."""
        create, delete = [], []
        names = set()
        for node in self.nodes:
            name = node["metadata"]["name"]
            names.add(name)
            wanted, may_stay = self.wants(node)
            pods = self.pods.get(name, [])
            alive = [pod for pod in pods if not deleting(pod)]
            if wanted and not pods:
                create.append(name)
            elif may_stay:
                ended = [pod for pod in alive if podcontrol.phase(pod) in ("Succeeded", "Failed")]
                self.tell_ended(ended, name)
                running = [pod for pod in alive if pod not in ended]
                delete += ended
                if self.surge:
                    create += [name] if wanted and not running else []
                    delete += self.beyond_surge(running)
                else:
                    delete += running[1:]
            else:
                delete += alive
        # pods that wait for a node which is gone will never get one (``getUnscheduledPodsWithoutNode``)
        delete += [
            pod
            for name, pods in self.pods.items()
            for pod in pods
            if name not in names and not pod["spec"].get("nodeName") and not deleting(pod)
        ]
        self.apply(create, delete)

    def tell_ended(self, pods: Iterable[Obj], node: str) -> None:
        for pod in pods:
            meta, phase = pod["metadata"], podcontrol.phase(pod).lower()
            does = "kill" if phase == "failed" else "delete"
            text = f"Found {phase} daemon pod {meta['namespace']}/{meta['name']} on node {node}, will try to {does} it"
            words = events.Words(f"{phase.title()}DaemonPod", text, warning=phase == "failed")
            events.record(self.core, self.set, SOURCE, words, self.now)

    def beyond_surge(self, pods: list[Obj]) -> list[Obj]:
        """With surge a node may have one old and one new pod, until the new one is available or the old one is not."""
        new = [pod for pod in pods if self.is_new(pod)]
        old = [pod for pod in pods if not self.is_new(pod)]
        extra = [*new[1:], *old[1:]]
        if new and old and (not podcontrol.is_ready(old[0]) or self.is_available(new[0])):
            extra.append(old[0])
        return extra

    def apply(self, create: list[str], delete: list[Obj]) -> None:
        for name in create:
            pod = podcontrol.pod_from(self.resource, self.set, copy.deepcopy(self.template))
            pod["spec"]["affinity"] = on_node(pod["spec"].get("affinity") or {}, name)
            podcontrol.create(self.core, self.set, pod, SOURCE, self.now)
        for pod in delete:
            podcontrol.delete(self.core, self.set, pod, SOURCE, self.now)

    def is_new(self, pod: Obj) -> bool:
        return labels_of(pod).get(revisions.POD_LABEL) == self.hash

    def is_available(self, pod: Obj) -> bool:
        return podcontrol.is_available(pod, self.min_ready_s, self.now)

    @property
    def desired(self) -> int:
        return sum(self.wants(node)[0] for node in self.nodes)

    @property
    def surge(self) -> int:
        rolling = (self.set["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
        return scaled(rolling.get("maxSurge", 0), self.desired, up=True)

    @property
    def unavailable(self) -> int:
        rolling = (self.set["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
        found = scaled(rolling.get("maxUnavailable", 1), self.desired, up=True)
        return found or int(not self.surge)

    def roll(self) -> None:
        """Old pods that are not available go, others as far as the limits let them."""
        if self.surge:
            self.roll_with_surge()
            return
        sick: list[Obj] = []
        well: list[Obj] = []
        down = 0
        for name in sorted(self.pods):
            alive = [pod for pod in self.pods[name] if not deleting(pod)]
            new = [pod for pod in alive if self.is_new(pod)]
            old = [pod for pod in alive if not self.is_new(pod)]
            if bool(new) == bool(old) or len(alive) > 1:
                down += 1
            elif new:
                down += not self.is_available(new[0])
            elif not self.is_available(old[0]):
                down += 1
                sick.append(old[0])
            else:
                well.append(old[0])
        self.apply([], [*sick, *well[: max(self.unavailable - down, 0)]])

    def roll_with_surge(self) -> None:
        sick: list[str] = []
        well: list[str] = []
        surging, delete = 0, []
        for name in sorted(self.pods):
            alive = [pod for pod in self.pods[name] if not deleting(pod)]
            new = next((pod for pod in alive if self.is_new(pod)), None)
            old = next((pod for pod in alive if not self.is_new(pod)), None)
            if old is None:
                continue
            if new is None:
                (well if self.is_available(old) else sick).append(name)
            elif self.is_available(new):
                delete.append(old)
            else:
                surging += 1
        self.apply([*sick, *well[: max(self.surge - surging, 0)]], delete)

    def report(self) -> None:
        """The status (``updateDaemonSetStatus``)."""
        counts = dict.fromkeys(_COUNTS, 0)
        for node in self.nodes:
            pods = self.pods.get(node["metadata"]["name"])
            wanted = self.wants(node)[0]
            if not wanted:
                counts["numberMisscheduled"] += bool(pods)
                continue
            counts["desiredNumberScheduled"] += 1
            if pods:
                counts["currentNumberScheduled"] += 1
                counts["numberReady"] += podcontrol.is_ready(pods[0])
                counts["numberAvailable"] += self.is_available(pods[0])
                counts["updatedNumberScheduled"] += self.is_new(pods[0])
        counts["numberUnavailable"] = counts["desiredNumberScheduled"] - counts["numberAvailable"]
        status = {name: value for name, value in counts.items() if value or name in _KEPT}
        status["observedGeneration"] = self.set["metadata"].get("generation", 1)
        set_status(self.core, self.resource, self.set, status, self.now)
        if self.min_ready_s and counts["numberReady"] != counts["numberAvailable"]:
            meta = self.set["metadata"]
            self.core.later(self.now + self.min_ready_s, reconcile, meta["namespace"], meta["name"])


#: Numbers of the status; the last ones are left out when they are zero.
_KEPT = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
_COUNTS = (*_KEPT, "updatedNumberScheduled", "numberAvailable", "numberUnavailable")


def _age(pod: Obj) -> tuple[bool, float, str]:
    return not pod["spec"].get("nodeName"), created_at(pod), pod["metadata"]["name"]


def target(pod: Obj) -> str:
    """The node of a daemon pod: the one it is bound to, or the one its affinity names."""
    bound = pod["spec"].get("nodeName")
    if bound:
        return str(bound)
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field.get("key") == "metadata.name" and field.get("values"):
                return str(field["values"][0])
    return ""


def on_node(affinity: Obj, name: str) -> Obj:
    """An affinity that lets a pod onto one node only (``ReplaceDaemonSetPodNodeNameNodeAffinity``)."""
    only = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [only]}}
    return {**affinity, "nodeAffinity": {**(affinity.get("nodeAffinity") or {}), **required}}
