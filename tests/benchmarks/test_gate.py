"""What CI fails on: memory per unit, an unfinished run; and how documents of figures grow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import gate
from benchmarks.figures import Figure, keep, read
from benchmarks.fleet.run import problems_of
from benchmarks.targets import TARGETS, figure

BASELINE = {"memory_per_cluster_bytes": 300_000.0}


def _measured(tmp_path: Path, value: float) -> tuple[str, str, str]:
    measured, baseline = tmp_path / "bench.json", tmp_path / "baseline.json"
    keep(measured, {"memory_per_cluster_bytes": Figure.of([value], "B")})
    baseline.write_text(json.dumps(BASELINE), encoding="utf-8")
    return str(measured), "--baseline", str(baseline)


@pytest.mark.parametrize(("value", "code"), [(200_000, 0), (300_000, 0), (329_000, 0), (331_000, 1)])
def test_a_tenth_more_is_allowed(tmp_path: Path, value: float, code: int) -> None:
    done = CliRunner().invoke(gate.main, [*_measured(tmp_path, value)])
    assert done.exit_code == code, done.output
    assert ("problem" in done.output) == bool(code)


def test_what_was_not_measured_is_no_success() -> None:
    _, problems = gate.judge(BASELINE, {})
    assert problems == ["memory_per_cluster_bytes was not measured"]


def test_the_last_measurement_can_become_the_baseline(tmp_path: Path) -> None:
    arguments = _measured(tmp_path, 500_000)
    assert CliRunner().invoke(gate.main, [*arguments, "--update"]).exit_code == 0
    assert json.loads((tmp_path / "baseline.json").read_text(encoding="utf-8")) == {"memory_per_cluster_bytes": 500_000}


def test_another_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "bench.json").write_text("[]", encoding="utf-8")
    done = CliRunner().invoke(gate.main, [str(tmp_path / "bench.json")])
    assert done.exit_code == 1
    assert "holds no figures" in done.output


def test_the_committed_baseline_names_figures_in_bytes() -> None:
    known = json.loads(gate.BASELINE.read_text(encoding="utf-8"))
    assert known
    assert all(name.endswith("_bytes") and value > 0 for name, value in known.items())


def test_figures_of_the_same_commit_are_kept(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    keep(out, {"a": Figure.of([1], "B"), "b": Figure.of([1], "B")})
    keep(out, {"b": Figure.of([2], "B")}, add=True)
    assert {name: one.value for name, one in read(out).items()} == {"a": 1.0, "b": 2.0}
    keep(out, {"c": Figure.of([3], "B")})
    assert set(read(out)) == {"c"}


def test_figures_of_another_commit_are_not(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    keep(out, {"a": Figure.of([1], "B")})
    document = json.loads(out.read_text(encoding="utf-8")) | {"commit": "another"}
    out.write_text(json.dumps(document), encoding="utf-8")
    keep(out, {"b": Figure.of([2], "B")}, add=True)
    assert set(read(out)) == {"b"}


def test_every_figure_of_the_issue_has_its_target() -> None:
    named = {
        "memory_per_cluster_bytes", "idle_cpu_ms_per_s", "import_cpu_ms", "get_cpu_us", "event_cpu_us",
        "clusters_connected", "probe_p99_ms", "ramp_clusters_per_s", "storm_s", "loop_lag_p99_ms",
        "growth_memory_ratio", "books_difference",
    }  # fmt: skip
    assert named <= set(TARGETS)
    assert figure("storm_s", [80, 70, 90]) == Figure(80, "s", 20, 3, 90)


STEP = {"clusters": 10, "open": {"main": 10, "stv": 10, "watches": 120}}


def test_a_run_without_trouble_has_no_problems() -> None:
    assert problems_of({"failures": [], "steps": [STEP], "end": {"books_difference": 0, "exit_codes": [0, 0]}}) == []


@pytest.mark.parametrize(
    ("found", "word"),
    [
        ({"failures": [{"phase": "storm", "why": "not within 900 s"}]}, "storm"),
        ({"failures": [], "end": {"books_difference": 1, "different": [{"what": "get pods 200"}]}}, "get pods"),
        ({"failures": [], "end": {"books_difference": 0, "exit_codes": [0, 1]}}, "ended with"),
        ({"failures": [], "peers": {"errors": {"ping": 1}, "examples": ["ping: EOF"]}}, "ping: EOF"),
        ({"failures": [], "end": {"generator": {"lost": {"main closed": 1}}}}, "tunnels were lost"),
        ({"failures": [], "storm": {"retries": [{"main": {"n": 9, "too_early": 2}}]}}, "retry law"),
        ({"failures": [], "steps": [{"clusters": 11, "open": STEP["open"]}]}, "stayed open"),
    ],
)
def test_what_fails_a_run(found: dict[str, object], word: str) -> None:
    problems = problems_of(found)
    assert len(problems) == 1
    assert word in problems[0]
