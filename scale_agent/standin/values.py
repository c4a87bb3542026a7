"""Values of the placeholders in scripts, per cluster."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from scale_agent.standin.clusters import Cluster
from scale_agent.standin.names import checksum, credentials_name, stable_suffix, stable_uuid
from scale_agent.standin.times import rfc3339

_NUMBERED = re.compile(r"(user|id|uuid)\.(\w+)$")


class Values:
    """What scripts ask for: made from the cluster's id, so that it is the same every time."""

    def __init__(self, version: str, url: str, cacerts: str, clock: Callable[[], float]) -> None:
        self._version = version
        self._url = url
        self._cacerts = cacerts
        self._clock = clock

    @staticmethod
    def user_agent(cluster: Cluster) -> str:
        """Of Rancher's clients in this cluster (recorded)."""
        return f"rancher/v0.0.0 (linux/amd64) kubernetes/$Format cluster {cluster.id}"

    def of(self, cluster: Cluster) -> Callable[[str], str]:
        """A lookup for this cluster; ``KeyError`` for names that no script has."""
        fixed = self._fixed(cluster)

        def lookup(name: str) -> str:
            if name == "now":
                return rfc3339(self._clock())
            if name == "account.token":
                return cluster.params.get("token", "")
            numbered = _NUMBERED.match(name)
            if numbered:
                return _numbered(cluster, numbered[1], numbered[2])
            return fixed[name.removesuffix(".b64")] if name not in fixed else fixed[name]

        return lookup

    def _fixed(self, cluster: Cluster) -> dict[str, str]:
        plain = {
            "cluster": cluster.id,
            "project.default": cluster.project("default"),
            "project.system": cluster.project("system"),
            "url": self._url,
            "checksum": checksum(self._cacerts),
            "install": stable_uuid("install"),
            "credentials": credentials_name(self._version, self._url, cluster.token, ""),
            "credentials.system": credentials_name(self._version, self._url, cluster.system_token, cluster.id),
            "token.system": cluster.system_token,
        }
        packed = {f"{name}.b64": base64.b64encode(value.encode()).decode() for name, value in plain.items()}
        return plain | packed


def _numbered(cluster: Cluster, kind: str, number: str) -> str:
    if kind == "uuid":
        return stable_uuid(cluster.id, number)
    if kind == "user":
        return f"u-{stable_suffix(10, cluster.id, kind, number)}"
    return f"id-{stable_suffix(10, cluster.id, kind, number)}"
