"""The statuses of a pod and its containers as a kubelet with containerd writes them (pkg/kubelet/kubelet_pods.go).

Container and image ids are made of the pod's uid and the image's name, so that they look real and stay the same.
"""

from __future__ import annotations

from typing import Any

from scale_agent.kube.codec import moments
from scale_agent.kube.controllers.common import find_condition
from scale_agent.kube.controllers.hashes import digest
from scale_agent.kube.storage.version import Obj

_KINDS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
ALWAYS = "Always"


def canonical_image(image: str) -> str:
    """An image's full name: ``docker.io/library/nginx:latest`` for ``nginx``."""
    first, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif "." not in first and ":" not in first and first != "localhost":
        image = f"docker.io/{image}"
    last = image.rpartition("/")[2]
    return image if ":" in last or "@" in last else f"{image}:latest"


def image_id(image: str) -> str:
    """``docker.io/library/nginx@sha256:…``."""
    full = canonical_image(image)
    if "@" in full:
        return full
    head, _, tail = full.rpartition("/")
    return f"{head}/{tail.partition(':')[0]}@sha256:{digest(full, 64)}"


def is_sidecar(container: Obj) -> bool:
    """Whether an init container goes on running."""
    return container.get("restartPolicy") == ALWAYS


def init_containers(pod: Obj) -> list[Obj]:
    """The pod's init containers."""
    return list(pod["spec"].get("initContainers") or ())


def _container(pod: Obj, container: Obj, state: Obj, *, ready: bool, started: bool) -> Obj:
    made = "waiting" not in state
    image = str(container.get("image", ""))
    status: Obj = {
        "name": container["name"],
        "state": state,
        "lastState": {},
        "ready": ready,
        "restartCount": 0,
        "image": canonical_image(image) if made else image,
        "imageID": image_id(image) if made else "",
        "started": started,
    }
    if made:
        status["containerID"] = container_id(pod, container)
        status["resources"] = container.get("resources") or {}
        status["user"] = {"linux": {"uid": 0, "gid": 0, "supplementalGroups": [0]}}
        requests = (container.get("resources") or {}).get("requests")
        if requests:
            status["allocatedResources"] = requests
    mounts = [_mount(one) for one in container.get("volumeMounts") or ()]
    return {**status, "volumeMounts": mounts} if mounts else status


def container_id(pod: Obj, container: Obj) -> str:
    """``containerd://`` and 64 hexadecimal digits."""
    return f"containerd://{digest(pod['metadata']['uid'] + container['name'], 64)}"


def _mount(mount: Obj) -> Obj:
    kept: Obj = {name: value for name, value in mount.items() if name in ("name", "mountPath", "readOnly")}
    return {**kept, "recursiveReadOnly": "Disabled"} if mount.get("readOnly") else kept


def conditions(pod: Obj, values: dict[str, Any], now: float) -> list[Obj]:
    """The five conditions; ``values`` gives those that do not hold with reason and message, ``None`` for none."""
    made = []
    generation = pod["metadata"].get("generation", 1)
    for kind in _KINDS:
        holds = kind not in values
        text = "True" if holds else "False"
        old = find_condition(pod, kind)
        since = old.get("lastTransitionTime") if old is not None and old.get("status") == text else moments.stamp(now)
        one = {"type": kind, "observedGeneration": generation, "status": text, "lastProbeTime": None}
        one["lastTransitionTime"] = since
        if not holds and values[kind] is not None:
            one["reason"], one["message"] = values[kind]
        made.append(one)
    return made


def _unready(pod: Obj, names: list[str]) -> dict[str, Any]:
    why = ("ContainersNotReady", f"containers with unready status: [{' '.join(names)}]")
    return {"Ready": why, "ContainersReady": why}


