"""``/v1``: provisioning and management clusters, registration tokens, deletion."""

from __future__ import annotations

from scale_agent.standin.clusters import WORKSPACE, Cluster
from scale_agent.standin.rest import render
from scale_agent.standin.rest.calls import Answer, Call, route
from scale_agent.standin.rest.lists import steve_list
from scale_agent.standin.rest.service import Service, steve_error

PROVISIONING = "provisioning.cattle.io.cluster"
MANAGEMENT = "management.cattle.io.cluster"


def _missing(resource: str, name: str) -> Answer:
    return steve_error(404, "NotFound", f'{resource} "{name}" not found')


def _find(service: Service, workspace: str, name: str) -> Cluster | None:
    if workspace != WORKSPACE:
        return None
    cluster = service.registry.named(name)
    if cluster is None or cluster.path != "steve":
        by_id = service.registry.get(name)
        return by_id if by_id is not None and by_id.path == "norman" else None
    return cluster


def create(service: Service, call: Call) -> Answer:
    """201 with the new object, or 409 for a name that is taken in the workspace."""
    metadata = call.json().get("metadata", {})
    name = str(metadata.get("name", ""))
    if not name:
        return steve_error(422, "Invalid", "name or generateName is required")
    if _find(service, WORKSPACE, name) is not None:
        return service.answer("provisioning_exists", name=name)
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    cluster = service.registry.create(name, "steve", labels, annotations, service.clock())
    service.created(cluster)
    return Answer(201, render.provisioning(service, cluster, created=True))


def get(service: Service, call: Call) -> Answer:
    """The provisioning cluster; ``status.clusterName`` once it has an id."""
    cluster = _find(service, call.params["workspace"], call.params["name"])
    if cluster is None:
        return _missing("clusters.provisioning.cattle.io", call.params["name"])
    return Answer(200, render.provisioning(service, cluster))


def delete(service: Service, call: Call) -> Answer:
    """200 with the object as it is being removed."""
    cluster = _find(service, call.params["workspace"], call.params["name"])
    if cluster is None:
        return _missing("clusters.provisioning.cattle.io", call.params["name"])
    service.delete(cluster)
    return Answer(200, render.provisioning(service, cluster))


def list_provisioning(service: Service, call: Call) -> Answer:
    """A page of provisioning clusters."""
    return steve_list(service, call, PROVISIONING, service.registry.all(), render.provisioning)


def list_management(service: Service, call: Call) -> Answer:
    """A page of management clusters; those of the ``/v1`` path show once they have an id."""
    now = service.clock()
    shown = [one for one in service.registry.all() if one.named(now)]
    return steve_list(service, call, MANAGEMENT, shown, render.steve)


def get_management(service: Service, call: Call) -> Answer:
    """One management cluster."""
    cluster = service.registry.get(call.params["id"])
    if cluster is None or not cluster.named(service.clock()):
        return _missing("clusters.management.cattle.io", call.params["id"])
    return Answer(200, render.steve(service, cluster))


def blocked(service: Service, call: Call) -> Answer:
    """Management clusters cannot be changed through ``/v1`` (protocol section 1.2)."""
    del service, call
    return steve_error(405, "MethodNotAllowed", "Method not supported")


def registration(service: Service, call: Call) -> Answer:
    """The registration token ``default-token`` of one cluster, some time after its creation."""
    cluster = service.registry.get(call.params["id"])
    if cluster is None or call.params["name"] != "default-token" or not cluster.has_token(service.clock()):
        return _missing("clusterregistrationtokens.management.cattle.io", call.params["name"])
    return Answer(200, render.registration_steve(service, cluster))


_CLUSTERS = "/v1/provisioning.cattle.io.clusters"
_MANAGED = "/v1/management.cattle.io.clusters"
ROUTES = (
    route("POST", _CLUSTERS, create),
    route("POST", f"{_CLUSTERS}/{WORKSPACE}", create),
    route("GET", _CLUSTERS, list_provisioning),
    route("GET", f"{_CLUSTERS}/{WORKSPACE}", list_provisioning),
    route("GET", f"{_CLUSTERS}/<workspace>/<name>", get),
    route("DELETE", f"{_CLUSTERS}/<workspace>/<name>", delete),
    route("GET", _MANAGED, list_management),
    route("GET", f"{_MANAGED}/<id>", get_management),
    route("POST", _MANAGED, blocked),
    route("DELETE", f"{_MANAGED}/<id>", blocked),
    route("GET", "/v1/management.cattle.io.clusterregistrationtokens/<id>/<name>", registration),
)
