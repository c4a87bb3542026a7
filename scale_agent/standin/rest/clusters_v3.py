"""``/v3``: clusters and their registration tokens."""

from __future__ import annotations

import re
from typing import Any

from scale_agent.standin.clusters import Cluster, matches
from scale_agent.standin.rest import render
from scale_agent.standin.rest.calls import Answer, Call, route
from scale_agent.standin.rest.lists import norman_collection, norman_page
from scale_agent.standin.rest.service import Service, norman_error

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?$")


def _missing(cluster_id: str) -> Answer:
    return norman_error(404, "NotFound", f'clusters.management.cattle.io "{cluster_id}" not found')


def create(service: Service, call: Call) -> Answer:
    """201; 422 ``NotUnique`` or ``InvalidFormat`` for a name that is taken, or bad."""
    body = call.json()
    name = str(body.get("name", ""))
    if not _NAME.match(name):
        answer = service.answer("bad_name")
        answer.body["message"] = answer.body["message"].replace("Bad_Name!", name)
        return answer
    if service.registry.named(name) is not None:
        return service.answer("not_unique")
    labels, annotations = body.get("labels") or {}, body.get("annotations") or {}
    cluster = service.registry.create(name, "norman", labels, annotations, service.clock())
    answer = Answer(201, render.norman(service, cluster))
    recorded = service.recorded("cluster_created", cluster)
    answer.body.update({key: recorded[key] for key in ("state", "transitioning")})
    if "conditions" not in recorded:
        del answer.body["conditions"]
    service.created(cluster)
    return answer


def get(service: Service, call: Call) -> Answer:
    """One cluster."""
    cluster = service.registry.get(call.params["id"])
    if cluster is None or not cluster.named(service.clock()):
        return _missing(call.params["id"])
    return Answer(200, render.norman(service, cluster))


def list_clusters(service: Service, call: Call) -> Answer:
    """A page of clusters, filtered by ``name``, ``id``, ``state`` or a label selector."""
    now = service.clock()
    shown = [one for one in service.registry.all() if one.named(now) and _chosen(one, call)]
    page, pagination = norman_page(service, call, shown, lambda one: str(one.id))
    data = [render.norman(service, one) for one in page]
    return norman_collection(service, call, "cluster", data, pagination)


def _chosen(cluster: Cluster, call: Call) -> bool:
    facts: dict[str, Any] = {"name": cluster.name, "id": cluster.id, "state": cluster.state.name}
    return all(call.one(key, value) == value for key, value in facts.items()) and matches(
        cluster.labels, call.one("labelSelector")
    )


def delete(service: Service, call: Call) -> Answer:
    """200 with the cluster as it is being removed."""
    cluster = service.registry.get(call.params["id"])
    if cluster is None:
        return _missing(call.params["id"])
    service.delete(cluster)
    return Answer(200, render.norman(service, cluster))


def list_tokens(service: Service, call: Call) -> Answer:
    """Registration tokens, of one cluster or of all; a new cluster's shows after a moment."""
    wanted = call.one("clusterId")
    now = service.clock()
    chosen = [one for one in service.registry.all() if wanted in ("", one.id) and one.has_token(now)]
    page, pagination = norman_page(service, call, chosen, lambda one: f"{one.id}:default-token")
    body = service.filled("tokens_empty", {"cluster": wanted})
    body["pagination"] = pagination
    body["data"] = [render.registration_norman(service, one) for one in page]
    return Answer(200, body)


def get_token(service: Service, call: Call) -> Answer:
    """One registration token, ``<cluster>:default-token``."""
    cluster_id, _, name = call.params["id"].partition(":")
    cluster = service.registry.get(cluster_id)
    if cluster is None or name != "default-token" or not cluster.has_token(service.clock()):
        message = f'clusterregistrationtokens.management.cattle.io "{name}" not found'
        return norman_error(404, "NotFound", message)
    return Answer(200, render.registration_norman(service, cluster))


def cluster_tokens(service: Service, call: Call) -> Answer:
    """The cluster's own link to its registration tokens."""
    inner = Call(call.method, call.path, {**call.query, "clusterId": [call.params["id"]]}, call.headers)
    return list_tokens(service, inner)


ROUTES = (
    route("POST", "/v3/clusters?", create),
    route("GET", "/v3/clusters", list_clusters),
    route("GET", "/v3/clusters/<id>", get),
    route("DELETE", "/v3/clusters/<id>", delete),
    route("GET", "/v3/clusters/<id>/clusterregistrationtokens", cluster_tokens),
    route("GET", "/v3/cluster[rR]egistration[tT]okens", list_tokens),
    route("GET", "/v3/cluster[rR]egistration[tT]okens/<id>", get_token),
)
