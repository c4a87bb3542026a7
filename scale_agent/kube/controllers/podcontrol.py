"""Pods as controllers handle them: made from templates, adopted and released, chosen to go."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from scale_agent.kube import writes
from scale_agent.kube.codec import gonumbers, moments
from scale_agent.kube.controllers import events, orphans
from scale_agent.kube.controllers.common import (
    PODS,
    actor,
    annotations_of,
    change_meta,
    controller_of,
    created_at,
    current,
    deleting,
    find_condition,
    is_true,
    labels_of,
    owner_reference,
    remove,
    selected,
)
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
#: Phases in the order in which pods are given up.
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def pod_from(resource: ResourceType, owner: Obj, template: Obj) -> Obj:
    """A pod of a template, with ``generateName`` and its controller; shares nothing with the template."""
    template = orjson.loads(orjson.dumps(template))
    given = template.get("metadata") or {}
    meta = {name: given[name] for name in ("labels", "annotations", "finalizers") if given.get(name)}
    meta["generateName"] = f"{owner['metadata']['name']}-"
    meta["namespace"] = owner["metadata"]["namespace"]
    meta["ownerReferences"] = [owner_reference(resource, owner)]
    return {"metadata": meta, "spec": template["spec"]}


def create(core: Core, owner: Obj, pod: Obj, source: events.Source, now: float) -> Obj | None:
    """Make a pod and tell of it; ``None`` when it is refused, which is told too. A refusal is raised by its reason."""
    try:
        made = core.seen(writes.create(core, core.builtin("", "v1", "pods"), pod, actor(now)))
    except StatusError as refusal:
        if not _ends_soon(refusal):
            failed = events.Words("FailedCreate", f"Error creating: {refusal.message}", warning=True)
            events.record(core, owner, source, failed, now)
        raise
    words = events.Words("SuccessfulCreate", f"Created pod: {made['metadata']['name']}")
    events.record(core, owner, source, words, now)
    return made


def _ends_soon(refusal: StatusError) -> bool:
    return "is being terminated" in refusal.message


def delete(core: Core, owner: Obj, pod: Obj, source: events.Source, now: float) -> None:
    """Delete a pod and tell of it."""
    if remove(core, core.builtin("", "v1", "pods"), pod, now):
        words = events.Words("SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
        events.record(core, owner, source, words, now)


def claimed(core: Core, resource: ResourceType, owner: Obj, selector: Any, now: float) -> list[Obj]:
    """The pods of a controller: its own, those without one that fit are adopted, those that do not fit are let go."""
    kept = []
    for pod in (*_own(core, resource, owner), *_orphans(core, owner, selector)):
        if selected(selector, labels_of(pod)):
            mine = pod if controller_of(pod) is not None else _adopted(core, resource, owner, pod, now)
            kept += [mine] if mine is not None else []
        elif not deleting(owner) and not deleting(pod):
            let_go(core, owner, pod, now)
    return kept


def _own(core: Core, resource: ResourceType, owner: Obj) -> Iterable[Obj]:
    meta = owner["metadata"]
    for key, version in core.owners.dependents(resource.key, meta.get("namespace", ""), meta["name"], meta["uid"]):
        if key == PODS and (controller_of(core.seen(version)) or {}).get("uid") == meta["uid"]:
            yield core.seen(version)


def _orphans(core: Core, owner: Obj, selector: Any) -> Iterable[Obj]:
    """Pods without a controller that fit. Only those are named in ``memo``: a rule keeps them."""
    if deleting(owner):
        return
    namespace = owner["metadata"]["namespace"]
    for name in sorted(orphans.names(core, PODS, namespace)):
        version = core.store.get(PODS, namespace, name)
        if version is not None and selected(selector, version.labels):
            pod = core.seen(version)
            if controller_of(pod) is None and not deleting(pod) and is_active(pod):
                yield pod


def _adopted(core: Core, resource: ResourceType, owner: Obj, pod: Obj, now: float) -> Obj | None:
    """The pod with its new controller, if it is still there."""
    references = [*(pod["metadata"].get("ownerReferences") or ()), owner_reference(resource, owner)]
    pods = core.builtin("", "v1", "pods")
    change_meta(core, pods, pod, now, ownerReferences=references)
    if current(core, pods, pod) is None:
        return None
    return {**pod, "metadata": {**pod["metadata"], "ownerReferences": references}}


def let_go(core: Core, owner: Obj, pod: Obj, now: float) -> None:
    """Take the owner's reference off a pod."""
    uid = owner["metadata"]["uid"]
    left = [one for one in pod["metadata"].get("ownerReferences") or () if one.get("uid") != uid]
    change_meta(core, core.builtin("", "v1", "pods"), pod, now, ownerReferences=left)


