"""APIServices that somebody wrote: whether what they announce is there, as the aggregator's controllers say it.

Nothing behind a Service can be asked here, so an APIService with one is available only where this process serves its
group itself; which of the reasons the others get is the published one (``remote/remote_available_controller.go``).
Those without a service are the server's own.
"""

from __future__ import annotations

import orjson

from scale_agent.kube import writes
from scale_agent.kube.codec import moments
from scale_agent.kube.core import Core
from scale_agent.kube.discovery import announced
from scale_agent.kube.extensions import SERVED
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj

MANAGER = "kube-apiserver"
SERVICES: ResourceKey = ("", "services")
SLICES: ResourceKey = ("discovery.k8s.io", "endpointslices")
_UNANSWERED = "FailedDiscoveryCheck"
_SERVICE_NAME = "kubernetes.io/service-name"


def look(core: Core, change: Change, now: float) -> None:
    """An APIService was written: say whether it is available."""
    announced.forget(core)
    if change.event.type is not EventType.DELETED:
        _reconcile(core, change.event.after.name, now)


def look_again(core: Core, change: Change, now: float) -> None:
    """A Service or an EndpointSlice changed, which may be what an APIService waits for."""
    both = (*announced.services(core), *announced.extended(core))
    if any(one.remote for one in both):
        for one in both:
            _reconcile(core, one.name, now)


def _reconcile(core: Core, name: str, now: float) -> None:
    version = core.store.get(announced.KEY, "", name)
    if version is None:
        return
    obj = core.seen(version)
    said = {"type": "Available", **_condition(core, obj["spec"])}
    conditions = (obj.get("status") or {}).get("conditions") or []
    known: Obj = next((one for one in conditions if one.get("type") == "Available"), {})
    if {name: known.get(name) for name in said} == said:
        return
    same = known.get("status") == said["status"]
    time = known.get("lastTransitionTime") if same else moments.stamp(now)
    others = [one for one in conditions if one.get("type") != "Available"]
    resource = core.builtin("apiregistration.k8s.io", "v1", "apiservices")
    body = {**obj, "status": {"conditions": [*others, {**said, "lastTransitionTime": time}]}}
    writes.update(core, resource, version, body, writes.Actor(MANAGER, now), "status")


def _condition(core: Core, spec: Obj) -> dict[str, str]:
    service = spec.get("service")
    if service is None:
        message = "Local APIServices are always available"
        return {"status": "True", "reason": "Local", "message": message}
    reason, message = _objection(core, service["namespace"], service["name"], service.get("port") or 443)
    if reason == _UNANSWERED and (spec.get("group"), spec.get("version")) in SERVED:
        return {"status": "True", "reason": "Passed", "message": "all checks passed"}
    return {"status": "False", "reason": reason, "message": message}


def _objection(core: Core, namespace: str, name: str, port: int) -> tuple[str, str]:
    """Why nobody can be asked: reason and message (observed, the last one read)."""
    where = f'service/{name} in "{namespace}"'
    version = core.store.get(SERVICES, namespace, name)
    if version is None:
        return "ServiceNotFound", f"{where} is not present"
    ports = {one.get("port"): one for one in version.object()["spec"].get("ports") or ()}
    if port not in ports:
        return "ServicePortError", f"{where} is not listening on port {port}"
    slices = [one for one in core.store.list(SLICES, namespace) if one.labels.get(_SERVICE_NAME) == name]
    if not slices:
        return "EndpointsNotFound", f"cannot find endpointslices for {where}"
    if not any(_ready(one.json) for one in slices):
        portname = ports[port].get("name") or ""
        return "MissingEndpoints", f'endpointslices for {where} have no addresses with port name "{portname}"'
    return _UNANSWERED, f"failing or missing response from https://{name}.{namespace}.svc:{port}"


def _ready(json: bytes) -> bool:
    endpoints = orjson.loads(json).get("endpoints") or ()
    return any((one.get("conditions") or {}).get("ready", True) and one.get("addresses") for one in endpoints)
