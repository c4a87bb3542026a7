"""The main job, as a person starts it: ``locust`` against a stand-in, through real sockets."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from scale_agent.records import PHASES, Reader
from tests.integration.conftest import ROOT, Locust, StandIn, start_standin, stop, wait_until

Start = Callable[..., Locust]
HEADLESS = ("--headless", "--only-summary")


def rows(run: Locust) -> list[dict[str, str]]:
    with (run.out / "clusters.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def reached(run: Locust, phase: str) -> int:
    path = run.out / "records.jsonl"
    if not path.exists():
        return 0
    return sum(record.kind == "phase" and record.name == phase for record in Reader(path))


def test_twenty_clusters_become_active_and_nothing_is_left(standin: StandIn, locust: Start, tmp_path: Path) -> None:
    prefix = tmp_path / "csv" / "ramp"
    run = locust(
        standin.environment, *HEADLESS, "-u", "20", "-r", "5", "--hold", "2", "--csv", str(prefix), "--run-id", "it"
    )
    assert run.wait() == 0, run.said
    table = rows(run)
    assert len(table) == 20
    for row in table:
        assert row["error"] == ""
        times = [float(row[phase]) for phase in PHASES]
        assert all(time_s >= 0 for time_s in times)
        assert float(row["created"]) <= float(row["applied"]) <= float(row["tunnel"]) <= float(row["active"])
    assert reached(run, "active") == reached(run, "deleted") == 20
    assert standin.names() == set()
    assert "all 20 clusters became active, and all is clean" in run.said
    assert "Traceback" not in run.said
    assert "sim-it-" not in run.said, "a log line per cluster"
    assert (tmp_path / "csv" / "ramp_clusters.csv").read_text() == (run.out / "clusters.csv").read_text()
    stats = (tmp_path / "csv" / "ramp_stats.csv").read_text()
    assert "PHASE,active,20,0," in stats
    assert "AGENT,connect," in stats
    assert ",other," not in stats, "something has no name of its own"


def test_the_other_path_with_a_user_and_a_password(standin: StandIn, locust: Start) -> None:
    environment = {key: value for key, value in standin.environment.items() if key != "RANCHER_TOKEN"}
    environment |= {"RANCHER_USER": "admin", "RANCHER_PASSWORD": "adminadminadmin"}
    run = locust(environment, *HEADLESS, "-u", "3", "-r", "3", "--hold", "0", "--create-path", "v3")
    assert run.wait() == 0, run.said
    assert standin.names() == set()


def test_processes_share_the_work_and_one_set_of_files(standin: StandIn, locust: Start) -> None:
    port = str(20_000 + os.getpid() % 20_000)
    options = (
        "-u",
        "6",
        "-r",
        "6",
        "--hold",
        "1",
        "--processes",
        "2",
        "--master-bind-port",
        port,
        "--master-port",
        port,
    )
    run = locust(standin.environment, *HEADLESS, *options)
    assert run.wait() == 0, run.said
    assert {row["worker"] for row in rows(run)} == {"w0", "w1"}
    assert len(rows(run)) == reached(run, "active") == reached(run, "deleted") == 6
    assert "in 2 process(es)" in run.said
    assert standin.names() == set()


def test_killed_half_way_and_started_again_it_adopts_or_replaces(standin: StandIn, locust: Start) -> None:
    options = (*HEADLESS, "-u", "6", "-r", "3", "--hold", "1", "--run-id", "again")
    first = locust(standin.environment, *options)
    wait_until(lambda: reached(first, "tunnel") >= 3, "three clusters have a tunnel")
    first.kill_all()
    left = standin.names("again")
    assert len(left) >= 3
    assert len(rows(first)) >= 1

    second = locust(standin.environment, *options)
    assert second.wait() == 0, second.said
    taken_over = {row["cluster"]: row["adopted"] for row in rows(second) if row["adopted"]}
    assert taken_over.keys() == left
    assert set(taken_over.values()) <= {"adopted", "replaced"}
    assert standin.names() == set()


def test_sweep_removes_what_a_killed_run_left(standin: StandIn, locust: Start) -> None:
    run = locust(standin.environment, *HEADLESS, "-u", "4", "-r", "4", "--run-id", "lost")
    wait_until(lambda: reached(run, "created") == 4, "four clusters are created")
    run.kill_all()
    assert len(standin.names("lost")) == 4
    environment = {**os.environ, **standin.environment}
    command = [sys.executable, "-m", "scale_agent", "sweep"]
    other = subprocess.run(
        [*command, "--run-id", "other", "--yes"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (other.returncode, len(standin.names("lost"))) == (0, 4)
    assert f"Nothing is left of run other in {standin.ready['url']}" in other.stdout
    done = subprocess.run(
        [*command, "--all-runs", "--yes"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "run lost: 4 clusters" in done.stdout
    assert "4 gone, 0 left" in done.stdout
    assert standin.names() == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_cleanly(standin: StandIn, locust: Start, number: signal.Signals) -> None:
    run = locust(standin.environment, *HEADLESS, "-u", "3", "-r", "3")
    wait_until(lambda: reached(run, "active") == 3, "three clusters are active")
    run.process.send_signal(number)
    assert run.wait() == 0, run.said
    assert standin.names() == set()
    assert "all 3 clusters became active" in run.said


def test_a_second_interrupt_leaves_at_once_and_says_how_to_remove_the_rest(standin: StandIn, locust: Start) -> None:
    run = locust(standin.environment, *HEADLESS, "-u", "6", "-r", "6", "--run-id", "hasty", "--delete-concurrency", "1")
    wait_until(lambda: reached(run, "active") == 6, "six clusters are active")
    run.process.send_signal(signal.SIGINT)
    wait_until(lambda: "Deleting the clusters of run hasty" in run.said, "clean-up has begun")
    run.process.send_signal(signal.SIGINT)
    assert run.wait(20) == 1, run.said
    assert "clean-up was interrupted; to remove the rest: python -m scale_agent sweep --run-id hasty" in run.said
    assert "Waiting for active: subscription, 2 requests" in run.said
    assert "Traceback" not in run.said


def test_a_signal_to_the_whole_group_of_a_distributed_run(standin: StandIn, locust: Start) -> None:
    port = str(20_000 + (os.getpid() + 7) % 20_000)
    options = ("-u", "4", "-r", "4", "--processes", "2", "--master-bind-port", port, "--master-port", port)
    run = locust(standin.environment, *HEADLESS, *options)
    wait_until(lambda: reached(run, "active") == 4, "four clusters are active")
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.wait() == 0, run.said
    assert standin.names() == set()


def test_run_time_ends_the_run(standin: StandIn, locust: Start) -> None:
    run = locust(standin.environment, *HEADLESS, "-u", "2", "-r", "2", "-t", "3s", "--active-timeout", "60")
    code = run.wait()
    assert standin.names() == set()
    assert code == (0 if all(row["active"] for row in rows(run)) else 1)


def test_a_standin_of_its_own_is_started_and_ended(locust: Start) -> None:
    run = locust({}, *HEADLESS, "-u", "1", "-r", "1", "--standin", "-t", "4s")
    assert run.wait() == 1, "four seconds are not enough at the recorded speed"
    assert "It is not Rancher" in run.said
    assert (run.out / "standin.json").exists()
    url = next(word for word in run.said.split() if word.startswith("https://127.0.0.1:")).rstrip(":,;")
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=5)


@pytest.mark.parametrize(
    ("change", "options", "text"),
    [
        ({"RANCHER_URL": "https://127.0.0.1:1"}, (), "refused"),
        ({"RANCHER_URL": "nonsense"}, (), "does not start with https"),
        ({"RANCHER_URL": ""}, (), "no Rancher was given"),
        ({"RANCHER_TOKEN": "token-abcde:" + "x" * 54}, (), "unauthorized|401|token"),
        ({"RANCHER_TOKEN": ""}, (), "no credentials"),
        ({"RANCHER_CACERT": ""}, (), "certificate does not verify"),
        ({"RANCHER_CACERT": "/nowhere.pem"}, (), "cannot be read"),
        ({}, ("--profile", "nowhere.yaml"), "nowhere.yaml"),
        ({}, ("--run-id", "Not_Good"), "--run-id"),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(
    standin: StandIn, locust: Start, change: dict[str, str], options: tuple[str, ...], text: str
) -> None:
    environment = {key: value for key, value in (standin.environment | change).items() if value}
    run = locust(environment, *HEADLESS, "-u", "1", "-t", "20s", *options)
    assert run.wait(30) in (1, 2), run.said
    assert "Traceback" not in run.said
    errors = [line for line in run.said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, run.said
    assert any(word in errors[0] for word in text.split("|")), errors
    assert "x" * 54 not in run.said


def test_bad_input_leaves_no_worker_behind(standin: StandIn, locust: Start) -> None:
    port = str(20_000 + (os.getpid() + 13) % 20_000)
    options = ("--processes", "2", "--master-bind-port", port, "--master-port", port)
    run = locust(standin.environment | {"RANCHER_URL": "nonsense"}, *HEADLESS, "-u", "2", *options)
    assert run.wait(30) == 2, run.said
    assert "error: the URL of Rancher does not start with https" in run.said
    wait_until(lambda: not group_lives(run.process.pid), "the workers end", 20)
    assert "Traceback" not in run.said


def group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_rancher_without_a_server_url(locust: Start, tmp_path: Path) -> None:
    directory = tmp_path / "standin"
    directory.mkdir()
    made = start_standin(directory, "--no-server-url")
    try:
        run = locust(made.environment, *HEADLESS, "-u", "1")
        assert run.wait(30) == 1
        assert "error: " in run.said
        assert "server-url" in run.said
        assert "Traceback" not in run.said
    finally:
        stop(made.process)


def test_an_unverified_connection_shows(standin: StandIn, locust: Start) -> None:
    environment = {**standin.environment, "RANCHER_INSECURE": "1"}
    del environment["RANCHER_CACERT"]
    run = locust(environment, *HEADLESS, "-u", "1", "--hold", "0")
    assert run.wait() == 0, run.said
    assert "TLS NOT VERIFIED (RANCHER_INSECURE=1)" in run.said
