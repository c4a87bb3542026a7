"""What the agent writes into its own cluster, and Rancher then finds there.

Recorded in agent-own-requests.jsonl (Rancher 2.15.0): the service account's token secret, ``stv-aggregation``, and what
the embedded server of an agent with features writes. Left out is what Rancher never looks at: the embedded server's own
custom resources (features, settings, authentication providers), its certificates, and the renewal of its lease.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from scale_agent.cluster.manifest import Credentials
from scale_agent.kube.local import LocalClient

Obj = dict[str, Any]

_SYSTEM = "/api/v1/namespaces/cattle-system"
_ACCOUNT = f"{_SYSTEM}/serviceaccounts/cattle"
_SECRETS = f"{_SYSTEM}/secrets"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
_SECRET_REF = "rancher.io/service-account.secret-ref"
_APPLIED_VALUE_LIMIT = 64  # wrangler cuts the values it remembers

#: sha1 of wrangler's set ids, as recorded: labels of what it applied.
_STV_HASH = "30856cb1ea1fc95ce3b50012158034b6911bdb12"
_UNAUTHENTICATED_HASH = "b212d593e3437cc5a102c749ccd7cf8b42c9bd6e"

_UNAUTHENTICATED_SETTINGS = (
    "first-login",
    "ui-pl",
    "ui-banners",
    "ui-brand",
    "ui-favicon",
    "ui-login-background-light",
    "ui-login-background-dark",
    "ui-primary-color",
    "ui-link-color",
    "ui-banner-header",
    "ui-banner-footer",
    "ui-banner-login-consent",
)


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What an agent pod knows when it writes: its credentials, Rancher's authorities (PEM) and their checksum."""

    credentials: Credentials
    cacerts: str
    checksum: str


def account_token(client: LocalClient) -> str:
    """The long-lived token of service account cattle-system/cattle; its secret is made if there is none.

    "" if the account is not there, or nothing has filled its secret yet.
    """
    account = client.get(_ACCOUNT)
    if account is None:
        return ""
    reference = (account["metadata"].get("annotations") or {}).get(_SECRET_REF, "")
    secret = client.get(f"{_SECRETS}/{reference.rpartition('/')[2]}") if reference else None
    if secret is None:
        secret = _create_token_secret(client, account)
    return base64.b64decode((secret.get("data") or {}).get("token", "")).decode()


def _create_token_secret(client: LocalClient, account: Obj) -> Obj:
    owner = {"apiVersion": "v1", "kind": "ServiceAccount", "name": "cattle", "uid": account["metadata"]["uid"]}
    metadata = {
        "generateName": "cattle-token-",
        "namespace": "cattle-system",
        "labels": {"cattle.io/service-account.name": "cattle"},
        "annotations": {"kubernetes.io/service-account.name": "cattle"},
        "ownerReferences": [owner],
    }
    kind = "kubernetes.io/service-account-token"
    secret = client.create(_SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind})
    name = secret["metadata"]["name"]
    annotations = account["metadata"].setdefault("annotations", {})
    annotations[_SECRET_REF] = f"cattle-system/{name}"
    client.update(_ACCOUNT, account)
    return client.get(f"{_SECRETS}/{name}") or secret


def stv_aggregation(client: LocalClient, facts: AgentFacts) -> None:
    """The secret by which the embedded server finds Rancher, and Rancher sees whether its certificate was verified."""
    server, token = facts.credentials.url, facts.credentials.token
    values = {
        "CATTLE_CACERTS_VALID": "true" if facts.cacerts else "false",
        "CATTLE_CA_CHECKSUM": facts.checksum,
        "CATTLE_SERVER": server,
        "CATTLE_TOKEN": token,
        "token": f"stv-cluster-{token}",
        "url": f"{server}/v3/connect",
    }
    if facts.cacerts:
        values["ca.crt"] = facts.cacerts
    secret = _wrangler_object("stv-aggregation", "rancher-stv-aggregation", _STV_HASH, namespace="cattle-system")
    data = {key: base64.b64encode(value.encode()).decode() for key, value in sorted(values.items())}
    secret |= {"apiVersion": "v1", "kind": "Secret", "data": data}
    _remember(secret)
    path = f"{_SECRETS}/stv-aggregation"
    current = client.get(path)
    if current is None:
        client.create(_SECRETS, secret)
    elif current.get("data") != data:
        client.merge(path, {"data": data, "metadata": {"annotations": secret["metadata"]["annotations"]}})


def embedded_server(client: LocalClient, identity: str, now: float) -> None:
    """What the embedded server writes when it starts, as far as Rancher can see it. ``identity``: its pod's name."""
    _create_missing(client, "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": _name("local")})
    role = _wrangler_object("cattle-unauthenticated", "cattle-unauthenticated", _UNAUTHENTICATED_HASH)
    binding = _wrangler_object("cattle-unauthenticated", "cattle-unauthenticated", _UNAUTHENTICATED_HASH)
    group = "rbac.authorization.k8s.io"
    resources = {"apiGroups": ["management.cattle.io"], "resources": ["settings"], "verbs": ["get"]}
    role |= {"apiVersion": f"{group}/v1", "kind": "ClusterRole"}
    role["rules"] = [resources | {"resourceNames": list(_UNAUTHENTICATED_SETTINGS)}]
    binding |= {"apiVersion": f"{group}/v1", "kind": "ClusterRoleBinding"}
    binding["roleRef"] = {"apiGroup": group, "kind": "ClusterRole", "name": "cattle-unauthenticated"}
    binding["subjects"] = [{"apiGroup": group, "kind": "Group", "name": "system:unauthenticated"}]
    for path, obj in ((f"{_RBAC}/clusterroles", role), (f"{_RBAC}/clusterrolebindings", binding)):
        _remember(obj)
        _create_missing(client, path, obj)
    _take_lease(client, identity, now)
    _annotate_nodes(client)
    for namespace in client.list("/api/v1/namespaces"):
        follow_namespace(client, namespace)


