"""Fields that the server sets back on a write: whoever sends them does not own them.

From the ``GetResetFields`` of the registry's strategies (k8s.io/kubernetes v1.36.2) and of custom resources. A resource
with a status subresource resets its status in the main resource, and in the subresource what this table says, spec
where it says nothing.
"""

from __future__ import annotations

from scale_agent.kube.patching.fieldsets import Node
from scale_agent.kube.schema.resources import ResourceType

_STATUS: Node = {"f:status": {}}
_SPEC: Node = {"f:spec": {}}
_SPEC_AND_METADATA: Node = {"f:metadata": {}, "f:spec": {}}
_NONE: Node = {}

#: By (group, plural, subresource); what is not here follows the rule above.
_SPECIAL: dict[tuple[str, str, str], Node] = {
    ("apps", "deployments", "status"): {"f:spec": {}, "f:metadata": {"f:labels": {}}},
    ("", "pods", "status"): {"f:spec": {}, "f:metadata": {"f:deletionTimestamp": {}, "f:ownerReferences": {}}},
    ("certificates.k8s.io", "certificatesigningrequests", ""): {"f:spec": {}, "f:status": {}},
    ("certificates.k8s.io", "certificatesigningrequests", "status"): {"f:spec": {}, "f:status": {"f:conditions": {}}},
    ("certificates.k8s.io", "certificatesigningrequests", "approval"): {
        "f:spec": {},
        "f:status": {"f:certificate": {}},
    },
    ("certificates.k8s.io", "podcertificaterequests", ""): _NONE,
    ("networking.k8s.io", "servicecidrs", ""): _NONE,
    ("apiextensions.k8s.io", "customresourcedefinitions", "status"): _SPEC_AND_METADATA,
    ("", "namespaces", "finalize"): _STATUS,
}
#: Groups whose status writes keep nothing of the metadata either.
_METADATA_TOO = frozenset(
    (
        "admissionregistration.k8s.io",
        "apiregistration.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    )
)


def of(resource: ResourceType, subresource: str) -> Node:
    """What a write of a resource, or of its subresource, resets."""
    special = _SPECIAL.get((resource.group, resource.plural, subresource))
    if special is not None:
        return special
    if "status" not in resource.subresources:
        return _NONE
    if not subresource:
        return _STATUS
    if subresource != "status":
        return _NONE
    whole = not resource.typed or resource.group in _METADATA_TOO or resource.plural == "servicecidrs"
    return _SPEC_AND_METADATA if whole else _SPEC
