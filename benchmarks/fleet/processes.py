"""The processes of a fleet run: peers that play Rancher, one Locust master for each, the workers with the clusters."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fleet.child import Child
from benchmarks.fleet.plan import Plan

ROOT = Path(__file__).parent.parent.parent
_BUILD_S = 600.0
_START_S = 30.0
_ASK_S = 60.0


def build_peer(out: Path) -> Path:
    """Compile the peer; raises :class:`RuntimeError` with the compiler's words."""
    go = shutil.which("go") or str(ROOT / ".venv" / "bin" / "go")
    binary = out / "peer"
    done = subprocess.run(
        [go, "build", "-o", str(binary.resolve()), "./peer"],
        cwd=ROOT / "tests" / "conformance",
        capture_output=True,
        text=True,
        check=False,
        timeout=_BUILD_S,
    )
    if done.returncode:
        raise RuntimeError(f"the peer does not compile:\n{done.stderr}")
    return binary


@dataclass(slots=True)
class Peer:
    """One peer process and how to ask it."""

    child: Child
    ready: dict[str, Any]

    @classmethod
    def start(cls, number: int, binary: Path, out: Path, plan: Plan) -> Peer:
        """Start and wait until it serves."""
        ready = out / f"peer-{number}.json"
        command = [str(binary), "--data", str(ROOT / "scale_agent/standin/data"), "--ready-file", str(ready)]
        command += ["--directory", str(out), "--memory-mib", str(plan.memory_mib)]
        command += ["--hurry"] if plan.hurry else []
        child = Child.start(f"peer-{number}", command, out, ROOT)
        until_s = time.monotonic() + _START_S
        while not ready.exists():
            if not child.alive or time.monotonic() > until_s:
                raise RuntimeError(f"a peer did not start: {child.last_lines()}")
            time.sleep(0.05)
        return cls(child, json.loads(ready.read_text(encoding="utf-8")))

    def ask(self, path: str, *, post: bool = False) -> Any:
        """An answer of its admin endpoint."""
        request = urllib.request.Request(self.ready["admin"] + path, data=b"" if post else None)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=_ASK_S) as answer:
            return json.load(answer)


@dataclass(slots=True)
class Swarm:
    """The Locust master and the workers that load one peer. ``steps`` is the file that says how many users there be."""

    master: Child
    workers: list[Child]
    out: Path
    steps: Path

    @classmethod
    def start(cls, number: int, peer: Peer, plan: Plan, out: Path) -> Swarm:
        """A master that waits for its workers, and those; a user for each worker to begin with."""
        steps, port, records = out / f"steps-{number}.json", str(_free_port()), out / f"records-{number}"
        _ask_users(steps, plan.workers, 1.0)
        ready = peer.ready
        environment = os.environ | {
            "RANCHER_URL": ready["url"],
            "RANCHER_TOKEN": ready["token"],
            "RANCHER_CACERT": ready["cacert"],
            "PYTHONUNBUFFERED": "1",
            "FLEET_STEPS": str(steps),
        }
        locust = str(Path(sys.executable).parent / "locust")
        master = [locust, "--master", "--headless", *_flags(_master(plan, port, records))]
        worker = [locust, "--worker", *_flags(_worker(port))]
        names = [f"worker-{number}-{one}" for one in range(plan.workers)]
        return cls(
            Child.start(f"master-{number}", master, out, ROOT, environment),
            [Child.start(name, worker, out, ROOT, environment) for name in names],
            records,
            steps,
        )

    def grow(self, users: int, rate: float) -> None:
        """Ask the master for so many users, started at a rate per second."""
        _ask_users(self.steps, users, rate)

    def kill(self) -> None:
        """End all of it without clean-up."""
        for child in (self.master, *self.workers):
            child.stop(wait_s=5)


def _ask_users(path: Path, users: int, rate: float) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"users": users, "rate": rate}), encoding="utf-8")
    new.replace(path)


def _master(plan: Plan, port: str, records: Path) -> dict[str, object]:
    return {
        "-f": ROOT / "benchmarks/fleet/locustfile.py",
        "--master-bind-host": "127.0.0.1",
        "--master-bind-port": port,
        "--expect-workers": plan.workers,
        "-u": plan.workers,
        "-r": 1,
        "--hold": -1,
        "--active-timeout": plan.limit_s,
        "--profile": plan.profile,
        "--out": records,
        "--create-concurrency": plan.concurrency,
        "--delete-concurrency": plan.concurrency,
        "--imports-at-once": plan.imports_at_once,
    }


def _worker(port: str) -> dict[str, object]:
    return {"-f": ROOT / "locustfiles/ramp.py", "--master-host": "127.0.0.1", "--master-port": port}


def _flags(options: Mapping[str, object]) -> list[str]:
    return [str(part) for pair in options.items() for part in pair]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
