"""Reading recordings, writing data files that are the same on every run."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"


def there(path: Path) -> bool:
    """Is there a recording at ``path`` or, compressed, at ``path.gz``?"""
    return path.is_file() or _packed(path).is_file()


def _packed(path: Path) -> Path:
    return path.with_name(path.name + ".gz")


def _text(path: Path) -> str:
    if path.is_file():
        return path.read_text(encoding="utf-8")
    return gzip.decompress(_packed(path).read_bytes()).decode()


def read_json(path: Path) -> Any:
    """The JSON document in ``path`` or ``path.gz``."""
    return json.loads(_text(path))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """One object per line of ``path`` or ``path.gz``."""
    return [json.loads(line) for line in _text(path).split("\n") if line.strip()]


def write(name: str, value: Any) -> int:
    """Write ``value`` as ``data/<name>.json.gz`` without a time stamp; returns the compressed size in bytes."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    packed = gzip.compress(text.encode(), compresslevel=9, mtime=0)
    (DATA / f"{name}.json.gz").write_bytes(packed)
    return len(packed)
