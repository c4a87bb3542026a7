"""Who may open a tunnel: the checks of Rancher's authorizers in their order, and their refusals (recorded)."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Literal

from scale_agent.standin.clusters import Cluster, Registry

_STV = "Bearer stv-cluster-"
REFUSED_HEADERS = (
    ("Cache-Control", "no-cache, no-store, must-revalidate"),
    ("X-Api-Cattle-Auth", "false"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Type", "text/plain; charset=utf-8"),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Status and body of a refused upgrade."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """``params`` are address, caCert (PEM) and token of a main tunnel's agent."""

    cluster: Cluster
    tunnel: Literal["main", "stv"]
    params: dict[str, str] = field(default_factory=dict, repr=False)


UNAUTHENTICATED = Refusal(401, "failed authentication")
UNKNOWN = Refusal(400, "cluster not found")


def admit(registry: Registry, authorization: str, token: str | None, params: str) -> Admitted | Refusal:
    """Decide about an upgrade by its headers (protocol section 3.1)."""
    if authorization.startswith(_STV):
        cluster = registry.by_token(authorization.removeprefix(_STV))
        return Admitted(cluster, "stv") if cluster is not None and cluster.removed_s is None else UNAUTHENTICATED
    if token is None:
        return UNAUTHENTICATED
    cluster = registry.by_token(token)
    if cluster is None:
        return UNKNOWN
    read = _params(params)
    return read if isinstance(read, Refusal) else Admitted(cluster, "main", read)


def _params(packed: str) -> dict[str, str] | Refusal:
    try:
        inner = json.loads(base64.b64decode(packed, validate=True)).get("cluster") or {}
    except (binascii.Error, ValueError, AttributeError):
        return Refusal(400, "illegal base64 data at input byte 0")
    for key in ("address", "token", "caCert"):
        if not inner.get(key):
            return Refusal(400, f"invalid input, {key} empty")
    try:
        ca = base64.b64decode(inner["caCert"], validate=True).decode()
    except (binascii.Error, ValueError):
        return Refusal(400, "invalid input, caCert is no base64")
    return {"address": str(inner["address"]), "token": str(inner["token"]), "caCert": ca}
