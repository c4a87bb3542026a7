"""Defaults of pod specs and pod templates (``SetDefaults_PodSpec``, ``SetDefaults_Container`` of k8s.io)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Spec = dict[str, Any]

#: Probe timings that a server fills in.
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
#: File modes (octal 0644) of volumes made from objects.
_MODE_420 = ("secret", "configMap", "downwardAPI", "projected")


def fill_template(spec: Spec) -> None:
    """Defaults of ``spec.template``, in place."""
    template = spec.get("template")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        fill(template["spec"])


def fill(spec: Spec) -> None:
    """Defaults of a pod's spec, in place."""
    _set(spec, restartPolicy="Always", terminationGracePeriodSeconds=30, dnsPolicy="ClusterFirst")
    _set(spec, securityContext={}, schedulerName="default-scheduler")
    if spec.get("serviceAccountName"):
        _set(spec, serviceAccount=spec["serviceAccountName"])
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        _container(container)
    for volume in spec.get("volumes") or ():
        _volume(volume)


def _set(target: Spec, **values: Any) -> None:
    for name, value in values.items():
        if target.get(name) is None or target.get(name) == "":
            target[name] = value


def _container(container: Spec) -> None:
    _set(container, resources={}, terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File")
    _set(container, imagePullPolicy=_pull_policy(container.get("image") or ""))
    for port in container.get("ports") or ():
        _set(port, protocol="TCP")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(name), dict):
            _probe(container[name])
    for variable in container.get("env") or ():
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if isinstance(reference, dict):
            _set(reference, apiVersion="v1")


def _probe(probe: Spec) -> None:
    _set(probe, **_PROBE)
    if isinstance(probe.get("httpGet"), dict):
        _set(probe["httpGet"], path="/", scheme="HTTP")


def _pull_policy(image: str) -> str:
    """``Always`` for ``:latest`` and for no tag at all."""
    last = image.rpartition("/")[2]
    if "@" in last:
        return "IfNotPresent"
    tag = last.partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _volume(volume: Spec) -> None:
    for name in _MODE_420:
        if isinstance(volume.get(name), dict):
            _set(volume[name], defaultMode=420)
    if isinstance(volume.get("hostPath"), dict) and "type" not in volume["hostPath"]:
        volume["hostPath"]["type"] = ""
    if not [name for name in volume if name != "name"]:
        volume["emptyDir"] = {}


_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


def tolerate(spec: Spec) -> None:
    """The tolerations that admission gives to every pod, in place."""
    present = list(spec.get("tolerations") or ())
    known = {one.get("key") for one in present}
    ours = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for key in _TOLERATED
        if key not in known
    ]
    spec["tolerations"] = [*present, *ours]


def mount_token(spec: Spec, suffix: Callable[[], str]) -> None:
    """The volume with the account's token that admission mounts into every container, in place."""
    if spec.get("automountServiceAccountToken") is False:
        return
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    bare = [one for one in containers if all(m.get("mountPath") != _TOKEN_PATH for m in one.get("volumeMounts") or ())]
    if not bare:
        return
    name = f"kube-api-access-{suffix()}"
    mount = {"name": name, "readOnly": True, "mountPath": _TOKEN_PATH}
    for container in bare:
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    volume = {"name": name, "projected": {"sources": sources, "defaultMode": 420}}
    spec["volumes"] = [*(spec.get("volumes") or ()), volume]


def qos_class(spec: Spec) -> str:
    """``Guaranteed``, ``Burstable`` or ``BestEffort``, from the containers' cpu and memory."""
    pairs = [_resources(container) for container in spec.get("containers") or ()]
    if not any(requests or limits for requests, limits in pairs):
        return "BestEffort"
    guaranteed = all(
        set(limits) == {"cpu", "memory"} and (not requests or requests == limits) for requests, limits in pairs
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _resources(container: Spec) -> tuple[Spec, Spec]:
    resources = container.get("resources") or {}
    counted = ("cpu", "memory")
    requests = {name: value for name, value in (resources.get("requests") or {}).items() if name in counted}
    limits = {name: value for name, value in (resources.get("limits") or {}).items() if name in counted}
    return requests, limits
