"""Subresources with rules of their own: namespace finalize, token requests, binding, eviction, logs."""

from __future__ import annotations

from scale_agent.kube import status, writes
from scale_agent.kube.http import Response
from scale_agent.kube.representation import decoding
from scale_agent.kube.verbs.call import Call, answer, document


def finalize(call: Call) -> Response:
    """PUT …/finalize of a namespace: its ``spec.finalizers`` are replaced; without any it goes away."""
    body = decoding.document(call.core.catalog, call.request, "v1", "Namespace")
    current = call.current()
    obj = current.object()
    obj.setdefault("spec", {})["finalizers"] = list((body.get("spec") or {}).get("finalizers") or [])
    wanted = (body.get("metadata") or {}).get("resourceVersion")
    if wanted:
        obj["metadata"]["resourceVersion"] = wanted
    writes.check_preconditions(call.resource, current.object(), obj["metadata"])
    version = writes.put_namespace(call.core, call.resource, obj, call.actor(call.options("UpdateOptions")))
    return answer(call, 200, version)


def _done(call: Call) -> Response:
    done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return document(call, 201, done)


def bind(call: Call) -> Response:
    """POST …/pods/{name}/binding: the pod gets its node."""
    node = (decoding.document(call.core.catalog, call.request, "v1", "Binding").get("target") or {}).get("name")
    if not node:
        raise status.invalid("Binding", "", call.route.name, [status.required("target.name")])
    current = call.current()
    obj = current.object()
    if obj["spec"].get("nodeName"):
        why = f'pod {call.route.name} is already assigned to node "{obj["spec"]["nodeName"]}"'
        raise status.conflict("pods/binding", "", call.route.name, why)
    obj["spec"]["nodeName"] = node
    writes.update(call.core, call.resource, current, obj, call.actor(call.options("CreateOptions")))
    return _done(call)


def evict(call: Call) -> Response:
    """POST …/pods/{name}/eviction: the pod is deleted; disruption budgets are not counted."""
    writes.delete(call.core, call.resource, call.current(), writes.DeleteOptions(), writes.Actor("", call.now))
    return _done(call)


def log(call: Call) -> Response:
    """GET …/pods/{name}/log: simulated containers write nothing."""
    call.current()
    return Response(200, call.headers("text/plain"), b"")
