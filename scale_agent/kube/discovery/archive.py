"""A published document and the archives that the built-in ones come from: decompressed once, kept small, shared."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable
from functools import cache, cached_property

from scale_agent.kube import data_files
from scale_agent.kube.discovery import prose

#: What the published server compresses answers of this kind with (``gzip.DefaultCompression``).
_LEVEL = 6


class Document:
    """A document of OpenAPI; ``hash`` is its ETag without quotes. Forms of it are made when first asked for.

    ``text`` gives the JSON; ``encode`` turns it into protobuf.
    """

    def __init__(self, text: Callable[[], bytes], hash_: str, encode: Callable[[bytes], bytes]) -> None:
        self._text = text
        self._encode = encode
        self.hash = hash_

    @cached_property
    def body(self) -> bytes:
        """JSON."""
        return self._text()

    @cached_property
    def protobuf(self) -> bytes:
        """The same as a message of gnostic's models."""
        return self._encode(self.body)

    @cached_property
    def body_gzip(self) -> bytes:
        """JSON, compressed."""
        return gzip.compress(self.body, _LEVEL, mtime=0)

    @cached_property
    def protobuf_gzip(self) -> bytes:
        """Protobuf, compressed."""
        return gzip.compress(self.protobuf, _LEVEL, mtime=0)


def hashed(body: bytes) -> str:
    """The ETag of a document, as kube-openapi's ``computeETag`` makes it."""
    return hashlib.sha512(body).hexdigest().upper()


class Archive:
    """The members of one data file, compressed each by itself."""

    def __init__(self, version: str, name: str) -> None:
        self._packed = {member: zlib.compress(text, 1) for member, text in data_files.members(version, name)}

    def read(self, name: str) -> bytes:
        """A member; ``KeyError`` if there is none of that name."""
        return prose.varied(zlib.decompress(self._packed[name]))


@cache
def archive(version: str, name: str) -> Archive:
    """The archive ``name`` of a version that has data, one per process."""
    return Archive(version, name)
