"""A stand-in Rancher in a process of its own, faster than life, and the ``locust`` command against it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from scale_agent.rancher import Credentials, RancherClient, TlsPolicy
from scale_agent.removal import RUN_LABEL, listed

ROOT = Path(__file__).parents[2]
RAMP = ROOT / "locustfiles" / "ramp.py"
SMALL = ROOT / "profiles" / "small.yaml"
DEADLINE_S = 100.0


def wait_until(what: Callable[[], object], why: str, deadline_s: float = DEADLINE_S) -> None:
    """Look often, until true; fails after the deadline."""
    until_s = time.monotonic() + deadline_s
    while not what():
        assert time.monotonic() < until_s, f"{why}: not within {deadline_s} s"
        time.sleep(0.05)


@dataclass
class StandIn:
    """A running stand-in."""

    process: subprocess.Popen[bytes]
    ready: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """What a person sets."""
        ready = self.ready
        return {"RANCHER_URL": ready["url"], "RANCHER_CACERT": ready["cacert"], "RANCHER_TOKEN": ready["token"]}

    def names(self, run_id: str | None = None) -> set[str]:
        """The clusters that it has, of one run or of all."""
        tls = TlsPolicy(cacert=self.ready["cacert"])
        client = RancherClient(self.ready["url"], Credentials(token=self.ready["token"]), tls)
        try:
            return {one.name for one in listed(client, {RUN_LABEL: run_id} if run_id else {}, {})}
        finally:
            client.close()


def start_standin(directory: Path, *options: str) -> StandIn:
    """Start one that is ten times as fast as the recording, and wait until it serves."""
    ready = directory / "ready.json"
    command = [
        sys.executable,
        "-m",
        "scale_agent",
        "standin",
        "--ready-file",
        str(ready),
        "--directory",
        str(directory),
    ]
    with (directory / "standin.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--speed", "10", "--probe-period", "1", *options], stdout=log, stderr=log, cwd=ROOT
        )
    wait_until(lambda: ready.exists() or process.poll() is not None, "the stand-in serves", 30)
    assert process.poll() is None, (directory / "standin.log").read_text()
    return StandIn(process, json.loads(ready.read_text()))


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    made = start_standin(tmp_path_factory.mktemp("standin"))
    yield made
    stop(made.process)


def quick(profile: str) -> str:
    """The profile with agents that need half a second for their second tunnel, not up to twenty."""
    changed = re.sub(r"second_tunnel_s: \[5, 20\]", "second_tunnel_s: [0.2, 0.5]", profile)
    assert changed != profile
    return changed


class Locust:
    """One ``locust`` command. ``environment`` is the whole of Rancher's variables that it sees."""

    def __init__(self, directory: Path, environment: Mapping[str, str], *options: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.out = directory / "out"
        self.log = directory / "locust.log"
        profile = directory / "quick.yaml"
        profile.write_text(quick(SMALL.read_text(encoding="utf-8")), encoding="utf-8")
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("RANCHER_", "SCALE_", "LOCUST_"))
        }
        command = [sys.executable, "-m", "locust", "-f", str(RAMP), "--profile", str(profile), "--out", str(self.out)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *options],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=directory,
                env=inherited | dict(environment),
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait(self, deadline_s: float = DEADLINE_S) -> int:
        try:
            return self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            pytest.fail(f"locust did not end within {deadline_s} s:\n{self.said[-3000:]}")

    def kill_all(self) -> None:
        """As ``kill -9`` of the whole group: nothing of it has a chance to clean up."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()


@pytest.fixture
def locust(tmp_path: Path) -> Iterator[Callable[..., Locust]]:
    """Starts ``locust`` commands; what is left of them at the end of the test is killed."""
    started: list[Locust] = []

    def start(environment: Mapping[str, str], *options: str) -> Locust:
        made = Locust(tmp_path / f"run{len(started)}", environment, *options)
        started.append(made)
        return made

    yield start
    for one in started:
        one.kill_all()
