"""Recorded REST answers with placeholders instead of ids, times and addresses."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scale_agent.standin.condense.files import read_json, there

#: Answers of one recording by the name under which the stand-in finds them: (method, start of the path, how manieth).
STEVE_2_15 = {
    "login_bad": ("POST", "/v1-public/login", 0),
    "login": ("POST", "/v1-public/login", 1),
    "unauthorized": ("GET", "/v3/clusters", 0),
    "rancherversion": ("GET", "/rancherversion", 0),
    "cacerts": ("GET", "/v3/settings/cacerts", 0),
    "provisioning_exists": ("POST", "/v1/provisioning.cattle.io.clusters", 1),
    "provisioning_new": ("GET", "/v1/provisioning.cattle.io.clusters/", 0),
    "token_steve": ("GET", "/v1/management.cattle.io.clusterregistrationtokens/", 0),
    "cluster_norman": ("GET", "/v3/clusters/c-m", 0),
    "cluster_steve": ("GET", "/v1/management.cattle.io.clusters/", 0),
    "cluster_missing": ("GET", "/v3/clusters/c-nosuch", 0),
    "not_unique": ("POST", "/v3/clusters", 0),
    "bad_name": ("POST", "/v3/clusters", 1),
    "bad_import": ("GET", "/v3/import/wrongtoken", 0),
}
STEVE = {
    "provisioning_created": ("POST", "/v1/provisioning.cattle.io.clusters", 0),
    "provisioning_named": ("GET", "/v1/provisioning.cattle.io.clusters/", -1),
    "tokens_empty": ("GET", "/v3/clusterregistrationtokens", 0),
    "tokens": ("GET", "/v3/clusterregistrationtokens", -1),
    "manifest": ("GET", "/v3/import/", 0),
}
NORMAN = {
    "cluster_created": ("POST", "/v3/clusters", 0),
    "tokens_norman": ("GET", "/v3/clusterregistrationtokens", -1),
}

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_CHECKSUM = re.compile(r"\b[0-9a-f]{64}\b")
_CREDENTIALS = re.compile(r"cattle-credentials-[0-9a-f]{7,10}")
_CLUSTER = re.compile(r"c-m-[a-z0-9]{8}|(?<![a-z0-9-])c-(?!m-)(?!nosuch)[a-z0-9]{5}\b")


def _pick(rows: list[dict[str, Any]], method: str, start: str, which: int) -> dict[str, Any]:
    found = [row for row in rows if row["method"] == method and row["path"].startswith(start)]
    return found[which]


def _literals(rows: list[dict[str, Any]]) -> list[tuple[re.Pattern[str], str]]:
    """What stands for itself in one recording: the cluster's name and its registration token."""
    out = [(re.compile(re.escape("https://127.0.0.1:8443")), "${url}"), (re.compile("wss://127.0.0.1:8443"), "${wss}")]
    out.append((re.compile(re.escape(base64.b64encode(b"https://127.0.0.1:8443").decode())), "${url_b64}"))
    for row in rows:
        token = re.match(r"/v3/import/([a-z0-9]{54})_", row["path"])
        if token:
            packed = base64.b64encode(token[1].encode()).decode()
            out += [(re.compile(token[1]), "${token}"), (re.compile(re.escape(packed)), "${token_b64}")]
        request = row.get("request") or {}
        name = request.get("name") or request.get("metadata", {}).get("name")
        if name and row["status"] == 201:
            out.append((re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])"), "${name}"))
    return out


def _template(row: dict[str, Any], literals: Iterable[tuple[re.Pattern[str], str]]) -> str:
    body = row["response"]
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    for pattern, placeholder in literals:
        text = pattern.sub(placeholder, text)
    text = _CLUSTER.sub("${cluster}", text)
    text = re.sub(r'"expiresAt": "\d[^"]+"', '"expiresAt": "${expires}"', text)
    text = re.sub(r"(CATTLE_INSTALL_UUID\s+value: )[0-9a-f-]{36}", r"\1${install_uuid}", text)
    for pattern, placeholder in (
        (_UUID, "${uuid}"),
        (_TIME, "${created}"),
        (_CHECKSUM, "${checksum}"),
        (_CREDENTIALS, "${credentials}"),
    ):
        text = pattern.sub(placeholder, text)
    return text


def _named(rows: list[dict[str, Any]], picks: dict[str, tuple[str, str, int]]) -> dict[str, Any]:
    literals = _literals(rows)
    out: dict[str, Any] = {}
    for name, (method, start, which) in picks.items():
        row = _pick(rows, method, start, which)
        out[name] = {
            "status": row["status"],
            "body": _template(row, literals),
            "json": not isinstance(row["response"], str),
        }
    return out


def answers(directory: Path) -> dict[str, Any]:
    """Templates by name from the REST recordings in one version's directory; 2.15.0 has refusals that others lack."""
    out: dict[str, Any] = {}
    whole = directory / "rest-steve.json"
    if there(whole):
        rows = read_json(whole)
        out |= _named(rows, STEVE_2_15) | _named(rows[:14], STEVE)
    else:
        out |= _named(read_json(directory / "rest-steve-and-conditions.json")["rest"], STEVE)
    return out | _named(read_json(directory / "rest-norman-and-conditions.json")["rest"], NORMAN)


def timeline(directory: Path, path: str) -> list[dict[str, Any]]:
    """Changes of conditions: ``t`` seconds since creation, ``set``: type → [status, reason, message]."""
    alone = directory / f"conditions-{path}.json"
    entries = (
        read_json(alone) if there(alone) else read_json(directory / f"rest-{path}-and-conditions.json")["timeline"]
    )
    out: list[dict[str, Any]] = []
    seen: dict[str, Any] = {}
    for entry in entries:
        changed = {kind: value for kind, value in entry["conditions"].items() if seen.get(kind) != value}
        out.append({"t": entry["t"], "state": entry["state"], "set": changed})
        seen = entry["conditions"]
    return out
