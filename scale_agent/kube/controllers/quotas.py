"""ResourceQuotas: what of their limits is used (pkg/controller/resourcequota, pkg/quota/v1).

What is made is counted by the API server's own plugin, what goes by the controller: who is the fields' manager says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from scale_agent.kube.codec.quantities import canonical, number
from scale_agent.kube.controllers.common import APISERVER, MANAGER, PODS, read, set_status
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

QUOTAS: ResourceKey = ("", "resourcequotas")
CLAIMS: ResourceKey = ("", "persistentvolumeclaims")
#: Things that are counted under their own names.
_COUNTED = {
    "pods": PODS,
    "services": ("", "services"),
    "configmaps": ("", "configmaps"),
    "secrets": ("", "secrets"),
    "persistentvolumeclaims": CLAIMS,
    "replicationcontrollers": ("", "replicationcontrollers"),
    "resourcequotas": QUOTAS,
}


def changed(core: Core, change: Change, now: float) -> None:
    """Rule, for every resource: something in a namespace with a quota came, went, or is a pod that ended."""
    event = change.event
    if not event.after.namespace or not core.store.has(QUOTAS) or change.key == ("", "events"):
        return
    if event.type is EventType.MODIFIED and change.key not in (PODS, CLAIMS, QUOTAS):
        return
    manager = APISERVER if event.type is EventType.ADDED and change.key != QUOTAS else MANAGER
    for version in core.store.list(QUOTAS, event.after.namespace):
        _reconcile(core, version.namespace, version.name, manager, now)


def _reconcile(core: Core, namespace: str, name: str, manager: str, now: float) -> None:
    quota = read(core, QUOTAS, namespace, name)
    if quota is None:
        return
    hard = (quota.get("spec") or {}).get("hard") or {}
    scopes = (quota.get("spec") or {}).get("scopes") or ()
    used = {one: amount for one in hard if (amount := _used(core, namespace, one, scopes)) is not None}
    status = {"hard": hard, "used": used} if hard else {}
    set_status(core, core.builtin("", "v1", "resourcequotas"), quota, status, now, manager=manager)


def _used(core: Core, namespace: str, name: str, scopes: Iterable[str]) -> str | None:
    """How much of a resource is used, as a quantity; ``None`` for what nobody measures."""
    if name in _COUNTED or name.startswith("count/"):
        plural, _, group = name.removeprefix("count/").partition(".")
        key = _COUNTED.get(name, (group, plural))
        if key == PODS and not name.startswith("count/"):
            return str(sum(1 for _ in _running(core, namespace, scopes)))
        return str(len(core.store.list(key, namespace)))
    if name in _SERVICES:
        services = (core.seen(version)["spec"] for version in core.store.list(("", "services"), namespace))
        return str(sum(_SERVICES[name](spec) for spec in services))
    if name == "requests.storage":
        claims = [core.seen(version)["spec"] for version in core.store.list(CLAIMS, namespace)]
        asked = (((spec.get("resources") or {}).get("requests") or {}).get("storage", "0") for spec in claims)
        return _sum(asked)
    kind, _, resource = name.rpartition(".")
    if kind in ("", "requests", "limits") and resource:
        return _sum(_of_pod(pod, kind or "requests", resource) for pod in _running(core, namespace, scopes))
    return None


_WITH_PORTS = ("NodePort", "LoadBalancer")
_SERVICES: dict[str, Callable[[Obj], int]] = {
    "services.nodeports": lambda spec: len(spec.get("ports") or ()) if spec.get("type") in _WITH_PORTS else 0,
    "services.loadbalancers": lambda spec: int(spec.get("type") == "LoadBalancer"),
}


def _running(core: Core, namespace: str, scopes: Iterable[str]) -> Iterable[Obj]:
    """Pods that count: they have not ended, and are of the quota's scopes."""
    for version in core.store.list(PODS, namespace):
        pod = core.seen(version)
        if pod["status"].get("phase") not in ("Succeeded", "Failed") and all(_in_scope(pod, one) for one in scopes):
            yield pod


def _in_scope(pod: Obj, scope: str) -> bool:
    best_effort = pod["status"].get("qosClass") == "BestEffort"
    limited = pod["spec"].get("activeDeadlineSeconds") is not None
    values = {"BestEffort": best_effort, "NotBestEffort": not best_effort}
    return bool((values | {"Terminating": limited, "NotTerminating": not limited}).get(scope, True))


def _of_pod(pod: Obj, kind: str, resource: str) -> str:
    """What a pod asks for: the sum of its containers, or an init container's if that is more."""
    spec = pod["spec"]
    sums = sum((_asked(one, kind, resource) for one in spec["containers"]), Decimal(0))
    most = max((_asked(one, kind, resource) for one in spec.get("initContainers") or ()), default=Decimal(0))
    return str(max(sums, most))


def _asked(container: Obj, kind: str, resource: str) -> Decimal:
    return number(((container.get("resources") or {}).get(kind) or {}).get(resource, "0"))


def _sum(texts: Iterable[str]) -> str:
    total = sum(map(number, texts), Decimal(0))
    return canonical(format(total.normalize(), "f"))
