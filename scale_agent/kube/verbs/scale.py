"""The scale subresource: autoscaling/v1 Scale over whatever has replicas."""

from __future__ import annotations

from typing import Any

from scale_agent.kube import status, writes
from scale_agent.kube.http import Response
from scale_agent.kube.representation import decoding, encoders
from scale_agent.kube.selectors import selector_text
from scale_agent.kube.storage.version import Obj, Version
from scale_agent.kube.verbs.call import Call
from scale_agent.kube.verbs.write import patched

API_VERSION = "autoscaling/v1"


def scale_of(obj: Obj) -> Obj:
    """The Scale of an object (fields and order as recorded)."""
    meta = obj["metadata"]
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    spec: dict[str, Any] = {}
    replicas = (obj.get("spec") or {}).get("replicas")
    if replicas:
        spec["replicas"] = replicas
    state: dict[str, Any] = {"replicas": (obj.get("status") or {}).get("replicas", 0)}
    selector = selector_text((obj.get("spec") or {}).get("selector"))
    if selector:
        state["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": API_VERSION,
        "metadata": {name: meta[name] for name in names if name in meta},
        "spec": spec,
        "status": state,
    }


def get(call: Call) -> Response:
    """GET …/scale."""
    return _answer(call, call.current())


def update(call: Call) -> Response:
    """PUT …/scale."""
    scale = decoding.document(call.core.catalog, call.request, API_VERSION, "Scale")
    return _write(call, scale, "UpdateOptions")


def patch(call: Call) -> Response:
    """PATCH …/scale."""
    scale = patched(call, scale_of(call.current().object()))
    return _write(call, call.core.catalog.document(scale, API_VERSION, "Scale"), "PatchOptions")


def _write(call: Call, scale: Obj, kind: str) -> Response:
    current = call.current()
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        cause = status.invalid_value("spec.replicas", str(replicas), "must be greater than or equal to 0")
        raise status.invalid("Scale", "autoscaling", current.name, [cause])
    obj = current.object()
    wanted = (scale.get("metadata") or {}).get("resourceVersion")
    if wanted:
        obj["metadata"]["resourceVersion"] = wanted
    obj.setdefault("spec", {})["replicas"] = replicas
    actor = call.actor(call.options(kind))
    return _answer(call, writes.update(call.core, call.resource, current, obj, actor, "scale"))


def _answer(call: Call, version: Version) -> Response:
    scale = scale_of(version.object())
    content_type, body = encoders.document(call.core.catalog, scale, call.request.headers.get("accept", ""))
    return Response(200, call.headers(content_type), body)
