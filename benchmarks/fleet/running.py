"""All processes of a run while it lives, what was found so far, and the waiting for what others bring about."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import click

from benchmarks.fleet.books import summed
from benchmarks.fleet.child import Child
from benchmarks.fleet.plan import Plan
from benchmarks.fleet.processes import Peer, Swarm, build_peer

LOOK_S = 1.0
_SAY_S = 10.0
_MIB = 1 << 20


class RunFailed(RuntimeError):  # noqa: N818 - it is the outcome of a phase
    """A phase did not get where it should; the message says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the processes took until a moment. ``at_s`` is monotonic; memory per process in bytes."""

    at_s: float
    cpu_s: float
    peers_cpu_s: float
    resident: tuple[int, ...]
    peers_resident: tuple[int, ...]

    @property
    def resident_bytes(self) -> int:
        """Of all workers."""
        return sum(self.resident)


def free_mib() -> int:
    """Memory that the machine can still give, MiB."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    raise RuntimeError("the system does not tell how much memory is available")


@dataclass(slots=True)
class Fleet:
    """All processes of a run, and what was measured."""

    plan: Plan
    out: Path
    peers: list[Peer] = field(default_factory=list)
    swarms: list[Swarm] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)
    began_s: float = field(default_factory=time.monotonic)
    #: What stood there before the first step, see :mod:`benchmarks.fleet.ramp`.
    base: Sample | None = None
    #: Clusters that a step gave up waiting for.
    missing: int = 0
    _said_s: float = 0.0

    # -- asking --------------------------------------------------------------------------------------------------

    def books(self) -> list[dict[str, Any]]:
        """Every peer's books now."""
        return [peer.ask("/books") for peer in self.peers]

    def part(self, name: str) -> Counter[str]:
        """A part of the books over all peers."""
        return summed(self.books(), name)

    def post(self, path: str) -> list[Any]:
        """Every peer's answer to a POST."""
        return [peer.ask(path, post=True) for peer in self.peers]

    @property
    def workers(self) -> list[Child]:
        """All Locust workers."""
        return [worker for swarm in self.swarms for worker in swarm.workers]

    def sample(self) -> Sample:
        """What the processes took until now."""
        peers = [peer.child for peer in self.peers]
        return Sample(
            time.monotonic(),
            sum(worker.cpu_s() for worker in self.workers),
            sum(peer.cpu_s() for peer in peers),
            tuple(worker.resident_bytes() for worker in self.workers),
            tuple(peer.resident_bytes() for peer in peers),
        )

    # -- waiting -------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise :class:`RunFailed` when a process is gone, the machine has no memory left, or time is over."""
        children = (*self.workers, *(swarm.master for swarm in self.swarms), *(peer.child for peer in self.peers))
        if gone := [one for one in children if not one.alive]:
            raise RunFailed(f"{gone[0].name} ended: {gone[0].last_lines()}")
        if (free := free_mib()) < self.plan.spare_mib:
            raise RunFailed(f"the machine has {free} MiB left, less than {self.plan.spare_mib}")
        if (past_s := time.monotonic() - self.began_s) > self.plan.total_s:
            raise RunFailed(f"the run takes longer than {self.plan.total_s:.0f} s ({past_s:.0f} s)")

    @property
    def there(self) -> int:
        """Clusters that are expected to be there."""
        return int(self.found["clusters"]) - self.missing

    def until(self, what: str, done: Callable[[], bool], limit_s: float | None = None) -> float:
        """Wait for something that others bring about; how long it took, seconds.

        Raises :class:`RunFailed` when it does not come within ``limit_s``, or the plan's patience.
        """
        start_s, limit_s = time.monotonic(), self.plan.limit_s if limit_s is None else limit_s
        while not done():
            self.check()
            self.say(what)
            if time.monotonic() - start_s > limit_s:
                raise RunFailed(f"not within {limit_s:.0f} s: {what}; {self.status()}")
            time.sleep(LOOK_S)
        return time.monotonic() - start_s

    def pause(self, what: str, seconds: float, look_s: float = LOOK_S, look: Callable[[], None] = lambda: None) -> None:
        """Let time pass, looking each ``look_s`` seconds. Raises :class:`RunFailed` as :meth:`check` does."""
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            look()
            self.check()
            self.say(f"{what}, {left_s:.0f} s to go")
            time.sleep(min(look_s, left_s))

    # -- telling -------------------------------------------------------------------------------------------------

    def say(self, what: str) -> None:
        """A line of progress, not too often."""
        if time.monotonic() - self._said_s >= _SAY_S:
            self._said_s = time.monotonic()
            clusters, now = self.part("clusters"), self.sample()
            counts = ", ".join(f"{clusters[name]} {name}" for name in ("created", "active", "imported"))
            sizes = f"workers {now.resident_bytes // _MIB} MiB, peers {sum(now.peers_resident) // _MIB} MiB"
            self.tell(f"{what}: {counts}; {sizes}, {free_mib()} MiB free")

    def tell(self, line: str) -> None:
        """A line with the time since the beginning."""
        click.echo(f"{time.monotonic() - self.began_s:6.0f} s  {line}")

    def status(self) -> str:
        """One line for whoever waited in vain."""
        states = [peer.ask("/states") for peer in self.peers]
        return json.dumps({"states": states, "errors": [one["errors"] for one in self.books()]})[:2000]

    def keep(self) -> None:
        """Write down what was found so far, and the books."""
        (self.out / "found.json").write_text(json.dumps(self.found, indent=1) + "\n", encoding="utf-8")
        try:
            books = self.books()
        except OSError as error:
            self.tell(f"a peer does not tell its books any more: {error}")
        else:
            (self.out / "books.json").write_text(json.dumps(books) + "\n", encoding="utf-8")


@contextmanager
def running(plan: Plan, out: Path) -> Iterator[Fleet]:
    """Peers that serve, and swarms when they are started; all are ended when the block is left, however it is left."""
    fleet = Fleet(plan, out)
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        binary = build_peer(out)
        for number in range(plan.peers):
            fleet.peers.append(Peer.start(number, binary, out, plan))
        yield fleet
    finally:
        for swarm in fleet.swarms:
            swarm.kill()
        for peer in fleet.peers:
            peer.child.stop(wait_s=10)
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
