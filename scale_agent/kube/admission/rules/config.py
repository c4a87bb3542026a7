"""Config maps, secrets, accounts, limits and quotas, namespaces, events, nodes (``pkg/apis/core/validation``)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from scale_agent.kube.admission.rules import formats, quantities
from scale_agent.kube.admission.rules.checks import IMMUTABLE, at, struct, unchanged
from scale_agent.kube.admission.rules.report import Key, Path, Report
from scale_agent.kube.admission.rules.security import internal
from scale_agent.kube.admission.rules.selectors import key, taints

#: Bytes of a secret's or a config map's values together.
DATA_LIMIT = 1024 * 1024
#: What the server says instead of a secret's contents.
REDACTED = "<secret contents redacted>"


def _config_map(value: Any, path: Path, report: Report) -> None:
    data, binary = value.get("data") or {}, value.get("binaryData") or {}
    size = 0
    for name in sorted(data):
        report.each_invalid(("data", Key(name)), name, formats.config_key(name))
        if name in binary:
            report.invalid(("data", Key(name)), name, "duplicate of key present in binaryData")
        size += len(data[name])
    for name in sorted(binary):
        report.each_invalid(("binaryData", Key(name)), name, formats.config_key(name))
        size += len(binary[name]) * 3 // 4
    if size > DATA_LIMIT // 4 and _bytes(data, binary) > DATA_LIMIT:
        report.too_long(("[]",), DATA_LIMIT)  # the empty path, as field.Path writes it


def _bytes(data: dict[str, str], binary: dict[str, str]) -> int:
    return sum(len(one.encode()) for one in data.values()) + sum(_decoded_size(one) for one in binary.values())


def _decoded_size(text: str) -> int:
    return len(text) * 3 // 4 - text[-2:].count("=")


config_map = struct(_config_map)


def fixed(what: str, members: tuple[str, ...]) -> Any:
    """Updates of objects that were made immutable: the members stay, and so does the mark."""

    def check(new: Any, old: Any, report: Report) -> None:
        if not old.get("immutable"):
            return
        if not new.get("immutable"):
            report.forbidden(("immutable",), "field is immutable when `immutable` is set")
        for name in members:
            if (new.get(name) or None) != (old.get(name) or None):
                report.forbidden((name,), "field is immutable when `immutable` is set")

    return check


config_map_update = fixed("ConfigMap", ("data", "binaryData"))
#: Keys that a secret of a type must have.
_SECRET_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_ACCOUNT = "kubernetes.io/service-account.name"


def _secret(value: Any, path: Path, report: Report) -> None:
    data, kind = value.get("data") or {}, value.get("type") or ""
    for name in sorted(data):
        report.each_invalid(("data", Key(name)), name, formats.config_key(name))
    if sum(_decoded_size(one) for one in data.values()) > DATA_LIMIT:
        report.too_long(("data",), DATA_LIMIT)
    if kind == "kubernetes.io/service-account-token":
        if not (at(value, "metadata", "annotations") or {}).get(_ACCOUNT):
            report.required(("metadata", "annotations", Key(_ACCOUNT)))
    elif kind == "kubernetes.io/basic-auth" and "username" not in data and "password" not in data:
        report.required(("data", Key("username")))
        report.required(("data", Key("password")))
    for name in _SECRET_KEYS.get(kind, ()):
        if name not in data or (name == "ssh-privatekey" and not data[name]):
            report.required(("data", Key(name)))
        elif name.startswith(".docker"):
            _readable(data[name], ("data", Key(name)), report)


def _readable(text: str, path: Path, report: Report) -> None:
    """A registry's secret is a JSON document."""
    try:
        content = base64.b64decode(text)
        orjson.loads(content)
    except binascii.Error:
        return
    except orjson.JSONDecodeError:
        words = "unexpected end of JSON input"
        if content.strip():
            words = f"invalid character '{chr(content.strip()[0])}' looking for beginning of value"
        report.invalid(path, REDACTED, words)


secret = struct(_secret)


def secret_update(new: Any, old: Any, report: Report) -> None:
    """``ValidateSecretUpdate``."""
    unchanged("type")(new, old, report)
    fixed("Secret", ("data",))(new, old, report)


_LIMITS = ("Pod", "Container", "PersistentVolumeClaim")


def _limit(item: Any, path: Path, report: Report) -> None:
    kind = item.get("type") or ""
    key(kind, (*path, "type"), report)
    if "/" not in kind and kind not in _LIMITS and kind and not formats.qualified_name(kind):
        report.invalid((*path, "type"), kind, "must be a standard limit type or fully qualified")
    members = {
        name: item.get(name) or {} for name in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
    }
    if kind == "Pod":
        for name in ("default", "defaultRequest"):
            if members[name]:
                report.forbidden((*path, name), "may not be specified when `type` is 'Pod'")
    if kind == "PersistentVolumeClaim" and "storage" not in members["min"] and "storage" not in members["max"]:
        report.required(
            (*path, "limits"), "either minimum or maximum storage value is required, but neither was provided"
        )
    for name in sorted({one for values in members.values() for one in values}):
        _compared(name, members, path, report)


