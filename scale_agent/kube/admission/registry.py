"""Where a real server keeps objects in etcd: refusals name the key."""

from __future__ import annotations

from scale_agent.kube.schema.resources import ResourceKey, ResourceType

#: Prefixes that are not the plural (``pkg/registry/*/storage``, ``kubeapiserver.SpecialDefaultResourcePrefixes``).
_PREFIXES: dict[ResourceKey, str] = {
    ("", "services"): "services/specs",
    ("", "endpoints"): "services/endpoints",
    ("", "nodes"): "minions",
    ("", "replicationcontrollers"): "controllers",
    ("networking.k8s.io", "ingresses"): "ingress",
}
_BY_GROUP = ("apiextensions.k8s.io", "apiregistration.k8s.io")


def key_of(resource: ResourceType, namespace: str, name: str) -> str:
    """``/registry/configmaps/default/one``; custom kinds have their group in it."""
    prefix = _PREFIXES.get(resource.key, resource.plural)
    if not resource.typed or resource.group in _BY_GROUP:
        prefix = f"{resource.group}/{prefix}"
    return "/".join(part for part in ("/registry", prefix, namespace, name) if part)
