"""The plugin ResourceQuota: no more objects, and no more for them, than a namespace's quotas allow.

Source: ``k8s.io/apiserver/pkg/admission/plugin/resourcequota`` and ``pkg/quota/v1/evaluator/core``. What is used stands
in the quotas' status, which their controller keeps. Clusters without quotas pay one look into the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from scale_agent.kube import status
from scale_agent.kube.admission.rules.quantities import amount
from scale_agent.kube.codec.quantities import canonical
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj

_QUOTAS = ("", "resourcequotas")
#: Core resources that are also counted by their bare name.
COUNTED = frozenset(
    ("configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "resourcequotas", "secrets", "services")
)
_COMPUTED = ("cpu", "memory", "ephemeral-storage")
Amounts = dict[str, Decimal]


def counts(core: Core, resource: ResourceType) -> bool:
    """Whether there may be quotas that count new objects of a resource."""
    return resource.namespaced and core.store.has(_QUOTAS)


def check(core: Core, resource: ResourceType, obj: Obj) -> None:
    """Refuse a new object for which its namespace has no room (403)."""
    if not counts(core, resource):
        return
    namespace = obj["metadata"].get("namespace", "")
    wanted: Amounts | None = None
    for version in core.store.list(_QUOTAS, namespace):
        if wanted is None:
            wanted = _wanted(resource, obj)
        quota = version.object()
        if _concerns(quota.get("spec") or {}, resource, obj):
            _complete(quota, resource, obj)
            _room(quota, wanted, resource, obj)


def _wanted(resource: ResourceType, obj: Obj) -> Amounts:
    """What an object needs, by the names that quotas have for it."""
    whole = f"count/{resource.plural}.{resource.group}" if resource.group else f"count/{resource.plural}"
    out: Amounts = {whole: Decimal(1)}
    if not resource.group and resource.plural in COUNTED:
        out[resource.plural] = Decimal(1)
    spec = obj.get("spec") or {}
    if resource.key == ("", "pods"):
        out.update(_of_pod(spec))
    elif resource.key == ("", "services"):
        outside = spec.get("type") in ("NodePort", "LoadBalancer")
        out["services.nodeports"] = Decimal(sum(bool(one.get("nodePort")) for one in spec.get("ports") or ()))
        out["services.nodeports"] = out["services.nodeports"] if outside else Decimal(0)
        out["services.loadbalancers"] = Decimal(spec.get("type") == "LoadBalancer")
    elif resource.key == ("", "persistentvolumeclaims"):
        size = ((spec.get("resources") or {}).get("requests") or {}).get("storage") or "0"
        out["requests.storage"] = amount(str(size))
    return out


def _of_pod(spec: Obj) -> Iterator[tuple[str, Decimal]]:
    for name in _COMPUTED:
        for side in ("requests", "limits"):
            total = sum((_asked(one, side, name) for one in spec.get("containers") or ()), start=Decimal(0))
            first = max((_asked(one, side, name) for one in spec.get("initContainers") or ()), default=Decimal(0))
            yield f"{side}.{name}", max(total, first)
            if side == "requests":
                yield name, max(total, first)


def _asked(container: Obj, side: str, name: str) -> Decimal:
    return amount(str(((container.get("resources") or {}).get(side) or {}).get(name) or "0"))


def _concerns(spec: Obj, resource: ResourceType, obj: Obj) -> bool:
    """Whether a quota's scopes have the object in them; only pods have scopes."""
    scopes = spec.get("scopes") or ()
    if not scopes:
        return True
    return resource.key == ("", "pods") and all(_in_scope(obj, one) for one in scopes)


def _in_scope(pod: Obj, scope: str) -> bool:
    ends = (pod.get("spec") or {}).get("activeDeadlineSeconds") is not None
    best_effort = (pod.get("status") or {}).get("qosClass") == "BestEffort"
    return {
        "Terminating": ends,
        "NotTerminating": not ends,
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
    }.get(scope, False)


def _complete(quota: Obj, resource: ResourceType, obj: Obj) -> None:
    """Every container must say what a quota counts."""
    if resource.key != ("", "pods"):
        return
    hard = (quota.get("spec") or {}).get("hard") or {}
    lacking: dict[str, list[str]] = {}
    spec = obj.get("spec") or {}
    for name in sorted(hard):
        side, _, plain = name.rpartition(".")
        if plain not in _COMPUTED or side not in ("", "requests", "limits"):
            continue
        for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
            if plain not in ((container.get("resources") or {}).get(side or "requests") or {}):
                lacking.setdefault(name, []).append(container.get("name", ""))
    if lacking:
        told = "; ".join(f"{name} for: {','.join(sorted(names))}" for name, names in lacking.items())
        raise _refused(resource, obj, f"failed quota: {quota['metadata']['name']}: must specify {told}")


def _room(quota: Obj, wanted: Amounts, resource: ResourceType, obj: Obj) -> None:
    hard = (quota.get("spec") or {}).get("hard") or {}
    used = (quota.get("status") or {}).get("used") or {}
    over = [
        name
        for name in sorted(hard)
        if wanted.get(name) and amount(str(used.get(name, "0"))) + wanted[name] > amount(str(hard[name]))
    ]
    if not over:
        return
    parts = (
        ("requested", {name: canonical(format(wanted[name], "f")) for name in over}),
        ("used", {name: used.get(name, "0") for name in over}),
        ("limited", {name: hard[name] for name in over}),
    )
    told = ", ".join(f"{word}: {','.join(f'{name}={one[name]}' for name in over)}" for word, one in parts)
    raise _refused(resource, obj, f"exceeded quota: {quota['metadata']['name']}, {told}")


def _refused(resource: ResourceType, obj: Obj, why: str) -> StatusError:
    return status.forbidden(resource.plural, resource.group, obj["metadata"].get("name", ""), why)
