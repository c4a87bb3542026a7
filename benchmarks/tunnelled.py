"""What connected clusters cost over real websockets: idle, per tunnelled request, per change that a watcher sees.

Two processes, the agents (measured) and a Rancher's side (not). Each figure is CPU time of the agents' process, so what
else the machine does matters little. Idle time runs :data:`SPEED` times as fast, by both sides' clocks.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROFILE = Path(__file__).parent.parent / "profiles" / "small.yaml"
#: How much faster than the wall's the clocks of both sides run while clusters are idle.
SPEED = 10.0
#: What is asked for as a small object.
SMALL_OBJECT = "/api/v1/namespaces/kube-system"

#: Rancher's watches of one cluster.
WATCHES = 12

_PATIENCE_S = 60.0
_LOOK_S = 0.1
_SETTLE_S = 90.0  # of the agents' time: all first probes, first bookmarks and a sync are over
_WARM_UP = 50


class Child:
    """A process that answers each line by a line."""

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, line: object) -> None:
        """One line to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """One line of it. Raises ``RuntimeError`` when it is gone."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the benchmark ended by itself")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, *command: object) -> dict[str, Any]:
        """A command, and its answer."""
        self.say(command)
        return self.hear()

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@dataclass(frozen=True, slots=True)
class Pair:
    """Both processes, all clusters connected."""

    agents: Child
    rancher: Child

    def cpu_s(self) -> float:
        """Of the agents' process. Raises ``RuntimeError`` when either side saw an error."""
        found = self.agents.ask("cpu")
        errors = found["errors"] + self.rancher.ask("facts")["errors"]
        if errors:
            raise RuntimeError(f"{len(errors)} errors, the first: {errors[0]}")
        return float(found["cpu_s"])

    def counts(self) -> dict[str, int]:
        """What the Rancher's side has seen: probes, watches, pieces of events."""
        return dict(self.rancher.ask("facts")["counts"])


@contextmanager
def connected(clusters: int, speed: float = SPEED) -> Iterator[Pair]:
    """So many clusters, connected and watched, while the block runs."""
    rancher = Child("benchmarks.tunnelled_rancher", str(clusters), str(speed))
    agents = Child("benchmarks.tunnelled_agents", str(PROFILE), str(speed))
    try:
        agents.say(rancher.hear())
        end = time.monotonic() + _PATIENCE_S
        while rancher.ask("facts")["ready"] < clusters:
            if time.monotonic() > end:
                raise RuntimeError(f"clusters did not connect: {rancher.ask('facts')} {agents.ask('cpu')}")
            time.sleep(_LOOK_S)
        yield Pair(agents, rancher)
    finally:
        agents.stop()
        rancher.stop()


def wait_for(pair: Pair, least: Mapping[str, int]) -> None:
    """Until the Rancher's side counted so much. Raises ``RuntimeError`` when it does not in time."""
    end = time.monotonic() + _PATIENCE_S
    while any(pair.counts().get(name, 0) < count for name, count in least.items()):
        if time.monotonic() > end:
            raise RuntimeError(f"waited for {dict(least)}, saw {pair.counts()}")
        time.sleep(_LOOK_S)


def idle_ms_per_s(clusters: int = 50, seconds: float = 600.0, runs: int = 1) -> list[float]:
    """CPU of one connected, watched and probed cluster, milliseconds per second; ``seconds`` of its time per run."""
    found = []
    with connected(clusters) as pair:
        time.sleep(_SETTLE_S / SPEED)
        for _ in range(runs):
            start, began = pair.cpu_s(), time.monotonic()
            time.sleep(seconds / SPEED)
            spent, passed_s = pair.cpu_s() - start, (time.monotonic() - began) * SPEED
            found.append(spent / clusters / passed_s * 1000)
    return found


def get_us(count: int = 1000, runs: int = 3) -> list[float]:
    """CPU of one GET of a small object on a kept connection, microseconds: websocket, tunnel, TLS, HTTP and API."""
    found = []
    with _quiet() as pair:
        pair.rancher.ask("gets", _WARM_UP, SMALL_OBJECT)
        for _ in range(runs):
            start = pair.cpu_s()
            pair.rancher.ask("gets", count, SMALL_OBJECT)
            found.append((pair.cpu_s() - start) / count * 1e6)
    return found


@dataclass(frozen=True, slots=True)
class EventCosts:
    """Microseconds of CPU: a change and its delivery to one watcher; the same change where nobody watches."""

    whole: list[float]
    change: list[float]

    @property
    def delivery(self) -> list[float]:
        """What the watcher costs."""
        return [whole - change for whole, change in zip(self.whole, self.change, strict=True)]


def event_costs(count: int = 1000, runs: int = 3) -> EventCosts:
    """Both, one after the other in each run."""
    costs = EventCosts([], [])
    with _quiet() as pair:
        for run in range(runs + 1):
            for watched, values in ((True, costs.whole), (False, costs.change)):
                before = pair.counts()["events"]
                spent = pair.agents.ask("change", count if run else _WARM_UP, watched)["cpu_s"]
                if run:
                    values.append(spent / count * 1e6)
                if watched and pair.counts()["events"] == before:
                    raise RuntimeError("no watcher saw the changes")
    return costs


@contextmanager
def _quiet() -> Iterator[Pair]:
    with connected(1) as pair:
        pair.rancher.ask("quiet", True)
        wait_for(pair, {"watches_opened": WATCHES})
        time.sleep(_LOOK_S * 10)
        yield pair


def main() -> None:
    """Print all figures."""
    costs = event_costs()
    rows = {"idle ms/s": idle_ms_per_s(), "get us": get_us(), "change us": costs.change, "delivery us": costs.delivery}
    for name, values in rows.items():
        sys.stdout.write(f"{name}: {' '.join(f'{value:.4g}' for value in values)}\n")


if __name__ == "__main__":
    main()
