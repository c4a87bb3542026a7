"""pods/eviction: a pod goes if its disruption budget lets it (registry/core/pod/storage, EvictionREST)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scale_agent.kube import preconditions, selectors, status, writes
from scale_agent.kube.codec import moments
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Response
from scale_agent.kube.storage.version import Obj, Version
from scale_agent.kube.verbs import bodies
from scale_agent.kube.verbs.call import Call, success

_GROUP = "policy"
_BUDGETS = (_GROUP, "v1", "poddisruptionbudgets")
#: Pods in these phases, and those that are being deleted, disturb nobody any more.
_OVER = ("Pending", "Succeeded", "Failed")
_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
_RETRY_S = 10
#: The condition that tells a pod's owners why it ended.
_TARGET = {
    "type": "DisruptionTarget",
    "status": "True",
    "lastProbeTime": None,
    "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting",
}


def create(call: Call) -> Response:
    """POST …/pods/{name}/eviction."""
    eviction, warnings = bodies.document(call, "policy/v1", "Eviction", also="policy/v1beta1")
    bodies.check_namespace(call, eviction)
    if (eviction.get("metadata") or {}).get("name") != call.route.name:
        raise status.bad_request("name in URL does not match name in Eviction object")
    options = _options(call, eviction.get("deleteOptions") or {})
    current = call.current()
    pod = current.object()
    if not _over(pod):
        _ask_budget(call, pod, options)
    _evict(call, current, options)
    return success(call, warnings)


def _options(call: Call, raw: Obj) -> writes.DeleteOptions:
    dry_run, asked = bool(raw.get("dryRun")), call.options("CreateOptions").dry_run
    preconditions = raw.get("preconditions") or {}
    return writes.DeleteOptions(
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        grace_s=raw.get("gracePeriodSeconds"),
        propagation=raw.get("propagationPolicy") or "",
        dry_run=dry_run or asked,
    )


def _over(pod: Obj) -> bool:
    return pod["status"].get("phase") in _OVER or bool(pod["metadata"].get("deletionTimestamp"))


def _evict(call: Call, current: Version, options: writes.DeleteOptions) -> None:
    """Say why, then delete: two writes, as the real server makes them."""
    pod = current.object()
    preconditions.check_delete(call.resource, pod, options)
    actor = writes.Actor("", call.now, options.dry_run)
    if not options.dry_run:
        others = [one for one in pod["status"].get("conditions") or () if one["type"] != _TARGET["type"]]
        pod["status"]["conditions"] = [*others, {**_TARGET, "lastTransitionTime": moments.stamp(call.now)}]
        shaped = call.core.catalog.normalize(pod, call.resource)
        current = call.core.store.put(call.resource.key, shaped, call.now)
        options = replace(options, resource_version="")
    writes.delete(call.core, call.resource, current, options, actor)


# -- budgets ---------------------------------------------------------------------------------------------------------


def _ask_budget(call: Call, pod: Obj, options: writes.DeleteOptions) -> None:
    """Take one disruption from the pod's budget. Raises 429, 500."""
    found = _budgets(call, pod)
    if not found:
        return
    if len(found) > 1:
        message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise StatusError(500, "", message)
    version, budget = found[0]
    if _unready_may_go(pod, budget):
        return
    _check_budget(budget)
    if not options.dry_run:
        _spend(call, pod, version, budget)


def _budgets(call: Call, pod: Obj) -> list[tuple[Version, Obj]]:
    out = []
    labels = pod["metadata"].get("labels") or {}
    resource = call.core.builtin(*_BUDGETS)
    for version in call.core.store.list(resource.key, call.route.namespace):
        budget = version.object()
        selector = (budget.get("spec") or {}).get("selector")
        if selector is not None and _selects(selector, labels):
            out.append((version, budget))
    return out


def _selects(selector: Obj, labels: dict[str, str]) -> bool:
    text = selectors.selector_text(selector)
    return not text or selectors.matches(selectors.parse_labels(text), labels)


def _unready_may_go(pod: Obj, budget: Obj) -> bool:
    conditions = pod["status"].get("conditions") or ()
    if any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    healthy, desired = (_number(budget, name) for name in ("currentHealthy", "desiredHealthy"))
    return healthy >= desired > 0


def _number(budget: Obj, name: str) -> int:
    return int((budget.get("status") or {}).get(name) or 0)


def _check_budget(budget: Obj) -> None:
    name = budget["metadata"]["name"]
    if _number(budget, "observedGeneration") < int(budget["metadata"].get("generation") or 0):
        cause = f"The disruption budget {name} is still being processed by the server."
        raise _too_many(cause, _RETRY_S)
    if _number(budget, "disruptionsAllowed") <= 0:
        raise _too_many(_why_not(name, budget))


def _why_not(name: str, budget: Obj) -> str:
    conditions = (budget.get("status") or {}).get("conditions") or ()
    refusing = [one for one in conditions if one["type"] == "DisruptionAllowed" and one["status"] == "False"]
    reason, message = (refusing[0].get(key) or "" for key in ("reason", "message")) if refusing else ("", "")
    healthy, desired = (_number(budget, key) for key in ("currentHealthy", "desiredHealthy"))
    if message and reason == "SyncFailed":
        return f"The disruption budget {name} does not allow evicting pods currently because it failed sync: {message}"
    if healthy <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    if message:
        return f"The disruption budget {name} does not allow evicting pods currently ({reason}): {message}"
    return f"The disruption budget {name} does not allow evicting pods currently"


def _too_many(cause: str, retry_s: int = 0) -> StatusError:
    details: dict[str, Any] = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    if retry_s:
        details["retryAfterSeconds"] = retry_s
    return StatusError(429, "TooManyRequests", _REFUSED, details)


def _spend(call: Call, pod: Obj, version: Version, budget: Obj) -> None:
    resource = call.core.builtin(*_BUDGETS)
    state = budget["status"]
    state["disruptionsAllowed"] = left = _number(budget, "disruptionsAllowed") - 1
    disrupted = state.get("disruptedPods") or {}
    state["disruptedPods"] = {**disrupted, pod["metadata"]["name"]: moments.stamp(call.now)}
    for condition in state.get("conditions") or ():
        if condition["type"] == "DisruptionAllowed" and not left:
            condition |= {"status": "False", "reason": "InsufficientPods"}
            condition["lastTransitionTime"] = moments.stamp(call.now)
    actor = writes.Actor("kube-apiserver", call.now)
    writes.update(call.core, resource, version, budget, actor, "status")
