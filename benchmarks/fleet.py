"""``python -m benchmarks.fleet``: many clusters of real Locust workers against peers that play Rancher.

Starts the peers (Go, Rancher's own libraries) and for each a Locust master with its workers, ramps, waits until every
import is through and the connections it used are closed, measures at rest, cuts every websocket if asked to, ends the
run with its clean-up, and compares both sides' books: the difference must be zero.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from benchmarks.figures import Figure, keep, table
from benchmarks.fleet_books import Generator, compare, merged_quantile, summed
from benchmarks.fleet_processes import Child, Load, Peer, Swarm, build_peer

_LOOK_S = 1.0
_IDLE_CONNECTIONS_S = 100.0
_WATCHES, _RETRY_S = 12, 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A run. ``limit_s`` is the patience for the ramp and for every other phase."""

    clusters: int
    rate: float
    peers: int
    workers: int
    rest_s: float
    settle_s: float
    storm: bool
    profile: str
    concurrency: int
    limit_s: float
    memory_mib: int


@dataclass(slots=True)
class Fleet:
    """All processes of a run, and what was measured."""

    plan: Plan
    out: Path
    peers: list[Peer] = field(default_factory=list)
    swarms: list[Swarm] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)

    def books(self) -> list[dict[str, Any]]:
        """Every peer's books now."""
        return [peer.ask("/books") for peer in self.peers]

    def total(self, part: str, name: str) -> int:
        """A number over all peers."""
        return summed(self.books(), part)[name]

    @property
    def workers(self) -> list[Child]:
        return [worker for swarm in self.swarms for worker in swarm.workers]

    def cpu_s(self) -> float:
        """CPU of all workers so far."""
        return sum(worker.cpu_s() for worker in self.workers)

    def peers_cpu_s(self) -> float:
        """CPU of all peers so far."""
        return sum(peer.child.cpu_s() for peer in self.peers)

    def resident(self) -> list[int]:
        """Resident memory of each worker, bytes."""
        return [worker.resident_bytes() for worker in self.workers]

    def until(self, what: str, done: Callable[[], bool], look: Callable[[], None] = lambda: None) -> float:
        """Wait for something that others bring about; how long it took. ``RuntimeError`` when it does not come."""
        start_s = time.monotonic()
        while not done():
            look()
            if time.monotonic() - start_s > self.plan.limit_s:
                raise RuntimeError(f"not within {self.plan.limit_s:.0f} s: {what}; {self.status()}")
            if gone := [one.name for one in (*self.workers, *(swarm.master for swarm in self.swarms)) if not one.alive]:
                raise RuntimeError(f"ended while waiting for {what}: {', '.join(gone)}")
            time.sleep(_LOOK_S)
        return time.monotonic() - start_s

    def status(self) -> str:
        """One line for whoever waits."""
        states = [peer.ask("/states") for peer in self.peers]
        return json.dumps({"states": states, "errors": [one["errors"] for one in self.books()]})[:2000]


@contextmanager
def _running(plan: Plan, out: Path) -> Iterator[Fleet]:
    fleet = Fleet(plan, out)
    binary = build_peer(out)
    try:
        for number in range(plan.peers):
            fleet.peers.append(Peer.start(number, binary, out, plan.memory_mib))
        yield fleet
    finally:
        for swarm in fleet.swarms:
            for child in (swarm.master, *swarm.workers):
                child.stop(wait_s=10)
        for peer in fleet.peers:
            peer.child.stop(wait_s=10)


