"""The generated data files of the Kubernetes versions, decompressed when first asked for and shared by the process.

A cluster's version (``v1.36.2+rke2r1``) has the data of its base (``v1.36.2``); a patch level without data of its own
has that of the newest one of its minor version, whose API differs in nothing but defects mended.
"""

from __future__ import annotations

import lzma
import re
import zlib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import orjson

_MARK = "-types.json.z"
_VERSION = re.compile(r"(v1\.(\d+))\.(\d+)(?:[-+].*)?")


def _data() -> Traversable:
    return resources.files("scale_agent.kube").joinpath("data")


@cache
def versions() -> tuple[str, ...]:
    """The Kubernetes versions whose API is in the package, newest first."""
    found = [one.name.removesuffix(_MARK) for one in _data().iterdir() if one.name.endswith(_MARK)]
    return tuple(sorted(found, key=_order, reverse=True))


def _order(version: str) -> tuple[int, int]:
    found = _VERSION.fullmatch(version)
    return (int(found[2]), int(found[3])) if found else (0, 0)


@cache
def base(version: str) -> str:
    """The version whose data stands for ``version``; ``FileNotFoundError`` if there is none of its minor version."""
    found = _VERSION.fullmatch(version)
    plain = f"{found[1]}.{found[3]}" if found else ""
    if plain in versions():
        return plain
    for one in versions():
        if found and one.startswith(f"{found[1]}."):
            return one
    raise FileNotFoundError(f"the package has no data for Kubernetes {version}; it has {', '.join(versions())}")


def _packed(version: str, name: str) -> bytes:
    return _data().joinpath(f"{base(version)}-{name}").read_bytes()


def read(version: str, name: str) -> bytes:
    """The decompressed file ``name`` of ``version``; ``FileNotFoundError`` for a version without data."""
    return zlib.decompress(_packed(version, f"{name}.z"))


def load_json(version: str, name: str) -> Any:
    """The parsed JSON file ``name`` of ``version``, shared: callers must not change it."""
    return _load_json(base(version), name)


@cache
def _load_json(version: str, name: str) -> Any:
    return orjson.loads(read(version, name))


def members(version: str, name: str) -> Iterator[tuple[str, bytes]]:
    """The members of the archive ``name``: a line of JSON with names and lengths, then one after the other."""
    text = lzma.decompress(_packed(version, f"{name}.xz"))
    end = text.index(b"\n")
    start = end + 1
    for member, size in orjson.loads(text[:end]):
        yield member, text[start : start + size]
        start += size
