"""One measured fact, and the file format of facts (``records.jsonl``).

A run's records are everything that is known about it: CSV files, tables, pictures and verdicts are made from
them later. One line is one JSON object with the keys of :class:`Record`; a line that was cut off by a crash is
skipped with a count by :func:`read`, everything before it stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

#: The phases of a cluster's life in their usual order; ``clusters.csv`` has one column each.
PHASES = (
    "created",
    "token",
    "manifest",
    "applied",
    "tunnel",
    "first_request",
    "agent_deployed",
    "second_tunnel",
    "connected",
    "ready",
    "active",
    "deleting",
    "deleted",
)

#: What a record can be about: the run (``start``, ``settled``, ``stage`` and ``search`` of a shape, ``end``), a
#: cluster's life (``begun``, ``adopted``, ``replaced``, ``failed``, ``left``), a phase it reached, a REST call, a
#: tunnel's handshake, requests served in a while, an error it survived, a tunnel that was lost, a wait of our own (for
#: a slot to create in), what went through a process's tunnels in a second (``name``: the process; ``detail``: numbers
#: to add up), how a process was in a second.
KINDS = ("run", "life", "phase", "request", "handshake", "served", "error", "lost", "wait", "counts", "health")


@dataclass(frozen=True, slots=True)
class Record:
    """One fact. ``at_s`` is Unix time in seconds; ``cluster`` is empty for facts about the whole run.

    ``name`` is from a closed list per ``kind`` (a phase, a REST call, a tunnel, an error's reason); ``ms`` a duration,
    negative if the fact has none; ``detail`` small and free of secrets.
    """

    kind: str
    name: str
    at_s: float
    cluster: str = ""
    ms: float = -1.0
    error: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


def to_line(record: Record) -> str:
    """The record as one JSON line, defaults left out, with its newline."""
    out: dict[str, Any] = {"kind": record.kind, "name": record.name, "at_s": round(record.at_s, 6)}
    if record.cluster:
        out["cluster"] = record.cluster
    if record.ms >= 0:
        out["ms"] = round(record.ms, 3)
    if record.error:
        out["error"] = record.error
    if record.detail:
        out["detail"] = dict(record.detail)
    return json.dumps(out, separators=(",", ":")) + "\n"


def from_line(line: str) -> Record:
    """Inverse of :func:`to_line`. Raises ``ValueError`` for a line that is not a record."""
    raw = json.loads(line)
    if not isinstance(raw, dict) or not {"kind", "name", "at_s"} <= raw.keys():
        raise ValueError("not a record: an object with kind, name and at_s was expected")
    return Record(
        kind=str(raw["kind"]),
        name=str(raw["name"]),
        at_s=float(raw["at_s"]),
        cluster=str(raw.get("cluster", "")),
        ms=float(raw.get("ms", -1.0)),
        error=str(raw.get("error", "")),
        detail=raw.get("detail", {}),
    )


def append(file: IO[str], record: Record) -> None:
    """Write one record to an open text file."""
    file.write(to_line(record))


@dataclass(slots=True)
class Reader:
    """Reads a records file; ``skipped`` counts lines that were no records (a crash cuts the last one off)."""

    path: Path
    skipped: int = 0

    def __iter__(self) -> Iterator[Record]:
        with self.path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    yield from_line(line)
                except ValueError:
                    self.skipped += 1