def _ramp(fleet: Fleet) -> None:
    plan, base = fleet.plan, list[int]()
    share = Load(plan.clusters // plan.peers, plan.rate / plan.peers, plan.workers, plan.profile, plan.concurrency)
    for number, peer in enumerate(fleet.peers):
        fleet.swarms.append(Swarm.start(number, peer, share, fleet.out))
    wanted = share.clusters * plan.peers
    fleet.found["clusters"] = wanted

    def note_base() -> None:
        base[:] = fleet.resident()

    fleet.until("the first cluster", lambda: fleet.total("clusters", "created") > 0, note_base)
    series: list[dict[str, float]] = []
    start_s = time.monotonic()

    def note_growth() -> None:
        clusters = summed(fleet.books(), "clusters")
        series.append(
            {
                "at_s": round(time.monotonic() - start_s, 1),
                **{name: clusters[name] for name in ("created", "active", "imported")},
                "resident_bytes": sum(fleet.resident()),
                "cpu_s": round(fleet.cpu_s(), 2),
                "peers_cpu_s": round(fleet.peers_cpu_s(), 2),
            }
        )

    fleet.found |= {
        "series": series,
        "base_bytes": base,
        "ramp_cpu_s": -fleet.cpu_s(),
        "ramp_peers_cpu_s": -fleet.peers_cpu_s(),
    }
    ramp_s = fleet.until("all are active", lambda: fleet.total("clusters", "active") >= wanted, note_growth)
    click.echo(f"{wanted} active after {ramp_s:.0f} s")
    fleet.until("all imports are through", lambda: fleet.total("clusters", "imported") >= wanted, note_growth)
    fleet.found |= {"ramp_s": ramp_s, "ramp_lag": "not told by the generator"}
    fleet.found["ramp_cpu_s"] += fleet.cpu_s()
    fleet.found["ramp_peers_cpu_s"] += fleet.peers_cpu_s()
    click.echo(f"imports through; {fleet.status()}")


def _rest(fleet: Fleet) -> None:
    """Measure at rest: memory and its slope, CPU, probes."""
    time.sleep(fleet.plan.settle_s)
    before, start_s, cpu_s, peers_s = fleet.books(), time.monotonic(), fleet.cpu_s(), fleet.peers_cpu_s()
    samples = []
    while (now_s := time.monotonic() - start_s) < fleet.plan.rest_s:
        samples.append((now_s, fleet.resident()))
        time.sleep(min(5.0, fleet.plan.rest_s))
    took_s, clusters, after = time.monotonic() - start_s, fleet.found["clusters"], fleet.books()
    grown = [now - then for now, then in zip(fleet.resident(), fleet.found["base_bytes"], strict=True)]
    fleet.found |= {
        "idle_cpu_ms_per_s": (fleet.cpu_s() - cpu_s) * 1000 / took_s / clusters,
        "peer_idle_cpu_ms_per_s": (fleet.peers_cpu_s() - peers_s) * 1000 / took_s / clusters,
        "memory_per_cluster_bytes": sum(grown) / clusters,
        "memory_slope_bytes_per_s": _slope([(at_s, sum(sizes)) for at_s, sizes in samples]),
        "resident_bytes": fleet.resident(),
        "probe_p99_ms": merged_quantile(after, "ping", 0.99, before),
        "readyz_p99_ms": merged_quantile(after, "readyz", 0.99, before),
        "open": {name: summed(after, name)["open"] for name in ("connections", "watches")},
        "tunnels_open": dict(summed(after, "tunnels_open")),
        "peer": [peer.ask("/gc", post=True) for peer in fleet.peers],
    }


def _slope(points: list[tuple[float, int]]) -> float:
    """Least squares; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(at_s for at_s, _ in points) / len(points)
    mean_y = sum(size for _, size in points) / len(points)
    spread = sum((at_s - mean_x) ** 2 for at_s, _ in points)
    return sum((at_s - mean_x) * (size - mean_y) for at_s, size in points) / spread


def _storm(fleet: Fleet) -> None:
    """Cut every websocket at once; how long until all watches are back, from the first retry on."""
    wanted: int = fleet.found["clusters"]
    _quiet(fleet)
    before = fleet.total("watches", "opened")
    cut = sum(peer.ask("/storm?share=1", post=True)["cut"] for peer in fleet.peers)
    for peer in fleet.peers:
        peer.ask("/go-on", post=True)

    def back() -> bool:
        books = fleet.books()
        tunnels, watches = summed(books, "tunnels_open"), summed(books, "watches")
        again = watches["opened"] - before >= _WATCHES * wanted
        return again and watches["open"] >= _WATCHES * wanted and min(tunnels["main"], tunnels["stv"]) >= wanted

    took_s = fleet.until("all are back after the storm", back)
    books = fleet.books()
    fleet.found |= {
        "storm_cut": cut,
        "storm_s": max(0.0, took_s - _RETRY_S),
        "resume_p99_s": merged_quantile(books, "resume", 0.99) / 1000,
    }
    click.echo(f"{cut} websockets cut, all back after {took_s:.0f} s")


def _quiet(fleet: Fleet) -> None:
    """No probe begins any more, and none is under way."""
    for peer in fleet.peers:
        peer.ask("/pause", post=True)
    fleet.until("no request is under way", lambda: all(one["in_flight"] == 0 for one in fleet.books()))


def _end(fleet: Fleet) -> None:
    _quiet(fleet)
    fleet.found["exit_codes"] = [swarm.stop() for swarm in fleet.swarms]
    books = fleet.books()
    generator = Generator.read(swarm.out / "records.jsonl" for swarm in fleet.swarms)
    lines = compare(generator, list(books))
    different = [line for line in lines if line.difference]
    fleet.found |= {
        "books_difference": sum(abs(line.difference) for line in lines),
        "different": [
            {"what": one.what, "generator": one.generator, "peers": one.peers, "lost": one.slack} for one in different
        ],
        "compared": len(lines),
        "requests": {
            "generator": generator.served.total(),
            "peers": sum(row["n"] for one in books for row in one["requests"] if row["status"]),
        },
        "requests_lost": sum(row["n"] for one in books for row in one["requests"] if not row["status"]),
        "generator": {
            "errors": dict(generator.errors),
            "lost": dict(generator.lost),
            "handshakes": dict(generator.handshakes),
            "bytes": dict(generator.sizes),
        },
        "peers": {
            **{
                part: dict(summed(books, part))
                for part in ("errors", "tunnels", "events", "watches", "connections", "bytes", "clusters")
            },
            "examples": [one["examples"] for one in books],
            "import_p50_ms": merged_quantile(books, "import", 0.5),
            "request_p99_ms": merged_quantile(books, "request", 0.99),
            "tls_handshake_p99_ms": merged_quantile(books, "tls_handshake", 0.99),
            "active_p50_ms": merged_quantile(books, "active", 0.5),
        },
    }


def _figures(found: dict[str, Any]) -> dict[str, Figure]:
    clusters = found["clusters"]
    rows = (
        ("memory_per_cluster_bytes", found["memory_per_cluster_bytes"], "B", 360e3),
        ("idle_cpu_ms_per_s", found["idle_cpu_ms_per_s"], "ms/s", 0.08),
        ("ramp_cpu_ms", found["ramp_cpu_s"] * 1000 / clusters, "ms", None),
        ("clusters_connected", min(found["tunnels_open"].values()), "", clusters),
        ("probe_p99_ms", found["probe_p99_ms"], "ms", 100),
        ("ramp_clusters_per_s", clusters / found["ramp_s"], "1/s", 6),
        ("storm_s", found.get("storm_s"), "s", 90),
        ("books_difference", found["books_difference"], "", 0),
        ("peer_memory_per_cluster_bytes", sum(one["rss_bytes"] for one in found["peer"]) / clusters, "B", None),
        ("peer_goroutines_per_cluster", sum(one["goroutines"] for one in found["peer"]) / clusters, "", None),
        ("peer_idle_cpu_ms_per_s", found["peer_idle_cpu_ms_per_s"], "ms/s", None),
        ("peer_ramp_cpu_ms", found["ramp_peers_cpu_s"] * 1000 / clusters, "ms", None),
    )
    return {name: Figure.of([value], unit, target) for name, value, unit, target in rows if value is not None}


@click.command()
@click.option("--clusters", type=click.IntRange(1, 12000), default=100, show_default=True)
@click.option("--rate", type=float, default=4.0, show_default=True, help="Clusters per second, all together.")
@click.option("--peers", type=click.IntRange(1, 8), default=2, show_default=True, help="Each takes 6,000 clusters.")
@click.option("--workers", type=click.IntRange(1, 8), default=1, show_default=True, help="Locust workers per peer.")
@click.option("--rest", "rest_s", type=float, default=60.0, show_default=True, help="Seconds to measure at rest.")
@click.option(
    "--settle", "settle_s", type=float, default=_IDLE_CONNECTIONS_S, show_default=True, help="Seconds before that."
)
@click.option("--storm", is_flag=True, help="Then cut every websocket.")
@click.option("--profile", default="profiles/small.yaml", show_default=True)
@click.option(
    "--concurrency", type=int, default=10, show_default=True, help="Creations and deletions at once, per process."
)
@click.option(
    "--limit", "limit_s", type=float, default=900.0, show_default=True, help="Seconds for the ramp, and any wait."
)
@click.option("--memory-mib", type=int, default=6144, show_default=True, help="GOMEMLIMIT of each peer.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/fleet"), show_default=True)
def main(out: Path, **options: Any) -> None:
    """Run a fleet and compare both sides' books."""
    plan, out = Plan(**options), out.resolve() / time.strftime("%H%M%S")
    out.mkdir(parents=True)
    with _running(plan, out) as fleet:
        try:
            for phase in (_ramp, _rest, *([_storm] if plan.storm else []), _end):
                phase(fleet)
        finally:
            (out / "found.json").write_text(json.dumps(fleet.found, indent=2) + "\n", encoding="utf-8")
            (out / "books.json").write_text(json.dumps(fleet.books(), indent=2) + "\n", encoding="utf-8")
        figures = _figures(fleet.found)
    keep(out / "bench.json", figures)
    click.echo(table(figures))
    click.echo(f"different: {fleet.found['different']}\nerrors: {fleet.found['peers']['errors']}\nwritten to {out}")
    sys.exit(bool(fleet.found["books_difference"] or fleet.found["peers"]["errors"] or any(fleet.found["exit_codes"])))


if __name__ == "__main__":
    main()
