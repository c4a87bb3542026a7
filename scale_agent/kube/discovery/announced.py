"""APIServices that somebody wrote: which group versions they announce, and that nobody can be reached for them."""

from __future__ import annotations

from scale_agent.kube.core import Core
from scale_agent.kube.discovery.documents import Service
from scale_agent.kube.errors import PlainError
from scale_agent.kube.extensions import SERVED
from scale_agent.kube.storage.version import Obj

KEY = ("apiregistration.k8s.io", "apiservices")
#: The label of the ones that the server makes: for its own groups, and for those of definitions.
AUTOMANAGED = "kube-aggregator.kubernetes.io/automanaged"
_MEMO = "announced"
#: Those of a cluster that nobody serves, and those that this process serves in the place of another server.
_Found = tuple[tuple[Service, ...], tuple[Service, ...]]


def services(core: Core) -> tuple[Service, ...]:
    """Those of a cluster, remembered until one changes (:func:`forget`); without those of :func:`extended`."""
    return _found(core)[0]


def extended(core: Core) -> tuple[Service, ...]:
    """Those whose group version an extension serves (:mod:`scale_agent.kube.extensions`) and that are available."""
    return _found(core)[1]


def _found(core: Core) -> _Found:
    found: _Found | None = core.memo.get(_MEMO)
    if found is None:
        objects = [one.object() for one in core.store.list(KEY) if AUTOMANAGED not in one.labels]
        good = [obj for obj in objects if _is_extended(obj)]
        others = tuple(_service(obj) for obj in objects if obj not in good)
        found = core.memo[_MEMO] = (others, tuple(map(_service, good)))
    return found


def _is_extended(obj: Obj) -> bool:
    spec = obj["spec"]
    conditions = (obj.get("status") or {}).get("conditions") or ()
    available = any(one["type"] == "Available" and one["status"] == "True" for one in conditions)
    return (spec.get("group"), spec.get("version")) in SERVED and bool(spec.get("service")) and available


def _service(obj: Obj) -> Service:
    spec = obj["spec"]
    priorities = spec.get("groupPriorityMinimum", 0), spec.get("versionPriority", 0)
    return Service(spec.get("group", ""), spec.get("version", ""), *priorities, bool(spec.get("service")))


def forget(core: Core) -> None:
    """One was written or deleted."""
    core.memo.pop(_MEMO, None)


def check(core: Core, group: str, version: str) -> None:
    """Raises the 503 of a group version that an APIService sends elsewhere."""
    for one in services(core):
        if one.remote and (one.group, one.version) == (group, version):
            raise PlainError(503, "service unavailable\n")
