"""Pods and pod templates (``ValidatePodSpec``, ``ValidatePodTemplateSpec``, ``ValidatePodUpdate``)."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission.rules import formats
from scale_agent.kube.admission.rules.checks import (
    between,
    each,
    filled,
    forbidden,
    given,
    need,
    needs_pointer,
    one_of,
    struct,
    text,
)
from scale_agent.kube.admission.rules.containers import containers, init_containers
from scale_agent.kube.admission.rules.goform import CORE, difference
from scale_agent.kube.admission.rules.metadata import labels, notes
from scale_agent.kube.admission.rules.quantities import requirements
from scale_agent.kube.admission.rules.report import Path, Report
from scale_agent.kube.admission.rules.security import pod_security
from scale_agent.kube.admission.rules.selectors import affinity, key, tolerations, topology_spread
from scale_agent.kube.admission.rules.volumes import volumes

_label, _subdomain = text(formats.label), text(formats.subdomain)
_RESTARTS = ("Always", "OnFailure", "Never")


def _running(spec: Any, path: Path, report: Report) -> None:
    """Volumes and containers."""
    mountable = volumes(spec.get("volumes"), (*path, "volumes"), report)
    names = {one.get("name") for one in spec.get("containers") or ()}
    containers(spec.get("containers"), (*path, "containers"), report, mountable)
    init_containers(spec.get("initContainers"), (*path, "initContainers"), report, mountable, names)


def _host_network(spec: Any, path: Path, report: Report) -> None:
    if not spec.get("hostNetwork"):
        return
    for index, container in enumerate(spec.get("containers") or ()):
        for number, one in enumerate(container.get("ports") or ()):
            host = one.get("hostPort") or 0
            if host and host != one.get("containerPort"):
                at = (*path, "containers", index, "ports", number, "hostPort")
                report.invalid(at, host, "must match `containerPort` when `hostNetwork` is true")


def _search(value: Any, path: Path, report: Report) -> None:
    if value != ".":
        bare = value.removesuffix(".")
        report.each_invalid(path, bare, formats.underscored_subdomain(bare))


def _named_option(value: Any, path: Path, report: Report) -> None:
    if not value.get("name"):
        report.required(path, "must not be empty")


_dns = struct(("nameservers", each(text(formats.ip))), ("searches", each(_search)), ("options", each(_named_option)))


def _dns_config(spec: Any, path: Path, report: Report) -> None:
    config, at = spec.get("dnsConfig"), (*path, "dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            report.required(at, "must provide `dnsConfig` when `dnsPolicy` is None")
            return
        if not config.get("nameservers"):
            report.required((*at, "nameservers"), "must provide at least one DNS nameserver when `dnsPolicy` is None")
            return
    for name, limit, what in (("nameservers", 3, "nameservers"), ("searches", 32, "search paths")):
        if config and len(config.get(name) or ()) > limit:
            report.invalid((*at, name), config[name], f"must not have more than {limit} {what}")
    _dns(config, at, report)


_alias = struct(("ip", text(formats.ip)), ("hostnames", each(_subdomain)))


def _shared(spec: Any, path: Path, report: Report) -> None:
    if spec.get("hostPID") and spec.get("shareProcessNamespace"):
        words = "ShareProcessNamespace and HostPID cannot both be enabled"
        report.invalid((*path, "securityContext", "shareProcessNamespace"), True, words)


def _host_name(spec: Any, path: Path, report: Report) -> None:
    if spec.get("setHostnameAsFQDN") and spec.get("hostnameOverride"):
        report.forbidden((*path, "setHostnameAsFQDN"), "may not be set when hostnameOverride is set")


_pod_spec = struct(
    ("terminationGracePeriodSeconds", needs_pointer()),
    _running,
    ("resources", filled(requirements)),
    _host_network,
    ("restartPolicy", need(one_of(*_RESTARTS))),
    ("dnsPolicy", need(one_of("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"))),
    ("nodeSelector", filled(labels)),
    _shared,
    ("securityContext", pod_security),
    ("affinity", affinity),
    _dns_config,
    ("readinessGates", each(struct(("conditionType", key)))),
    ("schedulingGates", each(struct(("name", key)))),
    ("topologySpreadConstraints", topology_spread),
    _host_name,
    ("serviceAccountName", filled(_subdomain)),
    ("nodeName", filled(_subdomain)),
    ("activeDeadlineSeconds", given(between(1, 2147483647))),
    ("hostname", filled(_label)),
    ("subdomain", filled(_label)),
    ("tolerations", tolerations),
    ("hostAliases", each(_alias)),
    ("priorityClassName", filled(_subdomain)),
    ("runtimeClassName", given(_subdomain)),
    ("preemptionPolicy", given(need(one_of("PreemptLowerPriority", "Never")))),
    ("os", given(struct(("name", need(one_of("linux", "windows")))))),
)


def pod_spec(value: Any, path: Path, report: Report) -> None:
    """``ValidatePodSpec``."""
    _pod_spec(value or {}, path, report)


def template_metadata(value: Any, path: Path, report: Report) -> None:
    """A template's labels and annotations."""
    meta = value.get("metadata") or {}
    labels(meta.get("labels"), (*path, "labels"), report)
    notes(meta.get("annotations"), (*path, "annotations"), report)


