"""One cluster's life as Rancher leads it: sessions, the script, the probes, conditions, deletion."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import Literal

from scale_agent.errors import ProtocolError
from scale_agent.standin import probes
from scale_agent.standin.clusters import Cluster, Registry
from scale_agent.standin.conditions import Change, Condition, recorded
from scale_agent.standin.exchanges import StepExchange
from scale_agent.standin.lanes import DELETION, PROBES, SWEEP_S, Lanes
from scale_agent.standin.run import Outgoing, ScriptRun
from scale_agent.standin.steps import deletion_script, import_script, informers_only
from scale_agent.standin.times import rfc3339
from scale_agent.standin.tunnels import Connection, Contexts, TunnelSession
from scale_agent.standin.values import Values
from scale_agent.standin.wheel import Handle, Wheel

_LOG = logging.getLogger(__name__)
#: A deleted cluster without a tunnel is gone after this (recorded), with one at the latest after the other.
GONE_S = 0.25
CLEANUP_LIMIT_S = 30.0
Tunnel = Literal["main", "stv"]


@dataclass(frozen=True, slots=True)
class Pace:
    """``speed`` divides recorded times; ``period_s`` is the probes' period."""

    speed: float = 1.0
    period_s: float = probes.PERIOD_S


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all clusters share."""

    registry: Registry
    wheel: Wheel
    contexts: Contexts
    values: Values
    version: str
    pace: Pace


class Downstream:
    """See the module. Methods are called from any greenlet and never block."""

    def __init__(self, cluster: Cluster, shared: Surroundings) -> None:
        self.cluster = cluster
        self._shared = shared
        self._sessions: dict[Tunnel, list[TunnelSession]] = {"main": [], "stv": []}
        self._lanes = Lanes(self._open, shared.wheel.clock)
        self._run: ScriptRun | None = None
        self._cleanup: ScriptRun | None = None
        self._pump_handle: Handle | None = None
        self._timers: list[Handle] = []
        self._gone = False
        self.requests = 0
        self.pings = 0
        self._cause("created")

    # --- tunnels ---

    def attached(self, tunnel: Tunnel, session: TunnelSession, params: dict[str, str]) -> None:
        """An agent opened a tunnel. The oldest session is the one that is used."""
        self._sessions[tunnel].append(session)
        session.on_end = lambda: self._detached(tunnel, session)
        if tunnel == "main":
            self._authorized(params)

    def _detached(self, tunnel: Tunnel, session: TunnelSession) -> None:
        self._sessions[tunnel].remove(session)

    def session(self, tunnel: Tunnel) -> TunnelSession | None:
        """``sessions[0]``, as Rancher takes it."""
        sessions = self._sessions[tunnel]
        return sessions[0] if sessions else None

    def sessions(self, tunnel: Tunnel) -> int:
        """How many are open."""
        return len(self._sessions[tunnel])

    def _authorized(self, params: dict[str, str]) -> None:
        changed = bool(self.cluster.params) and self.cluster.params != params
        self.cluster.params = params
        self.cluster.fields |= {"driver": "imported", "apiEndpoint": f"https://{params['address']}"}
        if self.cluster.removed_s is None and (self._run is None or changed):
            self._restart()
        self._pump()

    def _restart(self) -> None:
        """Start the cluster's controllers; their informers again when address, authority or token changed."""
        again = self._run is not None
        self._lanes.close()
        script = import_script(self._shared.version, self.cluster.path)
        if again:
            script = informers_only(script)
        lookup = self._shared.values.of(self.cluster)
        self._run = ScriptRun(script, lookup, speed=self._shared.pace.speed, on_mark=self._marked)
        if not again:
            self._cause("tunnel")
            self._later(self._shared.pace.period_s, self._health_tick)
            self._later(SWEEP_S, self._sweep)
        self._run.start(self._now())

    # --- the script ---

    def _now(self) -> float:
        return self._shared.wheel.clock()

    def _later(self, delay_s: float, callback: object) -> None:
        if callable(callback):
            self._timers = [one for one in self._timers if one.callback is not None]
            self._timers.append(self._shared.wheel.after(delay_s, callback))

    def _pump(self) -> None:
        """Send what is due and ask to be called when the next is."""
        for run in (self._run, self._cleanup):
            if run is not None and not self._gone and self.session("main") is not None:
                for out in run.due(self._now()):
                    self._send(run, out)
        self._schedule()

    def _schedule(self) -> None:
        if self._pump_handle is not None:
            self._pump_handle.cancel()
            self._pump_handle = None
        if self._gone or self.session("main") is None:
            return
        times = [run.next_due for run in (self._run, self._cleanup) if run is not None]
        known = [when for when in times if when is not None]
        if known:
            self._pump_handle = self._shared.wheel.at(min(known), self._pump)

    def _send(self, run: ScriptRun, out: Outgoing) -> None:
        self.requests += 1
        exchange = StepExchange(run, out, self._now, self._pump)
        label = out.conn if run is self._run else out.conn + DELETION
        connection = self._lanes.get(label)
        if connection is None:
            run.lost(out.step, self._now(), "no tunnelled connection")
            return
        headers = (("Host", self.cluster.params["address"]), *out.headers)
        connection.ask(exchange, out.method, out.target, headers, out.body)

    def _open(self) -> Connection | None:
        session = self.session("main")
        if session is None:
            return None
        address = self.cluster.params["address"]
        try:
            context = self._shared.contexts.get(self.cluster.params["caCert"].encode())
        except ProtocolError as error:
            self._report(f"the agent's caCert cannot be used: {error}")
            return None
        host = address.rpartition(":")[0].strip("[]")
        return session.open("tcp", address, context, host)

    def _sweep(self) -> None:
        """Close what is idle, look for what is overdue."""
        if self._gone:
            return
        self._lanes.sweep()
        if self._run is not None:
            self._run.overdue(self._now())
        self._later(SWEEP_S, self._sweep)

    # --- conditions ---

    def _set(self, conditions: list[Condition]) -> None:
        if not self._gone:
            self._shared.registry.set_conditions(self.cluster, conditions)

    def _at(self) -> str:
        return rfc3339(self._now())

    def _cause(self, cause: str) -> None:
        changes = [one for one in recorded(self._shared.version, self.cluster.path) if one.cause == cause]
        for delay_s in sorted({one.delay_s for one in changes}):
            due = tuple(one for one in changes if one.delay_s == delay_s)
            self._later(delay_s / self._shared.pace.speed, partial(self._change, due))

    def _change(self, changes: tuple[Change, ...]) -> None:
        """Make recorded changes; what an early agent has settled already does not become unknown again."""
        known, at = self.cluster.conditions, self._at()
        self._set(
            [
                Condition(one.type, one.status, one.reason, one.message, at)
                for one in changes
                if one.status != "Unknown" or one.type not in known
            ]
        )

    def _marked(self, mark: str) -> None:
        if mark == "problem":
            self._show_problems()
            return
        if not self.cluster.problems or mark != "deployed":
            self._cause(mark)

    def _show_problems(self) -> None:
        run = self._run
        if run is None or not run.problems:
            return
        last = run.problems[-1]
        self._report(f"{last.request}: {last.what}", "AgentDeployed" if last.client == "kubectl" else "Ready")

    def _report(self, what: str, condition: str = "Ready") -> None:
        if what in self.cluster.problems:
            return
        self.cluster.problems.append(what)
        _LOG.error("cluster %s (%s): %s", self.cluster.name, self.cluster.id, what)
        self._set([Condition(condition, "False", "Error", what, self._at())])

    # --- probes ---

    def ping(self) -> None:
        """Ping down the second tunnel over a fresh connection: decides ``Connected``."""
        if self._gone or self.cluster.removed_s is not None:
            return
        session = self.session("stv")
        if session is None:
            self._connected(False)
            return
        self.pings += 1
        connection = session.open(probes.PING_NETWORK, probes.PING_ADDRESS, None, "")
        limit = self._shared.wheel.after(probes.PING_LIMIT_S, lambda: connection.fail("no answer"))
        reply = probes.Reply(lambda status, body, why: self._pinged(connection, limit, status, why))
        connection.ask(reply, "GET", probes.PING_TARGET, probes.PING_HEADERS, b"")

    def _pinged(self, connection: Connection, limit: Handle, status: int, why: str) -> None:
        limit.cancel()
        connection.close()
        if why == "no answer":
            self._report("the ping down the second tunnel was not answered")
        self._connected(status == 200)

    def _connected(self, good: bool) -> None:
        found = probes.connected(self.cluster, good, self._at())
        if self.cluster.problems:  # what is wrong stays to be seen
            found = [one for one in found if one.type == "Connected"]
        self._set(found)
        if good and not self.cluster.ready_once:
            self.cluster.ready_once = True

    def _health_tick(self) -> None:
        if self._gone or self.cluster.removed_s is not None:
            return
        self._later(self._shared.pace.period_s, self._health_tick)
        if probes.may_probe(self.cluster):
            self._probe(1)

    def _probe(self, attempt: int) -> None:
        target, accept = probes.health_target(self._shared.version)
        connection = self._lanes.get(PROBES)
        reply = probes.Reply(lambda status, body, why: self._probed(attempt, status, why))
        if connection is None:
            reply.lost("the main tunnel is not there")
            return
        agent = self._shared.values.user_agent(self.cluster)
        token = f"Bearer {self.cluster.params['token']}"
        headers = (("Host", self.cluster.params["address"]), ("User-Agent", agent), ("Accept", accept))
        self.requests += 1
        connection.ask(reply, "GET", target, (*headers, ("Authorization", token), ("Accept-Encoding", "gzip")), b"")

    def _probed(self, attempt: int, status: int, why: str) -> None:
        if 200 <= status < 300:
            self._healthy()
        elif attempt < probes.ATTEMPTS:
            self._later(probes.ATTEMPT_GAP_S / self._shared.pace.speed, lambda: self._probe(attempt + 1))
        else:
            self._set(probes.healthy(False, why or f"status {status}", self._at()))

    def _healthy(self) -> None:
        if self.cluster.problems:
            return
        self._set(probes.healthy(True, "", self._at()))
        if self._run is not None:
            self._run.signal("ready", self._now())
            self._pump()

    # --- deletion ---

    def delete(self) -> None:
        """Run the recorded clean-up down the tunnel, then be gone. Idempotent."""
        if self.cluster.removed_s is not None:
            return
        self.cluster.removed_s = self._now()
        self._shared.registry.touch(self.cluster)
        self._run = None
        self._lanes.close()
        if self.session("main") is None:
            self._later(GONE_S, self._remove)
            return
        script = deletion_script(self._shared.version)
        run = ScriptRun(
            script, self._shared.values.of(self.cluster), speed=self._shared.pace.speed, on_mark=self._cleaned
        )
        self._cleanup = run
        for fact in ("synced", "ready"):
            run.signal(fact, self._now())
        run.start(self._now())
        self._later(CLEANUP_LIMIT_S, self._remove)
        self._watch_cleanup()

    def _cleaned(self, mark: str) -> None:
        if mark == "problem" and self._cleanup is not None:
            last = self._cleanup.problems[-1]
            self._report(f"{last.request}: {last.what}")

    def _watch_cleanup(self) -> None:
        if self._gone or self._cleanup is None:
            return
        self._pump()
        if self._cleanup.finished:
            self._remove()
        else:
            self._later(0.1, self._watch_cleanup)

    def _remove(self) -> None:
        if self._gone:
            return
        self._shared.registry.remove(self.cluster)
        self._gone = True
        self._lanes.close()
        self._cleanup = None
        for timer in self._timers:
            timer.cancel()

    # --- what the report says ---

    @property
    def run(self) -> ScriptRun | None:
        """The import's run."""
        return self._run

    @property
    def connections(self) -> int:
        """Tunnelled connections that are open now."""
        return sum(one.open_connections for sessions in self._sessions.values() for one in sessions)
