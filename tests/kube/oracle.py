"""Answers of a real, new 1.36.2 control plane, kept as data; ``record.py`` makes them."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def load(name: str) -> Any:
    """The parsed ``data/NAME.json.gz``; shared, so tests must not change it."""
    return json.loads(gzip.decompress((Path(__file__).parent / "data" / f"{name}.json.gz").read_bytes()))
