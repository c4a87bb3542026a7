"""Ingresses, network policies, address ranges (``pkg/apis/networking/validation``)."""

from __future__ import annotations

import ipaddress
from typing import Any

from scale_agent.kube.admission.rules import formats
from scale_agent.kube.admission.rules.checks import each, filled, given, need, port, required, struct, text, unchanged
from scale_agent.kube.admission.rules.containers import port_or_name
from scale_agent.kube.admission.rules.report import Path, Report
from scale_agent.kube.admission.rules.security import internal
from scale_agent.kube.admission.rules.selectors import label_selector

_subdomain = text(formats.subdomain)


def _service_backend(value: Any, path: Path, report: Report, outside: Path) -> None:
    name, chosen = value.get("name") or "", value.get("port") or {}
    if not name:
        report.required((*path, "name"))
    else:
        report.each_invalid((*path, "name"), name, formats.label(name))
    by_name, number = chosen.get("name"), chosen.get("number") or 0
    if by_name and number:
        report.invalid(outside, "", "cannot set both port name & port number")
    elif by_name:
        report.each_invalid((*path, "port", "name"), by_name, formats.port_name(by_name))
    elif number:
        port(number, (*path, "port", "number"), report)
    else:
        report.required(outside, "port name or number is required")


_resource = struct(("kind", required()), ("name", required()))


def _backend(value: Any, path: Path, report: Report) -> None:
    resource, service = value.get("resource"), value.get("service")
    if resource is not None and service is not None:
        report.invalid(path, "", "cannot set both resource and service backends")
    elif resource is not None:
        group = resource.get("apiGroup")
        if group is not None:
            report.each_invalid((*path, "resource", "apiGroup"), group, formats.subdomain(group))
        _resource(resource, (*path, "resource"), report)
    elif service is not None:
        _service_backend(service, (*path, "service"), report, path)
    else:
        report.invalid(path, "", "resource or service backend is required")


_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_IN_PATH = ("//", "/./", "/../", "%2f", "%2F")
_AT_END = ("/..", "/.")


def _http_path(value: Any, path: Path, report: Report) -> None:
    kind, found = value.get("pathType"), value.get("path") or ""
    if kind is None:
        report.required((*path, "pathType"), "pathType must be specified")
        return
    if kind in ("Exact", "Prefix"):
        if not found.startswith("/"):
            report.invalid((*path, "path"), found, "must be an absolute path")
        for bad in _IN_PATH:
            if bad in found:
                report.invalid((*path, "path"), found, f"must not contain '{bad}'")
        for bad in _AT_END:
            if found.endswith(bad):
                report.invalid((*path, "path"), found, f"cannot end with '{bad}'")
    elif kind == "ImplementationSpecific":
        if found and not found.startswith("/"):
            report.invalid((*path, "path"), found, "must be an absolute path")
    else:
        report.unsupported((*path, "pathType"), kind, _PATH_TYPES)
    _backend(value.get("backend") or {}, (*path, "backend"), report)


def _host(value: Any, path: Path, report: Report) -> None:
    if formats.address(value) is not None:
        report.invalid(path, value, "must be a DNS name, not an IP address")
    elif "*" in value:
        report.each_invalid(path, value, formats.wildcard_subdomain(value))
    else:
        report.each_invalid(path, value, formats.subdomain(value))


def _tls_host(value: Any, path: Path, report: Report) -> None:
    form = formats.wildcard_subdomain if "*" in value else formats.subdomain
    report.each_invalid(path, value, form(value))


def _ingress(spec: Any, path: Path, report: Report) -> None:
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        report.invalid(path, spec.get("rules"), "either `defaultBackend` or `rules` must be specified")


_ingress_rule = struct(("host", filled(_host)), ("http", given(struct(("paths", need(each(_http_path)))))))
ingress = struct(
    (
        "spec",
        struct(
            _ingress,
            ("defaultBackend", given(_backend)),
            ("rules", each(_ingress_rule)),
            ("tls", each(struct(("hosts", each(_tls_host)), ("secretName", filled(_subdomain))))),
            ("ingressClassName", given(_subdomain)),
        ),
    )
)


def _policy_port(value: Any, path: Path, report: Report) -> None:
    number, end, protocol = value.get("port"), value.get("endPort"), value.get("protocol")
    if protocol is not None and protocol not in ("TCP", "UDP", "SCTP"):
        report.unsupported((*path, "protocol"), protocol, ("TCP", "UDP", "SCTP"))
    if number is None:
        if end is not None:
            report.invalid((*path, "endPort"), end, "may not be specified when `port` is not specified")
        return
    port_or_name(number, (*path, "port"), report)
    if end is not None:
        if isinstance(number, str):
            report.invalid((*path, "endPort"), end, "may not be specified when `port` is non-numeric")
            return
        if number > end:
            report.invalid((*path, "endPort"), number, "must be greater than or equal to `port`")
        port(end, (*path, "endPort"), report)


