"""OpenAPI v3: the index and the document of every group version, at their real size on the wire.

The structure is a real server's; longer descriptions are filler of the same length (see ``tools/schemagen``). Documents
are decompressed when first asked for and shared by all clusters of a process.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

import orjson

from scale_agent.kube import data_files
from scale_agent.kube.discovery import gnostic
from scale_agent.kube.discovery.archive import Document, archive, hashed

#: How a document's path begins; the rest is its name in the index (``api/v1``, ``apis/apps/v1``).
PREFIX = "/openapi/v3/"


class OpenApi:
    """The documents of one version; :func:`load` shares one per version and process."""

    def __init__(self, version: str) -> None:
        self._archive = archive(version, "openapi")
        self._encode = partial(gnostic.encode, version, 3)
        self._index = self._archive.read("index")
        paths = orjson.loads(self._index)["paths"]
        self._hashes = {name: entry["serverRelativeURL"].rpartition("hash=")[2] for name, entry in paths.items()}
        self._documents: dict[str, Document] = {}

    @property
    def names(self) -> frozenset[str]:
        """The names of the built-in documents."""
        return frozenset(self._hashes)

    def index(self, extra: Mapping[str, Document] | None = None) -> bytes:
        """The body of ``/openapi/v3``, with documents that came at run time by name (``apis/example.com/v1``)."""
        if not extra:
            return self._index
        hashes = self._hashes | {name: document.hash for name, document in extra.items()}
        paths = {name: {"serverRelativeURL": f"{PREFIX}{name}?hash={hashes[name]}"} for name in sorted(hashes)}
        return orjson.dumps({"paths": paths})

    def document(self, name: str) -> Document:
        """A built-in document by its name in the index; ``KeyError`` if there is none."""
        if name not in self._documents:
            found = self._hashes[name]
            self._documents[name] = Document(partial(self._archive.read, name), found, self._encode)
        return self._documents[name]

    def custom(self, body: bytes) -> Document:
        """The document of a group version that came at run time."""
        return Document(lambda: body, hashed(body), self._encode)


def load(version: str) -> OpenApi:
    """The documents of ``version`` (``v1.36.2``), shared; ``FileNotFoundError`` if the package has no data for it."""
    return _load(data_files.base(version))


@cache
def _load(version: str) -> OpenApi:
    return OpenApi(version)
