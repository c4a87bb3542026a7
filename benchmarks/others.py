"""What a user would otherwise run: a real API server, and an agent, per cluster; or KWOK.

The real API server is measured in the same run (``--oracle``); figures of what is not there to be measured are
constants with their source.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Mapping, Sequence

from benchmarks.figures import Figure
from benchmarks.questions import MAPS, config_map
from benchmarks.served import Client, Server, furnished, resident_bytes

MB = 1e6
#: The real agent's resident memory when the recordings in tests/recordings were made, and of the processes beside it.
AGENT_BYTES, CONTROLLER_MANAGER_BYTES = 230 * MB, 145 * MB
#: What its users measured, per cluster: https://github.com/kubernetes-sigs/kwok/issues/1494
KWOK_BYTES = 300 * MB

_CHANGES = 300
_PATIENCE_S = 60.0


def idle_cpu_ms_per_s(server: Server, seconds: float, windows: int = 3) -> list[float]:
    """CPU of a server's processes with nobody asking, milliseconds per second, one per window."""
    found = []
    for _ in range(windows):
        start, at_s = server.cpu_s(), time.monotonic()
        time.sleep(seconds / windows)
        found.append((server.cpu_s() - start) * 1000 / (time.monotonic() - at_s))
    return found


def change_cpu_us(server: Server, runs: int) -> list[float]:
    """CPU of one object's change, a PUT, and its delivery to one watcher, behind TLS; microseconds."""
    found = []
    with furnished(server) as client:
        watcher = Watcher(server, f"{MAPS}?watch=true&fieldSelector=metadata.name%3Dlisted-1")
        try:
            watcher.wait_for(1)
            for run in range(runs + 1):
                value = _changes(server, client, watcher, run)
                if run:
                    found.append(value)
        finally:
            watcher.close()
    return found


def _changes(server: Server, client: Client, watcher: Watcher, run: int) -> float:
    start, seen = server.cpu_s(), watcher.seen
    for number in range(_CHANGES):
        body = config_map("listed-1") | {"data": {"n": f"{run}-{number}"}}
        status = client.ask("PUT", f"{MAPS}/listed-1", json.dumps(body).encode())
        if status != 200:
            raise RuntimeError(f"a change was answered {status}")
    watcher.wait_for(seen + _CHANGES)
    return (server.cpu_s() - start) / _CHANGES * 1e6


class Watcher:
    """A watch on a connection of its own, read by a thread; ``seen`` counts its events."""

    def __init__(self, server: Server, target: str) -> None:
        self._connection = http.client.HTTPSConnection(
            server.host, server.port, context=server.context, timeout=_PATIENCE_S
        )
        self._connection.request("GET", target, headers={"Authorization": f"Bearer {server.token}"})
        self._answer = self._connection.getresponse()
        self.seen = 0
        self._more = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while self._answer.readline():
                with self._more:
                    self.seen += 1
                    self._more.notify_all()
        except (OSError, ValueError, AttributeError):
            return  # closed by the other thread, in the middle of a read

    def wait_for(self, count: int) -> None:
        """Until so many events came. Raises ``RuntimeError`` when they do not."""
        with self._more:
            if not self._more.wait_for(lambda: self.seen >= count, _PATIENCE_S):
                raise RuntimeError(f"the watcher saw {self.seen} of {count} events")

    def close(self) -> None:
        """Hang up."""
        if self._connection.sock is not None:
            self._connection.sock.close()


def measured(real: Server, runs: int, idle_s: float) -> dict[str, Figure]:
    """What one real cluster takes: memory of its processes, their CPU when idle."""
    return {
        "oracle_memory_bytes": Figure.of([resident_bytes(real)], "B"),
        "oracle_idle_cpu_ms_per_s": Figure.of(idle_cpu_ms_per_s(real, idle_s), "ms/s"),
        "oracle_change_cpu_us": Figure.of(change_cpu_us(real, runs), "µs"),
    }


#: Ratio, and the two figures (or a constant, bytes) that it is made of: theirs, ours.
_RATIOS: Sequence[tuple[str, str | float, str]] = (
    ("oracle_memory_ratio", "oracle_memory_bytes", "memory_per_cluster_bytes"),
    ("oracle_idle_cpu_ratio", "oracle_idle_cpu_ms_per_s", "idle_cpu_ms_per_s"),
    ("oracle_change_ratio", "oracle_change_cpu_us", "served_change_cpu_us"),
    ("agent_memory_ratio", AGENT_BYTES, "memory_per_cluster_bytes"),
    ("kwok_memory_ratio", KWOK_BYTES, "memory_per_cluster_bytes"),
)


def ratios(figures: Mapping[str, Figure]) -> dict[str, Figure]:
    """How many times as much the others take, of what was measured on both sides."""
    out = {}
    for name, theirs, ours in _RATIOS:
        value = theirs if isinstance(theirs, float) else figures[theirs].value if theirs in figures else None
        if value is not None and ours in figures and figures[ours].value > 0:
            out[name] = Figure.of([value / figures[ours].value], "times")
    return out
