"""A fleet's plan, its figures, the loop lag that its processes told, and that children end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.fleet.child import Child
from benchmarks.fleet.lag import health, lag_p99_ms
from benchmarks.fleet.plan import FORMS, plan_of
from benchmarks.fleet.ramp import Moving
from benchmarks.fleet.result import figures_of


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_form_is_a_plan(form: str) -> None:
    assert plan_of(form, {}).phases[-1] == "end"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"steps": ()}, "steps"),
        ({"steps": (20, 10)}, "growing"),
        ({"steps": (1,)}, "at least one"),
        ({"steps": (11,)}, "divisible"),
        ({"phases": ("ramp", "calm")}, "calm"),
        ({"rates": (5.0, 0.0)}, "positive"),
    ],
)
def test_what_cannot_be_done_is_refused(changes: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        plan_of("short", changes)


def test_each_step_has_its_rate() -> None:
    plan = plan_of("full", {"rates": (8.0, 6.0)})
    assert [plan.rate(number) for number in range(4)] == [8, 6, 6, 6]


def test_numbers_that_stand_still_are_noticed() -> None:
    now_s = [0.0]
    moving = Moving(10.0, lambda: now_s[0])
    looks = [(0, 1), (9, 1), (11, 2), (20, 2), (22, 2), (23, 3)]
    found = []
    for now_s[0], count in looks:
        found.append(moving.stands([count]))
    assert found == [False, False, False, False, True, False]


def _step(clusters: int, memory: float, cpu: float) -> dict[str, object]:
    return {
        "clusters": clusters, "new": 1000, "ramp_s": 100.0, "cpu_s": 80.0, "peers_cpu_s": 40.0,
        "memory_bytes": [memory, memory + 2, memory + 4], "idle_cpu_ms_per_s": [cpu], "peers_idle_cpu_ms_per_s": [0.1],
        "open": {"main": clusters, "stv": clusters, "watches": 12 * clusters},
        "peers_resident_bytes": [clusters * 1000], "probe_p99_ms": [5.0, 7.0], "errors": {},
    }  # fmt: skip


def test_figures_of_a_run() -> None:
    found = {
        "steps": [_step(1000, 300_000, 0.08), _step(2000, 303_000, 0.084)],
        "storm": {"storm_s": 44.0},
        "churn": {"slope": {"low": -1.0, "value": 0.5, "high": 2.0}},
        "end": {"books_difference": 0},
        "lag_p99_ms": [12.0, 14.0],
    }
    figures = {name: one.value for name, one in figures_of(found).items()}
    assert figures["memory_per_cluster_bytes"] == 303_000
    assert figures["growth_memory_ratio"] == pytest.approx(1.01, abs=1e-3)
    assert figures["growth_idle_cpu_ratio"] == pytest.approx(1.05)
    assert figures["ramp_clusters_per_s"] == 10
    assert figures["ramp_cpu_ms"] == 80
    assert figures["clusters_connected"] == 2000
    assert (figures["storm_s"], figures["leak_bytes_per_s"], figures["loop_lag_p99_ms"]) == (44, 0.5, 13)


def test_watches_that_are_missing_are_clusters_that_are_not_connected() -> None:
    step = _step(100, 1.0, 1.0) | {"open": {"main": 100, "stv": 100, "watches": 1199}}
    assert figures_of({"steps": [step]})["clusters_connected"].value == 99


def test_a_run_that_found_nothing_has_no_figures() -> None:
    assert figures_of({"failures": [{"phase": "ramp"}]}) == {}


def test_lag_counts_the_seconds_of_a_ramp_with_so_many_clusters(tmp_path: Path) -> None:
    seconds = [(10, 2000, {"80": 99, "160": 1}), (11, 500, {"200": 100}), (99, 2000, {"200": 100})]
    file = tmp_path / "records.jsonl"
    lines = [
        {"kind": "health", "name": "ramp", "at_s": at_s, "detail": {"worker": "w0", "clusters": n, "lag": lag}}
        for at_s, n, lag in seconds
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert lag_p99_ms(health([file]), (1800, 2200), [(0, 20)]) == [pytest.approx(2 ** (81 / 8) / 1000, abs=0.001)]
    assert lag_p99_ms(health([file]), (1800, 2200), [(30, 40)]) == []


def test_a_child_that_does_not_listen_is_ended_by_force(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    child = Child.start("deaf", [sys.executable, "-c", deaf], tmp_path, tmp_path)
    while child.alive and not child.last_lines():
        child.cpu_s()
    assert child.resident_bytes() > 0
    assert child.stop(wait_s=0.1) == -9
    assert (child.cpu_s(), child.resident_bytes(), child.last_lines()) == (0.0, 0, "ready")
