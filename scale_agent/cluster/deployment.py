"""What an agent pod is told by its Deployment: the pod template, read as a kubelet and the container's script read it.

The template's fields are those of Rancher's import manifest (protocol/rancher.md, section 1.6); which of them exist
differs between Rancher 2.10, 2.12 and 2.15, so each has the meaning of its absence.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

NAMESPACE = "cattle-system"
NAME = "cattle-cluster-agent"
CONTAINER = "cluster-register"
PATH = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{NAME}"

_GENERATION = re.compile(rb'"generation":(\d+)')
_SECOND_TUNNEL_FEATURE = "multi-cluster-management-agent"

#: What Rancher 2.15.0 gives to an agent (import-steve.jsonl).
_FEATURES = (
    "fleet=false,managed-system-upgrade-controller=false,multi-cluster-management=false,"
    "multi-cluster-management-agent=true,provisioningprebootstrap=false,provisioningv2=false,rke2=false,"
    "turtles=false,ui-sql-cache=true"
)


@dataclass(frozen=True, slots=True)
class AgentTemplate:
    """One revision of the agent's pod template.

    ``revision`` is a hash over the whole template: pods of equal revision need no rollout.
    ``credentials`` is the secret mounted at ``/cattle-credentials``, ``checksum`` the expected sha256 of Rancher's
    authorities ("" if none is to be checked).
    """

    revision: str
    credentials: str
    server: str
    checksum: str
    strict: bool
    second_tunnel: bool


def read(deployment: Mapping[str, Any]) -> tuple[AgentTemplate, int] | None:
    """Template and replicas of an agent Deployment; None if it has no container ``cluster-register``."""
    spec = deployment.get("spec") or {}
    template = spec.get("template") or {}
    env = _environment(template)
    if env is None:
        return None
    agent = AgentTemplate(
        revision=_revision(template),
        credentials=_credentials(template) or env.get("CATTLE_CREDENTIAL_NAME", ""),
        server=env.get("CATTLE_SERVER", ""),
        checksum=env.get("CATTLE_CA_CHECKSUM", ""),
        strict=env.get("STRICT_VERIFY", "").lower() == "true",
        second_tunnel=_SECOND_TUNNEL_FEATURE in _enabled_features(env.get("CATTLE_FEATURES", "")),
    )
    replicas = spec.get("replicas")
    return agent, 1 if replicas is None else int(replicas)


def generation(json: bytes) -> int:
    """``metadata.generation`` of a Deployment as it is stored; 0 if it has none. Metadata comes first there."""
    found = _GENERATION.search(json)
    return int(found.group(1)) if found is not None else 0


def give_features(deployment: dict[str, Any]) -> None:
    """Put into an imported Deployment the variable that Rancher's own apply adds."""
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        if container["name"] == CONTAINER:
            others = [item for item in container["env"] if item["name"] != "CATTLE_FEATURES"]
            container["env"] = [{"name": "CATTLE_FEATURES", "value": _FEATURES}, *others]


def _environment(template: Mapping[str, Any]) -> dict[str, str] | None:
    for container in (template.get("spec") or {}).get("containers") or ():
        if container.get("name") == CONTAINER:
            return {item["name"]: item.get("value") or "" for item in container.get("env") or ()}
    return None


def _credentials(template: Mapping[str, Any]) -> str:
    for volume in (template.get("spec") or {}).get("volumes") or ():
        secret = str((volume.get("secret") or {}).get("secretName", ""))
        if secret.startswith("cattle-credentials-"):
            return secret
    return ""


def _enabled_features(text: str) -> set[str]:
    """Names of a ``CATTLE_FEATURES`` value that are on: ``fleet=false,multi-cluster-management-agent=true``."""
    pairs = (part.partition("=") for part in text.split(","))
    return {name.strip() for name, _, value in pairs if value.strip().lower() == "true"}


def _revision(template: Mapping[str, Any]) -> str:
    """All clusters' templates differ in a few values, but each is looked at again and again."""
    return _revision_of(orjson.dumps(template))


@lru_cache(maxsize=256)
def _revision_of(template: bytes) -> str:
    plain = orjson.dumps(_without_empty(orjson.loads(template)), option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(plain, digest_size=10).hexdigest()


_LEAVES = frozenset((str, int, float, bool, type(None)))


def _without_empty(value: Any) -> Any:
    """``value`` without empty leaves: kubectl's second apply says ``"value": ""`` where the server stores nothing."""
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for key, item in value.items():
        kept = item if type(item) in _LEAVES else _without_empty(item)
        if kept not in (None, "", [], {}):
            out[key] = kept
    return out
