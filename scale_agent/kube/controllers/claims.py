"""Claims find their volumes (pkg/controller/volume/persistentvolume), or have them made; those in use are protected.

A volume that fits is bound: the smallest. Without one a claim's storage class decides: it may wait for a pod's node,
and then a volume is made (``volumes``).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from scale_agent.kube import writes
from scale_agent.kube.codec.quantities import number
from scale_agent.kube.controllers import events, volumes
from scale_agent.kube.controllers.common import (
    PODS,
    actor,
    annotations_of,
    change_meta,
    current,
    deleting,
    drop_finalizer,
    labels_of,
    read,
    selected,
    set_status,
)
from scale_agent.kube.controllers.volumes import CLAIMS, VOLUMES
from scale_agent.kube.core import Core
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

SOURCE = events.Source("persistentvolume-controller")
BOUND_BY, BIND_DONE = "pv.kubernetes.io/bound-by-controller", "pv.kubernetes.io/bind-completed"
PROVISIONERS = ("volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner")
SELECTED_NODE = "volume.kubernetes.io/selected-node"
CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
WAITS = "WaitForFirstConsumer"


def of_pod(core: Core, change: Change, _: float) -> None:
    """Rule: a pod that used claims ended, or is gone."""
    after = change.event.after
    if b'"persistentVolumeClaim":{' in after.json:
        for name in claim_names(core.seen(after)):
            core.queue.add(reconcile, after.namespace, name)


def volume_changed(core: Core, change: Change, _: float) -> None:
    """Rule: a volume came, changed or went: it is looked at, and so are its claim and claims that wait."""
    after = change.event.after
    if change.event.type is not EventType.DELETED:
        core.queue.add(volumes.reconcile, "", after.name)
    reference = core.seen(after)["spec"].get("claimRef")
    if reference:
        core.queue.add(reconcile, str(reference.get("namespace", "")), str(reference.get("name", "")))
    elif change.event.type is EventType.ADDED:
        look_again(core, change, 0.0)


def look_again(core: Core, _: Change, __: float) -> None:
    """Rule: a volume or a class came: claims that wait are looked at."""
    for version in core.store.list(CLAIMS):
        if b'"volumeName":"' not in version.json:
            core.queue.add(reconcile, version.namespace, version.name)


def claim_changed(core: Core, change: Change, _: float) -> None:
    """Rule: a claim is looked at, and when it is gone its volume."""
    after = change.event.after
    if change.event.type is EventType.DELETED:
        volume = str(core.seen(after)["spec"].get("volumeName") or "")
        if volume:
            core.queue.add(volumes.reconcile, "", volume)
    else:
        core.queue.add(reconcile, after.namespace, after.name)


def claim_names(pod: Obj) -> list[str]:
    """The claims a pod mounts."""
    found = ((one.get("persistentVolumeClaim") or {}).get("claimName") for one in pod["spec"].get("volumes") or ())
    return [str(name) for name in found if name]


def reconcile(core: Core, namespace: str, name: str, now: float) -> None:
    """Look at a claim."""
    claim = read(core, CLAIMS, namespace, name)
    if claim is None:
        return
    resource = core.builtin("", "v1", "persistentvolumeclaims")
    if deleting(claim):
        if not _in_use(core, claim):
            drop_finalizer(core, resource, claim, CLAIM_PROTECTION, now)
        return
    if "persistentvolume-binder" in core.store.snapshot.without:
        return
    if claim["spec"].get("volumeName"):
        volume = read(core, VOLUMES, "", claim["spec"]["volumeName"])
        if volume is None:
            lost = {**(claim.get("status") or {}), "phase": "Lost"}
            set_status(core, resource, claim, lost, now)
        elif _is_for(volume, claim) or not volume["spec"].get("claimRef"):
            _bind(core, claim, volume, now)
        return
    found = _fitting(core, claim)
    if found is not None and (not waits(core, claim) or _is_for(found, claim)):
        _bind(core, claim, found, now)
    else:
        _without_volume(core, claim, now)


def _in_use(core: Core, claim: Obj) -> bool:
    meta = claim["metadata"]
    needle = f'"claimName":"{meta["name"]}"'.encode()
    for version in core.store.list(PODS, meta["namespace"]):
        if needle in version.json:
            pod = core.seen(version)
            ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
            if not ended and meta["name"] in claim_names(pod):
                return True
    return False


def waits(core: Core, claim: Obj) -> bool:
    """Whether the claim's class waits for a pod that uses it, and none has a node yet."""
    found = volumes.class_of(core, claim)
    return (
        found is not None
        and found.get("volumeBindingMode") == WAITS
        and SELECTED_NODE not in annotations_of(claim)
        and not claim["spec"].get("volumeName")
    )


def _is_for(volume: Obj, claim: Obj) -> bool:
    reference = volume["spec"].get("claimRef") or {}
    meta = claim["metadata"]
    named = (reference.get("namespace"), reference.get("name")) == (meta["namespace"], meta["name"])
    return named and reference.get("uid") in (None, "", meta["uid"])


def _fitting(core: Core, claim: Obj) -> Obj | None:
    """The volume made for the claim, or the smallest free one that fits."""
    found = [core.seen(version) for version in core.store.list(VOLUMES)]
    own = next((one for one in found if _is_for(one, claim)), None)
    if own is not None:
        return own
    free = [one for one in found if not one["spec"].get("claimRef") and not deleting(one) and _fits(one, claim)]
    return min(free, key=lambda one: (_storage(one), one["metadata"]["name"]), default=None)


def _storage(volume: Obj) -> Decimal:
    return number((volume["spec"].get("capacity") or {}).get("storage") or "0")


