"""What the agent says to Rancher, and what it makes of Rancher's answers."""

from __future__ import annotations

import base64
import json

import orjson

from scale_agent.errors import DialError


def tunnel_params(address: str, ca_pem: bytes, token: str) -> str:
    """Value of ``X-API-Tunnel-Params``: base64 of JSON as Go writes a map, keys sorted and no spaces."""
    cluster = {"address": address, "caCert": base64.b64encode(ca_pem).decode(), "token": token}
    return base64.b64encode(json.dumps({"cluster": cluster}, separators=(",", ":")).encode()).decode()


#: Rancher's words for refused upgrades (recorded in rest-steve.json); anything else may hold names.
KNOWN_REFUSALS = frozenset({"cluster not found", "failed authentication"})


def cacerts_value(body: bytes) -> str:
    """The PEM of an answer to ``/v3/settings/cacerts``; "" if it holds none."""
    try:
        setting = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    value = setting.get("value") if isinstance(setting, dict) else None
    return value if isinstance(value, str) else ""


def refusal(error: DialError) -> str:
    """A failed dial in words that hold no name, id or token: ``status 400 cluster not found``."""
    text = error.what if error.reason == "status" and error.what in KNOWN_REFUSALS else ""
    return " ".join(filter(None, (error.reason, str(error.status or ""), text)))


def forgotten(error: DialError) -> bool:
    """True if Rancher says that it knows no cluster with this token (protocol/rancher.md, section 2.4)."""
    return error.status == 400 and "cluster not found" in error.what
