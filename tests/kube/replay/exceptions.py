"""``unreplayable.yaml``: what cannot be replayed as recorded, by line, with the reason."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

LIST = Path(__file__).parent / "unreplayable.yaml"


@cache
def listed() -> dict[str, str]:
    """Reason by ``file:line``. A line may be in the list once."""
    found: dict[str, str] = {}
    for entry in yaml.safe_load(LIST.read_text(encoding="utf-8")) or ():
        for lines in entry["lines"]:
            first, _, last = str(lines).partition("-")
            for number in range(int(first), int(last or first) + 1):
                where = f"{entry['file']}:{number}"
                if where in found:
                    raise ValueError(f"{where} is listed twice")
                found[where] = " ".join(entry["reason"].split())
    return found
