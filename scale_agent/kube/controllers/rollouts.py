"""The arithmetic of a Deployment's rollout: pure functions over the Deployment and its ReplicaSets.

Rules: k8s.io/kubernetes/pkg/controller/deployment (rolling.go, sync.go, util/deployment_util.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from scale_agent.kube.codec import gonumbers
from scale_agent.kube.controllers.common import annotations_of, created_at, scaled
from scale_agent.kube.storage.version import Obj

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
#: Annotations of a Deployment that its ReplicaSets do not get.
UNCOPIED = frozenset(
    (
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
        REVISION,
        HISTORY,
        DESIRED,
        MAXIMUM,
    )
)
HASH_LABEL = "pod-template-hash"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many pods a Deployment wants, may have more, and may lack."""

    wanted: int
    surge: int
    unavailable: int
    rolling: bool

    @property
    def least(self) -> int:
        """How many pods have to be available."""
        return self.wanted - self.unavailable

    @property
    def most(self) -> int:
        """How many pods there may be."""
        return self.wanted + self.surge


def sizes_of(deployment: Obj) -> Sizes:
    """``spec.replicas`` and the strategy's limits; both limits zero means that one may be unavailable."""
    spec = deployment["spec"]
    wanted = int(spec.get("replicas") or 0)
    strategy = spec.get("strategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return Sizes(wanted, 0, 0, False)
    rolling = strategy.get("rollingUpdate") or {}
    surge = scaled(rolling.get("maxSurge", 0), wanted, up=True)
    unavailable = scaled(rolling.get("maxUnavailable", 0), wanted, up=False)
    if not surge and not unavailable:
        unavailable = 1
    return Sizes(wanted, surge, min(unavailable, wanted), True)


def size(replica_set: Obj) -> int:
    """``spec.replicas``."""
    return int(replica_set["spec"].get("replicas") or 0)


def counted(sets: Iterable[Obj], name: str) -> int:
    """The sum of a number of the statuses."""
    total = 0
    for one in sets:
        status = one.get("status")
        if status:
            total += int(status.get(name) or 0)
    return total


def available(replica_set: Obj) -> int:
    """``status.availableReplicas``."""
    return counted((replica_set,), "availableReplicas")


def revision_of(obj: Obj) -> int:
    """The revision annotation; 0 without one."""
    return _number(annotations_of(obj).get(REVISION, "")) or 0


#: Revisions are small numbers, read several times in every look.
_number = lru_cache(maxsize=1024)(gonumbers.whole)


def bare(template: Obj) -> Obj:
    """A template without its hash label: what is compared."""
    meta = {name: value for name, value in (template.get("metadata") or {}).items() if name != "creationTimestamp"}
    labels = {name: value for name, value in (meta.get("labels") or {}).items() if name != HASH_LABEL}
    return {"spec": template["spec"], "metadata": {**meta, "labels": labels}}


def newest_of(deployment: Obj, sets: Sequence[Obj]) -> Obj | None:
    """The ReplicaSet with the Deployment's present template; the oldest if several have it."""
    wanted = bare(deployment["spec"]["template"])
    same = [one for one in sets if bare(one["spec"]["template"]) == wanted]
    return by_age(same)[0] if same else None


def by_age(sets: Sequence[Obj]) -> list[Obj]:
    """Oldest first; those of the same second by name."""
    return list(sets) if len(sets) < 2 else sorted(sets, key=lambda one: (created_at(one), one["metadata"]["name"]))


def active(sets: Iterable[Obj]) -> list[Obj]:
    """Those that want pods."""
    return [one for one in sets if size(one) > 0]


def new_size(sizes: Sizes, sets: Sequence[Obj], newest_size: int) -> int:
    """How many pods the newest ReplicaSet may want now (``NewRSNewReplicas``)."""
    if not sizes.rolling:
        return sizes.wanted
    room = sizes.most - sum(map(size, sets))
    if room <= 0:
        return newest_size
    return newest_size + min(room, sizes.wanted - newest_size)


def shrunk(sizes: Sizes, newest: Obj, old: Sequence[Obj]) -> dict[str, int]:
    """New sizes of old ReplicaSets by name: first what is not available goes, then what the newest makes up for."""
    spare = sum(map(size, (*old, newest))) - sizes.least - (size(newest) - available(newest))
    if not active(old) or spare <= 0:
        return {}
    left = {one["metadata"]["name"]: size(one) for one in by_age(active(old))}
    sick = {one["metadata"]["name"]: max(size(one) - available(one), 0) for one in old}
    _take(left, sick, spare)
    _take(left, dict(left), sum(map(available, (*old, newest))) - sizes.least)
    sizes_before = {one["metadata"]["name"]: size(one) for one in old}
    return {name: count for name, count in left.items() if count != sizes_before[name]}


def _take(left: dict[str, int], most: dict[str, int], count: int) -> None:
    """Take up to ``count`` away, in order, at most ``most`` of each, in place."""
    for name in left:
        taken = max(min(left[name], most[name], count), 0)
        left[name] -= taken
        count -= taken


def proportioned(sizes: Sizes, sets: Sequence[Obj], status_replicas: int) -> dict[str, int]:
    """New sizes by name when a Deployment is scaled in the middle of a rollout: each its share."""
    room = (sizes.most if sizes.wanted > 0 else 0) - sum(map(size, sets))
    added = 0
    new: dict[str, int] = {}
    ordered = _largest_first(sets, newer_first=room > 0)
    for one in ordered:
        share = _share(sizes, one, status_replicas) if room else 0
        bound = min if room > 0 else max
        share = bound(share, room - added) if size(one) and room != added else 0
        new[one["metadata"]["name"]] = size(one) + share
        added += share
    if ordered and room:
        first = ordered[0]["metadata"]["name"]
        new[first] = max(new[first] + room - added, 0)
    return new


def _largest_first(sets: Sequence[Obj], *, newer_first: bool) -> list[Obj]:
    aged = by_age(sets)
    if newer_first:
        aged.reverse()
    return sorted(aged, key=lambda one: -size(one))


def _share(sizes: Sizes, replica_set: Obj, status_replicas: int) -> int:
    """By how much a ReplicaSet would grow in proportion (``getReplicaSetFraction``)."""
    if sizes.wanted == 0:
        return -size(replica_set)
    before = gonumbers.whole(annotations_of(replica_set).get(MAXIMUM, "")) or status_replicas
    if before == 0:
        return 0
    exact = size(replica_set) * sizes.most / before
    return int(exact + 0.5) - size(replica_set)


def with_revision(replica_set_annotations: dict[str, str], deployment: Obj, revision: int) -> dict[str, Any]:
    """A ReplicaSet's annotations as its Deployment wants them: copies, the revision, the revisions before it."""
    out = dict(replica_set_annotations)
    out |= {name: text for name, text in annotations_of(deployment).items() if name not in UNCOPIED}
    before = out.get(REVISION, "")
    if (_number(before) or 0) < revision:
        out[REVISION] = str(revision)
        if before:
            out[HISTORY] = ",".join(one for one in (out.get(HISTORY, ""), before) if one)
    return out
