"""From figures to pages and pictures."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import others, pictures, report
from benchmarks.figures import Figure, keep
from benchmarks.targets import figure

PAGE = Path("docs/performance.md")


def _row(table: str, what: str) -> list[str]:
    line = next(line for line in table.splitlines() if what in line)
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize(("value", "verdict"), [(300e3, "stretch"), (350e3, "met"), (361e3, "missed")])
def test_a_row_says_whether_the_target_was_met(value: float, verdict: str) -> None:
    name = "memory_per_cluster_bytes"
    row = _row(report.targets_table({name: figure(name, [value])}), "resident memory")
    assert row[1:7] == ["≤ 360 KB", "≤ 320 KB", f"{value / 1000:.0f} KB", "0 KB", "1", verdict]


@pytest.mark.parametrize(("values", "verdict"), [([-2, 1, 4], "met"), ([1, 3, 5], "missed")])
def test_a_leak_is_met_when_its_interval_holds_zero(values: list[float], verdict: str) -> None:
    row = _row(report.targets_table({"leak_bytes_per_s": figure("leak_bytes_per_s", values)}), "slope of memory")
    assert row[6] == verdict


def test_what_was_not_measured_has_a_dash() -> None:
    assert _row(report.targets_table({}), "storm")[3:6] == ["–", "–", "–"]


def test_ratios_need_both_sides() -> None:
    ours = {"memory_per_cluster_bytes": Figure.of([300e3], "B")}
    found = others.ratios(ours)
    assert set(found) == {"agent_memory_ratio", "kwok_memory_ratio"}
    assert found["kwok_memory_ratio"].value == 1000
    both = others.ratios(ours | {"oracle_memory_bytes": Figure.of([600e6], "B")})
    assert both["oracle_memory_ratio"].value == 2000


def test_the_page_takes_every_table(tmp_path: Path) -> None:
    measured, page = tmp_path / "bench.json", tmp_path / "page.md"
    keep(measured, {"storm_s": figure("storm_s", [70])})
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    done = CliRunner().invoke(report.main, [str(measured), "--page", str(page)])
    assert done.exit_code == 0, done.output
    filled = page.read_text(encoding="utf-8")
    assert "| 70 s | 0 s | 1 | met |" in filled
    CliRunner().invoke(report.main, [str(measured), "--page", str(page)])
    assert page.read_text(encoding="utf-8") == filled


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no marks for targets"):
        report.fill("# Nothing", {"targets": "x"})


@pytest.mark.parametrize(
    ("largest", "expected"),
    [(0, [0, 1]), (10_000, [0, 2000, 4000, 6000, 8000, 10_000]), (0.7, [0, 0.2, 0.4, 0.6, 0.8])],
)
def test_ticks_are_round_and_reach_the_largest(largest: float, expected: list[float]) -> None:
    assert pictures.ticks(largest) == pytest.approx(expected)


def test_a_run_becomes_a_picture_with_all_its_points() -> None:
    steps = [
        {"clusters": count, "memory_bytes": [3e5, 3.1e5], "idle_cpu_ms_per_s": [0.07]} for count in (1000, 2500, 10_000)
    ]
    series = [{"at_s": at_s, "created": at_s, "active": 0, "imported": 0} for at_s in (5, 65)]
    drawn = ET.fromstring(pictures.of_fleet({"steps": steps, "series": series}))
    assert len(drawn.findall(".//{*}polyline")) == 3 + 2 + 2
    assert len(drawn.findall(".//{*}circle")) == 2 * len(steps)


def test_churn_becomes_a_picture(tmp_path: Path) -> None:
    found, measured = tmp_path / "found.json", tmp_path / "bench.json"
    found.write_text(json.dumps({"churn": {"points": [[0, 1e6], [60, 1.1e6]]}}), encoding="utf-8")
    keep(measured, {})
    done = CliRunner().invoke(report.main, [str(measured), "--churn", str(found), "--pictures", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "leak.svg").read_text(encoding="utf-8").startswith("<svg")
