"""Deployments: one ReplicaSet per pod template; the old ones shrink when the new one is ready."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from scale_agent.kube import writes
from scale_agent.kube.codec import moments
from scale_agent.kube.controllers.common import (
    actor,
    condition,
    controller_version,
    current,
    owned,
    owner_reference,
    set_status,
    state,
    stored,
)
from scale_agent.kube.core import Core
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj, Version

REVISION = "deployment.kubernetes.io/revision"
HASH_LABEL = "pod-template-hash"
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_COPIED = ("deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas")


def of_replica_set(core: Core, change: Change, now: float) -> None:
    """A ReplicaSet changed: its Deployment looks again."""
    version = controller_version(core, change, "Deployment", "apps", "deployments")
    if version is not None:
        _reconcile(core, version, now)


def reconcile(core: Core, change: Change, now: float) -> None:
    """A Deployment changed."""
    version = stored(core, change) if change.event.type is not EventType.DELETED else None
    if version is not None:
        _reconcile(core, version, now)


def template_hash(template: Obj) -> str:
    """The hash label of a pod template: stable, in the alphabet of real ones."""
    digest = hashlib.sha256(orjson.dumps(template, option=orjson.OPT_SORT_KEYS)).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:10])


def _reconcile(core: Core, version: Version, now: float) -> None:
    deployment = version.object()
    if deployment["metadata"].get("deletionTimestamp") or deployment["spec"].get("paused"):
        return
    seen_rv = core.store.rv
    sets = list(owned(core, core.builtin("apps", "v1", "replicasets"), deployment))
    newest = next((one for one in sets if _same_template(deployment, one)), None)
    if newest is None:
        newest = _create(core, deployment, sets, now)
    _scale(core, deployment, newest, sets, now)
    if core.store.rv != seen_rv:
        sets = list(owned(core, core.builtin("apps", "v1", "replicasets"), deployment))
    _report(core, deployment, newest, sets, now)


def _same_template(deployment: Obj, replica_set: Obj) -> bool:
    return _bare(deployment["spec"]["template"]) == _bare(replica_set["spec"]["template"])


def _bare(template: Obj) -> Obj:
    meta = template.get("metadata") or {}
    labels = {name: value for name, value in (meta.get("labels") or {}).items() if name != HASH_LABEL}
    return {"spec": template["spec"], "labels": labels, "annotations": meta.get("annotations") or {}}


def _revision(obj: Obj) -> int:
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def _create(core: Core, deployment: Obj, sets: list[Obj], now: float) -> Obj:
    """The ReplicaSet of the Deployment's present template."""
    meta, spec = deployment["metadata"], deployment["spec"]
    digest = template_hash(spec["template"])
    labels = {**((spec["template"].get("metadata") or {}).get("labels") or {}), HASH_LABEL: digest}
    revision = max(map(_revision, sets), default=0) + 1
    annotations = {name: value for name, value in (meta.get("annotations") or {}).items() if name not in _UNCOPIED}
    annotations[REVISION] = str(revision)
    selector = spec["selector"]
    body = {
        "metadata": {
            "name": f"{meta['name']}-{digest}",
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner_reference(core.builtin("apps", "v1", "deployments"), deployment)],
        },
        "spec": {
            "replicas": int(spec.get("replicas") or 0),
            "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: digest}},
            "template": {
                **spec["template"],
                "metadata": {**(spec["template"].get("metadata") or {}), "labels": labels},
            },
        },
    }
    return writes.create(core, core.builtin("apps", "v1", "replicasets"), body, actor(now)).object()


_UNCOPIED = frozenset(("kubectl.kubernetes.io/last-applied-configuration", REVISION, *_COPIED))


def _scale(core: Core, deployment: Obj, newest: Obj, sets: list[Obj], now: float) -> None:
    """The newest gets all replicas at once; the older ones shrink to nothing once it is ready."""
    wanted = int(deployment["spec"].get("replicas") or 0)
    _resize(core, newest, wanted, now)
    version = core.store.get(("apps", "replicasets"), newest["metadata"]["namespace"], newest["metadata"]["name"])
    status = (state(version, newest).get("status") or {}) if version is not None else {}
    ready = int(status.get("readyReplicas") or 0)
    recreate = (deployment["spec"].get("strategy") or {}).get("type") == "Recreate"
    if ready >= wanted or recreate:
        for one in sets:
            if one["metadata"]["uid"] != newest["metadata"]["uid"]:
                _resize(core, one, 0, now)


def _resize(core: Core, replica_set: Obj, replicas: int, now: float) -> None:
    resource = core.builtin("apps", "v1", "replicasets")
    version = current(core, resource, replica_set)
    if version is None or int(state(version, replica_set)["spec"].get("replicas") or 0) == replicas:
        return
    body = version.object()
    body["spec"]["replicas"] = replicas
    writes.update(core, resource, version, body, actor(now))


def _report(core: Core, deployment: Obj, newest: Obj, sets: list[Obj], now: float) -> None:
    resource = core.builtin("apps", "v1", "deployments")
    annotations = {**(deployment["metadata"].get("annotations") or {}), REVISION: str(_revision(newest))}
    status = rollout_status(deployment, newest, sets, moments.stamp(now))
    set_status(core, resource, deployment, status, now, annotations)


def rollout_status(deployment: Obj, newest: Obj, sets: list[Obj], time: str) -> Obj:
    """A Deployment's status from its ReplicaSets."""
    wanted = int(deployment["spec"].get("replicas") or 0)
    total, ready = _sum(sets, "replicas"), _sum(sets, "readyReplicas")
    mine = [one for one in sets if one["metadata"]["uid"] == newest["metadata"]["uid"]]
    updated = _sum(mine, "replicas")
    status: dict[str, Any] = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "terminatingReplicas": 0,
    }
    counts = {
        "replicas": total,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(wanted - ready, 0),
    }
    status.update({name: value for name, value in counts.items() if value})
    done = _sum(mine, "readyReplicas") >= wanted and total == updated
    reason = "NewReplicaSetAvailable" if done else "ReplicaSetUpdated"
    name = newest["metadata"]["name"]
    progress = f'ReplicaSet "{name}" has successfully progressed.' if done else f'ReplicaSet "{name}" is progressing.'
    available = ready >= wanted - wanted // 4
    has = "has" if available else "does not have"
    status["conditions"] = [
        condition(
            "Available",
            available,
            "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable",
            f"Deployment {has} minimum availability.",
            time,
            deployment,
        ),
        condition("Progressing", True, reason, progress, time, deployment),
    ]
    return status


def _sum(sets: list[Obj], name: str) -> int:
    return sum(int((one.get("status") or {}).get(name) or 0) for one in sets)
