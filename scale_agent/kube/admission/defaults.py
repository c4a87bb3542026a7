"""What a server fills into new objects of built-in kinds, as a table of small functions by resource.

Source: Kubernetes' ``zz_generated.defaults`` and registry strategies, for the kinds that simulated clusters see;
values were compared with a running 1.36.2.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from scale_agent.kube.admission import podspec
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.storage.version import Obj

#: Keeps a claim until no pod uses it; the garbage collector's rule takes it off.
PROTECTION = "kubernetes.io/pvc-protection"
RBAC = "rbac.authorization.k8s.io"
#: Cluster IPs are handed out from this /16 of the service range 10.43.0.0/16, which the bootstrap's 10.43.0.1 begins.
SERVICE_NETWORK = "10.43"


def _spec(obj: Obj) -> dict[str, Any]:
    spec: dict[str, Any] = obj.setdefault("spec", {})
    return spec


def _set(target: dict[str, Any], **values: Any) -> None:
    for name, value in values.items():
        if target.get(name) is None or target.get(name) == "":
            target[name] = value


def _namespace(obj: Obj) -> None:
    labels = obj["metadata"].setdefault("labels", {}) or {}
    obj["metadata"]["labels"] = {**labels, "kubernetes.io/metadata.name": obj["metadata"]["name"]}


def _secret(obj: Obj) -> None:
    _set(obj, type="Opaque")
    plain = obj.pop("stringData", None)
    if plain:
        encoded = {name: base64.b64encode(str(value).encode()).decode() for name, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}


def _deployment(obj: Obj) -> None:
    spec = _spec(obj)
    _set(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec["strategy"] = spec.get("strategy") or {}
    _set(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy["rollingUpdate"] = strategy.get("rollingUpdate") or {}
        _set(rolling, maxUnavailable="25%", maxSurge="25%")
    podspec.fill_template(spec)


def _replica_set(obj: Obj) -> None:
    _set(_spec(obj), replicas=1)
    podspec.fill_template(_spec(obj))


def _daemon_set(obj: Obj) -> None:
    spec = _spec(obj)
    _set(spec, revisionHistoryLimit=10)
    annotations = obj["metadata"].get("annotations") or {}
    obj["metadata"]["annotations"] = {"deprecated.daemonset.template.generation": "1", **annotations}
    strategy = spec["updateStrategy"] = spec.get("updateStrategy") or {}
    _set(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _set(strategy, rollingUpdate={})
        _set(strategy["rollingUpdate"], maxUnavailable=1, maxSurge=0)
    podspec.fill_template(spec)


def _stateful_set(obj: Obj) -> None:
    spec = _spec(obj)
    _set(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady", updateStrategy={})
    _set(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _set(spec["updateStrategy"], rollingUpdate={"partition": 0})
    _set(spec, persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"})
    podspec.fill_template(spec)


def _job(obj: Obj) -> None:
    spec = _spec(obj)
    _set(
        spec,
        manualSelector=False,
        backoffLimit=6,
        completionMode="NonIndexed",
        suspend=False,
        podReplacementPolicy="TerminatingOrFailed",
    )
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    _set(spec, parallelism=1)
    podspec.fill_template(spec)


def _new_job(_: Core, obj: Obj) -> None:
    spec = _spec(obj)
    if spec.get("manualSelector"):
        return
    uid, name = obj["metadata"]["uid"], obj["metadata"]["name"]
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    template_meta = spec.setdefault("template", {}).setdefault("metadata", {})
    ours = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    template_meta["labels"] = {**(template_meta.get("labels") or {}), **ours}
    if not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(template_meta["labels"])


def _cron_job(obj: Obj) -> None:
    spec = _spec(obj)
    _set(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    job = spec.setdefault("jobTemplate", {}).setdefault("spec", {})
    if "template" in job:
        podspec.fill_template(job)


def _pod(obj: Obj) -> None:
    spec = _spec(obj)
    _set(spec, enableServiceLinks=True)
    podspec.fill(spec)


def _new_pod(core: Core, obj: Obj) -> None:
    spec = _spec(obj)
    podspec.tolerate(spec)
    podspec.mount_token(spec, core.identity.suffix)
    _set(spec, serviceAccountName="default", preemptionPolicy="PreemptLowerPriority", priority=0)
    _set(spec, serviceAccount=spec["serviceAccountName"])
    obj["status"] = {"phase": "Pending", "qosClass": podspec.qos_class(spec)}


def _network_policy(obj: Obj) -> None:
    spec = _spec(obj)
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _service(obj: Obj) -> None:
    spec = _spec(obj)
    _set(spec, type="ClusterIP", sessionAffinity="None")
    for port in spec.get("ports") or ():
        _set(port, protocol="TCP")
        port["targetPort"] = port.get("targetPort") or port.get("port")
    if spec["type"] != "ExternalName":
        _set(spec, internalTrafficPolicy="Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _set(spec, externalTrafficPolicy="Cluster")


def _new_service(core: Core, obj: Obj) -> None:
    spec = _spec(obj)
    obj["status"] = {"loadBalancer": {}}
    if spec["type"] != "ExternalName":
        _set(spec, clusterIP=_free_address(core))
        _set(spec, clusterIPs=[spec["clusterIP"]], ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")


def _free_address(core: Core) -> str:
    """The next free cluster IP: in order, so that every run of a seed gives the same."""
    taken = {(one.object().get("spec") or {}).get("clusterIP") for one in core.store.list(("", "services"))}
    for number in range(2, 1 << 16):
        address = f"{SERVICE_NETWORK}.{number >> 8}.{number & 255}"
        if address not in taken:
            return address
    return "None"


def _cluster_role_binding(obj: Obj) -> None:
    reference = obj.get("roleRef")
    if isinstance(reference, dict):
        _set(reference, apiGroup=RBAC)
    for subject in obj.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            _set(subject, apiGroup=RBAC)
        if subject.get("kind") == "ServiceAccount":
            subject.setdefault("namespace", "")


def _claim(obj: Obj) -> None:
    _set(_spec(obj), volumeMode="Filesystem")


def _definition(obj: Obj) -> None:
    names = _spec(obj).get("names") or {}
    _set(names, singular=str(names.get("kind", "")).lower(), listKind=f"{names.get('kind', '')}List")
    _set(_spec(obj), conversion={"strategy": "None"})


def _new_namespace(_: Core, obj: Obj) -> None:
    _spec(obj).setdefault("finalizers", ["kubernetes"])
    obj["status"] = {"phase": "Active"}


def _new_claim(_: Core, obj: Obj) -> None:
    obj["metadata"]["finalizers"] = [*(obj["metadata"].get("finalizers") or ()), PROTECTION]
    obj["status"] = {"phase": "Pending"}


def _new_definition(_: Core, obj: Obj) -> None:
    stored = [one["name"] for one in _spec(obj).get("versions") or () if one.get("storage")]
    obj["status"] = {"storedVersions": stored}


def _new_ingress(_: Core, obj: Obj) -> None:
    obj["status"] = {"loadBalancer": {}}


#: Defaults: filled in whenever an object is read from a client, before anyone is made its fields' owner.
DEFAULTS: dict[ResourceKey, Callable[[Obj], None]] = {
    ("", "namespaces"): _namespace,
    ("", "secrets"): _secret,
    ("", "pods"): _pod,
    ("", "services"): _service,
    ("", "persistentvolumeclaims"): _claim,
    ("apps", "deployments"): _deployment,
    ("apps", "replicasets"): _replica_set,
    ("apps", "daemonsets"): _daemon_set,
    ("apps", "statefulsets"): _stateful_set,
    ("batch", "jobs"): _job,
    ("batch", "cronjobs"): _cron_job,
    (RBAC, "clusterrolebindings"): _cluster_role_binding,
    (RBAC, "rolebindings"): _cluster_role_binding,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _definition,
    ("networking.k8s.io", "networkpolicies"): _network_policy,
}
#: What the registry gives to new objects: nobody's fields. Their status was reset before.
PREPARED: dict[ResourceKey, Callable[[Core, Obj], None]] = {
    ("", "namespaces"): _new_namespace,
    ("", "pods"): _new_pod,
    ("", "services"): _new_service,
    ("", "persistentvolumeclaims"): _new_claim,
    ("batch", "jobs"): _new_job,
    ("networking.k8s.io", "ingresses"): _new_ingress,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _new_definition,
}


def fill(resource: ResourceType, obj: Obj) -> None:
    """Defaults of an object that a client sent, in place."""
    filler = DEFAULTS.get(resource.key)
    if filler is not None:
        filler(obj)


def prepare_new(core: Core, resource: ResourceType, obj: Obj) -> None:
    """What the server assigns to a new object, in place."""
    prepare = PREPARED.get(resource.key)
    if prepare is not None:
        prepare(core, obj)


#: What the server assigned and a replacing object may leave out, by resource: kept from the old object.
KEPT: dict[ResourceKey, tuple[tuple[str, str], ...]] = {
    ("", "services"): (
        ("spec", "clusterIP"),
        ("spec", "clusterIPs"),
        ("spec", "ipFamilies"),
        ("spec", "ipFamilyPolicy"),
    ),
    ("", "pods"): tuple(
        ("spec", name) for name in ("nodeName", "serviceAccountName", "serviceAccount", "preemptionPolicy", "priority")
    ),
    ("", "namespaces"): (("spec", "finalizers"),),
    ("batch", "jobs"): (("spec", "selector"),),
}


def keep_assigned(resource: ResourceType, old: Obj, obj: Obj) -> None:
    """Give a replacing object back what the server once assigned, in place."""
    for part, name in KEPT.get(resource.key, ()):
        value = (old.get(part) or {}).get(name)
        inside = obj.get(part)
        if value is not None and isinstance(inside, dict | None) and not (inside or {}).get(name):
            obj[part] = {**(inside or {}), name: value}
