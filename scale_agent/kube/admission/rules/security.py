"""Security contexts of pods and containers, and how their structs look inside the server."""

from __future__ import annotations

import re
from typing import Any

from scale_agent.kube.admission.rules.checks import between, each, given, one_of, struct
from scale_agent.kube.admission.rules.report import Literal, Path, Report, value_text

#: What a user or group may be.
identity = given(between(0, 2147483647))
_SECCOMP = ("Localhost", "RuntimeDefault", "Unconfined")
_SYSCTL = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?", re.ASCII)
_SYSCTL_WORDS = (
    r"must have at most 253 characters and match regex "
    r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
)


def internal(value: Any, names: tuple[tuple[str, str], ...]) -> Literal:
    """A struct as the server's own type is written: ``(Go's name, JSON name)`` in Go's order, absent ones null."""
    shown = ",".join(f'"{go}":{value_text(value.get(name))}' for go, name in names)
    return Literal("{" + shown + "}")


def _profile(value: Any, path: Path, report: Report) -> None:
    """``validateSeccompProfileField``."""
    kind, local = value.get("type") or "", value.get("localhostProfile")
    if kind not in _SECCOMP:
        if not kind:
            report.required((*path, "type"), "type is required when seccompProfile is set")
        else:
            report.unsupported((*path, "type"), kind, _SECCOMP)
    if kind == "Localhost":
        if local is None:
            report.required((*path, "localhostProfile"), "must be set when seccomp type is Localhost")
    elif local is not None:
        shown = Literal(f'{{"Type":{value_text(kind)},"LocalhostProfile":{value_text(local)}}}')
        report.invalid((*path, "localhostProfile"), shown, "can only be set when seccomp type is Localhost")


_profile_check = given(_profile)


def _apparmor(value: Any, path: Path, report: Report) -> None:
    """``ValidateAppArmorProfileField``."""
    kind, local = value.get("type") or "", value.get("localhostProfile")
    if kind == "Localhost":
        if local is None:
            report.required((*path, "localhostProfile"), "must be set when AppArmor type is Localhost")
        return
    if local is not None:
        report.invalid((*path, "localhostProfile"), local, "can only be set when AppArmor type is Localhost")
    if not kind:
        report.required((*path, "type"), "type is required when appArmorProfile is set")
    elif kind not in _SECCOMP:
        report.unsupported((*path, "type"), kind, _SECCOMP)


def _sysctls(value: Any, path: Path, report: Report) -> None:
    seen = set()
    for index, one in enumerate(value or ()):
        at, name = (*path, index, "name"), one.get("name") or ""
        if not name:
            report.required(at)
        elif len(name) > 253 or not _SYSCTL.fullmatch(name):
            report.invalid(at, name, _SYSCTL_WORDS)
        if name.replace("/", ".") in seen:
            report.duplicate(at, name)
        seen.add(name.replace("/", "."))


#: ``validatePodSpecSecurityContext``.
pod_security = given(
    struct(
        ("fsGroup", identity),
        ("runAsUser", identity),
        ("runAsGroup", identity),
        ("supplementalGroups", each(between(0, 2147483647))),
        ("sysctls", _sysctls),
        ("fsGroupChangePolicy", given(one_of("Always", "OnRootMismatch"))),
        ("seccompProfile", _profile_check),
        ("appArmorProfile", given(_apparmor)),
        ("supplementalGroupsPolicy", given(one_of("Merge", "Strict"))),
        ("seLinuxChangePolicy", given(one_of("MountOption", "Recursive"))),
    )
)
_CONTEXT = (
    ("Capabilities", "capabilities"),
    ("Privileged", "privileged"),
    ("SELinuxOptions", "seLinuxOptions"),
    ("WindowsOptions", "windowsOptions"),
    ("RunAsUser", "runAsUser"),
    ("RunAsGroup", "runAsGroup"),
    ("RunAsNonRoot", "runAsNonRoot"),
    ("ReadOnlyRootFilesystem", "readOnlyRootFilesystem"),
    ("AllowPrivilegeEscalation", "allowPrivilegeEscalation"),
    ("ProcMount", "procMount"),
    ("SeccompProfile", "seccompProfile"),
    ("AppArmorProfile", "appArmorProfile"),
)
_NESTED = {
    "capabilities": (("Add", "add"), ("Drop", "drop")),
    "seccompProfile": (("Type", "type"), ("LocalhostProfile", "localhostProfile")),
    "appArmorProfile": (("Type", "type"), ("LocalhostProfile", "localhostProfile")),
}


def _shown(context: Any) -> Literal:
    nested = {name: internal(context[name], rows) for name, rows in _NESTED.items() if context.get(name) is not None}
    return internal({**context, **nested}, _CONTEXT)


def _escalation(value: Any, path: Path, report: Report) -> None:
    if value.get("allowPrivilegeEscalation") is not False:
        return
    if value.get("privileged"):
        words = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        report.invalid(path, _shown(value), words)
    for one in (value.get("capabilities") or {}).get("add") or ():
        if one == "CAP_SYS_ADMIN":
            words = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            report.invalid(path, _shown(value), words)


def _unmasked(value: Any, path: Path, report: Report) -> None:
    one_of("Default", "Unmasked")(value, path, report)
    if value == "Unmasked":
        report.invalid(path, value, "`hostUsers` must be false to use `Unmasked`")


#: ``ValidateSecurityContext``.
container_security = struct(
    ("runAsUser", identity),
    ("runAsGroup", identity),
    ("procMount", given(_unmasked)),
    ("seccompProfile", _profile_check),
    _escalation,
    ("appArmorProfile", given(_apparmor)),
)
