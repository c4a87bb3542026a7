"""Recorded REST calls, and bodies compared after ids, times and addresses are taken away."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent / "recordings"

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_CLUSTER = re.compile(r"(?<![a-z0-9])(?:c-m-[a-z0-9]{8}|c-(?!m-)[a-z0-9]{5})(?![a-z0-9])")
_TOKEN = re.compile(r"(?<![a-z0-9])[bcdfghjklmnpqrstvwxz2456789]{54}(?![a-z0-9])")
_HEX = re.compile(r"\b[0-9a-f]{64}\b|(?<=cattle-credentials-)[0-9a-f]{7,10}")
_BASE64 = re.compile(r'(?<=token: ")[A-Za-z0-9+/=]{60,}')
#: Numbers and texts that differ on every run, by key.
VARYING = ("resourceVersion", "createdTS", "removedTS", "creatorId", "expiresAt", "uuid", "uid")


def rest(version: str, name: str) -> Any:
    """A recorded REST file of one version."""
    return json.loads(gzip.decompress((ROOT / f"rancher-{version}" / f"{name}.gz").read_bytes()))


def mapped(value: Any) -> Any:
    """``value`` with what belongs to one run replaced by a mark."""
    if isinstance(value, dict):
        return {mapped(key): "*" if key in VARYING else mapped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [mapped(item) for item in value]
    if not isinstance(value, str):
        return value
    for pattern in (_UUID, _TIME, _TOKEN, _HEX, _BASE64, _CLUSTER):
        value = pattern.sub("*", value)
    return value
