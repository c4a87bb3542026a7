"""The rules of every built-in resource: one row each, in the words of the other modules.

``names``: which names its objects have. ``repeated``: how often an update's metadata is looked at besides the two times
that every update does it: ``u`` as an update, ``f`` as a whole object (seen in the number of a server's causes).
``new``: what only new objects are asked. ``change_first``: what changed is told before what is wrong anyway.
``twice``: an update is looked at twice, so that every cause comes twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from scale_agent.kube.admission.rules import (
    access,
    batch,
    config,
    devices,
    formats,
    networking,
    pods,
    scaling,
    scheduling,
    services,
    storage,
    webhooks,
    workloads,
)
from scale_agent.kube.admission.rules.checks import Change, struct
from scale_agent.kube.admission.rules.formats import Format
from scale_agent.kube.admission.rules.report import Check
from scale_agent.kube.schema.resources import ResourceKey

_FREE = struct()


def _same(new: object, old: object, report: object) -> None:
    """Nothing is immutable."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is looked at when an object of a resource is made or replaced."""

    whole: Check = _FREE
    change: Change = _same
    names: Format = formats.subdomain
    repeated: str = "u"
    new: Check = _FREE
    change_first: bool = False
    twice: bool = False


_APPS, _BATCH, _RBAC, _STORAGE = "apps", "batch", "rbac.authorization.k8s.io", "storage.k8s.io"
_NETWORKING, _HOOKS, _RESOURCE = "networking.k8s.io", "admissionregistration.k8s.io", "resource.k8s.io"
_FLOW = "flowcontrol.apiserver.k8s.io"
RULES: dict[ResourceKey, Rules] = {
    ("", "configmaps"): Rules(config.config_map, config.config_map_update, repeated="uf"),
    ("", "endpoints"): Rules(services.endpoints, repeated="uf"),
    ("", "events"): Rules(config.legacy_event, names=formats.path_segment, repeated=""),
    ("", "limitranges"): Rules(config.limit_range),
    ("", "namespaces"): Rules(config.namespace, names=formats.label, repeated="uf"),
    ("", "nodes"): Rules(config.node, config.node_update, repeated="uf"),
    ("", "persistentvolumeclaims"): Rules(storage.claim, storage.claim_update, repeated="uf"),
    ("", "persistentvolumes"): Rules(storage.volume, storage.volume_update, repeated="ff", twice=True),
    ("", "pods"): Rules(pods.pod, pods.pod_update, repeated="uf", new=pods.new_pod),
    ("", "podtemplates"): Rules(struct(("template", pods.template))),
    ("", "replicationcontrollers"): Rules(workloads.replication_controller),
    ("", "resourcequotas"): Rules(config.resource_quota, config.quota_update),
    ("", "secrets"): Rules(config.secret, config.secret_update, repeated="uf"),
    ("", "serviceaccounts"): Rules(access.account, repeated="uf"),
    ("", "services"): Rules(services.service, services.service_update, names=formats.label, change_first=True),
    ("apiregistration.k8s.io", "apiservices"): Rules(scheduling.api_service, names=formats.path_segment, repeated="uf"),
    (_APPS, "controllerrevisions"): Rules(workloads.controller_revision, workloads.same_data, repeated="uf"),
    (_APPS, "daemonsets"): Rules(workloads.daemon_set, workloads.same_selector, change_first=True),
    (_APPS, "deployments"): Rules(workloads.deployment, workloads.same_selector),
    (_APPS, "replicasets"): Rules(workloads.replica_set, workloads.same_selector),
    (_APPS, "statefulsets"): Rules(
        workloads.stateful_set, workloads.stateful_update, names=formats.label, new=workloads.new_stateful_set
    ),
    ("autoscaling", "horizontalpodautoscalers"): Rules(scaling.autoscaler),
    (_BATCH, "cronjobs"): Rules(batch.cron_job),
    (_BATCH, "jobs"): Rules(batch.job, batch.job_update, repeated="uf", new=batch.new_job, twice=True),
    ("certificates.k8s.io", "certificatesigningrequests"): Rules(
        new=access.signing_request, names=formats.path_segment, repeated="uf"
    ),
    ("coordination.k8s.io", "leases"): Rules(scheduling.lease),
    ("discovery.k8s.io", "endpointslices"): Rules(services.endpoint_slice, services.slice_update),
    (_FLOW, "flowschemas"): Rules(scheduling.flow_schema),
    (_FLOW, "prioritylevelconfigurations"): Rules(scheduling.priority_level),
    (_HOOKS, "mutatingadmissionpolicies"): Rules(webhooks.mutating_policy),
    (_HOOKS, "mutatingadmissionpolicybindings"): Rules(webhooks.mutating_binding),
    (_HOOKS, "mutatingwebhookconfigurations"): Rules(webhooks.configuration),
    (_HOOKS, "validatingadmissionpolicies"): Rules(webhooks.policy),
    (_HOOKS, "validatingadmissionpolicybindings"): Rules(webhooks.binding),
    (_HOOKS, "validatingwebhookconfigurations"): Rules(webhooks.configuration),
    (_NETWORKING, "ingressclasses"): Rules(
        networking.ingress_class, networking.ingress_class_update, repeated="uf", change_first=True
    ),
    (_NETWORKING, "ingresses"): Rules(networking.ingress, repeated="uf"),
    (_NETWORKING, "ipaddresses"): Rules(
        networking.ip_address, networking.ip_address_update, names=formats.ip, repeated="uf"
    ),
    (_NETWORKING, "networkpolicies"): Rules(networking.network_policy),
    (_NETWORKING, "servicecidrs"): Rules(new=networking.service_cidr, change=networking.service_cidr_update),
    ("node.k8s.io", "runtimeclasses"): Rules(scheduling.runtime_class, scheduling.runtime_class_update, repeated="uf"),
    ("policy", "poddisruptionbudgets"): Rules(scaling.disruption_budget, names=formats.path_segment, repeated=""),
    (_RBAC, "clusterrolebindings"): Rules(
        access.binding(namespaced=False), access.same_role, names=formats.path_segment, repeated="uf"
    ),
    (_RBAC, "clusterroles"): Rules(access.cluster_role, names=formats.path_segment, repeated="uf"),
    (_RBAC, "rolebindings"): Rules(
        access.binding(namespaced=True), access.same_role, names=formats.path_segment, repeated="uf"
    ),
    (_RBAC, "roles"): Rules(access.role, names=formats.path_segment, repeated="uf"),
    (_RESOURCE, "deviceclasses"): Rules(devices.device_class, repeated="uf"),
    (_RESOURCE, "resourceclaims"): Rules(new=devices.claim, change=devices.same_spec, repeated="uf"),
    (_RESOURCE, "resourceclaimtemplates"): Rules(devices.claim_template, devices.same_spec, repeated="uf"),
    (_RESOURCE, "resourceslices"): Rules(devices.resource_slice, devices.slice_update),
    ("scheduling.k8s.io", "priorityclasses"): Rules(
        new=scheduling.priority_class, change=scheduling.priority_class_update
    ),
    (_STORAGE, "csidrivers"): Rules(storage.csi_driver, storage.csi_driver_update),
    (_STORAGE, "csinodes"): Rules(storage.csi_node, storage.csi_node_update),
    (_STORAGE, "csistoragecapacities"): Rules(storage.capacity, storage.capacity_update, repeated="uf"),
    (_STORAGE, "storageclasses"): Rules(storage.storage_class, storage.storage_class_update, repeated="uf"),
    (_STORAGE, "volumeattachments"): Rules(storage.attachment, storage.attachment_update),
    (_STORAGE, "volumeattributesclasses"): Rules(
        storage.attributes_class, storage.attributes_class_update, repeated="uf", change_first=True
    ),
}
#: Events have rules of their own when they are written in their own group.
NEW_EVENTS = Rules(config.legacy_event, config.event_v1_update, new=config.event_v1_new)
#: Custom resources: metadata only; their schemas have the rest.
CUSTOM = Rules()
