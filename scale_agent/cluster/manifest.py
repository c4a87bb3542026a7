"""Rancher's import manifest: text to objects, with a check that everything an agent needs is there.

YAML costs 20 ms per manifest; all manifests of a server differ in token and secret name only, so each form is parsed
once and these two are put into a copy (protocol/rancher.md, section 1.6).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import yaml

from scale_agent.cluster import deployment
from scale_agent.errors import InputError

Obj = dict[str, Any]

_TOKEN = re.compile(r'^\s+token:\s*"?([A-Za-z0-9+/]{16,}={0,2})"?\s*$', re.MULTILINE)
_SECRET_NAME = re.compile(r"cattle-credentials-[a-z0-9]+")
_PLACEHOLDERS = ("b3duLXRva2VuLW9mLWEtY2x1c3Rlcg==", "cattle-credentials-ownnameofacluster")
_CACHE_LIMIT = 16
_cache: dict[bytes, bytes] = {}

WHERE = "import manifest"
_CURE = "import by a URL of the form https://SERVER/v3/import/TOKEN_CLUSTER.yaml"

#: kind → (namespace, name) that must be there; the credentials are looked for apart.
_PARTS = (
    ("Namespace", "", deployment.NAMESPACE),
    ("ServiceAccount", deployment.NAMESPACE, "cattle"),
    ("Deployment", deployment.NAMESPACE, deployment.NAME),
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a credentials secret tells an agent. ``repr`` hides the token."""

    url: str
    token: str = field(repr=False)


def parse(text: str) -> list[Obj]:
    """The manifest's objects in their order. Raises :class:`InputError` naming what is missing."""
    objects = _load(text)
    for kind, namespace, name in _PARTS:
        if not any(_is(obj, kind, namespace, name) for obj in objects):
            raise _missing(f"{kind} {namespace}/{name}".replace(" /", " "))
    agent = next(obj for obj in objects if _is(obj, "Deployment", deployment.NAMESPACE, deployment.NAME))
    described = deployment.read(agent)
    if described is None:
        raise _missing(f"container {deployment.CONTAINER} of Deployment {deployment.NAME}")
    secret = next((obj for obj in objects if _is(obj, "Secret", deployment.NAMESPACE, described[0].credentials)), None)
    if secret is None:
        raise _missing("Secret cattle-credentials-* that the Deployment mounts")
    if read_credentials(secret) is None:
        raise _missing("url and token in the Secret cattle-credentials-*")
    return objects


def read_credentials(secret: Mapping[str, Any]) -> Credentials | None:
    """Server and token of a ``cattle-credentials-*`` secret; None if they are not both there."""
    data = secret.get("data") or {}
    try:
        url, token = (base64.b64decode(data.get(key) or "", validate=True).decode() for key in ("url", "token"))
    except (binascii.Error, UnicodeDecodeError, TypeError, ValueError):
        return None
    return Credentials(url.strip().rstrip("/"), token.strip()) if url.strip() and token.strip() else None


def _load(text: str) -> list[Obj]:
    own = _own_parts(text)
    if own is None:
        return _objects(text)
    form = text
    for value, placeholder in zip(own, _PLACEHOLDERS, strict=True):
        form = form.replace(value, placeholder)
    key = hashlib.sha256(form.encode()).digest()
    packed = _cache.get(key)
    if packed is None:
        packed = orjson.dumps(_objects(form))
        if len(_cache) >= _CACHE_LIMIT:
            _cache.clear()
        _cache[key] = packed
    for value, placeholder in zip(own, _PLACEHOLDERS, strict=True):
        packed = packed.replace(placeholder.encode(), value.encode())
    loaded: list[Obj] = orjson.loads(packed)
    return loaded


def _own_parts(text: str) -> tuple[str, str] | None:
    """Token (base64) and name of the credentials secret, if the text has one of each."""
    tokens, names = set(_TOKEN.findall(text)), set(_SECRET_NAME.findall(text))
    return (tokens.pop(), names.pop()) if len(tokens) == len(names) == 1 else None


def _objects(text: str) -> list[Obj]:
    try:
        documents = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise InputError(f"the import manifest is no YAML: {problem}", where=WHERE, cure=_CURE) from None
    objects = [document for document in documents if document is not None]
    if not all(isinstance(obj, dict) and isinstance(obj.get("metadata"), dict) for obj in objects):
        raise InputError("the import manifest holds something that is no Kubernetes object", where=WHERE, cure=_CURE)
    return objects


def _is(obj: Obj, kind: str, namespace: str, name: str) -> bool:
    metadata = obj["metadata"]
    return (obj.get("kind"), metadata.get("namespace", ""), metadata.get("name")) == (kind, namespace, name)


def _missing(what: str) -> InputError:
    return InputError(f"the import manifest lacks its {what}", where=WHERE, cure=_CURE)
