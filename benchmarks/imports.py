"""CPU of one whole recorded import on the agent's side, in this process.

Without the websocket's own TLS, and without REST. The script of a recorded 2.15.0 import is asked through a tunnel over
queues by :mod:`benchmarks.recorded_rancher`: the manifest, two kubectl applies, each recorded request on the TLS
connection that it was recorded on, the twelve watches, an agent that is replaced twice. The clock is driven by hand, so
a minute of import takes as long as its work does; some 9 ms of it are the harness's switches between greenlets.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import gevent

from benchmarks.recorded_rancher import CA, URL, Connector, Exchange, MainTunnel, Registration
from scale_agent.cluster.ports import DialTimings
from scale_agent.cluster.profile import Profile, load
from scale_agent.cluster.runtime import ManualRuntime
from scale_agent.cluster.simulated import SimulatedCluster
from scale_agent.standin.run import ScriptRun
from scale_agent.standin.steps import import_script
from scale_agent.standin.values import Values
from scale_agent.tunnel.tls import client_context

T = TypeVar("T")

_VERSION, _PATH = "2.15.0", "steve"
#: Time passes to the script's next request, but no longer than this at once: the agent dials and writes meanwhile.
_STEP_S = 0.25
_SHORTEST_S = 0.001
#: Rancher finds the cluster ready at a probe some 15 s after the first tunnel.
_READY_S = 15.0
_LIMIT_S = 120.0


class Clock(ManualRuntime):
    """Greenlets settle in a few rounds here; fifty would cost more than the import's idle moments."""

    def settle(self, rounds: int = 4) -> None:
        """Let every greenlet run until it waits."""
        super().settle(rounds)


class Told:
    """``cluster.ports.Observer`` that keeps the number of served requests, and errors."""

    def __init__(self) -> None:
        self.served_requests = 0
        self.errors: list[str] = []

    def phase(self, name: str) -> None:
        """Not looked at."""

    def agent_request(self, name: str, duration_ms: float, size: int, error: str | None) -> None:
        """Not looked at."""

    def handshake(self, tunnel: str, timings: DialTimings | None, duration_ms: float, error: str | None) -> None:
        """Not looked at."""

    def tunnel_lost(self, tunnel: str, reason: str) -> None:
        """Not looked at."""

    def served(
        self, verb: str, resource: str, status: int, duration_ms: float, request_size: int, response_size: int
    ) -> None:
        """Counted."""
        self.served_requests += 1

    def error(self, reason: str, text: str) -> None:
        """Kept."""
        self.errors.append(f"{reason}: {text}")


@dataclass(frozen=True, slots=True)
class Imported:
    """One import: the agent's CPU, what it answered, and the cluster, which goes on."""

    cpu_s: float
    requests: int
    connections: int
    cluster: SimulatedCluster
    tunnel: MainTunnel


class World:
    """What clusters of one process share."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.runtime = Clock(seed="bench")
        self.runtime.snapshot(profile)
        self.registration = Registration(_VERSION, self.runtime)
        self.values = Values(_VERSION, URL, CA, self.runtime.clock)
        self.context = client_context(self.runtime.authority("bench", profile.host).ca_pem)
        self._count = 0

    def import_one(self) -> Imported:
        """A new cluster, imported. Raises ``RuntimeError`` when Rancher could not have used an answer."""
        self._count += 1
        return Import(self, f"bench-{self._count}").run()


class Import:
    """One cluster on its way in. Only what the agent's side does is in ``cpu_s``."""

    def __init__(self, world: World, name: str) -> None:
        self._world, self._runtime = world, world.runtime
        self._record, self._manifest = world.registration.cluster(name)
        self._rancher, self._told = Connector(), Told()
        self._tunnel: MainTunnel | None = None
        self._opened_before = self._runtime.counts.connections_opened
        self.cpu_s = 0.0
        self._script = ScriptRun(import_script(_VERSION, _PATH), world.values.of(self._record))
        self._cluster = self._measured(self._make, name)

    def _make(self, name: str) -> SimulatedCluster:
        return SimulatedCluster(
            name=name,
            seed=f"bench/{name}",
            profile=self._world.profile,
            connector=self._rancher,
            observer=self._told,
            runtime=self._runtime,
        )

    def _measured(self, work: Callable[..., T], *args: object) -> T:
        began = time.process_time()
        try:
            return work(*args)
        finally:
            self.cpu_s += time.process_time() - began

    def run(self) -> Imported:
        """All of it."""
        self._measured(self._cluster.apply_manifest, self._manifest)
        began_s, ready, started = self._now_s, False, False
        while not self._script.finished:
            self._pass_time()
            self._follow()
            if self._tunnel is not None and not started:
                started = True
                self._script.start(self._now_s)
            if started and not ready and self._now_s > began_s + _READY_S:
                ready = True
                self._script.signal("ready", self._now_s)
            if self._now_s > began_s + _LIMIT_S:
                raise RuntimeError(f"the import waits for {self._script.waiting_for}")
        if problems := [*self._script.problems, *self._told.errors]:
            raise RuntimeError(f"the import went wrong: {problems[0]}")
        if self._tunnel is None:
            raise RuntimeError("the import ended without a tunnel")
        opened = self._runtime.counts.connections_opened - self._opened_before
        return Imported(self.cpu_s, self._told.served_requests, opened, self._cluster, self._tunnel)

    @property
    def _now_s(self) -> float:
        return self._runtime.clock()

    def _pass_time(self) -> None:
        if self._tunnel is not None:
            for out in self._script.due(self._now_s):
                self._tunnel.ask(Exchange(self._script, out))
            self._talk()
        due_s = self._script.next_due
        step_s = _STEP_S if due_s is None else min(_STEP_S, max(_SHORTEST_S, due_s - self._now_s))
        self._measured(self._runtime.advance, step_s)
        self._talk()

    def _talk(self) -> None:
        """Until neither side has anything to say."""
        self._measured(self._runtime.settle)
        while self._tunnel is not None and self._tunnel.take(self._now_s):
            self._measured(self._runtime.settle)

    def _follow(self) -> None:
        """The agent's pod was replaced: what was under way is lost, its next tunnel is used."""
        if self._tunnel is not None and not self._tunnel.socket.closed:
            return
        if (opened := self._rancher.open_main()) is None:
            return
        self._record.params = opened.params
        lost = self._tunnel.under_way() if self._tunnel is not None else []
        self._tunnel = MainTunnel(opened.socket, self._world.context)
        for exchange in lost:
            self._script.lost(exchange.out.step, self._now_s, "the tunnel is gone")


def cpu_ms(profile: Path, runs: int = 7) -> list[float]:
    """CPU of one import each, milliseconds; the first one, which compiles and caches, is not among them."""
    world, found, kept = World(load(profile)), [], []
    for run in range(runs + 1):
        gc.collect()
        imported = world.import_one()
        kept.append(imported.cluster)  # as in a run, where clusters stay
        if run:
            found.append(imported.cpu_s * 1000)
    for cluster in kept:
        cluster.stop()
    gevent.sleep(0)
    return found
