"""What a server warns of although it stores the object (``WarningsOnCreate``, ``WarningsOnUpdate`` of the registries).

Sources: ``pkg/api/pod/warnings.go``, ``pkg/api/service/warnings.go`` and the strategies of the kinds; words as a 1.36.2
sends them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Any

from scale_agent.kube.admission.rules.checks import at
from scale_agent.kube.codec.goquote import quote
from scale_agent.kube.custom import admission as custom
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.storage.version import Version

Obj = dict[str, Any]
Source = Callable[[Obj], Iterator[str]]


def _template(*path: str) -> Source:
    """The pod template of a workload."""

    def found(obj: Obj) -> Iterator[str]:
        template = at(obj, *path) or {}
        yield from _pod_spec(template.get("spec") or {}, ".".join((*path, "spec")), whole_pod=False)

    return found


#: The longest DNS label.
_LABEL = 63


def _pod(obj: Obj) -> Iterator[str]:
    name = str((obj.get("metadata") or {}).get("name") or "")
    whys = [f"must be no more than {_LABEL} characters"] * (len(name) > _LABEL) + ["must not contain dots"] * (
        "." in name
    )
    if whys:
        what = "this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended"
        yield f"metadata.name: {what}: [{' '.join(whys)}]"
    yield from _pod_spec(obj.get("spec") or {}, "spec", whole_pod=True)


def _pod_spec(spec: Obj, path: str, *, whole_pod: bool) -> Iterator[str]:
    yield from _selectors(spec, path)
    for index, one in enumerate(spec.get("hostAliases") or ()):
        if any(other.get("ip") == one.get("ip") for other in spec["hostAliases"][:index]):
            yield f"{path}.hostAliases[{index}].ip: duplicate ip {quote(one.get('ip') or '')}"
    yield from _pull_secrets(spec.get("imagePullSecrets") or (), f"{path}.imagePullSecrets")
    for kind in ("initContainers", "containers"):
        for index, one in enumerate(spec.get(kind) or ()):
            yield from _container(one, f"{path}.{kind}[{index}]", whole_pod=whole_pod)
    for volume in spec.get("volumes") or ():
        yield from _overlaps(volume)


def _pull_secrets(secrets: Any, path: str) -> Iterator[str]:
    for index, one in enumerate(secrets):
        name = one.get("name") or ""
        if not name:
            yield f'{path}[{index}].name: invalid empty name ""'
        elif any(other.get("name") == name for other in secrets[:index]):
            yield f"{path}[{index}].name: duplicate name {quote(name)}"


_NO_SELECTOR = "a null labelSelector results in matching no pod"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def _selectors(spec: Obj, path: str) -> Iterator[str]:
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = at(spec, "affinity", kind) or {}
        here = f"{path}.affinity.{kind}"
        for index, one in enumerate(terms.get(_REQUIRED) or ()):
            if one.get("labelSelector") is None:
                yield f"{here}.{_REQUIRED}[{index}].labelSelector: {_NO_SELECTOR}"
        for index, one in enumerate(terms.get(_PREFERRED) or ()):
            if at(one, "podAffinityTerm", "labelSelector") is None:
                yield f"{here}.{_PREFERRED}[{index}].podAffinityTerm.labelSelector: {_NO_SELECTOR}"
    for index, one in enumerate(spec.get("topologySpreadConstraints") or ()):
        if one.get("labelSelector") is None:
            yield f"{path}.topologySpreadConstraints[{index}].labelSelector: {_NO_SELECTOR}"


def _container(one: Obj, path: str, *, whole_pod: bool) -> Iterator[str]:
    yield from _environment(one.get("env") or (), f"{path}.env")
    yield from _ports(one.get("ports") or (), f"{path}.ports")
    if whole_pod:
        for index, port in enumerate(one.get("ports") or ()):
            if port.get("hostIP") and not port.get("hostPort"):
                yield f"{path}.ports[{index}]: hostIP set without hostPort: {_shown_port(port)}"


def _environment(variables: Any, path: str) -> Iterator[str]:
    """Variables that take the place of others of their name."""
    seen: set[str] = set()
    for index, one in enumerate(variables):
        name = one.get("name") or ""
        if name in seen and f"$({name})" not in (one.get("value") or ""):
            words = f"hides previous definition of {quote(name)}, which may be dropped when using apply"
            yield f"{path}[{index}]: {words}"
        seen.add(name)


def _ports(ports: Any, path: str) -> Iterator[str]:
    for index, one in enumerate(ports):
        key = (one.get("containerPort"), one.get("hostPort"), one.get("protocol"), one.get("hostIP"))
        for number, other in enumerate(ports[:index]):
            if key == (other.get("containerPort"), other.get("hostPort"), other.get("protocol"), other.get("hostIP")):
                yield f"{path}[{index}]: duplicate port definition with {path}[{number}]"
                break


def _shown_port(port: Obj) -> str:
    """Go's ``%+v`` of a port."""
    numbers = (("HostPort", "hostPort"), ("ContainerPort", "containerPort"))
    shown = [f"Name:{port.get('name') or ''}", *(f"{go}:{port.get(name) or 0}" for go, name in numbers)]
    shown += [f"{go}:{port.get(name) or ''}" for go, name in (("Protocol", "protocol"), ("HostIP", "hostIP"))]
    return "{" + " ".join(shown) + "}"


