"""kubectl's columns: what they are called is data of the Kubernetes version, what stands in them is a table of readers.

The definitions (``data/…-columns.json.z``) are a real server's answers to ``as=Table``, for every resource it lists,
their descriptions replaced by filler of the same length; ``tools/schemagen`` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from scale_agent.kube import data_files
from scale_agent.kube.custom import columns as custom_columns
from scale_agent.kube.representation import cells, cells_cluster, cells_network, cells_pods, cells_storage
from scale_agent.kube.schema.resources import STORED_WITH, ResourceKey, ResourceType
from scale_agent.kube.storage.version import Obj

Reader = Callable[[Obj, float], Any]
NONE = "<none>"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``cell`` computes its value at a time (seconds)."""

    name: str
    cell: Reader
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""

    def definition(self) -> dict[str, Any]:
        """The TableColumnDefinition."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


def at(path: str, default: Any = NONE) -> Reader:
    """A field by its dotted path."""
    parts = path.split(".")

    def read(obj: Obj, _: float) -> Any:
        found: Any = obj
        for part in parts:
            found = found.get(part) if isinstance(found, dict) else None
        return default if found is None or found == "" else found

    return read


def age(obj: Obj, now: float) -> str:
    """Time since creation."""
    return cells.age(obj["metadata"].get("creationTimestamp"), now)


def _count(path: str) -> Reader:
    read = at(path, ())
    return lambda obj, now: len(read(obj, now))


#: Columns that mean the same everywhere.
COMMON: dict[str, Reader] = {
    "Name": at("metadata.name", ""),
    "Age": age,
    "Created At": at("metadata.creationTimestamp"),
    "Containers": cells.containers,
    "Images": cells.images,
    "Selector": cells.selector,
}
_BINDING: dict[str, Reader] = {
    "Role": cells.role,
    "Users": cells.subjects("User"),
    "Groups": cells.subjects("Group"),
    "ServiceAccounts": cells.subjects("ServiceAccount"),
}
_EVENT: dict[str, Reader] = {
    "Last Seen": cells.event_last_seen,
    "Type": at("type", ""),
    "Reason": at("reason", ""),
    "Object": cells.event_object,
    "Subobject": at("involvedObject.fieldPath", ""),
    "Source": cells.event_source,
    "Message": at("message", ""),
    "First Seen": cells.event_first_seen,
    "Count": lambda obj, now: obj.get("count") or 1,
}
_WEBHOOKS: dict[str, Reader] = {"Webhooks": _count("webhooks")}
_REPLICAS: dict[str, Reader] = {
    "Desired": at("spec.replicas", 0),
    "Current": at("status.replicas", 0),
    "Ready": at("status.readyReplicas", 0),
}
_POLICY_BINDING: dict[str, Reader] = {
    "PolicyName": at("spec.policyName", ""),
    "ParamRef": cells_cluster.param_reference,
}
UNSET = cells_storage.UNSET
_FLOW = "flowcontrol.apiserver.k8s.io"
_NETWORKING = "networking.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"

CELLS: dict[ResourceKey, Mapping[str, Reader]] = {
    ("", "namespaces"): {"Status": at("status.phase", "")},
    ("", "pods"): {
        "Ready": cells_pods.ready,
        "Status": cells_pods.status,
        "Restarts": cells_pods.restarts,
        "IP": cells_pods.address,
        "Readiness Gates": cells_pods.readiness_gates,
        "Node": at("spec.nodeName"),
        "Nominated Node": at("status.nominatedNodeName"),
    },
    ("", "nodes"): {
        "Status": cells.node_status,
        "Roles": cells.node_roles,
        "Version": at("status.nodeInfo.kubeletVersion", ""),
        "Internal-IP": cells.node_address("InternalIP"),
        "External-IP": cells.node_address("ExternalIP"),
        "OS-Image": at("status.nodeInfo.osImage", "<unknown>"),
        "Kernel-Version": cells.node_kernel,
        "Container-Runtime": at("status.nodeInfo.containerRuntimeVersion", "<unknown>"),
    },
    ("", "services"): {
        "Type": at("spec.type"),
        "Cluster-IP": at("spec.clusterIP"),
        "External-IP": cells.external_ip,
        "Port(s)": cells.service_ports,
    },
    ("", "events"): _EVENT,
    ("", "secrets"): {"Type": at("type", ""), "Data": _count("data")},
    ("", "configmaps"): {"Data": lambda obj, now: len(obj.get("data") or ()) + len(obj.get("binaryData") or ())},
    ("", "endpoints"): {"Endpoints": cells.endpoints},
    ("", "persistentvolumeclaims"): {
        "Status": cells_storage.phase,
        "Volume": at("spec.volumeName", ""),
        "Capacity": cells_storage.bound_capacity,
        "Access Modes": cells_storage.bound_modes,
        "StorageClass": cells_storage.class_of,
        "VolumeAttributesClass": at("spec.volumeAttributesClassName", UNSET),
        "VolumeMode": at("spec.volumeMode", UNSET),
    },
    ("", "persistentvolumes"): {
        "Capacity": at("spec.capacity.storage", "0"),
        "Access Modes": cells_storage.volume_modes,
        "Reclaim Policy": at("spec.persistentVolumeReclaimPolicy", ""),
        "Status": cells_storage.phase,
        "Claim": cells_storage.claim,
        "StorageClass": cells_storage.class_of,
        "VolumeAttributesClass": at("spec.volumeAttributesClassName", UNSET),
        "Reason": at("status.reason", ""),
        "VolumeMode": at("spec.volumeMode", UNSET),
    },
    ("", "replicationcontrollers"): _REPLICAS,
    ("", "podtemplates"): {"Pod Labels": cells_cluster.labels},
    ("", "resourcequotas"): {"Request": cells_cluster.quota(False), "Limit": cells_cluster.quota(True)},
    ("", "componentstatuses"): {
        "Status": cells_cluster.healthy,
        "Message": cells_cluster.health("message"),
        "Error": cells_cluster.health("error"),
    },
    ("apps", "deployments"): {
        "Ready": cells.ready_of_replicas,
        "Up-to-date": at("status.updatedReplicas", 0),
        "Available": at("status.availableReplicas", 0),
    },
    ("apps", "replicasets"): _REPLICAS,
    ("apps", "controllerrevisions"): {"Controller": cells_cluster.controller, "Revision": at("revision", 0)},
    ("apps", "daemonsets"): {
        "Desired": at("status.desiredNumberScheduled", 0),
        "Current": at("status.currentNumberScheduled", 0),
        "Ready": at("status.numberReady", 0),
        "Up-to-date": at("status.updatedNumberScheduled", 0),
        "Available": at("status.numberAvailable", 0),
        "Node Selector": cells.node_selector,
    },
    ("apps", "statefulsets"): {"Ready": cells.ready_of_replicas},
    ("batch", "jobs"): {
        "Status": cells.job_status,
        "Completions": cells.job_completions,
        "Duration": cells.job_duration,
    },
    ("batch", "cronjobs"): {
        "Schedule": at("spec.schedule"),
        "Timezone": at("spec.timeZone"),
        "Suspend": lambda obj, now: str(bool((obj.get("spec") or {}).get("suspend"))),
        "Active": _count("status.active"),
        "Last Schedule": lambda obj, now: cells.age_or_none((obj.get("status") or {}).get("lastScheduleTime"), now),
    },
    (_RBAC, "clusterrolebindings"): _BINDING,
    (_RBAC, "rolebindings"): _BINDING,
    ("apiregistration.k8s.io", "apiservices"): {"Service": cells.api_service, "Available": cells.available},
    ("coordination.k8s.io", "leases"): {"Holder": at("spec.holderIdentity", "")},
    ("scheduling.k8s.io", "priorityclasses"): {
        "Value": at("value", 0),
        "Global-Default": at("globalDefault", False),
        "PreemptionPolicy": at("preemptionPolicy", "PreemptLowerPriority"),
    },
    ("storage.k8s.io", "storageclasses"): {
        "Name": cells_storage.storage_class_name,
        "Provisioner": at("provisioner", ""),
        "ReclaimPolicy": at("reclaimPolicy", "Delete"),
        "VolumeBindingMode": at("volumeBindingMode", "Immediate"),
        "AllowVolumeExpansion": at("allowVolumeExpansion", False),
    },
    ("storage.k8s.io", "csidrivers"): {
        "AttachRequired": at("spec.attachRequired", True),
        "PodInfoOnMount": at("spec.podInfoOnMount", False),
        "StorageCapacity": at("spec.storageCapacity", False),
        "TokenRequests": cells_storage.token_audiences,
        "RequiresRepublish": at("spec.requiresRepublish", False),
        "Modes": cells_storage.lifecycle_modes,
    },
    ("storage.k8s.io", "csinodes"): {"Drivers": _count("spec.drivers")},
    ("storage.k8s.io", "volumeattachments"): {
        "Attacher": at("spec.attacher", ""),
        "PV": at("spec.source.persistentVolumeName", ""),
        "Node": at("spec.nodeName", ""),
        "Attached": at("status.attached", False),
    },
    ("storage.k8s.io", "volumeattributesclasses"): {"DriverName": at("driverName", "")},
    ("autoscaling", "horizontalpodautoscalers"): {
        "Reference": cells_cluster.reference,
        "Targets": cells_cluster.targets,
        "MinPods": cells_cluster.minimum,
        "MaxPods": at("spec.maxReplicas", 0),
        "Replicas": at("status.currentReplicas", 0),
    },
    ("certificates.k8s.io", "certificatesigningrequests"): {
        "SignerName": at("spec.signerName"),
        "Requestor": at("spec.username", ""),
        "RequestedDuration": cells_cluster.requested_duration,
        "Condition": cells_cluster.request_condition,
    },
    ("discovery.k8s.io", "endpointslices"): {
        "AddressType": at("addressType", ""),
        "Ports": cells_network.slice_ports,
        "Endpoints": cells_network.slice_addresses,
    },
    (_FLOW, "flowschemas"): {
        "PriorityLevel": at("spec.priorityLevelConfiguration.name", ""),
        "MatchingPrecedence": at("spec.matchingPrecedence", 0),
        "DistinguisherMethod": cells_cluster.distinguisher,
        "MissingPL": cells_cluster.dangling,
    },
    (_FLOW, "prioritylevelconfigurations"): {
        "Type": at("spec.type", ""),
        "NominalConcurrencyShares": cells_cluster.limited("nominalConcurrencyShares"),
        "Queues": cells_cluster.limited("limitResponse", "queuing", "queues"),
        "HandSize": cells_cluster.limited("limitResponse", "queuing", "handSize"),
        "QueueLengthLimit": cells_cluster.limited("limitResponse", "queuing", "queueLengthLimit"),
    },
    (_NETWORKING, "ingressclasses"): {
        "Name": cells_network.class_name,
        "Controller": at("spec.controller", ""),
        "Parameters": cells_network.class_parameters,
    },
    (_NETWORKING, "ingresses"): {
        "Class": at("spec.ingressClassName"),
        "Hosts": cells_network.hosts,
        "Address": cells_network.ingress_address,
        "Ports": cells_network.ingress_ports,
    },
    (_NETWORKING, "ipaddresses"): {"ParentRef": cells_network.parent},
    (_NETWORKING, "networkpolicies"): {"Pod-Selector": cells_network.pod_selector},
    (_NETWORKING, "servicecidrs"): {"CIDRs": cells_network.cidrs},
    ("node.k8s.io", "runtimeclasses"): {"Handler": at("handler", "")},
    ("policy", "poddisruptionbudgets"): {
        "Min Available": cells_cluster.available_or_not("minAvailable"),
        "Max Unavailable": cells_cluster.available_or_not("maxUnavailable"),
        "Allowed Disruptions": at("status.disruptionsAllowed", 0),
    },
    ("resource.k8s.io", "resourceclaims"): {"State": cells_cluster.claim_state},
    ("resource.k8s.io", "resourceslices"): {
        "Node": at("spec.nodeName", ""),
        "Driver": at("spec.driver", ""),
        "Pool": at("spec.pool.name", ""),
    },
    (_ADMISSION, "mutatingadmissionpolicies"): {
        "Mutations": _count("spec.mutations"),
        "ParamKind": cells_cluster.param_kind,
    },
    (_ADMISSION, "validatingadmissionpolicies"): {
        "Validations": _count("spec.validations"),
        "ParamKind": cells_cluster.param_kind,
    },
    (_ADMISSION, "mutatingadmissionpolicybindings"): _POLICY_BINDING,
    (_ADMISSION, "validatingadmissionpolicybindings"): _POLICY_BINDING,
    (_ADMISSION, "mutatingwebhookconfigurations"): _WEBHOOKS,
    (_ADMISSION, "validatingwebhookconfigurations"): _WEBHOOKS,
}


def columns_of(resource: ResourceType, version: str) -> Sequence[Column]:
    """The columns of a type; ``version`` is Kubernetes'. A custom type's are in its definition, or name and age."""
    if resource.typed:
        return _built_in(version, resource.group, resource.version, resource.plural)
    name, *_, creation = _built_in(version, "", "v1", "namespaces")
    if not resource.columns:
        return (name, replace(creation, type="date"))
    return (name, *(_custom(column) for column in resource.columns))


@lru_cache(maxsize=512)
def _built_in(version: str, group: str, group_version: str, plural: str) -> tuple[Column, ...]:
    rows = data_files.load_json(version, "columns.json").get(f"{group}/{group_version}/{plural}") or ()
    readers = {**COMMON, **CELLS.get(STORED_WITH.get((group, plural), (group, plural)), {})}
    return tuple(
        Column(name, readers.get(name, lambda obj, now: NONE), kind, form, priority, description)
        for name, kind, form, priority, description in rows
    )


def _custom(column: Mapping[str, Any]) -> Column:
    given = str(column.get("jsonPath", ""))
    return Column(
        name=str(column.get("name", "")),
        cell=custom_columns.reader(column, cells.age),
        type=str(column.get("type", "string")),
        format=str(column.get("format", "")),
        priority=int(column.get("priority") or 0),
        description=str(
            column.get("description") or f"Custom resource definition column (in JSONPath format): {given}"
        ),
    )
