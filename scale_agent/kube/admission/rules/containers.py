"""Containers of pods (``validateContainers``, ``validateInitContainers``)."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission.rules import formats
from scale_agent.kube.admission.rules.checks import (
    each,
    filled,
    given,
    need,
    not_negative,
    one_of,
    port,
    required,
    struct,
    text,
)
from scale_agent.kube.admission.rules.quantities import requirements
from scale_agent.kube.admission.rules.report import Literal, Path, Report
from scale_agent.kube.admission.rules.security import container_security
from scale_agent.kube.admission.rules.volumes import ENV_FIELDS, field_ref, local_path, resource_ref

PROTOCOLS = ("SCTP", "TCP", "UDP")


def port_or_name(value: Any, path: Path, report: Report) -> None:
    """``ValidatePortNumOrName``."""
    if isinstance(value, str):
        report.each_invalid(path, value, formats.port_name(value))
    else:
        port(value, path, report)


def _ports(value: Any, path: Path, report: Report) -> None:
    seen = set()
    for index, one in enumerate(value or ()):
        at, name = (*path, index), one.get("name")
        if name:
            faults = formats.port_name(name)
            report.each_invalid((*at, "name"), name, faults)
            if not faults and name in seen:
                report.duplicate((*at, "name"), name)
            seen.add(name)
        need(port)(one.get("containerPort"), (*at, "containerPort"), report)
        filled(port)(one.get("hostPort"), (*at, "hostPort"), report)
        need(one_of(*PROTOCOLS))(one.get("protocol"), (*at, "protocol"), report)


_key_of = struct(("name", text(formats.subdomain)), ("key", need(text(formats.config_key))))
_VALUE_SOURCES = {
    "fieldRef": field_ref(ENV_FIELDS),
    "resourceFieldRef": resource_ref(False),
    "configMapKeyRef": _key_of,
    "secretKeyRef": _key_of,
    "fileKeyRef": struct(("volumeName", required()), ("path", required()), ("key", required())),
}


def _env(value: Any, path: Path, report: Report) -> None:
    need(text(formats.env_name))(value.get("name"), (*path, "name"), report)
    source, at = value.get("valueFrom"), (*path, "valueFrom")
    if source is None:
        return
    count = 0
    for name, check in _VALUE_SOURCES.items():
        if source.get(name) is not None:
            count += 1
            check(source[name], (*at, name), report)
    if not count:
        listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        report.invalid(at, "", f"must specify one of: {listed}")
    elif value.get("value"):
        report.invalid(at, "", "may not be specified when `value` is not empty")
    elif count > 1:
        report.invalid(at, "", "may not have more than one field specified at a time")


def _env_from(value: Any, path: Path, report: Report) -> None:
    for index, one in enumerate(value or ()):
        at, count = (*path, index), 0
        filled(text(formats.env_name))(one.get("prefix"), (*at, "prefix"), report)
        for name in ("configMapRef", "secretRef"):
            if one.get(name) is not None:
                count += 1
                need(text(formats.subdomain))(one[name].get("name"), (*at, name, "name"), report)
        if not count:
            report.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
        elif count > 1:
            report.invalid(path, "", "may not have more than one field specified at a time")


_propagation = one_of("Bidirectional", "HostToContainer", "None")


def _mounts(container: Any, path: Path, report: Report, volumes: set[str]) -> None:
    places = set()
    privileged = (container.get("securityContext") or {}).get("privileged")
    for index, one in enumerate(container.get("volumeMounts") or ()):
        at, name, place = (*path, index), one.get("name") or "", one.get("mountPath") or ""
        if not name:
            report.required((*at, "name"))
        if name not in volumes:
            report.not_found((*at, "name"), name)
        if not place:
            report.required((*at, "mountPath"))
        if place in places:
            report.invalid((*at, "mountPath"), place, "must be unique")
        places.add(place)
        _sub_path(one, path, at, report)
        propagation = one.get("mountPropagation")
        if propagation is not None:
            _propagation(propagation, (*path, "mountPropagation"), report)
            if propagation == "Bidirectional" and not privileged:
                words = "Bidirectional mount propagation is available only to privileged containers"
                report.forbidden((*path, "mountPropagation"), words)


def _sub_path(mount: Any, path: Path, at: Path, report: Report) -> None:
    for name in ("subPath", "subPathExpr"):
        if mount.get(name):
            if name == "subPathExpr" and mount.get("subPath"):
                report.invalid((*at, name), mount[name], "subPathExpr and subPath are mutually exclusive")
            local_path(mount[name], (*path, name), report)


def _devices(value: Any, path: Path, report: Report, volumes: set[str]) -> None:
    for index, one in enumerate(value or ()):
        at, name = (*path, index), one.get("name") or ""
        if not name:
            report.required((*at, "name"))
        elif name not in volumes:
            report.not_found((*at, "name"), name)
        if not one.get("devicePath"):
            report.required((*at, "devicePath"))


_start = struct(
    ("name", need(text(formats.label))),
    ("image", required()),
    ("terminationMessagePolicy", need(one_of("File", "FallbackToLogsOnError"))),
    ("ports", _ports),
    ("env", each(_env)),
    ("envFrom", _env_from),
)
_end = struct(
    ("imagePullPolicy", need(one_of("Always", "IfNotPresent", "Never"))),
    ("resources", filled(requirements)),
    ("securityContext", given(container_security)),
)


def _container(value: Any, path: Path, report: Report, volumes: set[str]) -> None:
    _start(value, path, report)
    _mounts(value, (*path, "volumeMounts"), report, volumes)
    _devices(value.get("volumeDevices"), (*path, "volumeDevices"), report, volumes)
    _end(value, path, report)


_exec = struct(("command", required()))
_http = struct(
    ("path", required()),
    ("port", port_or_name),
    ("scheme", one_of("HTTP", "HTTPS")),
    (
        "httpHeaders",
        lambda value, path, report: [
            report.each_invalid(path, one.get("name") or "", formats.http_header(one.get("name") or ""))
            for one in value or ()
        ],
    ),
)
_HANDLERS = {
    "exec": _exec,
    "httpGet": _http,
    "tcpSocket": struct(("port", port_or_name)),
    "grpc": struct(("port", port)),
    "sleep": struct(),
}


def _handler(value: Any, path: Path, report: Report) -> None:
    count = 0
    for name, check in _HANDLERS.items():
        if value.get(name) is not None:
            count += 1
            if count > 1:
                report.forbidden((*path, name), "may not specify more than 1 handler type")
            else:
                check(value[name], (*path, name), report)
    if not count:
        report.required(path, "must specify a handler type")


def _seconds_to_end(value: Any, path: Path, report: Report) -> None:
    if value <= 0:
        report.invalid(path, value, "must be greater than 0")


_numbers = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_probe = struct(
    _handler,
    *((name, not_negative) for name in _numbers),
    ("terminationGracePeriodSeconds", given(_seconds_to_end)),
)


def _once(value: Any, path: Path, report: Report) -> None:
    if value != 1:
        report.invalid(path, value or 0, "must be 1")


_passes_once = struct(("successThreshold", _once))
_probes = struct(
    ("lifecycle", given(struct(("postStart", given(_handler)), ("preStop", given(_handler))))),
    ("livenessProbe", given(_probe, _passes_once)),
    ("readinessProbe", given(_probe)),
    ("startupProbe", given(_probe, _passes_once)),
)


def _host_ports(containers: Any, path: Path, report: Report) -> None:
    seen = set()
    for index, container in enumerate(containers):
        for number, one in enumerate(container.get("ports") or ()):
            if one.get("hostPort"):
                shown = f"{one.get('protocol', '')}/{one.get('hostIP', '')}/{one['hostPort']}"
                if shown in seen:
                    report.duplicate((*path, index, "ports", number, "hostPort"), shown)
                seen.add(shown)


def containers(value: Any, path: Path, report: Report, volumes: set[str]) -> None:
    """A pod's ordinary containers; ``volumes`` are the names that they may mount."""
    if not value:
        report.required(path)
        return
    seen = set()
    for index, one in enumerate(value):
        at = (*path, index)
        _container(one, at, report, volumes)
        if one.get("name") in seen:
            report.duplicate((*at, "name"), one.get("name") or "")
        seen.add(one.get("name"))
        _probes(one, at, report)
        if one.get("restartPolicy") is not None:
            one_of("Always", "Never", "OnFailure")(one["restartPolicy"], (*at, "restartPolicy"), report)
    _host_ports(value, path, report)


_SIDECAR_ONLY = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")


def init_containers(value: Any, path: Path, report: Report, volumes: set[str], names: set[Any]) -> None:
    """Containers that run before; ``names`` are those of the ordinary ones."""
    for index, one in enumerate(value or ()):
        at = (*path, index)
        _container(one, at, report, volumes)
        if one.get("name") in names:
            report.duplicate((*at, "name"), one.get("name") or "")
        elif one.get("name"):
            names.add(one["name"])
        _host_ports([one], path, report)
        if one.get("restartPolicy") == "Always":
            _probes(one, at, report)
            continue
        for name in _SIDECAR_ONLY:
            if one.get(name) is not None:
                report.forbidden((*at, name), "may not be set for init containers without restartPolicy=Always")


def shown_names(names: list[str]) -> Literal:
    """A list of texts as Go's ``%q`` writes it."""
    return Literal("[" + " ".join(f'"{one}"' for one in names) + "]")
