"""The storm: many websockets are cut at once; how long until everything is back, and whether nobody came too early."""

from __future__ import annotations

from typing import Any

from benchmarks.fleet.books import merged_quantile, summed
from benchmarks.fleet.end import quiet
from benchmarks.fleet.rest import WATCHES
from benchmarks.fleet.running import Fleet

#: remotedialer's client sleeps 5 s after a loss (the second tunnel), the agent's main loop 10 s.
FIRST_RETRY_S = 5.0


def storm(fleet: Fleet) -> None:
    """Cut the plan's share of all websockets; ``found["storm"]``: how many, and the time after the first retry."""
    wanted = fleet.there
    quiet(fleet)
    before = fleet.books()
    cut = sum(answer["cut"] for answer in fleet.post(f"/storm?share={fleet.plan.storm_share:g}"))
    start = fleet.sample()
    fleet.post("/go-on")

    def back() -> bool:
        books = fleet.books()
        tunnels, watches = summed(books, "tunnels_open"), summed(books, "watches")
        gone = _closed(books) - _closed(before)
        return gone >= cut and watches["open"] >= WATCHES * wanted and min(tunnels["main"], tunnels["stv"]) >= wanted

    took_s = fleet.until(f"all back after {cut} websockets were cut", back)
    books, end = fleet.books(), fleet.sample()
    watches = summed(books, "watches")["opened"] - summed(before, "watches")["opened"]
    fleet.found["storm"] = {
        "share": fleet.plan.storm_share,
        "cut": cut,
        "back_s": round(took_s, 2),
        "storm_s": round(max(0.0, took_s - FIRST_RETRY_S), 2),
        "watches_resumed": watches,
        "resume_p99_s": round(merged_quantile(books, "resume", 0.99, before) / 1000, 2),
        "cpu_s": round(end.cpu_s - start.cpu_s, 2),
        "peers_cpu_s": round(end.peers_cpu_s - start.peers_cpu_s, 2),
        "errors": dict(summed(books, "errors") - summed(before, "errors")),
        "tunnels": dict(summed(books, "tunnels") - summed(before, "tunnels")),
        "retries": [one.get("retries") for one in books],
    }
    fleet.tell(f"{cut} websockets cut, all back after {took_s:.0f} s")


def _closed(books: list[dict[str, Any]]) -> int:
    tunnels = summed(books, "tunnels")
    return tunnels["main closed"] + tunnels["stv closed"]
