"""Secrets of the agent that stood in the cluster before Rancher's first request and that no answer shows in full.

Their content is theirs alone; what Rancher sees of them is their number, names, labels and sizes. The two that the
agent makes before it opens its tunnel are recorded in the 2.15.0 agents' own requests, lines 5 to 11.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from tests.kube.replay import streams
from tests.kube.replay.identity import CERTIFICATE, TOKEN
from tests.kube.replay.recording import Recorded, load
from tests.kube.replay.state import Write

Object = dict[str, Any]

PROJECT = "field.cattle.io/projectId"
#: Where the agent notes which secret it made.
REFERENCE = "rancher.io/service-account.secret-ref"

AGGREGATION_LINE, APPLIED_LINE = 19, 18
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


def credentials(objects: Sequence[Object], lines: Sequence[Recorded]) -> Iterator[Object]:
    """The import manifest's secret: its name is in the agent's Deployment, its form is that of the redeployed one."""
    shown = {one["metadata"]["name"] for one in objects if one["kind"] == "Secret"}
    posted = [line for line in lines if line.method == "POST" and b'"cattle-credentials-' in line.body]
    for deployment in objects:
        if deployment["kind"] != "Deployment" or not posted:
            continue
        for volume in deployment["spec"]["template"]["spec"].get("volumes", ()):
            name, form = volume["secret"]["secretName"], json.loads(posted[0].body)
            if name in shown:
                continue
            text = json.dumps(form).replace(form["metadata"]["name"], name)
            made = _secret(name, deployment, "Opaque", form["data"])
            made["metadata"]["annotations"] = json.loads(text)["metadata"]["annotations"]
            yield made


def secrets(objects: Sequence[Object]) -> Iterator[Object]:
    """The token that the agent made for its service account, and its address for the second tunnel."""
    for account in objects:
        reference = (account["metadata"].get("annotations") or {}).get(REFERENCE)
        if account["kind"] == "ServiceAccount" and reference:
            yield _token(reference.rpartition("/")[2], account)
            yield _aggregation(account)


def _token(name: str, account: Object) -> Object:
    meta = account["metadata"]
    data = {"ca.crt": _text("c" * CERTIFICATE), "namespace": _text(meta["namespace"]), "token": _text("t" * sum(TOKEN))}
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
    """As the 2.15.0 recording shows it; the other versions' differ in addresses and checksums only."""
    watch = next(line for line in load("rancher-2.15.0/import-steve.jsonl") if line.line == AGGREGATION_LINE)
    made = streams.events(watch.content_type, watch.answer_bytes)[0].object
    dropped = ("resourceVersion", "uid")
    meta = {name: value for name, value in made["metadata"].items() if name not in dropped}
    return {**made, "metadata": meta | {"creationTimestamp": account["metadata"]["creationTimestamp"]}}


def later_writes(objects: Sequence[Object], label: Write) -> Iterator[Write]:
    """What the agents did to those secrets later, where that was not recorded but lengths show it.

    The second agent applied its address again (2.15.0's own requests, line 18); when the agents labelled the
    namespaces (``label``) they also annotated the secrets in them.
    """
    applied = next(line for line in load("rancher-2.15.0/agent-own-requests.jsonl") if line.line == APPLIED_LINE)
    assert label.object is not None
    project_id = label.object["metadata"]["labels"][PROJECT]
    project = {"metadata": {"annotations": {PROJECT: project_id}}}
    for one in objects:
        meta = one["metadata"]
        if one["kind"] != "Secret" or meta["namespace"] != "cattle-system":
            continue
        key = f"/api/v1/namespaces/{meta['namespace']}/secrets/{meta['name']}"
        if meta["name"] == "stv-aggregation":
            yield replace(label, path=key, object=json.loads(applied.body), why="the second agent's apply")
        yield replace(label, path=key, object=project, why="the agent's annotation")
