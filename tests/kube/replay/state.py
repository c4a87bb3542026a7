"""A recorded cluster's state before its first request, and what others than the recorded clients wrote later.

``tests/kube/data/initial-<timeline>.json.gz``, made by ``reconstruct.py``: ``objects`` (JSON-shaped, with their
recorded uids), ``writes`` (the controllers' and, where nobody recorded them, the agents').
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"


@dataclass(frozen=True, slots=True)
class Write:
    """A request of ``actor`` (a User-Agent), made before the line ``before`` (``file:line``)."""

    before: str
    method: str
    path: str
    object: dict[str, Any] | None
    uid: str
    why: str
    actor: str = "kcm"


@dataclass(frozen=True, slots=True)
class State:
    """Where a replay begins, and what intervenes. ``writes`` by the line that they come before."""

    objects: Sequence[dict[str, Any]]
    writes: Mapping[str, Sequence[Write]]


def file_of(timeline: str) -> Path:
    """Where a timeline's state is kept."""
    return DATA / f"initial-{timeline}.json.gz"


def load_state(timeline: str) -> State:
    """The committed state of a timeline."""
    raw = json.loads(gzip.decompress(file_of(timeline).read_bytes()))
    writes: dict[str, list[Write]] = {}
    for item in raw["writes"]:
        writes.setdefault(item["before"], []).append(Write(**item))
    return State(raw["objects"], writes)
