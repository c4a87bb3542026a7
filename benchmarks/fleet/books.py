"""Both sides' books of a fleet run, and where they differ.

The peers count what they asked and was answered, the generator what it answered. A request whose answer was lost on
the way (the tunnel was cut, an agent made way for the next) is in the peers' books as lost, with the cause; the
generator has answered it, or never got it. So of each kind of request

* no status may be rarer with the generator than with the peers: somebody else would have answered;
* what the generator answered beyond that, over all statuses, was lost: no more than the peers lost of this kind;
* what the peers lost has a cause: one of the ends of tunnels that they counted.

A call of an agent that was stopped while it waited is in the generator's books as abandoned; the peers may have
seen it. What went over the wire was sent before it was received: nobody received more than was sent, and what is
missing was under way when a tunnel ended.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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


#: Names of the peers' counters of what went with a tunnel, one for each request that was given up.
_CAUSES = (
    "requests lost with their tunnel",
    "readyz lost with its tunnel",
    "pings lost with their tunnel",
    "watches not begun for want of a tunnel",
    "dropped by a sync",
    "failed",
)
#: The peers' errors of which each is a request without an answer.
_LOSSES = ("request lost", "request timeout", "TLS handshake", "watch", "ping", "readyz", "change")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that both sides counted. ``lost``: how many of the generator's the peers know to be lost."""

    what: str
    generator: int
    peers: int
    lost: int = 0

    @property
    def difference(self) -> int:
        """0 when the books agree."""
        return self.generator - self.peers - self.lost

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {"what": self.what, "generator": self.generator, "peers": self.peers, "lost": self.lost}


@dataclass(slots=True)
class Generator:
    """What the generator's records say."""

    served: Counter[Row]
    sizes: Counter[str]
    calls: Counter[str]
    handshakes: Counter[str]
    lost: Counter[str]
    failed: Counter[str]
    errors: Counter[str]
    life: Counter[str]
    #: What went through the tunnels, by the names of ``scale_agent.cluster.counts``.
    counters: Counter[str]

    @classmethod
    def read(cls, files: Iterable[Path]) -> Generator:
        """Add up records.jsonl of every master."""
        found = cls(*(Counter() for _ in range(9)))
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
            self.failed[name] += bool(record.get("error"))
        elif kind == "handshake":
            self.handshakes[f"{name} {'failed' if record.get('error') else 'opened'}"] += 1
        elif kind == "lost":
            self.lost[f"{name} {record.get('error', '')}"] += 1
        elif kind == "error":
            self.errors[name] += 1
        elif kind in ("life", "phase"):
            self.life[name] += 1
        elif kind == "counts":
            self.counters.update(detail)


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


def compare(generator: Generator, books: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Every line that both sides have."""
    return [*_requests(generator, books), *_calls(generator, books), *_life(generator, books), *_wire(generator, books)]


def _requests(generator: Generator, books: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Tunnelled requests by verb, resource and status; what the peers lost of a kind is given out once."""
    known = {(verb, resource) for verb, resource, _ in generator.served}
    asked = _folded(_asked(books), known)
    left = Counter({(verb, resource): count for (verb, resource, status), count in asked.items() if not status})
    lines = []
    for row in sorted(key for key in generator.served.keys() | asked.keys() if key[2]):
        kind, beyond = row[:2], generator.served[row] - asked[row]
        lost = min(max(beyond, 0), left[kind])
        left[kind] -= lost
        lines.append(Line(" ".join(map(str, row)), generator.served[row], asked[row], lost))
    return [*lines, _causes(books, asked)]


def _causes(books: Sequence[Mapping[str, Any]], asked: Counter[Row]) -> Line:
    """Each try that was lost was given up for a cause, sent or not, or asked again, or is among the peers' errors."""
    tunnels, wire, errors = summed(books, "tunnels"), summed(books, "wire"), summed(books, "errors")
    given_up = sum(tunnels[cause] + tunnels[f"not sent: {cause}"] for cause in _CAUSES)
    given_up += sum(errors[kind] for kind in _LOSSES)
    unwritten = summed(books, "requests_unwritten").total()
    lost = sum(count for row, count in asked.items() if not row[2])
    return Line("requests lost, by cause and by kind", given_up + wire["requests_repeated"], lost + unwritten)


def _calls(generator: Generator, books: Sequence[Mapping[str, Any]]) -> list[Line]:
    """REST calls, and the agents' own: of those that failed nobody knows whether they came through."""
    rest, abandoned = summed(books, "rest"), generator.counters["abandoned_requests"]
    lines = []
    for ours, theirs in _CALLS:
        seen = sum(n for call, n in rest.items() if call.rpartition(" ")[0] in theirs)
        made, failed = (sum(many[name] for name in ours) for many in (generator.calls, generator.failed))
        more = min(max(seen - made, 0), abandoned) if ours[0].startswith("agent ") else 0
        abandoned -= more
        lines.append(Line(f"REST {ours[0]}", made, seen, min(max(made - seen, 0), failed) - more))
    return lines


def _life(generator: Generator, books: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Tunnels opened, and the milestones of clusters."""
    tunnels, clusters = summed(books, "tunnels"), summed(books, "clusters")
    abandoned = generator.counters["abandoned_dials"]
    lines = []
    for one in ("main", "stv"):
        made, seen = generator.handshakes[f"{one} opened"], tunnels[f"{one} opened"]
        unknown = min(max(seen - made, 0), abandoned + generator.handshakes[f"{one} failed"])
        abandoned -= min(unknown, abandoned)
        lines.append(Line(f"tunnel {one}", made, seen, -unknown))
    for one in ("created", "active", "deleted"):
        lines.append(Line(f"clusters {one}", generator.life[one], clusters[one]))
    return lines


#: What the generator sent and the peers received, by its name on both sides; the others went the other way.
_SENT = ("events", "bookmarks", "bytes_out", "pings")
_RECEIVED = ("connections_opened", "bytes_in", "pongs")


def _wire(generator: Generator, books: Sequence[Mapping[str, Any]]) -> list[Line]:
    """What went through the tunnels; ``lost`` was under way when one of them ended: no more than one ping and one pong
    of each, and no connections but those of which the peers heard nothing.
    """
    theirs = summed(books, "wire")
    tunnels = summed(books, "tunnels")
    ended = tunnels["main closed"] + tunnels["stv closed"]
    bounds = {"pings": ended, "pongs": ended, "connections_opened": theirs["connections_unheard"]}
    lines = []
    for name in _SENT + _RECEIVED if theirs else ():
        beyond = generator.counters[name] - theirs[name]
        possible = ended and (beyond >= 0 if name in _SENT else beyond <= 0)
        bound = bounds.get(name, abs(beyond))
        lost = max(-bound, min(bound, beyond)) if possible else 0
        lines.append(Line(f"wire {name}", generator.counters[name], theirs[name], lost))
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
    return quantile_ms(counts, q)


def quantile_ms(counts: Mapping[int, int], q: float) -> float:
    """The upper end, in milliseconds, of the bucket where a quantile lies: eight buckets per doubling, from 1 µs up."""
    wanted, seen = q * sum(counts.values()), 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= wanted and counts[bucket] > 0:
            return round(float(2 ** ((bucket + 1) / 8) / 1000), 3)
    return 0.0