def is_active(pod: Obj) -> bool:
    """Whether a pod counts: it has not ended and is not being deleted."""
    return phase(pod) not in ("Succeeded", "Failed") and not deleting(pod)


def phase(pod: Obj) -> str:
    """A pod's phase."""
    return str((pod.get("status") or {}).get("phase", ""))


def is_ready(pod: Obj) -> bool:
    """Whether the pod's Ready condition holds."""
    return is_true(pod, "Ready")


def ready_since(pod: Obj) -> float:
    """When the pod became ready, seconds; 0 if it is not, or nobody knows."""
    condition = find_condition(pod, "Ready")
    if condition is None or condition.get("status") != "True":
        return 0.0
    return moments.parse(condition.get("lastTransitionTime") or "") or 0.0


def is_available(pod: Obj, min_ready_s: int, now: float) -> bool:
    """Whether a pod has been ready for that long."""
    if not is_ready(pod):
        return False
    since = ready_since(pod)
    return min_ready_s == 0 or (since > 0 and since + min_ready_s <= now)


def available_in(pods: Iterable[Obj], min_ready_s: int, now: float) -> float | None:
    """Seconds until the next of the ready pods becomes available."""
    waits = [ready_since(pod) + min_ready_s - now for pod in pods if is_ready(pod)]
    return min((wait for wait in waits if wait > 0), default=None)


def restarts(pod: Obj) -> int:
    """The most restarts of any container."""
    found = (pod.get("status") or {}).get("containerStatuses") or ()
    return max((int(one.get("restartCount") or 0) for one in found), default=0)


def first_to_go(pods: list[Obj], related: Iterable[Obj], now: float) -> list[Obj]:
    """Pods in the order in which a ReplicaSet gives them up (``ActivePodsWithRanks``).

    ``related``: pods of all the ReplicaSets of the same controller; who has more of them on its node goes first.
    """
    neighbours: dict[str, int] = {}
    for pod in related:
        if is_active(pod):
            node = pod["spec"].get("nodeName", "")
            neighbours[node] = neighbours.get(node, 0) + 1
    return sorted(pods, key=_worth(neighbours, now))


def _worth(neighbours: dict[str, int], now: float) -> Callable[[Obj], tuple[Any, ...]]:
    def worth(pod: Obj) -> tuple[Any, ...]:
        node = pod["spec"].get("nodeName", "")
        ready = is_ready(pod)
        return (
            bool(node),
            _PHASES.get(phase(pod), 1),
            ready,
            _cost(pod),
            -neighbours.get(node, 0),
            _magnitude(now - ready_since(pod)) if ready else 0,
            -restarts(pod),
            _magnitude(now - created_at(pod)),
            pod["metadata"]["uid"],
        )

    return worth


def _cost(pod: Obj) -> int:
    return gonumbers.integer(annotations_of(pod).get(DELETION_COST, "")) or 0


def _magnitude(age_s: float) -> int:
    """Ages are compared by their order of magnitude (nanoseconds, base 2)."""
    return int(math.log2(age_s * 1e9)) if age_s > 0 else -1