def _take_lease(client: LocalClient, identity: str, now: float) -> None:
    time = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": identity, "leaseDurationSeconds": 45, "acquireTime": time, "renewTime": time}
    lease = client.get(f"{_LEASES}/cattle-controllers")
    if lease is None:
        metadata = {"name": "cattle-controllers", "namespace": "kube-system"}
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
        client.create(_LEASES, lease | {"spec": spec | {"leaseTransitions": 0}})
    elif lease["spec"].get("holderIdentity") != identity:
        lease["spec"] |= spec | {"leaseTransitions": lease["spec"].get("leaseTransitions", 0) + 1}
        client.update(f"{_LEASES}/cattle-controllers", lease)


def _annotate_nodes(client: LocalClient) -> None:
    """Sums of the pods' requests and limits; no pods here have any that the agent counts."""
    for node in client.list("/api/v1/nodes"):
        annotations = node["metadata"].setdefault("annotations", {})
        wanted = {"management.cattle.io/pod-limits": "{}", "management.cattle.io/pod-requests": "{}"}
        if not wanted.keys() <= annotations.keys():
            annotations |= wanted
            client.update(f"/api/v1/nodes/{node['metadata']['name']}", node)


def scale(client: LocalClient, path: str, replicas: int) -> None:
    """The agent's own controller lets itself run twice in a cluster that has the nodes for it."""
    client.merge(path, {"spec": {"replicas": replicas}})


def remove_agent(client: LocalClient) -> None:
    """What the cleanup job removes after its sleep (protocol/rancher.md, section 6.3)."""
    selector = "labelSelector=cattle.io%2Fcreator%3Dnorman"
    for kind in ("clusterrolebindings", "clusterroles"):
        for obj in client.list(f"{_RBAC}/{kind}", selector):
            client.delete(f"{_RBAC}/{kind}/{obj['metadata']['name']}")
    for namespace in client.list("/api/v1/namespaces"):
        if namespace["metadata"]["name"].startswith("cattle-"):
            client.delete(f"/api/v1/namespaces/{namespace['metadata']['name']}")


def follow_namespace(client: LocalClient, namespace: Mapping[str, Any]) -> None:
    """The agent's answer to a namespace that Rancher put into a project: a label, no token for its default account.

    Recorded: PUT of the namespace with label ``field.cattle.io/projectId`` (the project without its cluster), PUT of
    serviceaccounts/default where Rancher set ``management.cattle.io/no-default-sa-token``.
    """
    metadata = namespace["metadata"]
    annotations = metadata.get("annotations") or {}
    path = f"/api/v1/namespaces/{metadata['name']}"
    project = str(annotations.get("field.cattle.io/projectId", "")).rpartition(":")[2]
    if project and (metadata.get("labels") or {}).get("field.cattle.io/projectId") != project:
        client.merge(path, {"metadata": {"labels": {"field.cattle.io/projectId": project}}})
    if annotations.get("management.cattle.io/no-default-sa-token") == "true":
        account = client.get(f"{path}/serviceaccounts/default")
        if account is not None and account.get("automountServiceAccountToken") is not False:
            client.update(f"{path}/serviceaccounts/default", account | {"automountServiceAccountToken": False})


def _create_missing(client: LocalClient, path: str, obj: Obj) -> None:
    if client.get(f"{path}/{obj['metadata']['name']}") is None:
        client.create(path, obj)


def _name(name: str) -> Obj:
    return {"name": name}


def _wrangler_object(name: str, set_id: str, hashed: str, *, namespace: str = "") -> Obj:
    metadata: Obj = {
        "annotations": {"objectset.rio.cattle.io/id": set_id},
        "labels": {"objectset.rio.cattle.io/hash": hashed},
        "name": name,
    }
    return {"metadata": metadata | {"namespace": namespace} if namespace else metadata}


def _remember(obj: Obj) -> None:
    """wrangler's memory of what it applied: gzipped JSON without apiVersion and kind, long values cut."""
    shown = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "type")}
    packed = gzip.compress(orjson.dumps(_cut(shown), option=orjson.OPT_SORT_KEYS), compresslevel=6, mtime=0)
    applied = base64.b64encode(packed).rstrip(b"=").decode()
    obj["metadata"]["annotations"] = {
        "objectset.rio.cattle.io/applied": applied,
        **obj["metadata"]["annotations"],
    }


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cut(item) for key, item in value.items()}
    return value[:_APPLIED_VALUE_LIMIT] if isinstance(value, str) else value


def checksum_of(cacerts: str) -> str:
    """Hex sha256 as CATTLE_CA_CHECKSUM has it: over the PEM with exactly one newline at its end."""
    return hashlib.sha256((cacerts.rstrip("\n") + "\n").encode()).hexdigest()
