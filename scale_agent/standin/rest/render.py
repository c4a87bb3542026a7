"""A cluster as each API shows it: the recorded body of a new one, with what has changed since."""

from __future__ import annotations

from typing import Any

from scale_agent.standin.clusters import WORKSPACE, Cluster
from scale_agent.standin.conditions import Condition
from scale_agent.standin.rest.service import Service
from scale_agent.standin.times import milliseconds, rfc3339


def _norman_condition(one: Condition) -> dict[str, Any]:
    out = {"lastUpdateTime": one.at, "status": one.status, "type": one.type}
    out |= {"message": one.message} if one.message else {}
    return out | ({"reason": one.reason} if one.reason else {})


def _steve_condition(one: Condition) -> dict[str, Any]:
    error = one.reason == "Error"
    moving = one.status == "Unknown" and one.type in ("Pending", "Provisioned", "Waiting", "Updated")
    return _norman_condition(one) | {"error": error, "transitioning": moving}


def norman(service: Service, cluster: Cluster) -> dict[str, Any]:
    """``/v3/clusters/<id>``."""
    fresh = not cluster.conditions and cluster.path == "norman"
    body: dict[str, Any] = service.recorded("cluster_created" if fresh else "cluster_norman", cluster)
    state = cluster.state
    body |= {
        "name": cluster.name,
        "labels": _norman_labels(cluster, body.get("labels") or {}),
        "createdTS": milliseconds(cluster.created_s),
        "conditions": [_norman_condition(one) for one in cluster.conditions.values()],
        "state": state.name,
        "transitioning": "error" if state.error else "yes" if state.transitioning else "no",
        "transitioningMessage": state.message,
    }
    body["annotations"] = (body.get("annotations") or {}) | cluster.annotations
    body |= cluster.fields
    if cluster.removed_s is not None:
        body |= {"removed": rfc3339(cluster.removed_s), "removedTS": milliseconds(cluster.removed_s)}
    return body


def _norman_labels(cluster: Cluster, recorded: dict[str, str]) -> dict[str, str]:
    base = {"cattle.io/creator": "norman"} if cluster.path == "norman" else recorded
    return base | cluster.labels


def steve(service: Service, cluster: Cluster) -> dict[str, Any]:
    """``/v1/management.cattle.io.clusters/<id>``."""
    body: dict[str, Any] = service.recorded("cluster_steve", cluster)
    state = cluster.state
    metadata = body["metadata"]
    metadata |= {
        "labels": _norman_labels(cluster, metadata.get("labels") or {}),
        "annotations": (metadata.get("annotations") or {}) | cluster.annotations,
        "resourceVersion": str(cluster.revision),
        "state": {
            "error": state.error,
            "message": state.message or "Resource is current",
            "name": state.name,
            "transitioning": state.transitioning,
        },
    }
    body["spec"]["displayName"] = cluster.name
    body["status"]["conditions"] = [_steve_condition(one) for one in cluster.conditions.values()]
    body["status"] |= cluster.fields
    if cluster.removed_s is not None:
        metadata |= {"deletionTimestamp": rfc3339(cluster.removed_s), "deletionGracePeriodSeconds": 0}
    return body


def provisioning(service: Service, cluster: Cluster, *, created: bool = False) -> dict[str, Any]:
    """``/v1/provisioning.cattle.io.clusters/fleet-default/<name>``: without an id until it has one."""
    named = cluster.named(service.clock())
    template = "provisioning_created" if created else "provisioning_named" if named else "provisioning_new"
    body: dict[str, Any] = service.recorded(template, cluster, uuid=cluster.provisioning_uid)
    metadata = body["metadata"]
    metadata["resourceVersion"] = str(cluster.revision)
    if cluster.labels:
        metadata["labels"] = dict(cluster.labels)
    if cluster.annotations:
        metadata["annotations"] = (metadata.get("annotations") or {}) | cluster.annotations
    if not created and named:
        _provisioned(body, cluster)
    if cluster.removed_s is not None:
        metadata |= {"deletionTimestamp": rfc3339(cluster.removed_s), "deletionGracePeriodSeconds": 0, "generation": 3}
    return body


def _provisioned(body: dict[str, Any], cluster: Cluster) -> None:
    """Ready once Connected was true; never back (2.15.0, protocol section 3.4)."""
    if not cluster.ready_once:
        return
    body["status"]["ready"] = True
    body["metadata"]["state"] = {
        "error": False,
        "message": "Resource is Ready",
        "name": "active",
        "transitioning": False,
    }
    for one in body["status"]["conditions"]:
        if one["type"] == "Reconciling":
            one |= {"status": "False", "transitioning": False}
            one.pop("reason", None)


def registration_norman(service: Service, cluster: Cluster) -> dict[str, Any]:
    """One item of ``/v3/clusterregistrationtokens``; without a manifest URL while server-url is not set."""
    item: dict[str, Any] = service.recorded("tokens" if cluster.path == "steve" else "tokens_norman", cluster)["data"][
        0
    ]
    item["createdTS"] = milliseconds(cluster.created_s)
    return item if service.settings.server_url else _without_commands(item)


def registration_steve(service: Service, cluster: Cluster) -> dict[str, Any]:
    """``/v1/management.cattle.io.clusterregistrationtokens/<id>/default-token``."""
    body: dict[str, Any] = service.recorded("token_steve", cluster)
    if not service.settings.server_url:
        body["status"] = _without_commands(body["status"])
    return body


def _without_commands(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "manifestUrl" and not key.lower().endswith("command")}


def workspace_id(cluster: Cluster) -> str:
    """Its id on the ``/v1`` path: a cluster made through ``/v3`` is there under its own id."""
    return f"{WORKSPACE}/{cluster.name if cluster.path == 'steve' else cluster.id}"
