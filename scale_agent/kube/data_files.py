"""The generated data files of one Kubernetes version, decompressed when first asked for and shared by the process."""

from __future__ import annotations

import zlib
from functools import cache
from importlib import resources
from typing import Any

import orjson


def read(version: str, name: str) -> bytes:
    """The decompressed file ``name`` of ``version``; ``FileNotFoundError`` for a version without data."""
    packed = resources.files("scale_agent.kube").joinpath("data", f"{version}-{name}.z").read_bytes()
    return zlib.decompress(packed)


@cache
def load_json(version: str, name: str) -> Any:
    """The parsed JSON file ``name`` of ``version``, shared: callers must not change it."""
    return orjson.loads(read(version, name))
