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
class Told:
    """Of a node: ``info`` goes over ``status.nodeInfo``; empty ``allocatable`` and ``addresses`` are the usual ones."""

    ready: bool
    age_s: int
    info: Texts
    allocatable: Texts
    addresses: Texts


@dataclass(frozen=True, slots=True)
class Node:
    """``count`` nodes; ``{n}`` in the name is the number from 1."""

    name: str
    count: int
    roles: tuple[str, ...]
    labels: Texts
    annotations: Texts
    capacity: Texts
    #: What only the older format says of a node: see :mod:`scale_agent.cluster.profiles.older`.
    told: Told | None = None


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


@dataclass(frozen=True, slots=True)
class Sized:
    """``count`` Secrets or ConfigMaps whose data is ``size`` bytes in ``keys`` keys; ``type`` is a Secret's."""

    kind: str
    namespace: str
    name: str
    count: int
    keys: int
    size: int
    labels: Texts
    type: str = ""


@dataclass(frozen=True, slots=True)
class CustomKind:
    """``count`` definitions of ``objects`` objects each; ``{n}`` in ``namespace`` is the object's number.

    Sizes are bytes: of a definition's schema, and of an object's spec.
    """

    group: str
    kind: str
    count: int
    scope: str
    schema_size: int
    objects: int
    size: int
    namespace: str


@dataclass(frozen=True, slots=True)
class BarePod:
    """A pod of nobody's: ``ready`` of ``containers`` containers are.

    ``state`` is Running, Pending, Succeeded, Failed, or the reason why its containers wait (CrashLoopBackOff).
    """

    namespace: str
    name: str
    state: str
    ready: int
    containers: int
    restarts: int
    age_s: int
    address: str
    node: str
    labels: Texts


@dataclass(frozen=True, slots=True)
class Contents:
    """What a profile puts into a cluster beside what every cluster has; ``extra`` are whole objects."""

    nodes: tuple[Node, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    workloads: tuple[Workload, ...] = ()
    sized: tuple[Sized, ...] = ()
    custom: tuple[CustomKind, ...] = ()
    pods: tuple[BarePod, ...] = ()
    extra: tuple[Obj, ...] = ()


def numbered(text: str, number: int) -> str:
    """``text`` with its ``{n}`` filled in."""
    return text.replace("{n}", str(number))


def aged(age_s: int) -> str:
    """Stands for the time ``age_s`` seconds before that of :data:`MADE_AT`."""
    return f"{MADE_AT}-{age_s}@" if age_s else MADE_AT


def metadata_of(name: str, labels: Texts | dict[str, str] = (), annotations: Texts = (), age_s: int = 0) -> Obj:
    """Name, age, labels and annotations."""
    metadata: Obj = {"name": name, "creationTimestamp": aged(age_s)}
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    return metadata
