"""How an object is deleted: at once, after a grace period, or when its finalizers are gone.

As apiserver's ``rest.BeforeDelete``, ``deletionFinalizersForGarbageCollection`` and ``markAsDeleting`` decide it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from scale_agent.kube.codec import moments
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.version import Obj

PODS: ResourceKey = ("", "pods")
#: What these have made stays when nothing is said of it, as it did before there was a garbage collector.
ORPHANING: frozenset[ResourceKey] = frozenset({("", "replicationcontrollers"), ("batch", "jobs")})
_FINALIZERS = {"Orphan": "orphan", "Foreground": "foregroundDeletion"}
_ENDED = ("Succeeded", "Failed")
#: How long pods are left to end that do not say it (seconds).
POD_GRACE_S = 30


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What a DELETE asks for. ``propagation`` is ``""``, ``Background``, ``Foreground`` or ``Orphan``."""

    uid: str = ""
    resource_version: str = ""
    grace_s: int | None = None
    propagation: str = ""
    dry_run: bool = False


class Way(Enum):
    """NOW: without grace. GRACEFUL: the object says until when. PENDING: it is on its way already."""

    NOW = "now"
    GRACEFUL = "graceful"
    PENDING = "pending"


def begin(key: ResourceKey, obj: Obj, options: DeleteOptions, now_s: float) -> tuple[Way, int]:
    """Set a pod's deletionTimestamp and grace period, or shorten it; the seconds that are left. Others have none."""
    if key != PODS:
        return Way.NOW, 0
    meta = obj["metadata"]
    asked = options.grace_s if options.grace_s is None else options.grace_s if options.grace_s >= 0 else 1
    if not meta.get("deletionTimestamp"):
        grace_s = _grace(obj, asked)
        meta["deletionTimestamp"] = moments.stamp(now_s + grace_s)
        meta["deletionGracePeriodSeconds"] = grace_s
        _count(meta)
        return Way.GRACEFUL, grace_s
    left_s = int(meta.get("deletionGracePeriodSeconds") or 0)
    if not left_s:
        return Way.NOW, 0
    if asked is None or asked >= left_s:
        return Way.PENDING, left_s
    _shorten(meta, left_s, asked, now_s)
    return Way.GRACEFUL, asked


def _shorten(meta: Obj, left_s: int, asked_s: int, now_s: float) -> None:
    """The end moves back by the difference, but not before now."""
    end_s = (moments.parse(meta["deletionTimestamp"]) or now_s) - left_s + asked_s
    late = end_s < now_s
    meta["deletionTimestamp"] = moments.stamp(now_s if late else end_s)
    meta["deletionGracePeriodSeconds"] = 1 if late and asked_s else asked_s


def _grace(pod: Obj, asked_s: int | None) -> int:
    """Seconds that a pod is left to end: none for one that no node runs, or that has ended."""
    spec = pod.get("spec") or {}
    if not spec.get("nodeName") or (pod.get("status") or {}).get("phase") in _ENDED:
        return 0
    said = spec.get("terminationGracePeriodSeconds")
    grace_s = asked_s if asked_s is not None else said if isinstance(said, int) else POD_GRACE_S
    return grace_s if grace_s >= 0 else 1


def hold(key: ResourceKey, obj: Obj, options: DeleteOptions) -> bool:
    """Write what becomes of the dependents into the finalizers; whether any are left that hold the object."""
    meta = obj["metadata"]
    before = meta.get("finalizers") or []
    kept = [one for one in before if one not in _FINALIZERS.values()]
    wanted = _FINALIZERS.get(_propagation(key, before, options))
    after = [*kept, wanted] if wanted else kept
    if set(after) != set(before):
        meta["finalizers"] = after
        if not after:
            del meta["finalizers"]
    return bool(after)


def _propagation(key: ResourceKey, finalizers: list[str], options: DeleteOptions) -> str:
    """What is asked for, else what the object says already, else what its kind does."""
    if options.propagation:
        return options.propagation
    said = (name for finalizer in finalizers for name, text in _FINALIZERS.items() if text == finalizer)
    return next(said, "Orphan" if key in ORPHANING else "Background")


def mark(obj: Obj, now_s: float) -> None:
    """Say that the object is being deleted, without grace."""
    meta = obj["metadata"]
    if not meta.get("deletionTimestamp"):
        _count(meta)
        meta["deletionTimestamp"] = moments.stamp(now_s)
    meta["deletionGracePeriodSeconds"] = 0


def _count(meta: Obj) -> None:
    if meta.get("generation"):
        meta["generation"] += 1
