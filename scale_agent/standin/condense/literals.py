"""What in a recording is true of that run only: ids, names, tokens, times; each becomes a placeholder.

Names of the placeholders: ``cluster``, ``project.default``, ``project.system``, ``user.N``, ``id.N`` (Rancher's own
random names; ``.kubeconfig``: of the user whom Rancher makes for the kubeconfig), ``url``, ``checksum``,
``credentials`` (of the first manifest), ``credentials.system``, ``token.system``, ``*.b64`` (the same in
base64), ``now`` (RFC 3339), ``install``, ``uuid.N`` (of Rancher's objects).
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

_USER_AGENT = re.compile(r"cluster (c-[a-z0-9-]+)$")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_USER = re.compile(r"\bu-[a-z0-9]{10}(?=[a-z0-9]{5}\b|(?![a-z0-9]))")
_RANDOM = re.compile(r"\b(?:user-[a-z0-9]{5}|globalrolebinding-[a-z0-9]{5}|crb-[a-z0-9]{10}|crt-[a-z0-9]{5})\b")
_CREDENTIALS = re.compile(r"cattle-credentials-[0-9a-f]{7,10}")
_CHECKSUM = re.compile(r'(CATTLE_CA_CHECKSUM\\*",\\*"value\\*":\\*")([0-9a-f]{64})')
_CHECKSUM_JSON = re.compile(r'("name": ?"CATTLE_CA_CHECKSUM", ?"value": ?")([0-9a-f]{64})')
_INSTALL = re.compile(r'(CATTLE_INSTALL_UUID\\*", ?\\*"value\\*": ?\\*")([0-9a-f-]{36})')
_HASH = re.compile(r"^[0-9A-F]{128}$")


def cluster_id(rows: list[dict[str, Any]]) -> str:
    """The recorded cluster's id, from a User-Agent, an impersonation header, or a namespace's project annotation."""
    for row in rows:
        for value in row.get("headers", {}).values():
            found = _USER_AGENT.search(value) or re.match(r"system://(c-[a-z0-9-]+)$", value)
            if found:
                return found[1]
    found = re.search(r'"field.cattle.io/projectId": "(c-[a-z0-9-]+):', json.dumps(rows))
    return found[1] if found else ""


def _projects(text: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for namespace, which in (("default", "project.default"), ("kube-system", "project.system")):
        pattern = (
            rf'"name": "{namespace}", "uid".{{0,900}}?"field.cattle.io/projectId": "c-[a-z0-9-]+:(p-[a-z0-9]{{5}})"'
        )
        found = re.search(pattern, text)
        if found:
            out[found[1]] = which
    return out


def _secret_values(rows: list[dict[str, Any]]) -> dict[str, str]:
    """Literals of the second manifest's credentials secret, which kubectl POSTs."""
    out: dict[str, str] = {}
    for row in rows:
        body = row.get("body")
        if row["method"] != "POST" or not isinstance(body, dict) or body.get("kind") != "Secret":
            continue
        if not body["metadata"].get("name", "").startswith("cattle-credentials-"):
            continue
        out[body["metadata"]["name"]] = "credentials.system"
        for key, name in (("token", "token.system"), ("url", "url"), ("namespace", "cluster")):
            packed = body["data"][key]
            out[packed] = f"{name}.b64"
            out[base64.b64decode(packed).decode()] = name
    return out


def _last_user(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The user of the cluster's kubeconfig comes last, and only its binding and role are removed on deletion."""
    out: dict[str, str] = {}
    for row in rows:
        body = row.get("body")
        if row["method"] == "POST" and row["path"].endswith("/clusterrolebindings") and isinstance(body, dict):
            name = body["metadata"].get("name", "")
            if name.startswith("crb-"):
                out = {name: "id.kubeconfig", body["subjects"][0]["name"]: "user.kubeconfig"}
        if row["method"] == "DELETE" and "/crb-" in row["path"]:
            out[row["path"].rsplit("/", 1)[1]] = "id.kubeconfig"
        if row["method"] == "DELETE" and "/clusterroles/cattle-impersonation-" in row["path"]:
            out[row["path"].rsplit("impersonation-", 1)[1]] = "user.kubeconfig"
    return out


class Literals:
    """Replaces the literals of one recording in text; made once from all its rows."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        text = json.dumps(rows)
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        cluster = cluster_id(rows)
        self._names |= {cluster: "cluster"} if cluster else {}
        self._names |= _projects(text) | _secret_values(rows) | _last_user(rows)
        for name in _CREDENTIALS.findall(text):
            self._names.setdefault(name, "credentials")

    def _numbered(self, kind: str, literal: str) -> str:
        if literal not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[literal] = f"{kind}.{self._counts[kind]}"
        return f"${{{self._names[literal]}}}"

    def replace(self, text: str) -> str:
        """``text`` (JSON or plain) with placeholders."""
        text = _CHECKSUM.sub(r"\1${checksum}", text)
        text = _CHECKSUM_JSON.sub(r"\1${checksum}", text)
        text = _INSTALL.sub(r"\1${install}", text)
        for literal in sorted(self._names, key=len, reverse=True):
            if literal:
                text = text.replace(literal, f"${{{self._names[literal]}}}")
        text = _USER.sub(lambda m: self._numbered("user", m[0]), text)
        text = _RANDOM.sub(lambda m: self._numbered("id", m[0]), text)
        text = _UUID.sub(lambda m: self._numbered("uuid", m[0]), text)
        return _TIME.sub("${now}", text)


def hash_placeholder(path: str, query: dict[str, Any]) -> dict[str, Any]:
    """The query with kubectl's OpenAPI hash taken from the index that the cluster answers."""
    if not path.startswith("/openapi/v3/") or not _HASH.match(str(query.get("hash", ""))):
        return query
    return query | {"hash": f"${{hash:{path.removeprefix('/openapi/v3/')}}}"}
