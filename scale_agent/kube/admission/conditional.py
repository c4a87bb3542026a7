"""The defaults that no table of fields can say: those that read a text, or more than one other field.

Each function is the rule of one struct type, changes it in place, and runs before the table's rows. Sources: the
functions ``SetDefaults_*`` of ``k8s.io/kubernetes/pkg/apis/*/v*`` named at each; compared on generated objects.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from scale_agent.kube.admission.rules.checks import at
from scale_agent.kube.admission.rules.quantities import amount
from scale_agent.kube.codec.quantities import canonical

Obj = dict[str, Any]
Rule = Callable[[Obj], None]

RBAC = "rbac.authorization.k8s.io"
#: A reference to an image (distribution/reference): domain, path, tag, digest.
_HOST = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = rf"(?:{_HOST}(?:\.{_HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?"
    r"(?P<digest>@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)


def pull_policy(image: str) -> str:
    """``Always`` for ``:latest`` and for images with neither tag nor digest; unreadable references count as tagged."""
    found = _IMAGE.fullmatch(image)
    if found is None:
        return "IfNotPresent"
    return "Always" if (found["tag"] or ("" if found["digest"] else "latest")) == "latest" else "IfNotPresent"


def _container(container: Obj) -> None:
    """``SetDefaults_Container``."""
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = pull_policy(container.get("image") or "")


def _image_volume(source: Obj) -> None:
    """``SetDefaults_Volume``, its part about images."""
    if not source.get("pullPolicy"):
        source["pullPolicy"] = pull_policy(source.get("reference") or "")


def _service(service: Obj) -> None:
    """``SetDefaults_Service``: affinity, and how addresses of load balancers are used."""
    spec = service.get("spec") or {}
    affinity = spec.get("sessionAffinity") or "None"
    if affinity == "None":
        spec.pop("sessionAffinityConfig", None)
    client = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    if affinity == "ClientIP" and client.get("timeoutSeconds") is None:
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}
    if spec.get("type") == "LoadBalancer":
        for ingress in ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ():
            if ingress.get("ip") and ingress.get("ipMode") is None:
                ingress["ipMode"] = "VIP"


def _namespace(namespace: Obj) -> None:
    """``SetDefaults_Namespace``: every namespace is labelled with its own name."""
    meta = namespace.get("metadata") or {}
    if meta.get("name"):
        meta["labels"] = {**(meta.get("labels") or {}), "kubernetes.io/metadata.name": meta["name"]}


def _replication_controller(controller: Obj) -> None:
    """``SetDefaults_ReplicationController``: selector and labels are the template's."""
    spec = controller.get("spec") or {}
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels:
        spec["selector"] = spec.get("selector") or dict(labels)
        _labelled(controller, labels)


def _job(job: Obj) -> None:
    """``SetDefaults_Job``: labels are the template's."""
    spec = job.get("spec") or {}
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels:
        _labelled(job, labels)


def _labelled(obj: Obj, labels: dict[str, str]) -> None:
    meta = obj.setdefault("metadata", {})
    if not meta.get("labels"):
        meta["labels"] = labels  # the same ones, as in the real server: a job's registry then adds to both


def node_ranges(node: Obj) -> None:
    """``Convert_v1_NodeSpec_To_core_NodeSpec``, in place: the first of the ranges is the range."""
    spec = node.get("spec") or {}
    one, several = spec.get("podCIDR") or "", spec.get("podCIDRs") or []
    if one:
        spec["podCIDRs"] = [one, *several[1:]]
    elif several:
        spec["podCIDR"] = several[0]


def _limit(item: Obj) -> None:
    """``SetDefaults_LimitRangeItem``: a container's default limit is the maximum, its request the limit or minimum."""
    if item.get("type") != "Container":
        return
    limit = {**(item.get("max") or {}), **(item.get("default") or {})}
    request = {**(item.get("min") or {}), **limit, **(item.get("defaultRequest") or {})}
    for name, values in (("default", limit), ("defaultRequest", request)):
        if values:
            item[name] = values


def _subject(subject: Obj) -> None:
    """``SetDefaults_Subject``."""
    if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
        subject["apiGroup"] = RBAC


def _names(definition: Obj) -> None:
    """``SetDefaults_CustomResourceDefinition``."""
    names = (definition.get("spec") or {}).get("names")
    if isinstance(names, dict):
        kind = names.get("kind") or ""
        names["singular"] = names.get("singular") or kind.lower()
        if kind:
            names["listKind"] = names.get("listKind") or f"{kind}List"


def _pod(pod: Obj) -> None:
    """``SetDefaults_Pod``: requests are the limits, ports in the host's network the host's; a whole pod's requests."""
    spec = pod.get("spec") or {}
    for container in _containers(spec):
        _requests(container)
        if spec.get("hostNetwork"):
            for port in container.get("ports") or ():
                if not port.get("hostPort") and port.get("containerPort"):
                    port["hostPort"] = port["containerPort"]
    _pod_requests(spec)


def _pod_requests(spec: Obj) -> None:
    """``defaultPodRequests``: a whole pod's requests are its containers' together, or its limits."""
    resources = spec.get("resources") or {}
    limits = resources.get("limits")
    if not limits:
        return
    requests = dict(resources.get("requests") or {})
    for name in ("cpu", "memory"):
        found = _effective(spec, name)
        if found and name not in requests:
            requests[name] = found
    for name, value in limits.items():
        if name in ("cpu", "memory") or name.startswith("hugepages-"):
            requests.setdefault(name, value)
    if requests:
        resources["requests"] = requests


def _effective(spec: Obj, name: str) -> str:
    """The sum over containers, or the largest initial one's; empty if none asks for the resource."""
    asked = [
        [str(value) for one in spec.get(kind) or () if (value := at(one, "resources", "requests", name)) is not None]
        for kind in ("containers", "initContainers")
    ]
    if not asked[0] and not asked[1]:
        return ""
    total = sum((amount(one) for one in asked[0]), start=Decimal(0))
    largest = max(asked[1], key=amount, default="0")
    if amount(largest) > total or len(asked[0]) <= 1:
        return max([largest, *asked[0]], key=amount)
    return canonical(format(total, "f"))


def _containers(spec: Obj) -> Iterator[Obj]:
    for name in ("containers", "initContainers"):
        yield from spec.get(name) or ()


def _requests(container: Obj) -> None:
    resources = container.get("resources") or {}
    limits = resources.get("limits")
    if limits:
        resources["requests"] = {**limits, **(resources.get("requests") or {})}


def _pod_spec(spec: Obj) -> None:
    """``Convert_v1_PodSpec_To_core_PodSpec`` and back: an account has two members."""
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if name:
        spec["serviceAccountName"] = spec["serviceAccount"] = name


_CORE = "k8s.io/api/core/v1."
_DEFINITIONS = "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1."
#: By struct.
BY_TYPE: dict[str, Rule] = {
    f"{_CORE}Container": _container,
    f"{_CORE}EphemeralContainer": _container,
    f"{_CORE}ImageVolumeSource": _image_volume,
    f"{_CORE}LimitRangeItem": _limit,
    f"{_CORE}Namespace": _namespace,
    f"{_CORE}Pod": _pod,
    f"{_CORE}ReplicationController": _replication_controller,
    f"{_CORE}Service": _service,
    "k8s.io/api/batch/v1.Job": _job,
    "k8s.io/api/rbac/v1.Subject": _subject,
    f"{_DEFINITIONS}CustomResourceDefinition": _names,
}
#: What conversion does, by struct.
CONVERTED: dict[str, Rule] = {f"{_CORE}PodSpec": _pod_spec}
