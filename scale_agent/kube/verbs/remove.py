"""delete and deletecollection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scale_agent.kube import query, status, writes
from scale_agent.kube.http import Response
from scale_agent.kube.representation import decoding, encoders
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.verbs import read
from scale_agent.kube.verbs.call import Call, answer

_PROPAGATION = ("Background", "Foreground", "Orphan")


def delete(call: Call) -> Response:
    """DELETE of one object: a Status when it is gone, the object while something holds it."""
    options = delete_options(call)
    current = call.current()
    done = writes.delete(call.core, call.resource, current, options, _actor(call, options))
    if not done.gone or call.resource.key in writes.RETURNS_DELETED:
        return answer(call, 200, done.version)
    uid = current.object()["metadata"]["uid"]
    success = status.success(current.name, call.resource.group, call.resource.plural, uid)
    content_type, body = encoders.document(call.core.catalog, success, call.request.headers.get("accept", ""))
    return Response(200, call.headers(content_type), body)


def delete_collection(call: Call) -> Response:
    """DELETE of a collection: the list of what was there."""
    options = delete_options(call)
    listing = query.list_options(call.request.query)
    found, meta = read.page(call, listing)
    for version in found:
        writes.delete(call.core, call.resource, version, options, _actor(call, options))
    encoder = call.encoder(listing=True)
    return Response(200, call.headers(encoder.content_type), encoder.many(found, replace(meta, rv=call.core.store.rv)))


def _actor(call: Call, options: writes.DeleteOptions) -> writes.Actor:
    return writes.Actor("", call.now, options.dry_run)


def delete_options(call: Call) -> writes.DeleteOptions:
    """The body's DeleteOptions, else the query's. Raises 400, 415, 422."""
    raw = {**_from_query(call), **_from_body(call)}
    propagation = raw.get("propagationPolicy") or ""
    if not propagation and raw.get("orphanDependents"):
        propagation = "Orphan"
    if propagation and propagation not in _PROPAGATION:
        cause = status.unsupported(
            "propagationPolicy", f'"{propagation}"', ("Foreground", "Background", "Orphan", "nil")
        )
        raise status.invalid_options("DeleteOptions", cause)
    dry_run = raw.get("dryRun") or []
    if dry_run not in ([], ["All"], "All"):
        raise status.invalid_options("DeleteOptions", status.unsupported("dryRun", str(dry_run), ("All",)))
    preconditions = raw.get("preconditions") or {}
    grace = raw.get("gracePeriodSeconds")
    return writes.DeleteOptions(
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        grace_s=int(grace) if grace is not None else None,
        propagation=propagation,
        dry_run=bool(dry_run),
    )


def _from_query(call: Call) -> dict[str, Any]:
    asked = query.parse_query(call.request.query)
    names = ("propagationPolicy", "gracePeriodSeconds", "dryRun")
    out: dict[str, Any] = {name: asked[name] for name in names if asked.get(name)}
    grace = out.get("gracePeriodSeconds")
    if grace is not None and not grace.lstrip("-").isdigit():
        raise status.bad_request(f'strconv.ParseInt: parsing "{grace}": invalid syntax')
    return out


def _from_body(call: Call) -> Obj:
    if not call.request.body:
        return {}
    found = decoding.document(call.core.catalog, call.request, "v1", "DeleteOptions")
    if found.get("kind", "DeleteOptions") != "DeleteOptions":
        raise status.bad_request(f"expected DeleteOptions, got {found.get('kind')}")
    return found
