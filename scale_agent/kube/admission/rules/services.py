"""Services, endpoints and endpoint slices (``validateService``, ``validateEndpoints``, ``ValidateEndpointSlice``)."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission.rules import formats
from scale_agent.kube.admission.rules.checks import at, each, filled, given, need, one_of, port, struct, text
from scale_agent.kube.admission.rules.containers import PROTOCOLS, port_or_name
from scale_agent.kube.admission.rules.metadata import labels
from scale_agent.kube.admission.rules.report import Path, Report
from scale_agent.kube.admission.rules.security import internal
from scale_agent.kube.admission.rules.selectors import key

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_EXTERNAL = ("LoadBalancer", "NodePort")
_PORT = (
    ("Name", "name"),
    ("Protocol", "protocol"),
    ("AppProtocol", "appProtocol"),
    ("Port", "port"),
    ("TargetPort", "targetPort"),
    ("NodePort", "nodePort"),
)


def _port(value: Any, path: Path, report: Report, names: set[str], *, needs_name: bool) -> None:
    name = value.get("name")
    if name:
        report.each_invalid((*path, "name"), name, formats.label(name))
        if name in names:
            report.duplicate((*path, "name"), name)
        names.add(name)
    elif needs_name:
        report.required((*path, "name"))
    port(value.get("port"), (*path, "port"), report)
    need(one_of(*PROTOCOLS))(value.get("protocol"), (*path, "protocol"), report)
    port_or_name(value.get("targetPort"), (*path, "targetPort"), report)
    given(key)(value.get("appProtocol"), (*path, "appProtocol"), report)


def _ports(spec: Any, path: Path, report: Report) -> None:
    ports, kind, here = spec.get("ports") or (), spec.get("type"), (*path, "ports")
    headless = spec.get("clusterIP") == "None"
    if not ports and not headless and kind != "ExternalName":
        report.required(here)
    if kind == "LoadBalancer":
        for index, one in enumerate(ports):
            if one.get("port") == 10250:
                report.invalid(
                    (*here, index, "port"), 10250, "may not expose port 10250 externally since it is used by kubelet"
                )
    if headless and kind in _EXTERNAL:
        report.invalid((*path, "clusterIPs", 0), "None", "may not be set to 'None' for LoadBalancer services")
    names: set[str] = set()
    for index, one in enumerate(ports):
        _port(one, (*here, index), report, names, needs_name=len(ports) > 1)


def _affinity(spec: Any, path: Path, report: Report) -> None:
    kind = spec.get("sessionAffinity") or ""
    need(one_of("ClientIP", "None"))(kind, (*path, "sessionAffinity"), report)
    config, here = spec.get("sessionAffinityConfig"), (*path, "sessionAffinityConfig")
    if kind == "ClientIP":
        seconds = at(config, "clientIP", "timeoutSeconds")
        if seconds is None:
            report.required(here, "when session affinity type is ClientIP")
        elif not 0 < seconds <= 86400:
            report.invalid((*here, "clientIP", "timeoutSeconds"), seconds, "must be greater than 0 and less than 86400")
    elif kind == "None" and config is not None:
        report.forbidden(here, "must not be set when session affinity is None")


_FAMILIES = ("IPv4", "IPv6")
_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")


def _addresses(spec: Any, path: Path, report: Report) -> None:
    """``ValidateServiceClusterIPsRelatedFields``."""
    families, policy, ips = spec.get("ipFamilies") or (), spec.get("ipFamilyPolicy"), spec.get("clusterIPs") or ()
    if spec.get("type") == "ExternalName":
        for name, value in (("clusterIPs", ips), ("ipFamilies", families), ("ipFamilyPolicy", policy)):
            if value:
                report.forbidden((*path, name), "may not be set for ExternalName services")
        return
    if ips and not spec.get("clusterIP"):
        report.invalid((*path, "clusterIPs"), list(ips), "must be empty when `clusterIP` is not specified")
    for index, one in enumerate(families):
        if one not in _FAMILIES:
            report.unsupported((*path, "ipFamilies", index), one, _FAMILIES)
        if one in families[:index]:
            report.duplicate((*path, "ipFamilies", index), one)
    if policy is not None and policy not in _POLICIES:
        report.unsupported((*path, "ipFamilyPolicy"), policy, _POLICIES)
    for index, one in enumerate(ips):
        if one == "None":
            if len(ips) > 1:
                report.invalid((*path, "clusterIPs"), list(ips), "'None' must be the first and only value")
        else:
            report.each_invalid((*path, "clusterIPs", index), one, formats.ip(one))


def _external_ip(value: Any, path: Path, report: Report) -> None:
    faults = formats.ip(value)
    report.each_invalid(path, value, faults)
    if not faults:
        _not_special(value, path, report)


def _not_special(value: str, path: Path, report: Report) -> None:
    """``ValidateNonSpecialIP``."""
    found = formats.address(value)
    if found is None:
        return
    for wrong, words in (
        (found.is_unspecified, f"may not be unspecified ({value})"),
        (found.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (found.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (
            found.is_multicast and found.packed[:2] in (b"\xe0\x00", b"\xff\x02"),
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        ),
    ):
        if wrong:
            report.invalid(path, value, words)


def _type(spec: Any, path: Path, report: Report) -> None:
    kind = spec.get("type") or ""
    need(one_of(*_TYPES))(kind, (*path, "type"), report)
    if kind == "ClusterIP":
        for index, one in enumerate(spec.get("ports") or ()):
            if one.get("nodePort"):
                report.forbidden((*path, "ports", index, "nodePort"), "may not be used when `type` is 'ClusterIP'")
    pairs: set[Any] = set()
    for index, one in enumerate(spec.get("ports") or ()):
        pair = (one.get("protocol"), one.get("port"))
        if pair in pairs:
            shown = {
                "name": "",
                "protocol": one.get("protocol"),
                "port": one.get("port"),
                "targetPort": 0,
                "nodePort": 0,
            }
            report.duplicate((*path, "ports", index), internal(shown, _PORT))
        pairs.add(pair)
    _node_ports(spec, path, report)


def _node_ports(spec: Any, path: Path, report: Report) -> None:
    seen: set[Any] = set()
    for index, one in enumerate(spec.get("ports") or ()):
        pair = (one.get("protocol"), one.get("nodePort"))
        if one.get("nodePort"):
            if pair in seen:
                report.duplicate((*path, "ports", index, "nodePort"), one["nodePort"])
            seen.add(pair)


_BALANCED = "may only be used when `type` is 'LoadBalancer'"


def _balancer(spec: Any, path: Path, report: Report) -> None:
    balanced = spec.get("type") == "LoadBalancer"
    ranges = spec.get("loadBalancerSourceRanges") or ()
    if ranges:
        if not balanced:
            report.forbidden((*path, "LoadBalancerSourceRanges"), _BALANCED)
        for index, one in enumerate(ranges):
            report.each_invalid((*path, "LoadBalancerSourceRanges", index), one, formats.cidr(one.strip()))
    if spec.get("allocateLoadBalancerNodePorts") is not None and not balanced:
        report.forbidden((*path, "allocateLoadBalancerNodePorts"), _BALANCED)
    name = spec.get("loadBalancerClass")
    if not balanced and name is not None:
        report.forbidden((*path, "loadBalancerClass"), _BALANCED)
    elif name is not None:
        key(name, (*path, "loadBalancerClass"), report)


def _external(spec: Any, path: Path, report: Report) -> None:
    """``validateServiceExternalTrafficFieldsValue`` and who may set them."""
    policy, kind, check_port = spec.get("externalTrafficPolicy"), spec.get("type"), spec.get("healthCheckNodePort") or 0
    if policy and policy not in ("Cluster", "Local"):
        report.unsupported((*path, "externalTrafficPolicy"), policy, ("Cluster", "Local"))
    if check_port < 0:
        report.invalid((*path, "healthCheckNodePort"), check_port, "must be greater than or equal to 0")
    reachable = kind in _EXTERNAL or (kind == "ClusterIP" and bool(spec.get("externalIPs")))
    if reachable and not policy:
        report.required((*path, "externalTrafficPolicy"))
    if not reachable and policy:
        report.invalid((*path, "externalTrafficPolicy"), policy, "may only be set for externally-accessible services")
    if check_port and not (kind == "LoadBalancer" and policy == "Local"):
        words = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        report.invalid((*path, "healthCheckNodePort"), check_port, words)


def _internal(spec: Any, path: Path, report: Report) -> None:
    policy, here = spec.get("internalTrafficPolicy"), (*path, "internalTrafficPolicy")
    if policy is None:
        if spec.get("type") in ("ClusterIP", *_EXTERNAL):
            report.required(here)
    elif policy not in ("Cluster", "Local"):
        report.unsupported(here, policy, ("Cluster", "Local"))


def _external_name(spec: Any, path: Path, report: Report) -> None:
    if spec.get("type") == "ExternalName":
        name = (spec.get("externalName") or "").removesuffix(".")
        need(text(formats.subdomain))(name, (*path, "externalName"), report)


service = struct(
    (
        "spec",
        struct(
            _ports,
            _external_name,
            ("selector", filled(labels)),
            _affinity,
            _addresses,
            ("externalIPs", each(_external_ip)),
            _type,
            _balancer,
            _external,
            _internal,
        ),
    )
)


def service_update(new: Any, old: Any, report: Report) -> None:
    """``ValidateServiceUpdate``: what stays while a service keeps its type."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    kinds = (before.get("type"), now.get("type"))
    if "ExternalName" not in kinds:
        _kept_addresses(now, before, report)
    if kinds == ("LoadBalancer", "LoadBalancer") and before.get("loadBalancerClass") != now.get("loadBalancerClass"):
        report.invalid(("spec", "loadBalancerClass"), now.get("loadBalancerClass"), "may not change once set")


