"""delete and deletecollection."""

from __future__ import annotations

from dataclasses import replace

from scale_agent.kube import query, status, writes
from scale_agent.kube.http import Response
from scale_agent.kube.representation import encoders
from scale_agent.kube.verbs import delete_options, read
from scale_agent.kube.verbs.call import Call, answer

_JOBS = ("batch", "jobs")
_CHILDREN_STAY = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


def delete(call: Call) -> Response:
    """DELETE of one object: a Status when it is gone, the object while something holds it."""
    options = delete_options.of(call)
    current = call.current()
    if not options.propagation and call.resource.key == _JOBS:
        call.warned.append(_CHILDREN_STAY)
    done = writes.delete(call.core, call.resource, current, options, _actor(call, options))
    if not done.gone or call.resource.key in writes.RETURNS_DELETED:
        return answer(call, 200, done.version)
    uid = current.object()["metadata"]["uid"]
    success = status.success(current.name, call.resource.group, call.resource.plural, uid)
    accept = call.request.headers.get("accept", "")
    content_type, body = encoders.document(call.core.catalog, success, accept, transforms=True)
    return Response(200, call.headers(content_type), body)


def delete_collection(call: Call) -> Response:
    """DELETE of a collection: the list of what was there."""
    options = delete_options.of(call)
    listing = query.list_options(call.request.query)
    found, meta = read.page(call, listing)
    if not options.propagation and call.resource.key == _JOBS:
        call.warned.append(_CHILDREN_STAY)
    for version in found:
        writes.delete(call.core, call.resource, version, options, _actor(call, options))
    encoder = call.encoder(listing=True)
    return Response(200, call.headers(encoder.content_type), encoder.many(found, replace(meta, rv=call.core.store.rv)))


def _actor(call: Call, options: writes.DeleteOptions) -> writes.Actor:
    return writes.Actor("", call.now, options.dry_run)
