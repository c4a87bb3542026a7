"""OpenAPI v3: the index and the document of every group version, at their real size on the wire.

The structure is a real server's; longer descriptions are filler of the same length (see ``tools/schemagen``). Documents
are decompressed when first asked for and shared by all clusters of a process. ``small`` documents, for runs that should
not measure 2.6 MB per kubectl call, leave out prose and all operations but PATCH; kubectl accepts both.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import orjson

#: How a document's path begins; the rest is its name in the index (``api/v1``, ``apis/apps/v1``).
PREFIX = "/openapi/v3/"
INDEX_HEADERS = (("Cache-Control", "no-cache, private"), ("Content-Type", "text/plain; charset=utf-8"))


@dataclass(frozen=True, slots=True)
class Document:
    """One document; ``hash`` is in the index's URL of it and, quoted, its ETag."""

    body: bytes
    hash: str

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """As recorded for a request whose ``hash`` is the current one."""
        return (
            ("Cache-Control", "public, immutable"),
            ("Content-Type", "application/json"),
            ("Etag", f'"{self.hash}"'),
            ("Vary", "Accept"),
        )


def custom(body: bytes) -> Document:
    """The document of a group version that came at run time."""
    return Document(body, hashlib.sha512(body).hexdigest().upper())


class OpenApi:
    """The documents of one version; :func:`load` shares one per version and process."""

    def __init__(self, version: str) -> None:
        packed = resources.files("scale_agent.kube").joinpath("data", f"{version}-openapi.zip").read_bytes()
        self._archive = zipfile.ZipFile(io.BytesIO(packed))
        self._index = self._archive.read("index")
        paths = orjson.loads(self._index)["paths"]
        self._hashes = {name: entry["serverRelativeURL"].rpartition("hash=")[2] for name, entry in paths.items()}
        self._documents: dict[tuple[str, bool], Document] = {}

    @property
    def names(self) -> frozenset[str]:
        """The names of the built-in documents."""
        return frozenset(self._hashes)

    def index(self, extra: Mapping[str, Document] | None = None, *, small: bool = False) -> bytes:
        """The body of ``/openapi/v3``, with documents that came at run time by name (``apis/example.com/v1``)."""
        if not extra and not small:
            return self._index
        hashes = {
            name: self.document(name, small=True).hash if small else found for name, found in self._hashes.items()
        }
        hashes |= {name: document.hash for name, document in (extra or {}).items()}
        paths = {name: {"serverRelativeURL": f"{PREFIX}{name}?hash={hashes[name]}"} for name in sorted(hashes)}
        return orjson.dumps({"paths": paths})

    def document(self, name: str, *, small: bool = False) -> Document:
        """A built-in document by its name in the index; ``KeyError`` if there is none."""
        key = (name, small)
        if key not in self._documents:
            found = self._hashes[name]
            body = self._archive.read(name)
            self._documents[key] = custom(_reduced(body)) if small else Document(body, found)
        return self._documents[key]


@cache
def load(version: str) -> OpenApi:
    """The documents of ``version`` (``v1.36.2``), shared; ``FileNotFoundError`` if the package has no data for it."""
    return OpenApi(version)


def index(version: str, extra: Mapping[str, Document] | None = None, *, small: bool = False) -> bytes:
    """See :meth:`OpenApi.index`."""
    return load(version).index(extra, small=small)


def document(version: str, name: str, *, small: bool = False) -> Document | None:
    """A built-in document by its name in the index (``api/v1``, ``apis/apps/v1``), or ``None``."""
    found = load(version)
    return found.document(name, small=small) if name in found.names else None


def _reduced(body: bytes) -> bytes:
    parsed = orjson.loads(body)
    paths = {path: _patch_only(item) for path, item in parsed.get("paths", {}).items() if "patch" in item}
    return orjson.dumps(_without_prose({**parsed, "paths": paths}))


def _patch_only(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name in ("patch", "parameters")}


def _without_prose(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_prose(inner)
            for name, inner in value.items()
            if not (name == "description" and isinstance(inner, str))
        }
    return [_without_prose(inner) for inner in value] if isinstance(value, list) else value
