"""CertificateSigningRequests: who asks, who approves, and what may change (registry/certificates, validation)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from scale_agent.kube import status
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.status import Cause
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.users import User

KEY: ResourceKey = ("certificates.k8s.io", "certificatesigningrequests")
_AT = "status.conditions"
_DECISIONS = ("Approved", "Denied")
#: Conditions that, once there, stay; they are true or not there.
_LASTING = ("Approved", "Denied", "Failed")
_ZERO = (None, "")
_PEM = b"-----BEGIN CERTIFICATE-----"


def prepare_new(resource: ResourceType, obj: Obj, requestor: User | None) -> None:
    """The request says who made it, whatever the body says; nothing is approved yet. In place."""
    if resource.key != KEY or requestor is None:
        return
    said = ("username", "uid", "groups", "extra")
    info = requestor.info()
    spec = {name: value for name, value in (obj.get("spec") or {}).items() if name not in said}
    obj["spec"] = {**spec, **{name: info[name] for name in said if name in info}}
    obj["status"] = {}


def prepare_update(resource: ResourceType, before: Obj, obj: Obj, time: str) -> None:
    """What was asked for stays; new conditions have their times. In place."""
    if resource.key != KEY:
        return
    obj["spec"] = before["spec"]
    old = _conditions(before)
    for condition in _conditions(obj):
        if condition.get("lastUpdateTime") in _ZERO:
            condition["lastUpdateTime"] = time
        if condition.get("lastTransitionTime") in _ZERO:
            same = [one for one in old if all(one.get(key) == condition.get(key) for key in ("type", "status"))]
            known = next((one["lastTransitionTime"] for one in same if one.get("lastTransitionTime")), time)
            condition["lastTransitionTime"] = known


def problems_of_update(resource: ResourceType, before: Obj, obj: Obj, subresource: str) -> list[Cause]:
    """What is wrong with the conditions and the certificate."""
    if resource.key != KEY:
        return []
    causes = [*_in_themselves(_conditions(obj)), *_certificate(before, obj, subresource)]
    for kind in _LASTING:
        old, new = ([one for one in _conditions(each) if one.get("type") == kind] for each in (before, obj))
        if len(new) < len(old):
            causes.append(status.forbidden_field(_AT, f'updates may not remove a condition of type "{kind}"'))
        elif kind in _DECISIONS and subresource != "approval" and len(new) > len(old):
            causes.append(status.forbidden_field(_AT, f'updates may not add a condition of type "{kind}"'))
    return causes


def _conditions(obj: Obj) -> list[dict[str, Any]]:
    return (obj.get("status") or {}).get("conditions") or []


def _in_themselves(conditions: list[dict[str, Any]]) -> list[Cause]:
    causes: list[Cause] = []
    seen: list[str] = []
    for number, one in enumerate(conditions):
        kind, value, at = one.get("type") or "", one.get("status") or "", f"{_AT}[{number}]"
        allowed = ("True",) if kind in _LASTING else ("False", "True", "Unknown")
        if not kind:
            causes.append(status.required(f"{at}.type"))
        if not value:
            causes.append(status.required(f"{at}.status"))
        elif value not in allowed:
            causes.append(status.unsupported(f"{at}.status", orjson.dumps(value).decode(), allowed))
        if kind in _DECISIONS and any(other in seen for other in _DECISIONS if other != kind):
            why = "Approved and Denied conditions are mutually exclusive"
            causes.append(status.invalid_value(_AT, f'"{kind}"', why))
        if kind in seen:
            causes.append(Cause("FieldValueDuplicate", f'Duplicate value: "{kind}"', f"{at}.type"))
        seen.append(kind)
    return causes


def _certificate(before: Obj, obj: Obj, subresource: str) -> list[Cause]:
    old, new = ((each.get("status") or {}).get("certificate") for each in (before, obj))
    if old == new:
        return []
    at = "status.certificate"
    causes = []
    if new and _PEM not in _decoded(new):
        why = "must contain at least one CERTIFICATE PEM block"
        causes.append(status.invalid_value(at, '"<certificate data>"', why))
    if subresource != "status":
        causes.append(status.forbidden_field(at, "updates may not set certificate content"))
    elif old:
        causes.append(status.forbidden_field(at, "updates may not modify existing certificate content"))
    return causes


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""