def _compared(name: str, members: dict[str, Any], path: Path, report: Report) -> None:
    """The amounts of one resource in their order: minimum, default request, default limit, maximum."""
    found = {what: values[name] for what, values in members.items() if name in values}
    amounts = {what: quantities.amount(str(value)) for what, value in found.items()}

    def ordered(low: str, high: str, at_: str, words: str, shown: str = "") -> None:
        if low in amounts and high in amounts and amounts[low] > amounts[high]:
            value = found[shown or (low if at_ == low else high)]
            report.invalid((*path, at_, Key(name)), str(value), words.format(low=found[low], high=found[high]))

    ordered("min", "max", "min", "min value {low} is greater than max value {high}")
    ordered("min", "defaultRequest", "defaultRequest", "min value {low} is greater than default request value {high}")
    ordered("defaultRequest", "max", "defaultRequest", "default request value {low} is greater than max value {high}")
    ordered(
        "defaultRequest",
        "default",
        "defaultRequest",
        "default request value {low} is greater than default limit value {high}",
    )
    ordered("min", "default", "default", "min value {low} is greater than default value {high}", "min")
    ordered("default", "max", "default", "default value {low} is greater than max value {high}")
    ratio = amounts.get("maxLimitRequestRatio")
    if ratio is not None and ratio < 1:
        report.invalid(
            (*path, "maxLimitRequestRatio", Key(name)), str(found["maxLimitRequestRatio"]), "ratio is less than 1"
        )


def _limits(value: Any, path: Path, report: Report) -> None:
    seen = set()
    for index, item in enumerate(value or ()):
        kind = item.get("type") or ""
        if kind in seen:
            report.duplicate((*path, index, "type"), kind)
        seen.add(kind)
        _limit(item, (*path, index), report)


limit_range = struct(("spec", struct(("limits", _limits))))
SCOPES = (
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
)
_ALONE = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


def _scopes(value: Any, path: Path, report: Report) -> None:
    if not value:
        return
    found = set(value)
    for one in value:
        if one not in SCOPES:
            report.invalid(path, list(value), "unsupported scope")
    for pair in ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"}):
        if pair <= found:
            report.invalid(path, list(value), "conflicting scopes")


def _scope_selector(value: Any, path: Path, report: Report) -> None:
    here = (*path, "matchExpressions")
    for one in (value or {}).get("matchExpressions") or ():
        name, operator, values = one.get("scopeName") or "", one.get("operator") or "", one.get("values") or ()
        if name not in SCOPES:
            report.invalid((*here, "scopeName"), name, "unsupported scope")
        if name in SCOPES[:4] + SCOPES[5:6] and operator != "Exists":
            report.invalid((*here, "operator"), operator, _ALONE)
        if operator in ("In", "NotIn"):
            if not values:
                words = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                report.required((*here, "values"), words)
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                words = "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector"
                report.invalid((*here, "values"), list(values), words)
        else:
            report.invalid((*here, "operator"), operator, "not a valid selector operator")


resource_quota = struct(
    ("spec", struct(("hard", quantities.quota_amounts), ("scopes", _scopes), ("scopeSelector", _scope_selector))),
)


def quota_update(new: Any, old: Any, report: Report) -> None:
    """``ValidateResourceQuotaUpdate``."""
    now, before = at(new, "spec", "scopes"), at(old, "spec", "scopes")
    if set(now or ()) != set(before or ()):
        report.invalid(("spec", "scopes"), now, IMMUTABLE)


def _namespace_finalizer(value: Any, path: Path, report: Report) -> None:
    report.each_invalid(path, value, formats.qualified_name(value))
    if "/" not in value and value not in ("kubernetes", "orphan", "foregroundDeletion"):
        report.invalid(path, value, "name is neither a standard finalizer name nor is it fully qualified")


def _namespace_finalizers(value: Any, path: Path, report: Report) -> None:
    for one in value or ():
        _namespace_finalizer(one, path, report)


_LEVELS = ("privileged", "baseline", "restricted")
_SECURITY = "pod-security.kubernetes.io/"


def _security_labels(value: Any, path: Path, report: Report) -> None:
    """The plugin PodSecurity looks at the labels that speak to it."""
    labels = (value.get("metadata") or {}).get("labels") or {}
    for mode in ("enforce", "audit", "warn"):
        level, version = labels.get(f"{_SECURITY}{mode}"), labels.get(f"{_SECURITY}{mode}-version")
        if level is not None and level not in _LEVELS:
            here = ("metadata", "labels", Key(f"{_SECURITY}{mode}"))
            report.invalid(here, level, f"must be one of {', '.join(_LEVELS)}")
        if version is not None and version != "latest" and not version.startswith("v1."):
            here = ("metadata", "labels", Key(f"{_SECURITY}{mode}-version"))
            report.invalid(here, version, 'must be "latest" or "v1.x"')


