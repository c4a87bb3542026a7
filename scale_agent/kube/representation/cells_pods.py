"""The cells of a pod: how many containers are ready, in which word its state is told, how often it restarted.

Rules: ``printPod`` of k8s.io/kubernetes/pkg/printers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scale_agent.kube.codec import moments
from scale_agent.kube.representation.cells import NONE, age
from scale_agent.kube.storage.version import Obj


@dataclass(slots=True)
class Look:
    """What a pod's cells say."""

    reason: str
    ready: int = 0
    total: int = 0
    restarts: int = 0
    last_restart: str = ""

    def restarted(self, container: Obj) -> None:
        """Count a container's restarts and remember the newest end."""
        self.restarts += int(container.get("restartCount") or 0)
        ended = ((container.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or ""
        if ended and (moments.parse(ended) or 0) > (moments.parse(self.last_restart) or 0):
            self.last_restart = ended


def look(pod: Obj) -> Look:
    """Everything that the cells need, in one pass."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    seen = Look(str(status.get("reason") or status.get("phase") or ""), total=len(spec.get("containers") or ()))
    conditions = {one.get("type"): one for one in status.get("conditions") or ()}
    if (conditions.get("PodScheduled") or {}).get("reason") == "SchedulingGated":
        seen.reason = "SchedulingGated"
    sidecars = Look("")
    initializing = _initialize(spec, status, seen, sidecars)
    if not initializing or _true(conditions, "Initialized"):
        seen.restarts, seen.last_restart = sidecars.restarts, sidecars.last_restart
        _run(status, seen, ready_condition=_true(conditions, "Ready"))
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            seen.reason = "Unknown"
        elif status.get("phase") not in ("Succeeded", "Failed"):
            seen.reason = "Terminating"
    return seen


def _true(conditions: dict[Any, Obj], kind: str) -> bool:
    return (conditions.get(kind) or {}).get("status") == "True"


def _initialize(spec: Obj, status: Obj, seen: Look, sidecars: Look) -> bool:
    """Look at the init containers up to the first that is not done; whether there is one."""
    wanted = {one["name"]: one for one in spec.get("initContainers") or ()}
    seen.total += sum(one.get("restartPolicy") == "Always" for one in wanted.values())
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        seen.restarted(container)
        sidecar = (wanted.get(container.get("name")) or {}).get("restartPolicy") == "Always"
        if sidecar:
            sidecars.restarted(container)
        ended = (container.get("state") or {}).get("terminated")
        if ended is not None and not ended.get("exitCode"):
            continue
        if sidecar and container.get("started"):
            seen.ready += bool(container.get("ready"))
            continue
        seen.reason = f"Init:{_init_reason(container, ended, index, len(wanted))}"
        return True
    return False


def _init_reason(container: Obj, ended: Obj | None, index: int, total: int) -> str:
    if ended is not None:
        return _end_reason(ended)
    waiting = ((container.get("state") or {}).get("waiting") or {}).get("reason", "")
    return waiting if waiting not in ("", "PodInitializing") else f"{index}/{total}"


def _end_reason(ended: Obj) -> str:
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _run(status: Obj, seen: Look, *, ready_condition: bool) -> None:
    """Look at the containers, the last first: the first one that says something wins."""
    running, failure = False, ""
    for container in reversed(status.get("containerStatuses") or ()):
        seen.restarted(container)
        state = container.get("state") or {}
        waiting = (state.get("waiting") or {}).get("reason")
        if waiting:
            seen.reason = waiting
        elif state.get("terminated") is not None:
            seen.reason = _end_reason(state["terminated"])
            failure = seen.reason if state["terminated"].get("exitCode") else failure
        elif container.get("ready") and state.get("running") is not None:
            running = True
            seen.ready += 1
    if seen.reason == "Completed" and (running or failure):
        seen.reason = "Running" if running and ready_condition else failure or "NotReady"


def ready(pod: Obj, _: float) -> str:
    """Ready containers of all."""
    seen = look(pod)
    return f"{seen.ready}/{seen.total}"


def status(pod: Obj, _: float) -> str:
    """The phase, or the more telling reason."""
    return look(pod).reason


def restarts(pod: Obj, now: float) -> str:
    """Restarts of all containers, and when the last one was."""
    seen = look(pod)
    ago = f" ({age(seen.last_restart, now)} ago)" if seen.restarts and seen.last_restart else ""
    return f"{seen.restarts}{ago}"


def address(pod: Obj, _: float) -> str:
    """The first of the pod's addresses."""
    found = (pod.get("status") or {}).get("podIPs") or [{}]
    return found[0].get("ip") or NONE


def readiness_gates(pod: Obj, _: float) -> str:
    """How many of the gates' conditions are true."""
    gates = (pod.get("spec") or {}).get("readinessGates") or ()
    true = {one.get("type") for one in (pod.get("status") or {}).get("conditions") or () if one.get("status") == "True"}
    return f"{sum(gate.get('conditionType') in true for gate in gates)}/{len(gates)}" if gates else NONE


def row_conditions(pod: Obj) -> list[Obj]:
    """What a table's row says about a pod that has ended."""
    phase = (pod.get("status") or {}).get("phase")
    if phase not in ("Succeeded", "Failed"):
        return []
    message = "The pod has completed successfully." if phase == "Succeeded" else "The pod failed."
    return [{"type": "Completed", "status": "True", "reason": phase, "message": message}]
