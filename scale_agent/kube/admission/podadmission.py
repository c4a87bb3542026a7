"""What a server's plugins and registry give to a new pod: account, token, tolerations, priority, class of service.

Sources: the plugins ServiceAccount, DefaultTolerationSeconds, Priority and RuntimeClass of kube-apiserver, and
``ComputePodQOS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from scale_agent.kube import status
from scale_agent.kube.admission import limits
from scale_agent.kube.admission.rules.quantities import amount
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.storage.version import Obj

Spec = dict[str, Any]
_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
TOLERATION_S = 300
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
#: A token is renewed before an hour is over; the odd seconds are the plugin's own.
TOKEN_S = 3607
_PRIORITIES = ("scheduling.k8s.io", "priorityclasses")


def prepare(core: Core, pod: Obj) -> None:
    """Complete a new pod, in place. Raises 403 for a priority class that is not there."""
    spec = pod["spec"] = pod.get("spec") or {}
    spec["serviceAccountName"] = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    spec["serviceAccount"] = spec["serviceAccountName"]
    if not _is_mirror(pod):
        _account(core, pod, spec)
    ranges = limits.items(core, pod["metadata"].get("namespace", ""))
    if ranges:
        limits.give_defaults(pod, ranges)
    tolerate(spec)
    _prioritize(core, pod, spec)
    _run_with(core, pod, spec)
    pod["status"] = {"phase": "Pending", **_gated(pod, spec), "qosClass": qos_class(spec)}
    if ranges:
        limits.check_pod(pod, ranges)


def _gated(pod: Obj, spec: Spec) -> Obj:
    """``applySchedulingGatedCondition``: a pod with gates says at once why nobody schedules it."""
    if not spec.get("schedulingGates"):
        return {}
    why = {"reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates"}
    since = {"lastProbeTime": None, "lastTransitionTime": pod["metadata"].get("creationTimestamp")}
    return {"conditions": [{"type": "PodScheduled", "status": "False", **since, **why}]}


def _is_mirror(pod: Obj) -> bool:
    return "kubernetes.io/config.mirror" in ((pod.get("metadata") or {}).get("annotations") or {})


def _account(core: Core, pod: Obj, spec: Spec) -> None:
    """The account's own secrets for images, and whether it wants its token mounted."""
    namespace, name = pod["metadata"].get("namespace", ""), spec["serviceAccountName"]
    found = core.store.get(("", "serviceaccounts"), namespace, name)
    if found is None:
        raise _refused(pod, f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found')
    account = found.object()
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = account["imagePullSecrets"]
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        wanted = account.get("automountServiceAccountToken")
    if wanted is not False:
        mount_token(spec, core.identity.suffix)


def tolerate(spec: Spec) -> None:
    """Pods stay on a lost node for five minutes unless they say otherwise, in place."""
    present = list(spec.get("tolerations") or ())
    ours = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_S}
        for key in _TOLERATED
        if not any(_covers(one, key) for one in present)
    ]
    if present or ours:
        spec["tolerations"] = [*present, *ours]


def _covers(toleration: Obj, key: str) -> bool:
    return toleration.get("key") in (key, None, "") and toleration.get("effect") in ("NoExecute", None, "")


def mount_token(spec: Spec, suffix: Callable[[], str]) -> None:
    """The volume with the account's token, mounted into every container, in place."""
    bare = [one for one in _all_containers(spec) if not _has_token(one)]
    if not bare:
        return
    name = f"kube-api-access-{suffix()}"
    for container in bare:
        mount = {"name": name, "readOnly": True, "mountPath": TOKEN_PATH}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
    spec["volumes"] = [*(spec.get("volumes") or ()), _token_volume(name)]


def _all_containers(spec: Spec) -> list[Obj]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _has_token(container: Obj) -> bool:
    return any(mount.get("mountPath") == TOKEN_PATH for mount in container.get("volumeMounts") or ())


def _token_volume(name: str) -> Obj:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_S, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}


def _prioritize(core: Core, pod: Obj, spec: Spec) -> None:
    """Priority and preemption come from the class that the pod names, or from the one that is everybody's."""
    name = spec.get("priorityClassName") or ""
    chosen = _class(core, pod, name) if name else _everybodys(core)
    number = int((chosen or {}).get("value") or 0)
    if chosen is not None:
        spec["priorityClassName"] = chosen["metadata"]["name"]
    if spec.get("priority") is not None and spec["priority"] != number:
        raise _refused(pod, _COMPUTED.format(given=spec["priority"], computed=number))
    spec["priority"] = number
    policy = (chosen or {}).get("preemptionPolicy") or "PreemptLowerPriority"
    if spec.get("preemptionPolicy") not in (None, policy):
        raise _refused(pod, _PREEMPTION.format(given=spec["preemptionPolicy"], computed=policy))
    spec["preemptionPolicy"] = policy


_COMPUTED = (
    "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed "
    "{computed} from the given PriorityClass name"
)
_PREEMPTION = (
    "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission controller "
    "computed {computed} from the given PriorityClass name"
)


def _class(core: Core, pod: Obj, name: str) -> Obj:
    found = core.store.get(_PRIORITIES, "", name)
    if found is None:
        raise _refused(pod, f"no PriorityClass with name {name} was found")
    return found.object()


def _run_with(core: Core, pod: Obj, spec: Spec) -> None:
    """The plugin RuntimeClass: the class is there, and says what it costs and where it runs."""
    name = spec.get("runtimeClassName")
    if not name:
        return
    found = core.store.get(("node.k8s.io", "runtimeclasses"), "", name)
    if found is None:
        raise _refused(pod, f'pod rejected: RuntimeClass "{name}" not found')
    chosen = found.object()
    overhead = (chosen.get("overhead") or {}).get("podFixed")
    if overhead:
        spec["overhead"] = overhead
    scheduling = chosen.get("scheduling") or {}
    if scheduling.get("nodeSelector"):
        spec["nodeSelector"] = {**(spec.get("nodeSelector") or {}), **scheduling["nodeSelector"]}
    if scheduling.get("tolerations"):
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *scheduling["tolerations"]]


def _everybodys(core: Core) -> Obj | None:
    for version in core.store.list(_PRIORITIES):
        if b'"globalDefault":true' in version.json:
            return version.object()
    return None


def _refused(pod: Obj, why: str) -> StatusError:
    return status.forbidden("pods", "", pod["metadata"].get("name", ""), why)


def qos_class(spec: Spec) -> str:
    """``Guaranteed``, ``Burstable`` or ``BestEffort``, from cpu and memory of all containers (``ComputePodQOS``)."""
    pairs = [_resources(one) for one in ([spec] if spec.get("resources") else _all_containers(spec))]
    requests, limits = _sums(one for one, _ in pairs), _sums(one for _, one in pairs)
    if not requests and not limits:
        return "BestEffort"
    guaranteed = all(set(one) == {"cpu", "memory"} for _, one in pairs)
    if guaranteed and requests == limits:
        return "Guaranteed"
    return "Burstable"


def _resources(container: Obj) -> tuple[Obj, Obj]:
    found = container.get("resources") or {}
    requests, limits = (
        {name: amount(str(one)) for name, one in (found.get(side) or {}).items() if name in ("cpu", "memory")}
        for side in ("requests", "limits")
    )
    return {n: v for n, v in requests.items() if v > 0}, {n: v for n, v in limits.items() if v > 0}


def _sums(all_of: Iterable[Obj]) -> Obj:
    out: Obj = {}
    for one in all_of:
        for name, value in one.items():
            out[name] = out.get(name, 0) + value
    return out
