"""Paths of Kubernetes objects, of the kinds that Rancher touches."""

from __future__ import annotations

#: apiVersion and kind → the path's start, the resource, whether it lives in a namespace.
RESOURCES = {
    ("v1", "Namespace"): ("/api/v1", "namespaces", False),
    ("v1", "Node"): ("/api/v1", "nodes", False),
    ("v1", "Secret"): ("/api/v1", "secrets", True),
    ("v1", "Service"): ("/api/v1", "services", True),
    ("v1", "ServiceAccount"): ("/api/v1", "serviceaccounts", True),
    ("v1", "ResourceQuota"): ("/api/v1", "resourcequotas", True),
    ("v1", "LimitRange"): ("/api/v1", "limitranges", True),
    ("apps/v1", "Deployment"): ("/apis/apps/v1", "deployments", True),
    ("batch/v1", "Job"): ("/apis/batch/v1", "jobs", True),
    ("apiregistration.k8s.io/v1", "APIService"): ("/apis/apiregistration.k8s.io/v1", "apiservices", False),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): (
        "/apis/rbac.authorization.k8s.io/v1",
        "clusterrolebindings",
        False,
    ),
    ("rbac.authorization.k8s.io/v1", "Role"): ("/apis/rbac.authorization.k8s.io/v1", "roles", True),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("/apis/rbac.authorization.k8s.io/v1", "rolebindings", True),
}


def object_path(api_version: str, kind: str, namespace: str, name: str) -> str:
    """Where the object lives; ``KeyError`` for a kind that Rancher never touches in the recordings."""
    start, resource, namespaced = RESOURCES[(api_version, kind)]
    return f"{start}/namespaces/{namespace}/{resource}/{name}" if namespaced else f"{start}/{resource}/{name}"


def path_of(obj: dict[str, object]) -> str:
    """The path of an object from its own apiVersion, kind, namespace and name; empty for unknown kinds."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or (obj.get("apiVersion"), obj.get("kind")) not in RESOURCES:
        return ""
    return object_path(
        str(obj["apiVersion"]), str(obj["kind"]), str(metadata.get("namespace", "")), str(metadata["name"])
    )


def collection_kind(path: str) -> tuple[str, str] | None:
    """(apiVersion, kind) of the objects of a collection path, all namespaces or one; ``None`` if unknown."""
    for (api_version, kind), (start, resource, _) in RESOURCES.items():
        if path.startswith(start + "/") and path.rsplit("/", 1)[-1] == resource:
            rest = path[len(start) + 1 :]
            if rest == resource or rest.startswith("namespaces/"):
                return api_version, kind
    return None
