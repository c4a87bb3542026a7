"""What the README says a person can type."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scale_agent.cluster.profile import loads
from tests.integration.conftest import ROOT, StandIn

README = (ROOT / "README.md").read_text()
SHAPES = (ROOT / "docs" / "shapes.md").read_text()
COMMANDS = [
    line.split("   ")[0].strip()
    for block in re.findall(r"^```\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture(scope="module")
def options() -> dict[str, str]:
    """Option → variable, from a process of its own: importing Locust patches the one that does it."""
    code = (
        "import json; from scale_agent.load.options import ARGUMENTS;"
        "print(json.dumps({name: about['env_var'] for name, about in ARGUMENTS}))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return dict(json.loads(told.stdout))


def test_the_first_two_commands_are_ramp_and_test() -> None:
    assert COMMANDS[:2] == ["make ramp", "make test"]


def test_every_make_target_that_the_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = README + (ROOT / "CONTRIBUTING.md").read_text() + (ROOT / "docs" / "fidelity.md").read_text()
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE))
    assert named >= {"ramp", "test", "setup", "check", "conformance", "bench", "schema"}
    assert named <= targets


def test_every_module_and_file_that_contributing_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    modules = set(re.findall(r"python -m (tests\.[a-z.]+)", text))
    files = {one.rstrip(".") for one in re.findall(r"[` ](tests/[\w/.]+|docs/[\w/.]+)", text)}
    assert len(modules) == 5
    assert [one for one in modules if not (ROOT / (one.replace(".", "/") + ".py")).is_file()] == []
    assert [one for one in files if not (ROOT / one).exists()] == []


def test_the_switches_of_a_profile_are_read_and_off_by_themselves() -> None:
    rows = re.findall(r"^\| `([a-z_]+: [^`]+)` \|", README, re.MULTILINE)
    assert {row.partition(":")[0] for row in rows} == {"version", "rbac", "metrics_server", "controllers"}
    switched = loads("name: x\n" + "\n".join(rows))
    assert (switched.version, switched.rbac, switched.metrics_server) == ("v1.36.2+k3s1", True, True)
    assert switched.without == {"kubelet", "events"}
    bare = loads("name: x\nversion: v1.33.1\n")
    assert (bare.version, bare.rbac, bare.metrics_server, bare.without) == ("v1.33.1", False, False, frozenset())


def test_the_share_of_equal_answers_is_not_more_than_the_figure_that_fidelity_has() -> None:
    told = re.search(r"answers (\d+) % the same", README)
    figure = re.search(r"are equal \((\d+\.\d) %\)", (ROOT / "docs" / "fidelity.md").read_text())
    assert told is not None
    assert figure is not None
    assert int(told[1]) <= float(figure[1])


def test_the_command_for_one_cluster_has_these_options() -> None:
    command = next(one for one in COMMANDS if " api " in one).split()
    helped = subprocess.run(
        [str(ROOT / command[0]), *command[1:4], "--help"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert helped.returncode == 0
    assert {one for one in (*command, "--seed") if one.startswith("--")} <= set(re.findall(r"--[a-z]+", helped.stdout))


def test_the_table_of_options_is_the_parsers(options: dict[str, str]) -> None:
    text = README + SHAPES
    rows = re.findall(r"^\| `(--[a-z0-9-]+)[^`]*` \| `([A-Z0-9_]+)` \|", text, re.MULTILINE)
    assert dict(rows) == {"--host": "RANCHER_URL", **options}


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith(".venv/bin/locust")])
def test_the_locust_commands_are_accepted(command: str, options: dict[str, str]) -> None:
    """Their options at least; the runs themselves are tested beside this file."""
    flags = set(re.findall(r"(?<= )(--[a-z-]+|-[a-z])(?= |$)", command))
    known = {"-f", "-u", "-r", "--headless", "--csv", "--processes", *options}
    assert flags <= known


SHAPE_COMMANDS = re.findall(r"^\.venv/bin/locust .*$", SHAPES, re.MULTILINE)


@pytest.mark.parametrize("command", SHAPE_COMMANDS)
def test_the_shapes_commands_are_valid_shapes(command: str) -> None:
    """Read as Locust would read them, in a process of its own: importing it patches everything."""
    code = (
        "import sys; from locust.argument_parser import get_parser; import scale_agent.load\n"
        "from scale_agent.load.shapes.settings import read_shape\n"
        "print(read_shape(vars(get_parser(default_config_files=[]).parse_args(sys.argv[1:]))).name)"
    )
    words = command.split()[1:]
    ran = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=ROOT, check=False)
    assert ran.stdout.strip() == words[words.index("--shape") + 1], ran.stderr


def test_make_ramp_runs_the_whole_job(standin: StandIn, tmp_path: Path) -> None:
    variables = {"CLUSTERS": "2", "RATE": "2", "HOLD": "1", "OUT": str(tmp_path / "out")}
    ran = subprocess.run(
        ["make", "ramp"],
        cwd=ROOT,
        env={**os.environ, **standin.environment, **variables},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert "all 2 clusters became active, and all is clean" in ran.stdout + ran.stderr
    assert (tmp_path / "out" / "clusters.csv").read_text().count("\n") == 3
    assert (tmp_path / "out" / "records.jsonl").stat().st_size > 0


def test_sweep_is_there() -> None:
    command = next(one for one in COMMANDS if "sweep" in one).split()
    helped = subprocess.run(
        [str(ROOT / command[0]), *command[1:4], "--help"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert helped.returncode == 0
    assert "--run-id" in helped.stdout
