"""Which rules look at which changes. A rule is a pure function over the store; time comes with the change.

Rules run right after a request was answered, until nothing changes any more; what takes time in a real cluster is put
into the schedule. Most rules only name an object that a controller is to look at (``Core.queue``): however many changes
there were, it is looked at once.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from functools import lru_cache

from scale_agent.kube.controllers import (
    aggregation,
    announcing,
    apiservices,
    autoscalers,
    budgets,
    claims,
    cronjobs,
    daemonsets,
    definitions,
    deployments,
    endpoints,
    events,
    garbage,
    heartbeats,
    jobs,
    kubelet,
    namespaces,
    nodes,
    orphans,
    quotas,
    replicasets,
    scheduling,
    statefulsets,
    tokens,
)
from scale_agent.kube.controllers.common import look, look_at_controllers
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change

Rule = Callable[[Core, Change, float], None]
#: A rule and the switch that turns it off (``Snapshot.without``); ``""``: it is part of the API server.
Named = tuple[str, Rule]

_ADOPTERS = {
    ("apps", "replicasets"): replicasets.reconcile,
    ("", "replicationcontrollers"): replicasets.reconcile_controller,
    ("apps", "statefulsets"): statefulsets.reconcile,
    ("apps", "daemonsets"): daemonsets.reconcile,
}

#: The controllers of pods, by kind.
_OF_PODS = {
    "ReplicaSet": ("replicaset", replicasets.reconcile),
    "ReplicationController": ("replicationcontroller", replicasets.reconcile_controller),
    "StatefulSet": ("statefulset", statefulsets.reconcile),
    "DaemonSet": ("daemonset", daemonsets.reconcile),
    "Job": ("job", jobs.reconcile),
}

#: The switches are the names of kube-controller-manager's controllers without ``-controller``, and some more.
RULES: dict[ResourceKey, tuple[Named, ...]] = {
    ("", "namespaces"): (
        ("serviceaccount", namespaces.furnish_account),
        ("root-ca-certificate-publisher", namespaces.furnish_authority),
        ("namespace", namespaces.terminate),
    ),
    ("", "secrets"): (("serviceaccount-token", tokens.fill),),
    ("", "serviceaccounts"): (
        ("serviceaccount", namespaces.refurnish_account),
        ("serviceaccount-token", tokens.revoke),
    ),
    ("", "configmaps"): (("root-ca-certificate-publisher", namespaces.refurnish_authority),),
    ("", "pods"): (
        ("", orphans.note),
        ("kube-scheduler", scheduling.pod_changed),
        ("kubelet", kubelet.look),
        ("", look_at_controllers(_OF_PODS)),
        ("", endpoints.of_pod),
        ("disruption", budgets.of_pod),
        ("", orphans.offer(_ADOPTERS)),
        ("deployment", deployments.of_pod),
        ("", claims.of_pod),
    ),
    ("", "nodes"): (
        ("kube-scheduler", scheduling.node_changed),
        ("daemonset", daemonsets.node_changed),
        ("node-heartbeat", heartbeats.node_changed),
        ("node-lifecycle", nodes.tell),
        ("ttl", nodes.give_ttl),
        ("node-lifecycle", look(nodes.reconcile)),
        ("taint-eviction", nodes.evict),
        ("pod-garbage-collector", nodes.collect),
    ),
    ("", "events"): (("", events.expire),),
    ("", "replicationcontrollers"): (("replicationcontroller", look(replicasets.reconcile_controller)),),
    ("apps", "replicasets"): (
        ("", orphans.note),
        ("replicaset", look(replicasets.reconcile)),
        ("", look_at_controllers({"Deployment": ("deployment", deployments.reconcile)})),
    ),
    ("apps", "deployments"): (("deployment", look(deployments.reconcile)),),
    ("apps", "statefulsets"): (("statefulset", look(statefulsets.reconcile)),),
    ("apps", "daemonsets"): (("daemonset", look(daemonsets.reconcile)),),
    ("batch", "jobs"): (
        ("job", look(jobs.reconcile)),
        ("", look_at_controllers({"CronJob": ("cronjob", cronjobs.reconcile)})),
    ),
    ("batch", "cronjobs"): (("cronjob", look(cronjobs.reconcile)),),
    ("autoscaling", "horizontalpodautoscalers"): (("horizontal-pod-autoscaler", autoscalers.appoint),),
    ("policy", "poddisruptionbudgets"): (("disruption", look(budgets.reconcile)),),
    ("rbac.authorization.k8s.io", "clusterroles"): (("clusterrole-aggregation", aggregation.role_changed),),
    ("", "persistentvolumeclaims"): (("", claims.claim_changed), ("kube-scheduler", scheduling.claim_changed)),
    ("", "persistentvolumes"): (("", claims.volume_changed),),
    ("storage.k8s.io", "storageclasses"): (("", claims.look_again),),
    ("apiextensions.k8s.io", "customresourcedefinitions"): (("", definitions.establish),),
    ("apiregistration.k8s.io", "apiservices"): (("", apiservices.look),),
    ("", "services"): (
        ("", apiservices.look_again),
        ("endpoints", look(endpoints.reconcile_endpoints)),
        ("endpointslice", look(endpoints.reconcile_slices)),
        ("endpoints", endpoints.service_gone),
    ),
    ("discovery.k8s.io", "endpointslices"): (("", apiservices.look_again),),
    announcing.FLOWS: (("", look(announcing.flow)),),
    announcing.POLICIES: (("validatingadmissionpolicy-status", look(announcing.policy)),),
    announcing.RANGES: (("service-cidr", look(announcing.service_range)),),
    announcing.CLASSES: (("volumeattributesclass-protection", look(announcing.attributes_class)),),
}
#: Rules for every resource.
ALWAYS: tuple[Named, ...] = (
    ("garbage-collector", garbage.collect),
    ("garbage-collector", garbage.finish),
    ("absent-owners", garbage.check_owners),
    ("namespace", namespaces.left),
    ("resourcequota", quotas.changed),
)
#: Of these, what only an end concerns, what no end does, and what only who has other owners than before.
_ENDS, _STAYS = frozenset((garbage.collect, namespaces.left)), frozenset((garbage.finish, garbage.check_owners))
_OWNED = frozenset((garbage.check_owners,))
#: Every switch: the rules' and those that rules ask for themselves.
SWITCHES = frozenset(
    {name for rules in (*RULES.values(), ALWAYS) for name, _ in rules if name}
    | {"events", "persistentvolume-binder", "provisioner", "ttl-after-finished"}
)
#: A request may set off this many changes and looks; more means that rules chase each other.
MOST_STEPS = 50_000
#: So many objects that stopped a controller are remembered, by what and why.
MOST_UNREADABLE = 100
_LOG = logging.getLogger(__name__)


@lru_cache(maxsize=256)
def _rules_for(key: ResourceKey, without: frozenset[str], gone: bool, new_owners: bool) -> tuple[Rule, ...]:
    """The rules that look at a resource's changes, or ends."""
    of_others = (_STAYS if gone else _ENDS) | (frozenset() if new_owners else _OWNED)
    named = (*RULES.get(key, ()), *ALWAYS)
    return tuple(rule for name, rule in named if name not in without and rule not in of_others)


