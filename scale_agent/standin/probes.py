"""The two health checks of a cluster and what each makes of the conditions (protocol section 3.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scale_agent.standin.clusters import Cluster
from scale_agent.standin.conditions import Condition

#: Both checks run this often in Rancher.
PERIOD_S = 15.0
ATTEMPTS = 3
ATTEMPT_GAP_S = 5.0
NOT_CONNECTED = "Cluster agent is not connected"
#: The ping's own time limit; Rancher has none and stalls.
PING_LIMIT_S = 10.0

PING_TARGET = "/ping"
PING_NETWORK, PING_ADDRESS = "tcp", "not-used:80"
PING_HEADERS = (("Host", "not-used"), ("User-Agent", "Go-http-client/1.1"), ("Accept-Encoding", "gzip"))


def health_target(version: str) -> tuple[str, str]:
    """Path of the main tunnel's probe and its Accept: ``/readyz`` since 2.14, a namespace before."""
    if tuple(map(int, version.split(".")[:2])) >= (2, 14):
        return "/readyz?timeout=45s", "application/json, */*"
    return "/api/v1/namespaces/kube-system?timeout=45s", "application/vnd.kubernetes.protobuf,application/json"


def connected(cluster: Cluster, good: bool, at: str) -> list[Condition]:
    """What the ping down the second tunnel decides: ``Connected``, and ``Ready`` when it failed."""
    out = [Condition("Connected", "True" if good else "False", at=at)]
    provisioned = cluster.conditions.get("Provisioned")
    if not good and provisioned is not None and provisioned.status == "True":
        out.append(Condition("Ready", "False", "Disconnected", NOT_CONNECTED, at))
    return out


def may_probe(cluster: Cluster) -> bool:
    """The main tunnel is not probed before ``Provisioned``, nor while ``Connected`` is false (absent is fine)."""
    provisioned, known = cluster.conditions.get("Provisioned"), cluster.conditions.get("Connected")
    return provisioned is not None and provisioned.status == "True" and (known is None or known.status != "False")


def healthy(good: bool, why: str, at: str) -> list[Condition]:
    """What the main tunnel's probe decides: ``Ready``, and with it ``Waiting``."""
    if good:
        return [Condition("Waiting", "True", at=at), Condition("Ready", "True", at=at)]
    message = f"cluster health check failed: Failed to communicate with API server during namespace check: {why}"
    return [Condition("Ready", "False", "Error", message, at)]


@dataclass(slots=True)
class Reply:
    """Collects one answer; ``done(status, body, reason)`` is called once, with status 0 when it was lost."""

    done: Callable[[int, bytes, str], None]
    status: int = 0
    body: bytes = b""

    def started(self, status: int, headers: dict[str, str]) -> None:
        """Status of the answer."""
        del headers
        self.status = status

    def data(self, data: bytes) -> None:
        """A piece of the body."""
        self.body += data

    def ended(self) -> None:
        """Complete."""
        self.done(self.status, self.body, "")

    def lost(self, reason: str) -> None:
        """It will not come."""
        self.done(0, b"", reason)
