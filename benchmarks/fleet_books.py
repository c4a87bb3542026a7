"""Both sides' books of a fleet run, and where they differ.

The peers count what they asked and was answered, the generator what it answered; a request whose answer was lost on
the way (the tunnel was cut, an agent made way for the next) is in the generator's books only, if it was answered at
all, and in the peers' as lost. So a row agrees when the generator's count is the peers', or more by no more than were
lost.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = tuple[str, str, int]

#: Names of the generator's REST records, and the peer's names for the same calls. (The master's look at the server
#: before the run is in no record.)
_CALLS = (
    (("POST create",), ("create",)),
    (("GET token",), ("token",)),
    (("GET manifest",), ("manifest",)),
    (("GET resolve", "GET find"), ("get provisioning",)),
    (("GET list", "GET poll"), ("list", "list provisioning")),
    (("GET state",), ("state",)),
    (("DELETE delete",), ("delete",)),
    (("GET subscribe",), ("subscribe",)),
    (("agent ping",), ("ping",)),
    (("agent cacerts",), ("cacerts",)),
    (("agent root",), ("root",)),
    (("agent connect",), ("connect",)),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that both sides counted. ``slack``: how many the peers lost on the way."""

    what: str
    generator: int
    peers: int
    slack: int = 0

    @property
    def difference(self) -> int:
        """0 when the books agree."""
        beyond = self.generator - self.peers
        return beyond if beyond < 0 else max(0, beyond - self.slack)


@dataclass(slots=True)
class Generator:
    """What the generator's records say."""

    served: Counter[Row]
    sizes: Counter[str]
    calls: Counter[str]
    handshakes: Counter[str]
    lost: Counter[str]
    errors: Counter[str]
    life: Counter[str]

    @classmethod
    def read(cls, files: Iterable[Path]) -> Generator:
        """Add up records.jsonl of every master."""
        found = cls(*(Counter() for _ in range(7)))
        for file in files:
            with file.open(encoding="utf-8") as lines:
                for line in lines:
                    found._add(json.loads(line))
        return found

    def _add(self, record: Mapping[str, Any]) -> None:
        kind, name, detail = record["kind"], record["name"], record.get("detail", {})
        if kind == "served":
            verb, _, resource = name.partition(" ")
            self.served[verb, resource, int(detail["status"])] += detail["n"]
            self.sizes["in"] += detail["bytes_in"]
            self.sizes["out"] += detail["bytes_out"]
        elif kind == "request":
            self.calls[name] += 1
        elif kind == "handshake":
            self.handshakes[f"{name} {'failed' if record.get('error') else 'opened'}"] += 1
        elif kind == "lost":
            self.lost[f"{name} {record.get('error', '')}"] += 1
        elif kind == "error":
            self.errors[name] += 1
        elif kind in ("life", "phase"):
            self.life[name] += 1


def summed(books: Iterable[Mapping[str, Any]], part: str) -> Counter[str]:
    """A part of several peers' books added up."""
    total: Counter[str] = Counter()
    for one in books:
        total.update(one[part])
    return total


def _asked(books: Iterable[Mapping[str, Any]]) -> Counter[Row]:
    total: Counter[Row] = Counter()
    for one in books:
        for row in one["requests"]:
            total[row["verb"], row["resource"], row["status"]] += row["n"]
    return total


def _folded(rows: Counter[Row], known: set[tuple[str, str]]) -> Counter[Row]:
    """Names that the generator's closed list does not have are ``other`` there."""
    out: Counter[Row] = Counter()
    for (verb, resource, status), count in rows.items():
        out[verb, resource if (verb, resource) in known else "other", status] += count
    return out


def compare(generator: Generator, books: list[Mapping[str, Any]]) -> list[Line]:
    """Every line that both sides have."""
    known = {(verb, resource) for verb, resource, _ in generator.served}
    asked = _folded(_asked(books), known)
    lines = []
    for verb, resource, status in sorted(key for key in generator.served.keys() | asked.keys() if key[2]):
        row = (verb, resource, status)
        lines.append(Line(f"{verb} {resource} {status}", generator.served[row], asked[row], asked[verb, resource, 0]))
    rest, tunnels, clusters = summed(books, "rest"), summed(books, "tunnels"), summed(books, "clusters")
    for ours, theirs in _CALLS:
        count = sum(n for call, n in rest.items() if call.rpartition(" ")[0] in theirs)
        lines.append(Line(f"REST {ours[0]}", sum(generator.calls[name] for name in ours), count))
    for tunnel in ("main", "stv"):
        lines.append(Line(f"tunnel {tunnel}", generator.handshakes[f"{tunnel} opened"], tunnels[f"{tunnel} opened"]))
    lines += [Line(f"clusters {one}", generator.life[one], clusters[one]) for one in ("created", "active", "deleted")]
    return lines


def merged_quantile(
    books: Iterable[Mapping[str, Any]], name: str, q: float, before: Iterable[Mapping[str, Any]] = ()
) -> float:
    """A quantile in milliseconds over several peers; what was there ``before`` is taken off."""
    counts: Counter[int] = Counter()
    for sign, many in ((1, books), (-1, before)):
        for one in many:
            for bucket, count in one["latencies_ms"][name]["buckets"].items():
                counts[int(bucket)] += sign * count
    wanted, seen = q * sum(counts.values()), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted and counts[bucket] > 0:
            return round(float(2 ** ((bucket + 1) / 8) / 1000), 3)
    return 0.0
