"""HorizontalPodAutoscalers in a cluster without metrics: they keep to their limits, and say why they do no more.

Rules and texts: pkg/controller/podautoscaler/horizontal.go, as recorded from a cluster without a metrics server.
"""

from __future__ import annotations

from scale_agent.kube import writes
from scale_agent.kube.codec import moments
from scale_agent.kube.controllers import events
from scale_agent.kube.controllers.common import actor, find_in, read, set_status
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

SCALERS: ResourceKey = ("autoscaling", "horizontalpodautoscalers")
SOURCE = events.Source("horizontal-pod-autoscaler")
#: Every autoscaler is looked at this often (--horizontal-pod-autoscaler-sync-period), seconds.
PERIOD_S = 15.0
_ABSENT = (
    "unable to get metrics for resource {name}: unable to fetch metrics from resource metrics API: the server could "
    "not find the requested resource (get pods.metrics.k8s.io)"
)


def appoint(core: Core, change: Change, now: float) -> None:
    """Rule: a new autoscaler is looked at from now on."""
    if change.event.type is EventType.ADDED:
        core.later(now + PERIOD_S, reconcile, change.event.after.namespace, change.event.after.name)


def reconcile(core: Core, namespace: str, name: str, now: float) -> None:
    """Look at an autoscaler."""
    scaler = read(core, SCALERS, namespace, name)
    if scaler is not None:
        core.later(now + PERIOD_S, reconcile, namespace, name)
        _Look(core, scaler, now).sync()


class _Look:
    """One look at one autoscaler."""

    def __init__(self, core: Core, scaler: Obj, now: float) -> None:
        self.core, self.scaler, self.now = core, scaler, now
        self.status = dict(scaler.get("status") or {})
        self.conditions = list(self.status.get("conditions") or ())

    def sync(self) -> None:
        """Compare the target's size with the limits."""
        target = self.target()
        if target is None:
            self.without_target()
        else:
            self.judge(*target)
        self.status["conditions"] = self.conditions
        kind = self.core.builtin("autoscaling", "v2", "horizontalpodautoscalers")
        set_status(self.core, kind, self.scaler, self.status, self.now)

    @property
    def reference(self) -> Obj:
        found: Obj = self.scaler["spec"]["scaleTargetRef"]
        return found

    def target(self) -> tuple[ResourceType, Obj] | None:
        """What is to be scaled."""
        try:
            resource = self.core.by_kind(str(self.reference.get("apiVersion")), str(self.reference.get("kind")))
        except LookupError:
            return None
        found = read(self.core, resource.key, self.scaler["metadata"]["namespace"], str(self.reference.get("name")))
        return (resource, found) if found is not None else None

    def without_target(self) -> None:
        name, group = self.reference.get("name"), str(self.reference.get("apiVersion", "")).partition("/")[0]
        text = f'{str(self.reference.get("kind", "")).lower()}s.{group} "{name}" not found'
        self.set("AbleToScale", "False", "FailedGetScale", _SCALE.format("unable to get", f": {text}"))
        events.record(self.core, self.scaler, SOURCE, events.Words("FailedGetScale", text, warning=True), self.now)

    def judge(self, resource: ResourceType, target: Obj) -> None:
        spec = self.scaler["spec"]
        size, least, most = (
            int(target["spec"].get("replicas") or 0),
            int(spec.get("minReplicas", 1)),
            spec["maxReplicas"],
        )
        self.status["currentReplicas"] = size
        self.set("AbleToScale", "True", "SucceededGetScale", _SCALE.format("able to get", ""))
        wanted, reason = size, ""
        if size == 0 and least != 0:
            self.set("ScalingActive", "False", "ScalingDisabled", _DISABLED)
        elif size > most:
            wanted, reason = most, "Current number of replicas above Spec.MaxReplicas"
        elif size < least:
            wanted, reason = least, "Current number of replicas below Spec.MinReplicas"
        else:
            self.without_metrics(spec)
        self.status["desiredReplicas"] = wanted
        if wanted != size:
            self.resize(resource, target, wanted, reason)

    def without_metrics(self, spec: Obj) -> None:
        """No metric can be had: said in the condition, and told."""
        metrics = [one for one in spec.get("metrics") or () if one.get("type") == "Resource"]
        if not metrics:
            return
        name = metrics[0]["resource"]["name"]
        first = _ABSENT.format(name=name)
        if (metrics[0]["resource"].get("target") or {}).get("type") == "Utilization":
            first = f"failed to get {name} utilization: {first}"
        text = f"the HPA was unable to compute the replica count: {first}"
        self.set("ScalingActive", "False", "FailedGetResourceMetric", text)
        count = len(spec["metrics"])
        more = f"first error is: failed to get {name} resource metric value: {first}"
        for reason, message in (
            ("FailedGetResourceMetric", first),
            ("FailedComputeMetricsReplicas", f"invalid metrics ({count} invalid out of {count}), {more}"),
        ):
            events.record(self.core, self.scaler, SOURCE, events.Words(reason, message, warning=True), self.now)
        self.status["currentMetrics"] = [{"type": ""} for _ in spec["metrics"]]

    def resize(self, resource: ResourceType, target: Obj, wanted: int, reason: str) -> None:
        """As an update of the target's scale."""
        meta = target["metadata"]
        version = self.core.store.get(resource.key, meta["namespace"], meta["name"])
        if version is None:
            return
        body = {**target, "spec": {**target["spec"], "replicas": wanted}}
        writes.update(self.core, resource, version, body, actor(self.now), "scale")
        text = f"the HPA controller was able to update the target scale to {wanted}"
        self.set("AbleToScale", "True", "SucceededRescale", text)
        self.status["lastScaleTime"] = moments.stamp(self.now)
        words = events.Words("SuccessfulRescale", f"New size: {wanted}; reason: {reason}")
        events.record(self.core, self.scaler, SOURCE, words, self.now)

    def set(self, kind: str, value: str, reason: str, message: str) -> None:
        old = find_in(self.conditions, kind)
        since = (
            old.get("lastTransitionTime") if old is not None and old.get("status") == value else moments.stamp(self.now)
        )
        made = {"type": kind, "status": value, "lastTransitionTime": since, "reason": reason, "message": message}
        at = next((place for place, one in enumerate(self.conditions) if one["type"] == kind), len(self.conditions))
        self.conditions[at : at + 1] = [made]


_SCALE = "the HPA controller was {0} the target's current scale{1}"
_DISABLED = "scaling is disabled since the replica count of the target is zero"
