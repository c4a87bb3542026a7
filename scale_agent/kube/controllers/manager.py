"""Which rules look at which changes. A rule is a pure function over the store; time comes with the change.

Rules run right after a request was answered, until nothing changes any more; what takes time in a real cluster is put
into the schedule by the rule itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from scale_agent.kube.controllers import definitions, deployments, garbage, jobs, namespaces, pods, replicasets, tokens
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.store import Change

Rule = Callable[[Core, Change, float], None]

RULES: dict[ResourceKey, tuple[Rule, ...]] = {
    ("", "namespaces"): (namespaces.furnish, namespaces.terminate),
    ("", "secrets"): (tokens.fill,),
    ("", "serviceaccounts"): (namespaces.refurnish, tokens.revoke),
    ("", "configmaps"): (namespaces.refurnish,),
    ("", "pods"): (pods.schedule, pods.end, replicasets.of_pod, jobs.of_pod),
    ("apps", "replicasets"): (replicasets.reconcile, deployments.of_replica_set),
    ("apps", "deployments"): (deployments.reconcile,),
    ("batch", "jobs"): (jobs.reconcile,),
    ("apiextensions.k8s.io", "customresourcedefinitions"): (definitions.establish,),
}
#: Rules for every resource.
ALWAYS: tuple[Rule, ...] = (garbage.collect, garbage.finish)
#: A request may set off this many changes; more means that rules chase each other.
MOST_CHANGES = 20_000


class Controllers:
    """The rules of one cluster and the changes they have not seen yet."""

    __slots__ = ("_changes", "_core", "_running")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._changes: deque[Change] = deque()
        self._running = False
        core.store.on_change = self._changes.append

    def run(self, now: float) -> bool:
        """Show every change to its rules; whether there was any. A call from inside a rule does nothing."""
        if self._running or not self._changes:
            return False
        self._running = True
        try:
            for _ in range(MOST_CHANGES):
                if not self._changes:
                    break
                self._one(self._changes.popleft(), now)
        finally:
            self._running = False
        return True

    def _one(self, change: Change, now: float) -> None:
        for rule in (*RULES.get(change.key, ()), *ALWAYS):
            try:
                rule(self._core, change, now)
            except StatusError as refusal:
                if refusal.code not in _OUTRUN:
                    raise


#: Refusals that only say that the world moved on: the rule sees it again with the next change.
_OUTRUN = (403, 404, 409)
