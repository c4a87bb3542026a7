"""How kubectl's columns read objects: one small function per cell that is more than a field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scale_agent.kube.codec import moments
from scale_agent.kube.selectors import selector_text
from scale_agent.kube.storage.version import Obj

NONE = "<none>"
UNKNOWN = "<unknown>"
Reader = Callable[[Obj, float], Any]


def duration(seconds: float) -> str:
    """``5s``, ``2m5s``, ``31m``, ``3h5m``, ``2d4h``, ``9d``, ``2y11d`` (k8s.io/apimachinery's HumanDuration)."""
    total = int(seconds)
    if total < -1:
        return "<invalid>"
    if total < 0:
        return "0s"
    for below, render in _STEPS:
        if total < below:
            return render(total)
    years, days = total // 31_536_000, total // 86_400 % 365
    return f"{years}y{days}d" if years < 8 and days else f"{years}y"


def _pair(total: int, big: int, big_name: str, small: int, small_name: str) -> str:
    rest = total % big // small
    return f"{total // big}{big_name}{rest}{small_name}" if rest else f"{total // big}{big_name}"


_STEPS: tuple[tuple[int, Callable[[int], str]], ...] = (
    (120, lambda total: f"{total}s"),
    (600, lambda total: _pair(total, 60, "m", 1, "s")),
    (10_800, lambda total: f"{total // 60}m"),
    (28_800, lambda total: _pair(total, 3600, "h", 60, "m")),
    (172_800, lambda total: f"{total // 3600}h"),
    (691_200, lambda total: _pair(total, 86_400, "d", 3600, "h")),
    (63_072_000, lambda total: f"{total // 86_400}d"),
)


def age(time: Any, now: float) -> str:
    """Time since a moment."""
    then = moments.parse(time) if isinstance(time, str) else None
    return UNKNOWN if then is None else duration(now - then)


def age_or_none(time: Any, now: float) -> str:
    """Time since a moment, ``<none>`` if it never came."""
    return age(time, now) if time else NONE


def _spec(obj: Obj) -> dict[str, Any]:
    return obj.get("spec") or {}


def _status(obj: Obj) -> dict[str, Any]:
    return obj.get("status") or {}


def _template(obj: Obj) -> dict[str, Any]:
    spec = _spec(obj)
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    return (spec.get("template") or obj.get("template") or job.get("template") or {}).get("spec") or {}


def containers(obj: Obj, _: float) -> str:
    """Names of the template's containers."""
    return ",".join(one["name"] for one in _template(obj).get("containers") or ())


def images(obj: Obj, _: float) -> str:
    """Images of the template's containers."""
    return ",".join(one.get("image", "") for one in _template(obj).get("containers") or ())


def selector(obj: Obj, _: float) -> str:
    """``spec.selector`` as text."""
    return selector_text(_spec(obj).get("selector")) or NONE


def node_selector(obj: Obj, _: float) -> str:
    """The template's node selector as text."""
    return selector_text(_template(obj).get("nodeSelector")) or NONE


def ready_of_replicas(obj: Obj, _: float) -> str:
    """``1/2``."""
    return f"{_status(obj).get('readyReplicas', 0)}/{_spec(obj).get('replicas', 0)}"


def role(obj: Obj, _: float) -> str:
    """``ClusterRole/name``."""
    reference = obj.get("roleRef") or {}
    return f"{reference.get('kind', '')}/{reference.get('name', '')}"


def subjects(kind: str) -> Reader:
    """The names of a binding's subjects of one kind."""

    def read(obj: Obj, _: float) -> str:
        mine = [one for one in obj.get("subjects") or () if one.get("kind") == kind]
        if kind == "ServiceAccount":
            return ", ".join(f"{one.get('namespace', '')}/{one.get('name', '')}" for one in mine)
        return ", ".join(one.get("name", "") for one in mine)

    return read


def node_status(obj: Obj, _: float) -> str:
    """``Ready``, ``NotReady``, with ``SchedulingDisabled``."""
    words = []
    for one in _status(obj).get("conditions") or ():
        if one.get("type") == "Ready":
            words.append("Ready" if one.get("status") == "True" else "NotReady")
    words = words or ["Unknown"]
    if _spec(obj).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def node_roles(obj: Obj, _: float) -> str:
    """Roles by the usual labels."""
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    roles = {name.removeprefix(prefix) for name in labels if name.startswith(prefix) and name != prefix}
    if labels.get("kubernetes.io/role"):
        roles.add(labels["kubernetes.io/role"])
    return ",".join(sorted(roles)) or NONE


def node_kernel(obj: Obj, _: float) -> str:
    """``6.1.0 (amd64)``."""
    info = _status(obj).get("nodeInfo") or {}
    kernel, machine = info.get("kernelVersion") or UNKNOWN, info.get("architecture")
    return f"{kernel} ({machine})" if machine else str(kernel)


def node_address(kind: str) -> Reader:
    """A node's address of one kind."""

    def read(obj: Obj, _: float) -> str:
        found = [one for one in _status(obj).get("addresses") or () if one.get("type") == kind]
        return str(found[0].get("address", "")) if found else NONE

    return read


def external_ip(obj: Obj, _: float) -> str:
    """A service's addresses outside."""
    spec = _spec(obj)
    outside = list(spec.get("externalIPs") or ())
    if spec.get("type") == "LoadBalancer":
        ingress = (_status(obj).get("loadBalancer") or {}).get("ingress") or ()
        outside = [one.get("ip") or one.get("hostname") or "" for one in ingress] + outside
        return ",".join(outside) or "<pending>"
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    return ",".join(outside) or NONE


def service_ports(obj: Obj, _: float) -> str:
    """``80/TCP,443:31000/TCP``."""
    pieces = []
    for port in _spec(obj).get("ports") or ():
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        pieces.append(f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(pieces) or NONE


def endpoints(obj: Obj, _: float) -> str:
    """The first three addresses."""
    found = [
        f"{address.get('ip')}:{port.get('port')}"
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more if found else NONE


def job_status(obj: Obj, _: float) -> str:
    """What the Job's conditions say."""
    conditions = {one.get("type"): one.get("status") == "True" for one in _status(obj).get("conditions") or ()}
    for kind, word in (("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended")):
        if conditions.get(kind):
            return word
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return "Running"


def job_completions(obj: Obj, _: float) -> str:
    """Succeeded of wanted."""
    spec = _spec(obj)
    return f"{_status(obj).get('succeeded', 0)}/{spec.get('completions') or spec.get('parallelism') or 1}"


def job_duration(obj: Obj, now: float) -> str:
    """How long the Job ran, or runs."""
    status = _status(obj)
    start = moments.parse(status.get("startTime", ""))
    if start is None:
        return ""
    end = moments.parse(status.get("completionTime", ""))
    return duration((now if end is None else end) - start)


def api_service(obj: Obj, _: float) -> str:
    """``Local`` or the service's namespace and name."""
    service = _spec(obj).get("service")
    return f"{service.get('namespace')}/{service.get('name')}" if service else "Local"


def available(obj: Obj, _: float) -> str:
    """The Available condition."""
    for one in _status(obj).get("conditions") or ():
        if one.get("type") == "Available":
            reason = one.get("reason", "")
            return "True" if one.get("status") == "True" else f"{one.get('status')} ({reason})"
    return "Unknown"


def event_last_seen(obj: Obj, now: float) -> str:
    """Time since the newest occurrence."""
    series = obj.get("series") or {}
    return age(series.get("lastObservedTime") or obj.get("lastTimestamp") or obj.get("eventTime"), now)


def event_first_seen(obj: Obj, now: float) -> str:
    """Time since the first occurrence."""
    return age(obj.get("firstTimestamp") or obj.get("eventTime"), now)


def event_object(obj: Obj, _: float) -> str:
    """``pod/name``."""
    about = obj.get("involvedObject") or {}
    kind = str(about.get("kind", "")).lower()
    return f"{kind}/{about['name']}" if about.get("name") else kind


def event_source(obj: Obj, _: float) -> str:
    """Component and host."""
    source = obj.get("source") or {}
    component = source.get("component") or obj.get("reportingComponent") or ""
    host = source.get("host") or obj.get("reportingInstance") or ""
    return f"{component}, {host}" if host else str(component)
