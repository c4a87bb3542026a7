"""The closed lists: every type, name and failure text that becomes a Locust request event.

A statistics table keyed by cluster names or ids would grow with the run and say nothing; so whatever comes in
from outside is mapped to one of these words, or to ``other``.
"""

from __future__ import annotations

from typing import Final

from scale_agent.cluster.ports import AGENT_REQUESTS
from scale_agent.errors import RancherError

REST: Final = "REST"  #: calls of the management API, by us in the role of a user
AGENT: Final = "AGENT"  #: plain HTTPS requests of the agents: :data:`AGENT_REQUESTS`
TUNNEL: Final = "TUNNEL"  #: websocket handshakes, and their steps
PHASE: Final = "PHASE"  #: milestones of a cluster's life, milliseconds since its start
SERVED: Final = "SERVED"  #: requests that came down a tunnel: our own service time

AGENT_NAMES: Final = frozenset(AGENT_REQUESTS)
TUNNELS: Final = frozenset({"main", "stv"})
VERBS: Final = frozenset({"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "options"})
RESOURCES: Final = frozenset(
    {
        "/api", "/apis", "/openapi", "/version", "/readyz", "/healthz", "/livez", "/metrics", "/ping", "/v1",
        "namespaces", "nodes", "pods", "secrets", "configmaps", "services", "serviceaccounts", "endpoints", "events",
        "persistentvolumes", "persistentvolumeclaims", "resourcequotas", "limitranges", "replicationcontrollers",
        "deployments", "daemonsets", "statefulsets", "replicasets", "jobs", "cronjobs", "leases", "ingresses",
        "networkpolicies", "clusterroles", "clusterrolebindings", "roles", "rolebindings",
        "customresourcedefinitions", "apiservices", "poddisruptionbudgets", "storageclasses",
    }
)  # fmt: skip
SUBRESOURCES: Final = frozenset({"status", "scale", "token", "finalize", "log", "eviction", "binding", "approval"})

#: Why a cluster failed, or a step of its life had to be repeated: ours, beside ``RancherError.REASONS``.
LIFE_REASONS: Final = ("deadline", "name-taken", "manifest", "removed-by-rancher", "worker-lost", "stopped", "internal")
#: What a cluster tells its observer and survives (``cluster.ports.Observer.error``).
SURVIVED: Final = (
    "server-url", "write", "credentials", "frame", "connect", "connection", "message", "ping", "cacerts", "checksum",
)  # fmt: skip
OTHER: Final = "other"
_REASONS: Final = frozenset((*RancherError.REASONS, *LIFE_REASONS, *SURVIVED, "eof", "reset", "pong", "error"))


class CountedError(Exception):
    """The exception of a failed request event: its text is from a closed list, so that failures group."""


def one_of(word: str, known: frozenset[str]) -> str:
    """``word`` if the list knows it, else ``other``."""
    return word if word in known else OTHER


def served_name(verb: str, resource: str) -> str:
    """``get namespaces``, ``update nodes/status``, ``get /readyz``: the name of a served request."""
    name, _, below = resource.rpartition("/") if resource[:1] != "/" else ("", "", "")
    known = name in RESOURCES and below in SUBRESOURCES
    return f"{one_of(verb, VERBS)} {resource if known else one_of(resource, RESOURCES)}"


def reason_of(text: str) -> str:
    """The closed form of an error text ``reason [status] …``: the reason, and the HTTP status if there is one."""
    words = text.replace(":", " ").replace(",", " ").lower().split()
    reason = one_of(words[0] if words else "", _REASONS)
    status = next((word for word in words[:3] if len(word) == 3 and word.isdigit()), "")
    return f"{reason} {status}".strip()
