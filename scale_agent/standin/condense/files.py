"""Reading recordings, writing data files that are the same on every run."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"


def read_json(path: Path) -> Any:
    """The JSON document in ``path``."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """One object per line of ``path``."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def write(name: str, value: Any) -> int:
    """Write ``value`` as ``data/<name>.json.gz`` without a time stamp; returns the compressed size in bytes."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    packed = gzip.compress(text.encode(), compresslevel=9, mtime=0)
    (DATA / f"{name}.json.gz").write_bytes(packed)
    return len(packed)
