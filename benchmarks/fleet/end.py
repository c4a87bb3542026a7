"""The end: no probe is under way, the generator cleans up, and both sides' books are compared."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.fleet.books import Generator, compare, merged_quantile, summed
from benchmarks.fleet.running import Fleet, RunFailed

_TOLD = ("errors", "tunnels", "events", "watches", "connections", "bytes", "clusters")


def quiet(fleet: Fleet) -> None:
    """No probe begins any more, and none is under way."""
    fleet.post("/pause")
    fleet.until("no request is under way", lambda: all(one["in_flight"] == 0 for one in fleet.books()))


def end(fleet: Fleet) -> None:
    """Into ``found["end"]``: how the clean-up went and what the comparison of the books says."""
    quiet(fleet)
    took_s = _clean_up(fleet)
    codes = [swarm.master.stop(0) for swarm in fleet.swarms]
    books = fleet.books()
    generator = Generator.read(swarm.out / "records.jsonl" for swarm in fleet.swarms)
    fleet.found["end"] = {"clean_up_s": round(took_s, 1), "exit_codes": codes, **compared(generator, books)}
    fleet.found["peers"] = {part: dict(summed(books, part)) for part in _TOLD} | {
        "examples": [one["examples"] for one in books],
        "import_p50_ms": merged_quantile(books, "import", 0.5),
        "request_p99_ms": merged_quantile(books, "request", 0.99),
        "tls_handshake_p99_ms": merged_quantile(books, "tls_handshake", 0.99),
        "active_p50_ms": merged_quantile(books, "active", 0.5),
    }


def _clean_up(fleet: Fleet) -> float:
    """Ask every master to end its run, clean-up and all; how long they took, seconds."""
    start_s = time.monotonic()
    for swarm in fleet.swarms:
        swarm.master.ask_to_end()
    while any(swarm.master.alive for swarm in fleet.swarms):
        fleet.say("cleaning up")
        if time.monotonic() - start_s > fleet.plan.limit_s:
            raise RunFailed(f"clean-up takes longer than {fleet.plan.limit_s:.0f} s; {fleet.status()}")
        time.sleep(0.2)
    for worker in fleet.workers:
        worker.stop(wait_s=30)
    return time.monotonic() - start_s


def compared(generator: Generator, books: list[dict[str, Any]]) -> dict[str, Any]:
    """Every line on which the books differ, and their sum."""
    lines = compare(generator, books)
    return {
        "books_difference": sum(abs(line.difference) for line in lines),
        "different": [line.told() for line in lines if line.difference],
        "explained": [line.told() for line in lines if line.lost and not line.difference],
        "compared": len(lines),
        "requests": {
            "generator": generator.served.total(),
            "peers": sum(row["n"] for one in books for row in one["requests"] if row["status"]),
            "lost": sum(row["n"] for one in books for row in one["requests"] if not row["status"]),
        },
        "generator": {
            "errors": dict(generator.errors),
            "lost": dict(generator.lost),
            "handshakes": dict(generator.handshakes),
            "bytes": dict(generator.sizes),
            "counters": dict(generator.counters),
        },
    }
