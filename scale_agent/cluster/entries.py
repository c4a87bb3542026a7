"""The short words of a profile, and what every object made of them has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Obj = dict[str, Any]
Texts = tuple[tuple[str, str], ...]

ROLES = ("control-plane", "etcd", "worker")
WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet")
DEFAULT_CAPACITY = {"cpu": "4", "ephemeral-storage": "100Gi", "memory": "8Gi", "pods": "110"}

#: Stands for the time since when everything is as it is.
MADE_AT = "@made-at@"


@dataclass(frozen=True, slots=True)
class Node:
    """``count`` nodes; ``{n}`` in the name is the number from 1."""

    name: str
    count: int
    roles: tuple[str, ...]
    labels: Texts
    annotations: Texts
    capacity: Texts


@dataclass(frozen=True, slots=True)
class Namespace:
    """``count`` namespaces."""

    name: str
    count: int
    labels: Texts
    annotations: Texts


@dataclass(frozen=True, slots=True)
class Workload:
    """``count`` Deployments, StatefulSets or DaemonSets of ``replicas`` pods each (a DaemonSet: one per node)."""

    kind: str
    namespace: str
    name: str
    count: int
    replicas: int
    image: str
    requests: Texts
    labels: Texts


def metadata_of(name: str, labels: Texts | dict[str, str] = (), annotations: Texts = ()) -> Obj:
    """Name, age, labels and annotations."""
    metadata: Obj = {"name": name, "creationTimestamp": MADE_AT}
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    return metadata