def _fits(volume: Obj, claim: Obj) -> bool:
    have, want = volume["spec"], claim["spec"]
    request = ((want.get("resources") or {}).get("requests") or {}).get("storage") or "0"
    return (
        (have.get("storageClassName") or "") == (want.get("storageClassName") or "")
        and (have.get("volumeMode") or "Filesystem") == (want.get("volumeMode") or "Filesystem")
        and set(want.get("accessModes") or ()) <= set(have.get("accessModes") or ())
        and _storage(volume) >= number(request)
        and (not want.get("selector") or selected(want["selector"], labels_of(volume)))
    )


def _bind(core: Core, claim: Obj, volume: Obj, now: float) -> None:
    """Tie both to each other: the volume first, then its phase, the claim, its status."""
    _tie_volume(core, claim, volume, now)
    resource = core.builtin("", "v1", "persistentvolumeclaims")
    version = current(core, resource, claim)
    if version is None:
        return
    body = version.object()
    annotations = dict(annotations_of(body))
    if not body["spec"].get("volumeName"):
        annotations[BOUND_BY] = "yes"
    annotations[BIND_DONE] = "yes"
    if annotations != annotations_of(body):
        body["metadata"]["annotations"] = annotations
        body["spec"]["volumeName"] = volume["metadata"]["name"]
        writes.update(core, resource, version, body, actor(now))
    spec = volume["spec"]
    status = {"phase": "Bound", "accessModes": spec.get("accessModes") or [], "capacity": spec.get("capacity") or {}}
    set_status(core, resource, claim, {**(claim.get("status") or {}), **status}, now)


def _tie_volume(core: Core, claim: Obj, volume: Obj, now: float) -> None:
    resource = core.builtin("", "v1", "persistentvolumes")
    version = current(core, resource, volume)
    meta = claim["metadata"]
    if version is None:
        return
    body = version.object()
    reference = body["spec"].get("claimRef") or {}
    if reference.get("uid") != meta["uid"]:
        if not reference:
            body["metadata"]["annotations"] = {**annotations_of(body), BOUND_BY: "yes"}
        made = {"kind": "PersistentVolumeClaim", "namespace": meta["namespace"], "name": meta["name"]}
        own = {"uid": meta["uid"], "apiVersion": "v1", "resourceVersion": meta["resourceVersion"]}
        body["spec"]["claimRef"] = {**made, **own}
        writes.update(core, resource, version, body, actor(now))
    volumes.set_phase(core, volume, "Bound", now)


def _without_volume(core: Core, claim: Obj, now: float) -> None:
    """Nothing fits: what the storage class says to that."""
    name = claim["spec"].get("storageClassName") or ""
    found = volumes.class_of(core, claim)
    if waits(core, claim):
        text = "waiting for first consumer to be created before binding"
        _tell(core, claim, events.Words(WAITS, text), now)
    elif not name:
        text = "no persistent volumes available for this claim and no storage class is set"
        _tell(core, claim, events.Words("FailedBinding", text), now)
    elif found is None:
        text = f'storageclass.storage.k8s.io "{name}" not found'
        _tell(core, claim, events.Words("ProvisioningFailed", text, warning=True), now)
    else:
        _ask_provisioner(core, claim, found, now)


def _tell(core: Core, claim: Obj, words: events.Words, now: float) -> None:
    """Say why a claim waits; once, until that changes."""
    told = core.memo.setdefault("claims", {})
    if told.get(claim["metadata"]["uid"]) != words.reason:
        told[claim["metadata"]["uid"]] = words.reason
        events.record(core, claim, SOURCE, words, now)


def _ask_provisioner(core: Core, claim: Obj, storage_class: Obj, now: float) -> None:
    provisioner = str(storage_class.get("provisioner", ""))
    annotations = {**annotations_of(claim), **dict.fromkeys(PROVISIONERS, provisioner)}
    if annotations != annotations_of(claim):
        resource = core.builtin("", "v1", "persistentvolumeclaims")
        change_meta(core, resource, claim, now, annotations=annotations)
    text = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the "
        "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
        "correctly registered."
    )
    _tell(core, claim, events.Words("ExternalProvisioning", text), now)
    volumes.ask_for(core, claim, provisioner, now)


def unusable(core: Core, pod: Obj, _: float) -> str:
    """Why no node can give a pod its claims now; ``""`` if one can."""
    for claim, name in _claims_of(core, pod):
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if not claim["spec"].get("volumeName") and not _may_wait(core, claim):
            return "pod has unbound immediate PersistentVolumeClaims"
    return ""


def _may_wait(core: Core, claim: Obj) -> bool:
    found = volumes.class_of(core, claim)
    return found is not None and found.get("volumeBindingMode") == WAITS


def _claims_of(core: Core, pod: Obj) -> Iterable[tuple[Obj | None, str]]:
    for name in claim_names(pod):
        yield read(core, CLAIMS, pod["metadata"]["namespace"], name), name


def place(core: Core, pod: Obj, node: Obj, now: float) -> bool:
    """Tell the claims that waited which node it is to be; whether all of the pod's claims have their volumes."""
    done = True
    for claim, _ in _claims_of(core, pod):
        if claim is not None and (claim.get("status") or {}).get("phase") != "Bound":
            done = False
            if SELECTED_NODE not in annotations_of(claim):
                annotations = {**annotations_of(claim), SELECTED_NODE: node["metadata"]["name"]}
                resource = core.builtin("", "v1", "persistentvolumeclaims")
                version = current(core, resource, claim)
                if version is not None:
                    body = version.object()
                    body["metadata"]["annotations"] = annotations
                    writes.update(core, resource, version, body, actor(now, events.SCHEDULER.manager))
    return done
