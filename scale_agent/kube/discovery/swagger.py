"""OpenAPI v2: one document of everything, the built-in one with the definitions' paths and schemas in their places."""

from __future__ import annotations

from functools import cache, lru_cache, partial

import orjson

from scale_agent.kube.custom.definition import ServedVersion
from scale_agent.kube.discovery import custom, gnostic, prose
from scale_agent.kube.discovery.archive import Document, archive, hashed


@cache
def built_in(version: str) -> Document:
    """The document of a new cluster of a Kubernetes version (one with data)."""
    found = archive(version, "openapi-v2")
    return Document(partial(found.read, "document"), found.read("etag").decode(), partial(gnostic.encode, version, 2))


@lru_cache(maxsize=4)
def document(version: str, members: tuple[ServedVersion, ...]) -> Document:
    """The document of a cluster in which these versions of definitions are served; clusters with the same share it."""
    if not members:
        return built_in(version)
    parsed = orjson.loads(archive(version, "openapi-v2").read("document"))
    for one in members:
        found = custom.of(version, one, 2)
        for name, texts in (("paths", found.paths), ("definitions", found.schemas)):
            parsed[name] |= {key: orjson.Fragment(text) for key, text in texts.items()}
    for name in ("paths", "definitions"):
        parsed[name] = {key: parsed[name][key] for key in sorted(parsed[name])}
    body = prose.varied(orjson.dumps(parsed))
    return Document(lambda: body, hashed(body), partial(gnostic.encode, version, 2))
