"""Volumes: made for claims that ask for it, in the phase that their claim gives them, taken away when it is gone.

An external provisioner and its reclaim policy are played here too (switch ``provisioner``).
"""

from __future__ import annotations

from scale_agent.kube import writes
from scale_agent.kube.codec import moments
from scale_agent.kube.controllers import events
from scale_agent.kube.controllers.common import (
    actor,
    annotations_of,
    current,
    deleting,
    drop_finalizer,
    read,
    remove,
    set_status,
)
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.version import Obj

CLAIMS: ResourceKey = ("", "persistentvolumeclaims")
VOLUMES: ResourceKey = ("", "persistentvolumes")
CLASSES: ResourceKey = ("storage.k8s.io", "storageclasses")
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"
#: How long a provisioner takes to make or delete a volume (seconds).
PROVISION_S = 1.0


def class_of(core: Core, claim: Obj) -> Obj | None:
    """A claim's storage class, if it names one that is there."""
    name = claim["spec"].get("storageClassName") or ""
    return read(core, CLASSES, "", name) if name else None


def set_phase(core: Core, volume: Obj, phase: str, now: float) -> None:
    """Say which phase a volume is in."""
    resource = core.builtin("", "v1", "persistentvolumes")
    version = current(core, resource, volume)
    status = (core.seen(version).get("status") or {}) if version is not None else {}
    if status.get("phase") != phase:
        from_now = {"phase": phase, "lastPhaseTransitionTime": moments.stamp(now)}
        set_status(core, resource, volume, {**status, **from_now}, now)


def ask_for(core: Core, claim: Obj, provisioner: str, now: float) -> None:
    """Have a volume made for a claim; once, however often one asks."""
    if "provisioner" in core.store.snapshot.without or provisioner.endswith("/no-provisioner"):
        return
    asked = core.memo.setdefault("provisioning", set())
    if claim["metadata"]["uid"] not in asked:
        asked.add(claim["metadata"]["uid"])
        core.schedule.at(now + PROVISION_S, lambda later: _provision(core, claim, provisioner, later))


def _provision(core: Core, claim: Obj, provisioner: str, now: float) -> None:
    """Make a volume for a claim, as an external provisioner does."""
    meta = claim["metadata"]
    core.memo["provisioning"].discard(meta["uid"])
    found = read(core, CLAIMS, meta["namespace"], meta["name"])
    if found is None or found["metadata"]["uid"] != meta["uid"] or found["spec"].get("volumeName"):
        return
    spec, storage_class = found["spec"], class_of(core, found) or {}
    reference = {
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "name": meta["name"],
        "namespace": meta["namespace"],
    }
    name = f"pvc-{meta['uid']}"
    body = {
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: provisioner}},
        "spec": {
            "capacity": {"storage": ((spec.get("resources") or {}).get("requests") or {}).get("storage", "1Gi")},
            "accessModes": spec.get("accessModes") or [],
            "claimRef": {**reference, "uid": meta["uid"], "resourceVersion": found["metadata"]["resourceVersion"]},
            **_backing(provisioner, name),
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy") or "Delete",
            "storageClassName": spec.get("storageClassName") or "",
            "volumeMode": spec.get("volumeMode") or "Filesystem",
        },
    }
    source = events.Source(provisioner, manager="csi-provisioner")
    writes.create(core, core.builtin("", "v1", "persistentvolumes"), body, actor(now, "csi-provisioner"))
    events.record(
        core, found, source, events.Words("ProvisioningSucceeded", f"Successfully provisioned volume {name}"), now
    )


def _backing(provisioner: str, name: str) -> Obj:
    """What a volume is: CSI drivers make their own kind, provisioners such as rancher.io/local-path a directory."""
    if "/" in provisioner:
        return {"hostPath": {"path": f"/opt/{provisioner.rpartition('/')[2]}/{name}", "type": "DirectoryOrCreate"}}
    return {"csi": {"driver": provisioner, "volumeHandle": name}}


def reconcile(core: Core, _: str, name: str, now: float) -> None:
    """Look at a volume: its phase follows its claim; when that is gone, its reclaim policy."""
    volume = read(core, VOLUMES, "", name)
    if volume is None:
        return
    resource = core.builtin("", "v1", "persistentvolumes")
    phase = (volume.get("status") or {}).get("phase")
    reference = volume["spec"].get("claimRef")
    if deleting(volume) and phase != "Bound":
        drop_finalizer(core, resource, volume, VOLUME_PROTECTION, now)
        return
    if "persistentvolume-binder" in core.store.snapshot.without:
        return
    if not reference or not reference.get("uid"):
        set_phase(core, volume, "Available", now)
        return
    claim = read(core, CLAIMS, reference["namespace"], reference["name"])
    if claim is not None and claim["metadata"]["uid"] == reference["uid"]:
        return
    if phase == "Bound":
        set_phase(core, volume, "Released", now)
    elif phase == "Released" and _goes_with_claim(volume):
        core.schedule.at(now + PROVISION_S, lambda later: _discard(core, volume, later))


def _goes_with_claim(volume: Obj) -> bool:
    """Whether its provisioner takes a released volume away."""
    made = PROVISIONED_BY in annotations_of(volume)
    return made and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"


def _discard(core: Core, volume: Obj, now: float) -> None:
    remove(core, core.builtin("", "v1", "persistentvolumes"), volume, now)