_SOURCES = (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName"))


def _overlaps(volume: Obj) -> Iterator[str]:
    """Two items of a volume at one place."""
    for member, kind, name in _SOURCES:
        source = volume.get(member)
        if source is None:
            continue
        paths = [item.get("path") or "" for item in source.get("items") or ()]
        for index, one in enumerate(paths):
            if one in paths[:index]:
                where = f"volume {quote(volume.get('name') or '')} ({kind} {quote(source.get(name) or '')})"
                yield f"{where}: overlapping paths: {quote(one)} with {quote(one)}"


def _service(obj: Obj) -> Iterator[str]:
    spec = obj.get("spec") or {}
    if spec.get("externalIPs"):
        yield "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
    if spec.get("loadBalancerIP"):
        yield "spec.loadBalancerIP is deprecated and may be ignored by some cloud providers"
    distribution = spec.get("trafficDistribution")
    if distribution == "PreferClose":
        yield 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'
    if spec.get("type") == "ExternalName" and spec.get("sessionAffinity") == "ClientIP":
        yield "spec.SessionAffinity is ignored for ExternalName services"
    if spec.get("clusterIP") == "None" and spec.get("sessionAffinity") == "ClientIP":
        yield "spec.SessionAffinity is ignored for headless services"


def _secret(obj: Obj) -> Iterator[str]:
    if obj.get("type") != "kubernetes.io/tls":
        return
    try:
        content = base64.b64decode((obj.get("data") or {}).get("tls.crt") or "")
    except binascii.Error:
        return
    if b"-----BEGIN" not in content:
        yield "tls: failed to find any PEM data in certificate input"


def _stateful_set(obj: Obj) -> Iterator[str]:
    yield from _template("spec", "template")(obj)
    if (at(obj, "spec", "revisionHistoryLimit") or 0) < 0:
        words = "a negative value retains all historical revisions; a value >= 0 is recommended"
        yield f"spec.revisionHistoryLimit: {words}"


def _csi_driver(obj: Obj) -> Iterator[str]:
    spec = obj.get("spec") or {}
    if spec.get("tokenRequests") and spec.get("serviceAccountTokenInSecrets") is None:
        yield (
            "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent "
            "possible logging of tokens in volume attributes"
        )


#: By resource: what is said of new objects; of replaced ones only what was not said before.
SOURCES: dict[ResourceKey, Source] = {
    ("", "pods"): _pod,
    ("", "podtemplates"): _template("template"),
    ("", "replicationcontrollers"): _template("spec", "template"),
    ("", "secrets"): _secret,
    ("", "services"): _service,
    ("apps", "daemonsets"): _template("spec", "template"),
    ("apps", "deployments"): _template("spec", "template"),
    ("apps", "replicasets"): _template("spec", "template"),
    ("apps", "statefulsets"): _stateful_set,
    ("batch", "cronjobs"): _template("spec", "jobTemplate", "spec", "template"),
    ("batch", "jobs"): _template("spec", "template"),
    ("storage.k8s.io", "csidrivers"): _csi_driver,
}
#: Kinds whose updates are not warned of, or only when what is warned of changed.
_NEW_ONLY = frozenset([("", "pods"), ("", "replicationcontrollers"), ("storage.k8s.io", "csidrivers")])


def warnings_of(resource: ResourceType, before: Version | None, obj: Obj) -> list[str]:
    """What a write is answered with besides, whatever the object's type; ``before``: what an update changes."""
    if resource.declared is not None or custom.is_definition(resource):
        return custom.warnings(resource, before, obj)
    return of(resource, obj, new=before is None)


def of(resource: ResourceType, obj: Obj, *, new: bool) -> list[str]:
    """The warnings that a write is answered with, in order and once each; ``new``: nothing was replaced."""
    source = SOURCES.get(resource.key)
    if source is None or (not new and resource.key in _NEW_ONLY):
        return []
    return list(dict.fromkeys(source(obj)))