def _kept_addresses(now: Any, before: Any, report: Report) -> None:
    old, new = before.get("clusterIPs") or (), now.get("clusterIPs") or ()
    if old and (new[:1] != old[:1]):
        report.invalid(("spec", "clusterIPs", 0), list(new), "may not change once set")
    families = (before.get("ipFamilies") or [], now.get("ipFamilies") or [])
    known = bool(families[0] and families[1]) and families[1][0] in _FAMILIES
    if known and families[0][0] != families[1][0]:
        report.invalid(("spec", "ipFamilies", 0), families[1][0], "may not change once set")


def _endpoint_address(value: Any, path: Path, report: Report) -> None:
    ip = value.get("ip") or ""
    faults = formats.ip(ip)
    report.each_invalid((*path, "ip"), ip, faults)
    if value.get("hostname"):
        report.each_invalid((*path, "hostname"), value["hostname"], formats.label(value["hostname"]))
    if value.get("nodeName") is not None:
        report.each_invalid((*path, "nodeName"), value["nodeName"], formats.subdomain(value["nodeName"]))
    if faults:
        report.invalid((*path, "ip"), ip, "must be a valid IP address")
    else:
        _not_special(ip, (*path, "ip"), report)


def _subset(value: Any, path: Path, report: Report) -> None:
    addresses, waiting, ports = (value.get(name) or () for name in ("addresses", "notReadyAddresses", "ports"))
    if not addresses and not waiting:
        report.required(path, "must specify `addresses` or `notReadyAddresses`")
    each(_endpoint_address)(addresses, (*path, "addresses"), report)
    each(_endpoint_address)(waiting, (*path, "notReadyAddresses"), report)
    for index, one in enumerate(ports):
        here = (*path, "ports", index)
        if one.get("name"):
            report.each_invalid((*here, "name"), one["name"], formats.label(one["name"]))
        elif len(ports) > 1:
            report.required((*here, "name"))
        port(one.get("port"), (*here, "port"), report)
        need(one_of(*PROTOCOLS))(one.get("protocol"), (*here, "protocol"), report)
        given(key)(one.get("appProtocol"), (*here, "appProtocol"), report)


