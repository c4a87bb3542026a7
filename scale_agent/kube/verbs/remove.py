"""delete and deletecollection."""

from __future__ import annotations

from dataclasses import replace

from scale_agent.kube import preconditions, query, status, writes
from scale_agent.kube.http import Response
from scale_agent.kube.representation import encoders
from scale_agent.kube.verbs import delete_options, read
from scale_agent.kube.verbs.call import Call, answer

#: ``immortalNamespaces`` of the admission plugin NamespaceLifecycle.
IMMORTAL = ("default", "kube-system", "kube-public")
JOBS = ("batch", "jobs")
JOBS_ORPHAN = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


def delete(call: Call) -> Response:
    """DELETE of one object: a Status when it is gone, the object while something holds it."""
    options = delete_options.of(call)
    _check(call, options)
    current = call.current()
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
    _check(call, options)
    listing = query.list_options(call.request.query)
    found, meta = read.page(call, listing)
    for version in found:
        writes.delete(call.core, call.resource, version, options, _actor(call, options))
    encoder = call.encoder(listing=True)
    return Response(200, call.headers(encoder.content_type), encoder.many(found, replace(meta, rv=call.core.store.rv)))


def _check(call: Call, options: writes.DeleteOptions) -> None:
    """Refuse the end of what every cluster needs (403), and warn of dependents that stay."""
    key, name = call.resource.key, call.route.name
    if key == preconditions.NAMESPACES and name in IMMORTAL:
        raise status.forbidden(call.resource.plural, "", name, "this namespace may not be deleted")
    if key == JOBS and not options.propagation:
        call.warned.append(JOBS_ORPHAN)


def _actor(call: Call, options: writes.DeleteOptions) -> writes.Actor:
    return writes.Actor("", call.now, options.dry_run)
