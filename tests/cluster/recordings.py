"""The recorded imports of three Rancher versions: manifest, and what Rancher then does to the agent's Deployment."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
VERSIONS = ("2.10.3", "2.12.3", "2.15.0")


@cache
def recorded(version: str) -> dict[str, Any]:
    """``manifest``: text; ``deployments``: [kind, object] in order (apply: the whole; second patch; put: the whole)."""
    loaded: dict[str, Any] = json.loads(gzip.decompress((DATA / f"import-{version}.json.gz").read_bytes()))
    return loaded


def deployment_written(version: str, kind: str) -> dict[str, Any]:
    """The first Deployment that Rancher wrote that way."""
    return next(obj for name, obj in recorded(version)["deployments"] if name == kind)
