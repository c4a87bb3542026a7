"""Lists of clusters, restricted by label on whatever the server understands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scale_agent.errors import RancherError
from scale_agent.rancher.paging import PAGE, Cost, Pages, norman_token, steve_token
from scale_agent.rancher.shapes import strings
from scale_agent.rancher.state import ClusterState, from_steve
from scale_agent.rancher.transport import ApiRequest, Query, Reply

#: What the client needs of a management cluster: 2 KB of its 10.
CLUSTER_FIELDS = (
    "metadata.name",
    "metadata.labels",
    "metadata.state",
    "metadata.deletionTimestamp",
    "metadata.resourceVersion",
    "spec.displayName",
    "status.conditions",
)
_PROVISIONING_FIELDS = ("metadata.name", "metadata.labels", "metadata.annotations", "status.clusterName")
#: What tells whose a namespace or a user is.
OWNERS: Query = tuple(
    ("include", name)
    for name in ("metadata.name", "metadata.annotations", "metadata.deletionTimestamp", "principalIds")
)


@dataclass(frozen=True, slots=True)
class ClusterList:
    """``cost`` is what Rancher was asked and sent for it."""

    states: list[ClusterState]
    cost: Cost


@dataclass(slots=True)
class Lists:
    """Lists that filter at the server.

    Steve with its SQL cache (default since 2.12; seen at 2.15) ignores ``labelSelector`` and understands
    ``filter=metadata.labels[key]=value``; without it (2.10) ``labelSelector`` goes to Kubernetes. Both are not sent at
    once: which a server understands shows in the first answer that contains a stranger. That steve ignores ``limit``
    too and sends everything at once; its ``pagesize`` is not used, because clusters that are deleted between two of its
    pages would hide others, and the feed takes who is missing for gone.
    """

    send: Callable[[ApiRequest], Reply]
    ignores_selector: bool = field(default=False)

    def clusters(self, call: str, path: str, labels: Mapping[str, str]) -> ClusterList:
        """Management clusters that carry all ``labels``."""
        cost = Cost()
        items = self._labelled(call, path, labels, CLUSTER_FIELDS, cost)
        try:
            return ClusterList([from_steve(item) for item in items], cost)
        except ValueError as error:
            problem = str(error)
        raise RancherError("body", f"Rancher's answer cannot be used: {call}: {problem}")

    def provisioning(self, call: str, path: str, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """Provisioning clusters that carry all ``labels``."""
        return self._labelled(call, path, labels, _PROVISIONING_FIELDS, Cost())

    def steve(self, call: str, path: str, query: Query, cost: Cost | None = None) -> Iterable[dict[str, Any]]:
        """Every item of a ``/v1`` collection."""
        return Pages(self.send, call, path, [("limit", str(PAGE)), *query], steve_token, cost or Cost())

    def norman(self, call: str, path: str, query: Query) -> Iterable[dict[str, Any]]:
        """Every item of a ``/v3`` collection."""
        return Pages(self.send, call, path, query, norman_token)

    def _labelled(
        self, call: str, path: str, labels: Mapping[str, str], fields: tuple[str, ...], cost: Cost
    ) -> list[dict[str, Any]]:
        shown = [("include", name) for name in fields]
        items = list(self.steve(call, path, [*self._restriction(labels), *shown], cost))
        ours = [item for item in items if carries(item, labels)]
        if len(ours) < len(items):
            self.ignores_selector = True
        return ours

    def _restriction(self, labels: Mapping[str, str]) -> Query:
        if not labels:
            return ()
        if self.ignores_selector:
            return [("filter", f"metadata.labels[{key}]={value}") for key, value in labels.items()]
        return [("labelSelector", selector(labels))]


def selector(labels: Mapping[str, str]) -> str:
    """``key=value,key=value`` as Kubernetes reads it."""
    return ",".join(f"{key}={value}" for key, value in labels.items())


def carries(item: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether an object of ``/v1`` carries all the labels."""
    own = strings(item, "metadata", "labels")
    return all(own.get(key) == value for key, value in labels.items())
