"""componentstatuses: how the API server finds its neighbours; nothing is stored (registry/core/componentstatus)."""

from __future__ import annotations

from scale_agent.kube import query, status
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Response
from scale_agent.kube.representation.representations import ListMeta
from scale_agent.kube.storage.version import Obj, Version
from scale_agent.kube.verbs import read
from scale_agent.kube.verbs.call import Call, answer

KEY = ("", "componentstatuses")
_NAMES = ("scheduler", "controller-manager", "etcd-0")


def get(call: Call) -> Response:
    """One component."""
    if call.route.name not in _NAMES:
        raise status.not_found("componentstatus", "", call.route.name)
    return answer(call, 200, _version(call, call.route.name))


def listing(call: Call) -> Response:
    """All components. A watch is refused (405)."""
    options = query.list_options(call.request.query)
    if options.watch:
        message = 'watch is not supported on resources of kind "componentstatuses"'
        raise StatusError(405, "MethodNotAllowed", message, {"kind": "componentstatuses"})
    selects = read.selection(call, options)
    found = [version for name in _NAMES if (version := _version(call, name)) and (selects is None or selects(version))]
    encoder = call.encoder()
    return Response(200, call.headers(encoder.content_type), encoder.many(found, ListMeta(0)))


def _version(call: Call, name: str) -> Version:
    healthy = {"type": "Healthy", "status": "True", "message": "ok"}
    obj: Obj = {"metadata": {"name": name}, "conditions": [healthy]}
    return call.core.store.draft(call.core.catalog.normalize(call.resource.ordered(obj), call.resource))
