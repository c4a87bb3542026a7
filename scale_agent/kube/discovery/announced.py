"""APIServices that somebody wrote: which group versions they announce, and that nobody can be reached for them."""

from __future__ import annotations

from scale_agent.kube.core import Core
from scale_agent.kube.discovery.documents import Service
from scale_agent.kube.errors import PlainError
from scale_agent.kube.storage.version import Obj

KEY = ("apiregistration.k8s.io", "apiservices")
#: The label of the ones that the server makes: for its own groups, and for those of definitions.
AUTOMANAGED = "kube-aggregator.kubernetes.io/automanaged"
_MEMO = "announced"


def services(core: Core) -> tuple[Service, ...]:
    """Those of a cluster, remembered until one changes (:func:`forget`)."""
    found: tuple[Service, ...] | None = core.memo.get(_MEMO)
    if found is None:
        versions = [one for one in core.store.list(KEY) if AUTOMANAGED not in one.labels]
        found = core.memo[_MEMO] = tuple(_service(one.object()) for one in versions)
    return found


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
