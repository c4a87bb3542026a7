"""API servers behind TLS on loopback, the simulated one and a real one: CPU of their processes per request."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from benchmarks.questions import FURNITURE, QUESTIONS, REMOVED, Question

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_LOOK_S = 0.05
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server listens, how to ask it, and the processes that it is."""

    host: str
    port: int
    context: ssl.SSLContext
    token: str
    pids: tuple[int, ...]

    def cpu_s(self) -> float:
        """CPU time of all its processes so far; in steps of a clock tick, 10 ms as a rule."""
        return sum(_ticks(pid) for pid in self.pids) / _TICKS_PER_S


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def of_kubeconfig(path: Path, pids: Sequence[int]) -> Server:
    """The server of a kubeconfig's only cluster and user (token)."""
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context()
    if "certificate-authority-data" in cluster:
        context.load_verify_locations(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    else:
        context.load_verify_locations(cafile=cluster["certificate-authority"])
    url = urlsplit(cluster["server"])
    return Server(url.hostname or "127.0.0.1", url.port or 443, context, user["token"], tuple(pids))


@contextmanager
def simulated(profile: Path) -> Iterator[Server]:
    """``python -m scale_agent api`` with a profile, while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "kubeconfig"
        command = [sys.executable, "-m", "scale_agent", "api", "--profile", str(profile), "--kubeconfig", str(config)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            _wait_for_line(process)
            yield of_kubeconfig(config, (process.pid,))
        finally:
            process.terminate()
            process.communicate(timeout=_PATIENCE_S)


def _wait_for_line(process: subprocess.Popen[str]) -> None:
    if process.stdout is None or not process.stdout.readline():
        raise RuntimeError("the simulated API server did not start")


class Client:
    """One kept connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection = http.client.HTTPSConnection(
            server.host, server.port, context=server.context, timeout=_PATIENCE_S
        )

    def ask(self, method: str, target: str, body: bytes = b"", accept: str = "", media: str = "") -> int:
        """One request; returns the status."""
        headers = {
            "Authorization": f"Bearer {self._server.token}",
            "User-Agent": "bench/1",
            "Accept": accept or "application/json",
            "Content-Type": media or "application/json",
        }
        self._connection.request(method, target, body=body, headers=headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@contextmanager
def furnished(server: Server) -> Iterator[Client]:
    """A client of a server that holds what the questions ask about, while the block runs."""
    client = Client(server)
    try:
        for path, obj in FURNITURE:
            _until(client, path, json.dumps(obj).encode())
        yield client
    finally:
        for path in REMOVED:
            client.ask("DELETE", path)
        client.close()


def _until(client: Client, path: str, body: bytes) -> None:
    """Create an object; a namespace of the same name may still be on its way out."""
    end = time.monotonic() + _PATIENCE_S
    while (status := client.ask("POST", path, body)) != 201:
        if time.monotonic() > end:
            raise RuntimeError(f"POST {path} answered {status}")
        time.sleep(_LOOK_S)


def requests(server: Server, runs: int) -> dict[str, list[float]]:
    """CPU of the server's processes per request by kind, microseconds, their idle work taken off."""
    found: dict[str, list[float]] = {question.name: [] for question in QUESTIONS}
    with furnished(server) as client:
        idle = _idle_share(server)
        for run in range(runs + 1):
            for question in QUESTIONS:
                value = _cpu_us(server, client, question, run * 1000, idle)
                if run:
                    found[question.name].append(value)
    return found


def _idle_share(server: Server) -> float:
    """How much of a core the server takes with nobody asking."""
    start, at = server.cpu_s(), time.monotonic()
    time.sleep(3.0)
    return (server.cpu_s() - start) / (time.monotonic() - at)


def _cpu_us(server: Server, client: Client, question: Question, first: int, idle: float) -> float:
    start, at = server.cpu_s(), time.monotonic()
    for number in range(first, first + question.repeat):
        client.ask(question.method, question.path(number), question.encoded(number), question.accept, question.media)
    spent = server.cpu_s() - start - idle * (time.monotonic() - at)
    return max(spent, 0.0) / question.repeat * 1e6


def resident_bytes(server: Server) -> int:
    """What all its processes hold in memory."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) for pid in server.pids)
    return pages * os.sysconf("SC_PAGE_SIZE")
