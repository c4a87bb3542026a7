"""The processes of a fleet run: peers that play Rancher, one Locust master for each, the workers with the clusters."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_ASK_S = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """What each peer gets: clusters at a rate (per second) from so many workers."""

    clusters: int
    rate: float
    workers: int
    profile: str
    concurrency: int


@dataclass(slots=True)
class Child:
    """One process of the run and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def cpu_s(self) -> float:
        """CPU time so far; 0 for a process that is gone."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    def resident_bytes(self) -> int:
        """Resident memory; 0 for a process that is gone."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            return 0

    def last_lines(self, count: int = 8) -> str:
        """The end of what it said."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return "\n".join(lines[-count:])

    def stop(self, number: int = signal.SIGTERM, wait_s: float = 20.0) -> int:
        """End it; its exit code."""
        if self.alive:
            self.process.send_signal(number)
        try:
            return self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


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
    )
    if done.returncode:
        raise RuntimeError(f"the peer does not compile:\n{done.stderr}")
    return binary


def _start(name: str, command: Sequence[str], out: Path, environment: Mapping[str, str] | None = None) -> Child:
    log = out / f"{name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            cwd=ROOT,
            env=environment and dict(environment),
        )
    return Child(name, process, log)


@dataclass(slots=True)
class Peer:
    """One peer process and how to ask it."""

    child: Child
    ready: dict[str, Any]

    @classmethod
    def start(cls, number: int, binary: Path, out: Path, memory_mib: int) -> Peer:
        """Start and wait until it serves."""
        ready = out / f"peer-{number}.json"
        command = [str(binary), "--data", str(ROOT / "scale_agent/standin/data"), "--ready-file", str(ready)]
        command += ["--directory", str(out), "--memory-mib", str(memory_mib)]
        child = _start(f"peer-{number}", command, out)
        until_s = time.monotonic() + 30
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
    """The Locust master and the workers that load one peer."""

    master: Child
    workers: list[Child]
    out: Path

    @classmethod
    def start(cls, number: int, peer: Peer, load: Load, out: Path) -> Swarm:
        """A master that waits for its workers, and those."""
        ready, port, records = peer.ready, str(_free_port()), out / f"records-{number}"
        environment = os.environ | {
            "RANCHER_URL": ready["url"],
            "RANCHER_TOKEN": ready["token"],
            "RANCHER_CACERT": ready["cacert"],
            "PYTHONUNBUFFERED": "1",
        }
        locust = str(Path(sys.executable).parent / "locust")
        master = {
            "-f": ROOT / "benchmarks/patient.py",
            "--master-bind-host": "127.0.0.1",
            "--master-bind-port": port,
            "--expect-workers": load.workers,
            "-u": load.clusters,
            "-r": load.rate,
            "--hold": -1,
            "--profile": load.profile,
            "--out": records,
            "--create-concurrency": load.concurrency,
            "--delete-concurrency": load.concurrency,
        }
        worker = {"-f": ROOT / "locustfiles/ramp.py", "--master-host": "127.0.0.1", "--master-port": port}
        return cls(
            _start(f"master-{number}", [locust, "--master", "--headless", *_flags(master)], out, environment),
            [
                _start(f"worker-{number}-{one}", [locust, "--worker", *_flags(worker)], out, environment)
                for one in range(load.workers)
            ],
            records,
        )

    def stop(self) -> int:
        """Ask the master to end the run, clean-up and all; its exit code."""
        code = self.master.stop(signal.SIGTERM, wait_s=900)
        for worker in self.workers:
            worker.stop(wait_s=30)
        return code


def _flags(options: Mapping[str, object]) -> list[str]:
    return [str(part) for pair in options.items() for part in pair]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