class Controllers:
    """The rules of one cluster and the changes they have not seen yet."""

    __slots__ = ("_begun", "_changes", "_core", "_running")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._changes: deque[tuple[Change, bool]] = deque()
        self._running = False
        self._begun = False
        core.store.on_change = self._changed

    def _changed(self, change: Change) -> None:
        if isinstance(change.event.after, heartbeats.Beat) and change.event.before is not None:
            return  # only times differ, which no rule looks at
        self._changes.append((change, self._core.owners.changed(change)))

    def run(self, now: float) -> bool:
        """Show every change to its rules, and do what they ask for; whether there was anything to do.

        A call from inside a rule does nothing.
        """
        if not self._begun:
            self._begin(now)
        if self._running:
            return False
        core = self._core
        if not (self._changes or core.queue.waiting):
            if core.parsed:
                core.forget_seen()
            return False
        self._running = True
        try:
            for _ in range(MOST_STEPS):
                if not self._step(now):
                    break
        finally:
            self._running = False
            self._core.forget_seen()
        return True

    def _begin(self, now: float) -> None:
        """What a cluster begins with and has to be looked at when its time has come."""
        self._begun = True
        if "cronjob" not in self._core.store.snapshot.without:
            cronjobs.begin(self._core, now)

    def _step(self, now: float) -> bool:
        """Show one change or take one look; changes first, so that many of them ask for one look."""
        if self._changes:
            self._show(*self._changes.popleft(), now)
            return True
        item = self._core.queue.pop()
        if item is None:
            return False
        reconcile, namespace, name = item
        try:
            reconcile(self._core, namespace, name, now)
        except _STOPS as error:
            self._stopped(f"{reconcile.__module__} {namespace}/{name}", error)
        return True

    def _stopped(self, what: str, error: Exception) -> None:
        """An object that a controller cannot make sense of stops that controller for that object, and no request."""
        if isinstance(error, StatusError) and error.code in _OUTRUN:
            return
        unreadable = self._core.memo.setdefault("unreadable", {})
        if len(unreadable) < MOST_UNREADABLE:
            unreadable[what] = type(error).__name__
        _LOG.debug("stopped by %s: %s", type(error).__name__, what)

    def _show(self, change: Change, new_owners: bool, now: float) -> None:
        event = change.event
        gone = event.type is EventType.DELETED
        for rule in _rules_for(change.key, self._core.store.snapshot.without, gone, new_owners):
            try:
                rule(self._core, change, now)
            except _STOPS as error:
                self._stopped(f"{rule.__module__} {event.after.namespace}/{event.after.name}", error)


#: What objects of hostile clients lead to, and refusals of what a controller wanted to write.
_STOPS = (StatusError, LookupError, TypeError, ValueError, ArithmeticError, AttributeError)
#: Refusals that only say that the world moved on: the controller looks again with the next change. 422: by admission.
_OUTRUN = (403, 404, 409, 422)