endpoints = struct(("subsets", each(_subset)))
_FORMS = {"IPv4": 4, "IPv6": 6}


def _slice_address(kind: str, value: str, path: Path, report: Report) -> None:
    if kind == "FQDN":
        report.each_invalid(path, value, formats.subdomain(value))
        return
    found = formats.address(value)
    if found is None:
        report.each_invalid(path, value, formats.ip(value))
    elif found.version != _FORMS.get(kind, found.version):
        report.invalid(path, value, f"must be a valid {kind} address")
    else:
        _not_special(value, path, report)


def _endpoint(kind: str, value: Any, path: Path, report: Report) -> None:
    addresses, here = value.get("addresses") or (), (*path, "addresses")
    if not addresses:
        report.required(here, "must contain at least 1 address")
    elif len(addresses) > 100:
        report.too_many(here, len(addresses), 100)
    for index, one in enumerate(addresses):
        _slice_address(kind, one, (*here, index), report)
    if value.get("nodeName") is not None:
        report.each_invalid((*path, "nodeName"), value["nodeName"], formats.subdomain(value["nodeName"]))
    labels(value.get("deprecatedTopology"), (*path, "deprecatedTopology"), report)
    if value.get("hostname") is not None:
        report.each_invalid((*path, "hostname"), value["hostname"], formats.label(value["hostname"]))
    zones = [one.get("name") or "" for one in at(value, "hints", "forZones") or ()]
    for index, name in enumerate(zones):
        here = (*path, "hints", "forZones", index, "name")
        if name in zones[:index]:
            report.duplicate(here, name)
        report.each_invalid(here, name, formats.label_value(name))


def _slice(value: Any, path: Path, report: Report) -> None:
    kind = value.get("addressType") or ""
    if not kind:
        report.required(("addressType",))
    elif kind not in ("IPv4", "IPv6", "FQDN"):
        report.unsupported(("addressType",), kind, ("FQDN", "IPv4", "IPv6"))
    endpoints_, ports = value.get("endpoints") or (), value.get("ports") or ()
    for name, found, most in (("endpoints", endpoints_, 1000), ("ports", ports, 20000)):
        if len(found) > most:
            report.too_many((name,), len(found), most)
    for index, one in enumerate(endpoints_):
        _endpoint(kind, one, ("endpoints", index), report)
    names = set()
    for index, one in enumerate(ports):
        here, name = ("ports", index), one.get("name") or ""
        if name:
            report.each_invalid((*here, "name"), name, formats.label(name))
        if name in names:
            report.duplicate((*here, "name"), name)
        names.add(name)
        need(one_of(*PROTOCOLS))(one.get("protocol"), (*here, "protocol"), report)
        given(key)(one.get("appProtocol"), (*here, "appProtocol"), report)


endpoint_slice = struct(_slice)


def slice_update(new: Any, old: Any, report: Report) -> None:
    """``ValidateEndpointSliceUpdate``: the addresses keep their type."""
    if (new.get("addressType") or "") != (old.get("addressType") or ""):
        report.invalid(("addressType",), new.get("addressType") or "", "field is immutable")
