"""Secrets of the agent that stood in the cluster before Rancher's first request and that no answer shows in full.

Their content is theirs alone; what Rancher sees of them is their number, names, labels and sizes. The two that the
agent makes before it opens its tunnel are recorded in the 2.15.0 agents' own requests, lines 5 to 11.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

Object = dict[str, Any]

#: Where the agent notes which secret it made.
REFERENCE = "rancher.io/service-account.secret-ref"

TOKEN_TYPE = "kubernetes.io/service-account-token"


def _text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _secret(name: str, like: Object, kind: str, data: dict[str, str]) -> Object:
    meta = {
        "name": name,
        "namespace": like["metadata"]["namespace"],
        "creationTimestamp": like["metadata"]["creationTimestamp"],
    }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": kind, "data": data}


def credentials(objects: Sequence[Object]) -> Iterator[Object]:
    """The import manifest's secret: its name is in the agent's Deployment."""
    shown = {one["metadata"]["name"] for one in objects if one["kind"] == "Secret"}
    for deployment in objects:
        if deployment["kind"] != "Deployment":
            continue
        for volume in deployment["spec"]["template"]["spec"].get("volumes", ()):
            if volume["secret"]["secretName"] in shown:
                continue
            data = {"namespace": "", "token": _text("x" * 54), "url": _text("https://127.0.0.1:9443")}
            yield _secret(volume["secret"]["secretName"], deployment, "Opaque", data)


def secrets(objects: Sequence[Object]) -> Iterator[Object]:
    """The token that the agent made for its service account, and its address for the second tunnel."""
    for account in objects:
        reference = (account["metadata"].get("annotations") or {}).get(REFERENCE)
        if account["kind"] == "ServiceAccount" and reference:
            yield _token(reference.rpartition("/")[2], account)
            yield _aggregation(account)


def _token(name: str, account: Object) -> Object:
    meta = account["metadata"]
    data = {"ca.crt": _text("c" * 600), "namespace": _text(meta["namespace"]), "token": _text("t" * 900)}
    out = _secret(name, account, TOKEN_TYPE, data)
    out["metadata"]["generateName"] = f"{meta['name']}-token-"
    out["metadata"]["labels"] = {"cattle.io/service-account.name": meta["name"]}
    out["metadata"]["annotations"] = {
        "kubernetes.io/service-account.name": meta["name"],
        "kubernetes.io/service-account.uid": meta["uid"],
    }
    owner = {"apiVersion": "v1", "kind": "ServiceAccount", "name": meta["name"], "uid": meta["uid"]}
    out["metadata"]["ownerReferences"] = [owner]
    return out


def _aggregation(account: Object) -> Object:
    return _secret(
        "stv-aggregation", account, "Opaque", {"token": _text("t" * 54), "url": _text("https://127.0.0.1:9443")}
    )
