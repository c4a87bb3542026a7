"""API groups that other servers than the API server have in a real cluster, and this process has too.

They are served while an APIService announces them whose Service has a ready endpoint, as the aggregator sees it:
without one there is no group, and with one that cannot be reached its paths are 503.
"""

from __future__ import annotations

from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.schema.schema import Resource

METRICS = ("metrics.k8s.io", "v1beta1")
_VERBS = frozenset(("get", "list"))


def _type(plural: str, kind: str, *, namespaced: bool) -> ResourceType:
    return ResourceType(*METRICS, plural, kind, namespaced=namespaced, verbs=_VERBS, typed=False)


NODES = _type("nodes", "NodeMetrics", namespaced=False)
PODS = _type("pods", "PodMetrics", namespaced=True)
#: The resources of each group version.
SERVED: dict[tuple[str, str], tuple[ResourceType, ...]] = {METRICS: (NODES, PODS)}


def find(group: str, version: str, plural: str) -> ResourceType | None:
    """A resource of a group version that can be served."""
    return next((one for one in SERVED.get((group, version), ()) if one.plural == plural), None)


def entries(group: str, version: str) -> tuple[Resource, ...]:
    """What discovery says of a group version."""
    return _ENTRIES[(group, version)]


def _entry(one: ResourceType) -> Resource:
    names: tuple[str, ...] = ()
    return Resource(one.group, one.version, one.plural, one.kind, one.namespaced, _VERBS, "", names, names, {}, "")


_ENTRIES = {place: tuple(_entry(one) for one in types) for place, types in SERVED.items()}