#: ``ValidatePodTemplateSpec``: its metadata's paths leave "metadata" out, as the server's do.
def template(value: Any, path: Path, report: Report) -> None:
    """A template's labels, annotations and spec."""
    template_metadata(value or {}, path, report)
    pod_spec((value or {}).get("spec"), (*path, "spec"), report)


def _only_pods(spec: Any, path: Path, report: Report) -> None:
    """What templates may have and pods may not (``validateContainersOnlyForPod``)."""
    for kind in ("containers", "initContainers"):
        for index, one in enumerate(spec.get(kind) or ()):
            image = one.get("image") or ""
            if image != image.strip():
                report.invalid((*path, kind, index, "image"), image, "must not have leading or trailing whitespace")


pod = struct(("spec", pod_spec, lambda value, path, report: _only_pods(value or {}, path, report)))
#: Ephemeral containers come later, through their subresource.
new_pod = struct(("spec", struct(("ephemeralContainers", forbidden("cannot be set on create")))))
_CHANGEABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def pod_update(new: Any, old: Any, report: Report) -> None:
    """``ValidatePodUpdate``, metadata and the whole of the new one aside."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    if now == before:
        return
    for name in ("containers", "initContainers"):
        if len(now.get(name) or ()) != len(before.get(name) or ()):
            report.forbidden(("spec", name), "pod updates may not add or remove containers")
            return
        for index, one in enumerate(now.get(name) or ()):
            image = one.get("image") or ""
            if not image:
                report.required(("spec", name, index, "image"))
            elif image != image.strip():
                words = "must not have leading or trailing whitespace"
                report.invalid(("spec", name, index, "image"), image, words)
    if not _deadline(now, before, report):
        return
    _added_tolerations(now, before, report)
    munged = _munged(now, before)
    if munged != before:
        report.forbidden(("spec",), f"{_CHANGEABLE}\n{difference(f'{CORE}PodSpec', before, munged)}")


def _deadline(now: Any, before: Any, report: Report) -> bool:
    """Whether to look further."""
    at, old, new = (
        ("spec", "activeDeadlineSeconds"),
        before.get("activeDeadlineSeconds"),
        now.get("activeDeadlineSeconds"),
    )
    if new is None:
        if old is not None:
            report.invalid(at, None, "must not update from a positive integer to nil value")
        return True
    if not 0 <= new <= 2147483647:
        report.invalid(at, new, "must be between 0 and 2147483647, inclusive")
        return False
    if old is not None and old < new:
        report.invalid(at, new, "must be less than or equal to previous value")
        return False
    return True


def _added_tolerations(now: Any, before: Any, report: Report) -> None:
    def essence(one: Any) -> Any:
        return {name: value for name, value in one.items() if name != "tolerationSeconds"}

    present = [essence(one) for one in now.get("tolerations") or ()]
    if any(essence(one) not in present for one in before.get("tolerations") or ()):
        words = "existing toleration can not be modified except its tolerationSeconds"
        report.forbidden(("spec", "tolerations"), words)


def _munged(now: Any, before: Any) -> Any:
    """The new spec with what may change as it was."""
    out = dict(now)
    for name in ("containers", "initContainers"):
        if out.get(name):
            old = before.get(name) or ()
            out[name] = [{**one, "image": was.get("image")} for one, was in zip(out[name], old, strict=True)]
    for name in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        out.pop(name, None)
        if name in before:
            out[name] = before[name]
    return out
