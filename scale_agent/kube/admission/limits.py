"""The plugin LimitRanger: what a namespace's limit ranges give to pods, and what they forbid to pods and claims.

Source: ``plugin/pkg/admission/limitranger/admission.go``. Namespaces without limit ranges cost one look into the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from scale_agent.kube import status
from scale_agent.kube.admission.rules.quantities import amount
from scale_agent.kube.codec.quantities import canonical
from scale_agent.kube.core import Core
from scale_agent.kube.storage.version import Obj

_RANGES = ("", "limitranges")
NOTED = "kubernetes.io/limit-ranger"
#: Lists of containers, and what one of them is called in the note.
_KINDS = (("containers", "container"), ("initContainers", "init container"))


def items(core: Core, namespace: str) -> list[Obj]:
    """The limits of a namespace."""
    if not core.store.has(_RANGES):
        return []
    return [
        item
        for version in core.store.list(_RANGES, namespace)
        for item in (version.object().get("spec") or {}).get("limits") or ()
    ]


def give_defaults(pod: Obj, limits: list[Obj]) -> None:
    """Requests and limits of containers that have none, in place, with a note about them."""
    spec = pod.get("spec") or {}
    notes: list[str] = []
    for item in limits:
        if item.get("type") == "Container":
            for kind, word in _KINDS:
                for container in spec.get(kind) or ():
                    notes += _given(container, item, word)
    if notes:
        meta = pod["metadata"]
        meta["annotations"] = {**(meta.get("annotations") or {}), NOTED: "LimitRanger plugin set: " + "; ".join(notes)}


def _given(container: Obj, item: Obj, word: str) -> Iterator[str]:
    resources = dict(container.get("resources") or {})
    for what, member, defaults in (
        ("request", "requests", item.get("defaultRequest")),
        ("limit", "limits", item.get("default")),
    ):
        present = resources.get(member) or {}
        missing = {name: value for name, value in sorted((defaults or {}).items()) if name not in present}
        if missing:
            resources[member] = {**present, **missing}
            yield f"{', '.join(missing)} {what} for {word} {container.get('name', '')}"
    container["resources"] = resources


def check_pod(pod: Obj, limits: list[Obj]) -> None:
    """Refuse a pod that asks for more or less than its namespace allows (403)."""
    spec = pod.get("spec") or {}
    found: list[str] = []
    for item in limits:
        kind = item.get("type") or ""
        if kind == "Container":
            for name, _ in _KINDS:
                for container in spec.get(name) or ():
                    found += _faults(kind, item, container.get("resources") or {})
        elif kind == "Pod":
            found += _faults(kind, item, _together(spec))
    _refuse("pods", pod, found)


def check_claim(claim: Obj, limits: list[Obj]) -> None:
    """Refuse a claim that is too large or too small (403)."""
    resources = (claim.get("spec") or {}).get("resources") or {}
    found: list[str] = []
    for item in limits:
        if item.get("type") == "PersistentVolumeClaim":
            found += _faults("PersistentVolumeClaim", item, {"requests": resources.get("requests") or {}})
    _refuse("persistentvolumeclaims", claim, found)


def _refuse(plural: str, obj: Obj, found: list[str]) -> None:
    if found:
        why = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
        raise status.forbidden(plural, "", obj["metadata"].get("name", ""), why)


def _together(spec: Obj) -> Obj:
    """What all containers of a pod ask for; one that begins alone may ask for more."""
    out: Obj = {}
    for side in ("requests", "limits"):
        sums: dict[str, Decimal] = {}
        for container in spec.get("containers") or ():
            for name, value in ((container.get("resources") or {}).get(side) or {}).items():
                sums[name] = sums.get(name, Decimal(0)) + amount(str(value))
        for container in spec.get("initContainers") or ():
            for name, value in ((container.get("resources") or {}).get(side) or {}).items():
                sums[name] = max(sums.get(name, Decimal(0)), amount(str(value)))
        out[side] = {name: canonical(format(value, "f")) for name, value in sums.items()}
    return out


def _faults(kind: str, item: Obj, resources: Obj) -> Iterator[str]:
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for name, least in sorted((item.get("min") or {}).items()):
        yield from _below(kind, name, str(least), requests.get(name), limits.get(name))
    for name, most in sorted((item.get("max") or {}).items()):
        yield from _above(kind, name, str(most), requests.get(name), limits.get(name))


def _below(kind: str, name: str, least: str, request: Any, limit: Any) -> Iterator[str]:
    usage = f"minimum {name} usage per {kind} is {least}"
    if request is None:
        yield f"{usage}.  No request is specified"
    elif amount(str(request)) < amount(least):
        yield f"{usage}, but request is {request}"
    if limit is not None and amount(str(limit)) < amount(least):
        yield f"{usage}, but limit is {limit}"


def _above(kind: str, name: str, most: str, request: Any, limit: Any) -> Iterator[str]:
    usage = f"maximum {name} usage per {kind} is {most}"
    if kind == "PersistentVolumeClaim":
        if request is not None and amount(str(request)) > amount(most):
            yield f"{usage}, but request is {request}"
        return
    if limit is None:
        yield f"{usage}.  No limit is specified"
    elif amount(str(limit)) > amount(most):
        yield f"{usage}, but limit is {limit}"