namespace = struct(_security_labels, ("spec", struct(("finalizers", _namespace_finalizers))))
_OBJECT = tuple(
    (
        name,
        name[0].lower() + name[1:]
        if name not in ("UID", "APIVersion")
        else {"UID": "uid", "APIVersion": "apiVersion"}[name],
    )
    for name in ("Kind", "Namespace", "Name", "UID", "APIVersion", "ResourceVersion", "FieldPath")
)
_EVENT_NAMES = {"regarding": "involvedObject", "note": "message"}


def legacy_event(event: Any, path: Path, report: Report) -> None:
    """``legacyValidateEvent``: of an Event without an exact time only the namespaces must agree."""
    meta, subject = event.get("metadata") or {}, event.get("involvedObject") or event.get("regarding") or {}
    inside, outside = subject.get("namespace") or "", meta.get("namespace") or ""
    if event.get("eventTime") is None:
        if inside != outside and (inside or outside != "default"):
            report.invalid(("involvedObject", "namespace"), inside, "does not match event.namespace")
        return
    if not inside and outside not in ("default", "kube-system"):
        report.invalid(("involvedObject", "namespace"), inside, "does not match event.namespace")
    name = "reportingController" if "regarding" in event or "note" in event else "reportingComponent"
    controller = event.get(name) or ""
    if not controller:
        report.required((name,))
    report.each_invalid((name,), controller, formats.qualified_name(controller))
    for member in ("reportingInstance", "action", "reason"):
        _short(event, member, 128, report)
    if len(event.get("note") or event.get("message") or "") > 1024:
        report.invalid(("message",), "", "can have at most 1024 characters")


def _short(event: Any, name: str, limit: int, report: Report) -> None:
    value = event.get(name) or ""
    if not value:
        report.required((name,))
    elif len(value) > limit:
        report.invalid((name,), "", f"can have at most {limit} characters")


def event_v1_new(event: Any, path: Path, report: Report) -> None:
    """``ValidateEventCreate`` of events.k8s.io, beyond the legacy part."""
    if event.get("eventTime") is None:
        report.required(("eventTime",))
    if event.get("type") not in ("Normal", "Warning"):
        report.invalid(("type",), "", f"has invalid value: {event.get('type') or ''}")


_FIXED_EVENT = (
    "regarding",
    "reason",
    "note",
    "deprecatedSource",
    "deprecatedFirstTimestamp",
    "deprecatedLastTimestamp",
    "deprecatedCount",
    "reason",
    "type",
    "eventTime",
    "action",
    "reportingController",
    "reportingInstance",
)


def event_v1_update(new: Any, old: Any, report: Report) -> None:
    """``ValidateEventUpdate`` of events.k8s.io: only the series may change."""
    for name in _FIXED_EVENT:
        value = new.get(name)
        if (value or None) != (old.get(name) or None):
            shown = value or (None if name == "eventTime" else "")
            if name == "regarding":
                shown = internal({**{one: "" for _, one in _OBJECT}, **(value or {})}, _OBJECT)
            report.invalid((_EVENT_NAMES.get(name, name),), shown, IMMUTABLE)


def _addresses(value: Any, path: Path, report: Report) -> None:
    for index, one in enumerate(value or ()):
        if one in value[:index]:
            report.duplicate((*path, index), internal(one, (("Type", "type"), ("Address", "address"))))


def _cidrs(spec: Any, path: Path, report: Report) -> None:
    found = spec.get("podCIDRs") or ()
    for index, one in enumerate(found):
        report.each_invalid((*path, "podCIDRs", index), one, formats.cidr(one))
    if len(found) > 1 and len({":" in one for one in found}) != len(found):
        report.invalid((*path, "podCIDRs"), list(found), "may specify no more than one CIDR for each IP family")


def _node_taints(node: Any, path: Path, report: Report) -> None:
    """The paths say metadata, as the server's do."""
    taints((node.get("spec") or {}).get("taints"), ("metadata", "taints"), report)


node = struct(_node_taints, ("spec", struct(_cidrs)))


def node_update(new: Any, old: Any, report: Report) -> None:
    """``ValidateNodeUpdate``."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    _addresses(at(new, "status", "addresses"), ("status", "addresses"), report)
    _node_taints(new, (), report)
    for name, word in (("podCIDRs", "podCIDR"), ("providerID", "providerID")):
        if before.get(name) and before[name] != now.get(name):
            report.forbidden(("spec", name), f'node updates may not change {word} except from "" to valid')
