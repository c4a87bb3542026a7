"""kubectl's columns of common kinds, as a table: name, where the value comes from, priority (0 always, 1 wide).

Names, order and formats: observed from 1.36.2. Kinds that are not listed have Name and their creation time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scale_agent.kube import cells
from scale_agent.kube.resources import ResourceKey, ResourceType
from scale_agent.kube.version import Obj

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


def _name(obj: Obj, _: float) -> Any:
    return obj["metadata"].get("name", "")


def _count(path: str) -> Reader:
    read = at(path, ())
    return lambda obj, now: len(read(obj, now))


NAME = Column("Name", _name, format="name")
AGE = Column("Age", age)
CREATED = Column("Created At", at("metadata.creationTimestamp"), type="date")


def _wide(name: str, cell: Reader) -> Column:
    return Column(name, cell, priority=1)


def _integer(name: str, path: str) -> Column:
    return Column(name, at(path, 0), type="integer")


_TEMPLATE = (_wide("Containers", cells.containers), _wide("Images", cells.images))
_SELECTOR = _wide("Selector", cells.selector)
_BINDING = (
    NAME,
    Column("Role", cells.role),
    AGE,
    _wide("Users", cells.subjects("User")),
    _wide("Groups", cells.subjects("Group")),
    _wide("ServiceAccounts", cells.subjects("ServiceAccount")),
)
RBAC = "rbac.authorization.k8s.io"

COLUMNS: dict[ResourceKey, Sequence[Column]] = {
    ("", "namespaces"): (NAME, Column("Status", at("status.phase", "")), AGE),
    ("", "pods"): (
        NAME,
        Column("Ready", cells.pod_ready),
        Column("Status", cells.pod_status),
        Column("Restarts", cells.pod_restarts),
        AGE,
        _wide("IP", at("status.podIP")),
        _wide("Node", at("spec.nodeName")),
        _wide("Nominated Node", at("status.nominatedNodeName")),
        _wide("Readiness Gates", lambda obj, now: NONE),
    ),
    ("", "nodes"): (
        NAME,
        Column("Status", cells.node_status),
        Column("Roles", cells.node_roles),
        AGE,
        Column("Version", at("status.nodeInfo.kubeletVersion", "")),
        _wide("Internal-IP", cells.node_address("InternalIP")),
        _wide("External-IP", cells.node_address("ExternalIP")),
        _wide("OS-Image", at("status.nodeInfo.osImage", "<unknown>")),
        _wide("Kernel-Version", at("status.nodeInfo.kernelVersion", "<unknown>")),
        _wide("Container-Runtime", at("status.nodeInfo.containerRuntimeVersion", "<unknown>")),
    ),
    ("", "services"): (
        NAME,
        Column("Type", at("spec.type")),
        Column("Cluster-IP", at("spec.clusterIP")),
        Column("External-IP", cells.external_ip),
        Column("Port(s)", cells.service_ports),
        AGE,
        _wide("Selector", cells.selector),
    ),
    ("", "events"): (
        Column("Last Seen", cells.event_last_seen),
        Column("Type", at("type", "")),
        Column("Reason", at("reason", "")),
        Column("Object", cells.event_object),
        _wide("Subobject", at("involvedObject.fieldPath", "")),
        _wide("Source", cells.event_source),
        Column("Message", at("message", "")),
        _wide("First Seen", cells.event_first_seen),
        _wide("Count", lambda obj, now: str(obj.get("count") or 1)),
        Column("Name", _name, format="name", priority=1),
    ),
    ("", "secrets"): (NAME, Column("Type", at("type", "")), Column("Data", _count("data")), AGE),
    ("", "configmaps"): (NAME, Column("Data", _count("data")), AGE),
    ("", "serviceaccounts"): (NAME, AGE),
    ("", "endpoints"): (NAME, Column("Endpoints", cells.endpoints), AGE),
    ("", "persistentvolumeclaims"): (
        NAME,
        Column("Status", at("status.phase", "")),
        Column("Volume", at("spec.volumeName", "")),
        Column("Capacity", at("status.capacity.storage", "")),
        Column("Access Modes", cells.access_modes),
        Column("StorageClass", at("spec.storageClassName", "")),
        Column("VolumeAttributesClass", at("spec.volumeAttributesClassName", "<unset>")),
        AGE,
        _wide("VolumeMode", at("spec.volumeMode", "<unset>")),
    ),
    ("apps", "deployments"): (
        NAME,
        Column("Ready", cells.ready_of_replicas),
        Column("Up-to-date", lambda obj, now: str((obj.get("status") or {}).get("updatedReplicas", 0))),
        Column("Available", lambda obj, now: str((obj.get("status") or {}).get("availableReplicas", 0))),
        AGE,
        *_TEMPLATE,
        _SELECTOR,
    ),
    ("apps", "replicasets"): (
        NAME,
        _integer("Desired", "spec.replicas"),
        _integer("Current", "status.replicas"),
        _integer("Ready", "status.readyReplicas"),
        AGE,
        *_TEMPLATE,
        _SELECTOR,
    ),
    ("apps", "daemonsets"): (
        NAME,
        _integer("Desired", "status.desiredNumberScheduled"),
        _integer("Current", "status.currentNumberScheduled"),
        _integer("Ready", "status.numberReady"),
        _integer("Up-to-date", "status.updatedNumberScheduled"),
        _integer("Available", "status.numberAvailable"),
        Column("Node Selector", cells.node_selector),
        AGE,
        *_TEMPLATE,
        _SELECTOR,
    ),
    ("apps", "statefulsets"): (NAME, Column("Ready", cells.ready_of_replicas), AGE, *_TEMPLATE),
    ("batch", "jobs"): (
        NAME,
        Column("Status", cells.job_status),
        Column("Completions", cells.job_completions),
        Column("Duration", cells.job_duration),
        AGE,
        *_TEMPLATE,
        _SELECTOR,
    ),
    (RBAC, "clusterroles"): (NAME, CREATED),
    (RBAC, "roles"): (NAME, CREATED),
    (RBAC, "clusterrolebindings"): _BINDING,
    (RBAC, "rolebindings"): _BINDING,
    ("apiextensions.k8s.io", "customresourcedefinitions"): (NAME, CREATED),
    ("apiregistration.k8s.io", "apiservices"): (
        NAME,
        Column("Service", cells.api_service),
        Column("Available", cells.available),
        AGE,
    ),
    ("coordination.k8s.io", "leases"): (NAME, Column("Holder", at("spec.holderIdentity", "")), AGE),
    ("scheduling.k8s.io", "priorityclasses"): (
        NAME,
        _integer("Value", "value"),
        Column("Global-Default", at("globalDefault", False), type="boolean"),
        AGE,
        Column("PreemptionPolicy", at("preemptionPolicy", "PreemptLowerPriority")),
    ),
}
_DEFAULT = (NAME, CREATED)


def columns_of(resource: ResourceType) -> Sequence[Column]:
    """The columns of a type; a custom type's are those of its definition, or name and age."""
    if resource.typed:
        return COLUMNS.get(resource.key, _DEFAULT)
    if not resource.columns:
        return (NAME, AGE)
    return (NAME, *(_custom(column) for column in resource.columns))


def _custom(column: dict[str, Any]) -> Column:
    path = str(column.get("jsonPath", "")).lstrip("{").rstrip("}").lstrip(".")
    kind = str(column.get("type", "string"))
    read = at(path, None)

    def cell(obj: Obj, now: float) -> Any:
        value = read(obj, now)
        if kind == "date":
            return cells.age(value, now)
        return value

    return Column(
        name=str(column.get("name", "")),
        cell=cell,
        type=kind,
        format=str(column.get("format", "")),
        priority=int(column.get("priority") or 0),
        description=str(column.get("description", "")),
    )