def _base(pod: Obj, host: str, now: float) -> Obj:
    status = dict(pod.get("status") or {})
    status |= {"hostIP": host, "hostIPs": [{"ip": host}]} if host else {}
    status["observedGeneration"] = pod["metadata"].get("generation", 1)
    status.setdefault("startTime", moments.stamp(now))
    return status


def creating(pod: Obj, host: str, now: float) -> Obj:
    """The status of a pod whose containers are being made."""
    spec = pod["spec"]
    inits = init_containers(pod)
    waiting = {"waiting": {"reason": "PodInitializing" if inits else "ContainerCreating"}}
    values = {**_unready(pod, [one["name"] for one in spec["containers"]]), "PodReadyToStartContainers": None}
    if inits:
        names = " ".join(one["name"] for one in inits)
        values["Initialized"] = ("ContainersNotInitialized", f"containers with incomplete status: [{names}]")
    status = {**_base(pod, host, now), "phase": "Pending", "conditions": conditions(pod, values, now)}
    if inits:
        status["initContainerStatuses"] = [_container(pod, one, waiting, ready=False, started=False) for one in inits]
    status["containerStatuses"] = [
        _container(pod, one, waiting, ready=False, started=False) for one in spec["containers"]
    ]
    return status


def running(pod: Obj, host: str, address: str, ready: set[str], now: float) -> Obj:
    """The status of a pod whose containers run; ``ready`` names those that are ready."""
    spec = pod["spec"]
    time = moments.stamp(now)
    unready = [one["name"] for one in spec["containers"] if one["name"] not in ready]
    values = _unready(pod, unready) if unready else {}
    status = {**_base(pod, host, now), "phase": "Running", "conditions": conditions(pod, values, now)}
    address = host if spec.get("hostNetwork") else address
    status |= {"podIP": address, "podIPs": [{"ip": address}]}
    inits = init_containers(pod)
    if inits:
        status["initContainerStatuses"] = [_init(pod, one, status["startTime"], time) for one in inits]
    started = _started(pod)
    status["containerStatuses"] = [
        _container(
            pod,
            one,
            {"running": {"startedAt": started.get(one["name"], time)}},
            ready=one["name"] in ready,
            started=True,
        )
        for one in spec["containers"]
    ]
    return status


def _started(pod: Obj) -> dict[str, str]:
    """Since when containers run already."""
    found = (pod.get("status") or {}).get("containerStatuses") or ()
    return {one["name"]: one["state"]["running"]["startedAt"] for one in found if one["state"].get("running")}


def _init(pod: Obj, container: Obj, start: str, end: str) -> Obj:
    if is_sidecar(container):
        return _container(pod, container, {"running": {"startedAt": end}}, ready=True, started=True)
    return _container(pod, container, _terminated(pod, container, 0, start, end), ready=True, started=False)


def _terminated(pod: Obj, container: Obj, code: int, start: str, end: str) -> Obj:
    reason = "Error" if code else "Completed"
    ended = {"exitCode": code, "reason": reason, "startedAt": start, "finishedAt": end}
    return {"terminated": {**ended, "containerID": container_id(pod, container)}}


def ended(pod: Obj, code: int, now: float) -> Obj:
    """The status of a pod all of whose containers ended with ``code``."""
    phase = "Failed" if code else "Succeeded"
    why = ("PodFailed" if code else "PodCompleted", "")
    started, start = _started(pod), (pod.get("status") or {}).get("startTime") or moments.stamp(now)
    values: dict[str, Any] = {"Ready": why, "ContainersReady": why, "PodReadyToStartContainers": None}
    listed = conditions(pod, values, now)
    for one in listed:
        if one.get("message") == "":
            del one["message"]
    statuses = [
        _container(
            pod,
            one,
            _terminated(pod, one, code, started.get(one["name"], start), moments.stamp(now)),
            ready=False,
            started=False,
        )
        for one in pod["spec"]["containers"]
    ]
    return {**(pod.get("status") or {}), "phase": phase, "conditions": listed, "containerStatuses": statuses}
