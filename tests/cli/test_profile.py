"""``python -m scale_agent profile``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from scale_agent.cli.main import group, main

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60.0


def told(*arguments: str) -> str:
    given = CliRunner().invoke(group, ["profile", *arguments], catch_exceptions=False)
    assert given.exit_code == 0
    return given.output


def test_show_counts_by_kind_and_tells_the_costs() -> None:
    lines = told("show", str(ROOT / "profiles" / "enterprise.yaml"), "--clusters", "10000").splitlines()
    assert lines[0] == "enterprise: Kubernetes v1.36.2, 2 agent pods"
    counts = {line.split()[0]: line.split() for line in lines if line}
    assert counts["pods"][1:3] == ["300", "300"]
    assert counts["namespaces"][1:3] == ["60", "56"]
    assert "release*.delivery.example.com (20 kinds)" in "\n".join(lines)
    assert next(line for line in lines if line.startswith("memory, 10,000 clusters")).endswith("GB")
    assert next(line for line in lines if line.startswith("requests of Rancher")).endswith("/s by 10,000 clusters")


def test_show_reads_the_older_format(tmp_path: Path) -> None:
    (tmp_path / "cluster.yaml").write_text("pods: [{name: a, ready: 1/1}]\n")
    assert "pods" in told("show", str(tmp_path / "cluster.yaml"))


def test_schema_is_the_committed_one() -> None:
    assert told("schema") == (ROOT / "profiles" / "profile.schema.json").read_text()


def test_a_mistake_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("name: own\nversion: v1.36.2\nnodse: []\n")
    with pytest.raises(SystemExit) as ended:
        main(["profile", "show", str(path)])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: unknown field 'nodse' ({path}:3 nodse): use one of agent, api")


def test_it_runs_as_a_process() -> None:
    command = [sys.executable, "-m", "scale_agent", "profile", "show", str(ROOT / "profiles" / "small.yaml")]
    ended = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.startswith(b"small: Kubernetes v1.36.2, 1 agent pod\n")
