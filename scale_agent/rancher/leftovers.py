"""What is left in Rancher of clusters that were deleted: for verification at the end of a run (protocol 6.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scale_agent.rancher.client import RancherClient
from scale_agent.rancher.refs import NAMESPACE, ClusterRef
from scale_agent.rancher.shapes import inside, text

_NAMESPACES = "/v1/namespaces"
_USERS = "/v1/management.cattle.io.users"
_TOKENS = "/v3/tokens"


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Names of what is still there, sorted. ``terminating`` are namespaces that Kubernetes has yet to finish."""

    namespaces: tuple[str, ...] = ()
    terminating: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Nothing is left that Rancher still has to remove."""
        return not (self.namespaces or self.users or self.tokens)


def find_leftovers(client: RancherClient, refs: Iterable[ClusterRef]) -> Leftovers:
    """What is left of these clusters, in three lists whatever their number. Raises :class:`RancherError`.

    Project namespaces (``p-xxxxx``) name their cluster in an annotation only; those without one are not attributed.
    """
    gone = list(refs)
    ids = {ref.id for ref in gone if ref.id}
    names = {ref.provisioning_name for ref in gone if ref.provisioning_name}
    spaces = [item for item in client.leftover_items(_NAMESPACES) if _is_namespace_of(item, ids, names)]
    return Leftovers(
        namespaces=_names(item for item in spaces if not _terminating(item)),
        terminating=_names(item for item in spaces if _terminating(item)),
        users=_names(item for item in client.leftover_items(_USERS) if _is_user_of(item, ids, names)),
        tokens=_names(item for item in client.leftover_items(_TOKENS) if item.get("clusterId") in ids),
    )


def _is_namespace_of(item: Mapping[str, Any], ids: set[str], names: set[str]) -> bool:
    name = _name(item)
    head, separator, _ = name.partition("-p-")
    if name in ids or (separator and head in ids):
        return True
    project = text(item, "metadata", "annotations", "field.cattle.io/projectId")
    if project.partition(":")[0] in ids:
        return True
    # Fleet's namespace of a cluster: cluster-<workspace>-<name>-<hash>.
    prefix = f"cluster-{NAMESPACE}-"
    return name.startswith(prefix) and name.removeprefix(prefix).rpartition("-")[0] in names


def _is_user_of(item: Mapping[str, Any], ids: set[str], names: set[str]) -> bool:
    owners = {f"system://{one}" for one in ids} | {f"system://provisioning/{NAMESPACE}/{one}" for one in names}
    principals = item.get("principalIds")
    return isinstance(principals, list) and not owners.isdisjoint(str(one) for one in principals)


def _terminating(item: Mapping[str, Any]) -> bool:
    return bool(inside(item, "metadata", "deletionTimestamp"))


def _name(item: Mapping[str, Any]) -> str:
    return text(item, "metadata", "name") or text(item, "id")


def _names(items: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(_name(item) for item in items))
