"""A measured figure, and how figures are shown and kept."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of several ``runs``; ``spread`` is the distance between the smallest and the largest."""

    value: float
    unit: str
    spread: float
    runs: int
    target: float | None = None

    @classmethod
    def of(cls, values: Sequence[float], unit: str, target: float | None = None) -> Figure:
        """The figure that several measurements give."""
        rounded = [float(f"{value:.4g}") for value in values]
        spread = float(f"{max(rounded) - min(rounded):.3g}")
        return cls(float(f"{statistics.median(rounded):.4g}"), unit, spread, len(rounded), target)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    with Path("/proc/meminfo").open(encoding="ascii") as lines:
        memory_kb = int(next(lines).split()[1])
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory_kb / 2**20, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def commit() -> str:
    """The commit that was measured; empty outside a repository."""
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def _commit_of(path: Path) -> str:
    return str(json.loads(path.read_text(encoding="utf-8")).get("commit")) if path.exists() else ""


def table(figures: Mapping[str, Figure]) -> str:
    """The figures for people, one a line."""
    width = max(map(len, figures), default=0)
    rows = []
    for name, one in figures.items():
        target = f"  target {one.target:g}" if one.target is not None else ""
        rows.append(f"{name:{width}}  {one.value:>10g} {one.unit:8} ± {one.spread / 2:<8.3g} {one.runs} runs{target}")
    return "\n".join(rows)


def read(path: Path) -> dict[str, Figure]:
    """The figures of a document; none when there is no such file. Raises ``ValueError`` for another kind of file."""
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["figures"]
        return {name: Figure(**one) for name, one in found.items()}
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} holds no figures") from error


def keep(path: Path, figures: Mapping[str, Figure], *, add: bool = False) -> None:
    """Write the figures as JSON. ``add``: to those that the same commit has there already; new ones win."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = read(path) if add and _commit_of(path) == commit() else {}
    document = {
        "machine": machine(),
        "commit": commit(),
        "figures": {name: asdict(one) for name, one in {**before, **figures}.items()},
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
