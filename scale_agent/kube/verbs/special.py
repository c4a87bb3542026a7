"""Subresources with rules of their own: namespace finalize, token requests, binding, eviction, logs."""

from __future__ import annotations

from typing import Any

from scale_agent.kube import status, writes
from scale_agent.kube.codec import moments
from scale_agent.kube.http import Response
from scale_agent.kube.representation import decoding, encoders
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.verbs.call import Call, answer

#: How long a requested token is valid unless the request says otherwise (seconds).
TOKEN_S = 3600


def _document(call: Call, code: int, obj: Obj) -> Response:
    content_type, body = encoders.document(call.core.catalog, obj, call.request.headers.get("accept", ""))
    return Response(code, call.headers(content_type), body)


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


def _token_request(call: Call) -> Obj:
    return decoding.document(call.core.catalog, call.request, "authentication.k8s.io/v1", "TokenRequest")


def token(call: Call) -> Response:
    """POST …/serviceaccounts/{name}/token: a TokenRequest answered with a token."""
    account = call.current().object()["metadata"]
    asked: dict[str, Any] = _token_request(call).get("spec") or {}
    lasts = asked.get("expirationSeconds") or TOKEN_S
    made = call.core.identity.token(account["namespace"], account["name"], account["uid"], "")
    obj: Obj = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "name": account["name"],
            "namespace": account["namespace"],
            "creationTimestamp": moments.stamp(call.now),
        },
        "spec": {
            "audiences": asked.get("audiences") or ["https://kubernetes.default.svc.cluster.local"],
            "expirationSeconds": lasts,
            "boundObjectRef": asked.get("boundObjectRef"),
        },
        "status": {"token": made, "expirationTimestamp": moments.stamp(call.now + lasts)},
    }
    return _document(call, 201, obj)


def _done(call: Call) -> Response:
    done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return _document(call, 201, done)


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