def _block(value: Any, path: Path, report: Report) -> None:
    cidr = value.get("cidr") or ""
    if not cidr:
        report.required((*path, "cidr"))
        return
    faults = formats.cidr(cidr)
    report.each_invalid((*path, "cidr"), cidr, faults)
    if faults:
        return
    whole = ipaddress.ip_network(cidr, strict=False)
    for index, one in enumerate(value.get("except") or ()):
        faults, here = formats.cidr(one), (*path, "except", index)
        report.each_invalid(here, one, faults)
        if not faults and not _strictly_inside(ipaddress.ip_network(one, strict=False), whole):
            report.invalid(here, one, "must be a strict subset of `cidr`")


def _strictly_inside(inner: Any, outer: Any) -> bool:
    return inner.version == outer.version and inner != outer and bool(inner.subnet_of(outer))


def _peer(value: Any, path: Path, report: Report) -> None:
    count = 0
    for name in ("podSelector", "namespaceSelector"):
        if value.get(name) is not None:
            count += 1
            label_selector(value[name], (*path, name), report)
    if value.get("ipBlock") is not None:
        count += 1
        _block(value["ipBlock"], (*path, "ipBlock"), report)
    if not count:
        report.required(path, "must specify a peer")
    elif count > 1 and value.get("ipBlock") is not None:
        report.forbidden(path, "may not specify both ipBlock and another peer")


def _policy_types(value: Any, path: Path, report: Report) -> None:
    if value and len(value) > 2:
        report.invalid(path, list(value), "may not specify more than two policyTypes")
        return
    for index, one in enumerate(value or ()):
        if one not in ("Ingress", "Egress"):
            report.unsupported((*path, index), one, ("Ingress", "Egress"))


_ports, _peers = each(_policy_port), each(_peer)
network_policy = struct(
    (
        "spec",
        struct(
            ("podSelector", label_selector),
            ("ingress", each(struct(("ports", _ports), ("from", _peers)))),
            ("egress", each(struct(("ports", _ports), ("to", _peers)))),
            ("policyTypes", _policy_types),
        ),
    )
)


def prefixed_path(value: Any, path: Path, report: Report) -> None:
    """``IsDomainPrefixedPath``."""
    domain, _, rest = (value or "").partition("/")
    if not value:
        report.required(path)
    elif not domain or not rest:
        report.invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')
    else:
        report.each_invalid(path, domain, formats.subdomain(domain))


def _controller(value: Any, path: Path, report: Report) -> None:
    if len((value or "").encode()) > 250:
        report.too_long(path, 250)
    prefixed_path(value, path, report)


def _parameters(value: Any, path: Path, report: Report) -> None:
    group, scope, namespace = value.get("apiGroup"), value.get("scope"), value.get("namespace")
    if group is not None:
        report.each_invalid((*path, "apiGroup"), group, formats.subdomain(group))
    for name in ("kind", "name"):
        if not value.get(name):
            report.required((*path, name))
        else:
            report.each_invalid((*path, name), value[name], formats.path_segment(value[name]))
    if scope is None:
        report.required((*path, "scope"))
        return
    if scope not in ("Cluster", "Namespace"):
        report.unsupported((*path, "scope"), scope, ("Cluster", "Namespace"))
    if scope == "Namespace":
        if namespace is None:
            report.required((*path, "namespace"), "`parameters.scope` is set to 'Namespace'")
        else:
            report.each_invalid((*path, "namespace"), namespace, formats.label(namespace))
    if scope == "Cluster" and namespace is not None:
        report.forbidden((*path, "namespace"), "`parameters.scope` is set to 'Cluster'")


ingress_class = struct(("spec", struct(("controller", _controller), ("parameters", given(_parameters)))))
ingress_class_update = unchanged("spec.controller", shown_as=lambda value: value or "")
_PARENT = (("Group", "group"), ("Resource", "resource"), ("Namespace", "namespace"), ("Name", "name"))


def _parent(value: Any, path: Path, report: Report) -> None:
    if value is None:
        report.required(path)
        return
    if value.get("group"):
        report.each_invalid((*path, "group"), value["group"], formats.subdomain(value["group"]))
    for name in ("resource", "name", "namespace"):
        if not value.get(name):
            if name != "namespace":
                report.required((*path, name))
        else:
            report.each_invalid((*path, name), value[name], formats.path_segment(value[name]))


ip_address = struct(("spec", struct(("parentRef", _parent))))


def _shown_parent(value: Any) -> Any:
    return None if value is None else internal({**{name: "" for _, name in _PARENT}, **value}, _PARENT)


ip_address_update = unchanged("spec.parentRef", shown_as=_shown_parent)


def _ranges(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path, "at least one CIDR required")
        return
    if len(value) > 2 or (len(value) == 2 and len({":" in one for one in value}) == 1):
        words = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        report.invalid(path, list(value), words)
    for index, one in enumerate(value):
        report.each_invalid((*path, index), one, formats.cidr(one))


service_cidr = struct(("spec", struct(("cidrs", _ranges))))


def service_cidr_update(new: Any, old: Any, report: Report) -> None:
    """``ValidateServiceCIDRUpdate``: ranges stay; a second one may come."""
    now, before = ((one.get("spec") or {}).get("cidrs") or [] for one in (new, old))
    value = (new.get("spec") or {}).get("cidrs")
    for index, one in enumerate(before):
        if len(now) <= index:
            report.invalid(("spec", "cidrs"), value, "field is immutable")
            return
        if now[index] != one:
            report.invalid(("spec", "cidrs", index), now[index], "field is immutable")
