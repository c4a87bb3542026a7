"""namespaces/finalize: what holds a namespace (registry/core/namespace, finalizeStrategy)."""

from __future__ import annotations

import orjson

from scale_agent.kube import preconditions, status, writes
from scale_agent.kube.codec import moments
from scale_agent.kube.http import Response
from scale_agent.kube.patching import managed
from scale_agent.kube.verbs import bodies
from scale_agent.kube.verbs.call import Call, answer

#: The finalizer that needs no domain.
_STANDARD = "kubernetes"


def finalize(call: Call) -> Response:
    """PUT …/finalize of a namespace: its ``spec.finalizers`` are replaced; without any it goes away."""
    body, warnings = bodies.document(call, "v1", "Namespace")
    bodies.check_name(call, body)
    current = call.current()
    before = current.object()
    meta = body["metadata"]
    preconditions.check_update(call.resource, before, meta)
    finalizers = list((body.get("spec") or {}).get("finalizers") or [])
    _check(call.route.name, finalizers)
    obj = {**before, "metadata": dict(before["metadata"]), "spec": {**(before.get("spec") or {})}}
    obj["spec"]["finalizers"] = finalizers
    for member in ("labels", "annotations"):
        if member in meta:
            obj["metadata"][member] = meta[member]
    if not finalizers:
        del obj["spec"]["finalizers"]
    actor = call.actor(call.options("UpdateOptions"))
    managed.track(call.core, call.resource, before, obj, managed.By(actor.manager, moments.stamp(call.now), "finalize"))
    return answer(call, 200, writes.put_namespace(call.core, call.resource, obj, actor), warnings)


def _check(name: str, finalizers: list[str]) -> None:
    """Finalizers have a domain. Raises 422."""
    why = "name is neither a standard finalizer name nor is it fully qualified"
    causes = [
        status.invalid_value(f"spec.finalizers[{number}]", orjson.dumps(one).decode(), why)
        for number, one in enumerate(finalizers)
        if "/" not in one and one != _STANDARD
    ]
    if causes:
        raise status.invalid("Namespace", "", name, causes)
