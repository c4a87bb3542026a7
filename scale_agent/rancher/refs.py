"""What the client hands out: a cluster, and how to register it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: ``v1``: ``/v1/provisioning.cattle.io.clusters``, what the dashboard does; ``v3``: ``/v3/clusters``.
CreationPath = Literal["v1", "v3"]

#: Where the dashboard creates imported clusters, and where Rancher mirrors those of ``/v3/clusters``.
NAMESPACE = "fleet-default"


@dataclass(frozen=True, slots=True)
class ClusterRef:
    """A cluster in Rancher. ``id`` (``c-m-xxxxxxxx`` or ``c-xxxxx``) is ``""`` until Rancher has made one."""

    name: str
    path: CreationPath
    id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def provisioning_name(self) -> str:
        """The name of its object in ``fleet-default``: its own on v1, its id on v3."""
        return self.name if self.path == "v1" else self.id


@dataclass(frozen=True, slots=True)
class Registration:
    """How an agent registers: ``token`` (54 characters) and the path of the import manifest, which contains it."""

    cluster_id: str
    token: str = field(repr=False)
    manifest_path: str = field(repr=False)
