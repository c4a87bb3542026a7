"""Defaults: filled in whenever an object is read from a client, before anyone is made its fields' owner."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from scale_agent.kube.admission.conditional import node_ranges
from scale_agent.kube.admission.defaulting import filler_for
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj

_NOTHING: Mapping[str, Any] = {}


def fill(version: str, resource: ResourceType, obj: Obj, now: str, known: Mapping[str, Any] = _NOTHING) -> None:
    """Defaults of an object that a client sent, in place.

    ``version``: the cluster's (``v1.36.2``); ``now`` (RFC 3339) is for the few that are the time of the write.
    ``known``: a state that has its defaults; what ``obj`` shares with it is not looked at again.
    """
    if not resource.typed:
        return
    filler = filler_for(version, resource.group, resource.version, resource.kind)
    if filler is not None:
        filler.fill(obj, {}, now, known)
    convert = _CONVERTED.get(resource.kind)
    if convert is not None:
        convert(obj)


def _started_at_once(pod: Obj) -> None:
    """``Convert_v1_PodSpec_To_core_PodSpec``: nobody has less than no time to end."""
    spec = pod.get("spec") or {}
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        spec["terminationGracePeriodSeconds"] = 1


def _encode_texts(secret: Obj) -> None:
    """``Convert_v1_Secret_To_core_Secret``: what was sent as text becomes data."""
    plain = secret.pop("stringData", None)
    if plain:
        encoded = {name: base64.b64encode(str(value).encode()).decode() for name, value in plain.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}


def _target_of_all(autoscaler: Obj) -> None:
    """What version 1 shows of the default metric of version 2."""
    spec = autoscaler.get("spec") or {}
    noted = ((autoscaler.get("metadata") or {}).get("annotations") or {}).keys()
    told = spec.get("targetCPUUtilizationPercentage") is not None or "autoscaling.alpha.kubernetes.io/metrics" in noted
    if autoscaler.get("apiVersion") == "autoscaling/v1" and not told:
        spec["targetCPUUtilizationPercentage"] = 80


#: What conversion to the server's own form adds to defaults, by kind.
_CONVERTED: dict[str, Callable[[Obj], None]] = {
    "HorizontalPodAutoscaler": _target_of_all,
    "Node": node_ranges,
    "Pod": _started_at_once,
    "Secret": _encode_texts,
}
