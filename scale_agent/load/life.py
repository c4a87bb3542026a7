"""The life of one user's cluster: created or adopted, registered, waited for until it is active, left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gevent.event import Event

from scale_agent.errors import InputError, RancherError
from scale_agent.load import names
from scale_agent.load.clock import PhaseClock
from scale_agent.load.doors import Simulated
from scale_agent.load.meter import ClusterObserver, current_cluster
from scale_agent.load.patience import GaveUpError, Patience
from scale_agent.rancher.refs import ClusterRef
from scale_agent.rancher.state import ClusterState
from scale_agent.removal import RUN_LABEL

if TYPE_CHECKING:
    from scale_agent.load.process import Process

logger = logging.getLogger(__name__)

#: Conditions that say that an agent of an earlier start was there. Rancher then counts on what it has put into that
#: cluster (and will not roll the agent out again), but a simulated cluster's contents die with their process.
TOUCHED = ("Provisioned", "AgentDeployed", "Connected", "Ready")
#: Condition of Rancher's cluster → phase that it means.
CONDITION_PHASES = (("AgentDeployed", "agent_deployed"), ("Connected", "connected"), ("Ready", "ready"))


class Life:
    """One cluster from the start of its life; its simulated half outlives the user until Rancher let it go."""

    __slots__ = (
        "_cancel_listening",
        "_cluster",
        "_entered",
        "_patience",
        "_replacing",
        "begun",
        "clock",
        "error",
        "left",
        "name",
        "number",
        "observer",
        "process",
        "profile",
        "settled",
    )

    def __init__(self, process: Process, number: int, profile: str) -> None:
        self.process = process
        self.number = number
        self.name = process.identity.name(number)
        self.profile = profile
        self.begun = False
        self.left = False
        self._replacing = self._entered = False
        self.error = ""
        self.settled = Event()
        self._cluster: Simulated | None = None
        self._cancel_listening: Callable[[], None] | None = None
        self._start_clock()

    def _start_clock(self) -> None:
        self.clock = PhaseClock()
        self.observer = ClusterObserver(self.name, self.process.meter, self.clock)
        self._patience = Patience(time.monotonic() + self.process.options.active_timeout_s)

    def run(self) -> None:
        """Register, and wait until active or failed. Raises nothing but the greenlet's end."""
        current_cluster.set(self.name)
        try:
            self.process.admission.enter(lambda why, ms: self.process.note_wait(self.name, why, ms))
            self._entered = True
            self._register()
            if not self.settled.wait(max(0.0, self._patience.deadline_s - time.monotonic())):
                self._fail("deadline")
        except GaveUpError as gave_up:
            self._fail(gave_up.reason)
        except InputError as error:
            self.process.complain("manifest", str(error))
            self._fail("manifest")
        except Exception:
            # Our own mistake: without this, Locust would log it and leave a user that waits for nothing, uncounted.
            logger.exception("the life of %s ended unexpectedly", self.name)
            self._fail("internal")

    def _register(self) -> None:
        client = self.process.site.client
        with self.process.creation_slot(self.name):
            self._begin()
            ref = self._patience.until(self._create_or_adopt)
        self.observer.phase("created")
        until = self._patience.until
        resolved = until(lambda: client.resolve(ref))
        self._listen(resolved.id)
        registration = until(lambda: client.registration(resolved))
        self.observer.phase("token")
        manifest = until(lambda: client.manifest(registration))
        self.observer.phase("manifest")
        self._cluster = self.process.site.simulate(
            self.name, self.process.identity.seed(self.number), self.profile, self.observer
        )
        self._cluster.apply_manifest(manifest)
        self.observer.phase("applied")

    def _begin(self) -> None:
        """The cluster's life starts now, not when its user started to queue for a slot."""
        self._start_clock()
        self.begun = True
        self._record("begun", worker=self.process.worker, number=self.number, path=self.process.options.create_path)

    def _listen(self, cluster_id: str) -> None:
        feed = self.process.site.feed
        self._cancel_listening = feed.listen(cluster_id, self.on_state)
        if (state := feed.state(cluster_id)) is not None:
            self.on_state(state)

    def _create_or_adopt(self) -> ClusterRef | None:
        """A reference to our cluster; ``None`` while an earlier one of that name is being removed.

        One that an earlier start of this run left is adopted if no agent has been there yet, else replaced.
        """
        if self.process.closed:
            raise GaveUpError("stopped")
        options, client = self.process.options, self.process.site.client
        try:
            made = client.create_cluster(self.name, self.process.identity.labels, options.create_path)
        except RancherError as error:
            if error.reason != "conflict":
                raise
            return self._adopt()
        if self._replacing:
            self._begin()
            self._record("replaced")
        return made

    def _adopt(self) -> ClusterRef | None:
        client = self.process.site.client
        found = client.find_cluster(self.name, self.process.options.create_path)
        if found is None:
            return None
        if found.labels.get(RUN_LABEL) != self.process.options.run_id:
            self.process.complain(
                "name-taken",
                f"a cluster {self.name} exists and does not carry the label {RUN_LABEL}={self.process.options.run_id}: "
                "choose another --name-prefix or --run-id, or delete it",
            )
            raise GaveUpError("name-taken")
        state = client.state(found.id) if found.id else None
        if found.id and (state is None or state.removing):
            return None
        if state is not None and any(map(state.true, TOUCHED)):
            client.delete(found)
            self._replacing = True
            return None
        self._record("adopted")
        return found

    def on_state(self, state: ClusterState) -> None:
        """Rancher said something about the cluster (the feed calls it)."""
        if state.removing or state.removed:
            self._note_removal()
            return
        for condition, phase in CONDITION_PHASES:
            if state.true(condition):
                self.observer.phase(phase)
        if state.truly_active:
            self.observer.phase("active")
            self._settle()

    def _note_removal(self) -> None:
        """Someone else removes it: a failure if it was still on its way, a fact if it was active."""
        if self.left or self.process.closed:
            return
        if self.settled.is_set():
            self.observer.error("removed-by-rancher", "")
        else:
            self._fail("removed-by-rancher")

    def _fail(self, reason: str) -> None:
        self.error = names.reason_of(reason)
        stuck = self.clock.stuck_before() or "active"
        self.process.meter.request(names.PHASE, stuck, self.clock.elapsed_ms(), 0, self.error)
        self._record("failed", error=self.error, stuck_before=stuck)
        self._settle()

    def _settle(self) -> None:
        """Nothing more is awaited of the ramp: the next one may begin."""
        if self.settled.is_set():
            return
        self.settled.set()
        self.process.settling -= 1
        if self._entered:
            self.process.admission.leave()

    def leave(self) -> None:
        """The user is being stopped; the simulated cluster goes on until Rancher has deleted it."""
        self.left = True
        if self.begun:
            # Taken away while the run went on: whatever it had not reached by then is no failure.
            detail: dict[str, object] = {} if self.process.closed else {"withdrawn": True}
            self.process.meter.record("life", "left", self.name, detail=detail)
        self._settle()

    def end(self) -> None:
        """Nothing more is needed of the simulated cluster. Idempotent, never blocks."""
        if self._cancel_listening is not None:
            self._cancel_listening()
            self._cancel_listening = None
        if self._cluster is not None:
            self._cluster.stop()

    def _record(self, name: str, error: str = "", **detail: object) -> None:
        self.process.meter.record("life", name, self.name, error=error, detail=detail)
