"""What the users of one Locust process share during one run: the doors to Rancher, numbers, slots, the lives."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable, Iterator

import gevent
from gevent.lock import BoundedSemaphore

from scale_agent.load.admission import Admission
from scale_agent.load.collector import Collector
from scale_agent.load.doors import Site
from scale_agent.load.health import Health
from scale_agent.load.labels import RunIdentity
from scale_agent.load.life import Life
from scale_agent.load.meter import Meter
from scale_agent.load.numbers import Numbers
from scale_agent.load.options import RunOptions, profiles
from scale_agent.load.sinks import Sink
from scale_agent.load.totals import RAMP, STEADY
from scale_agent.removal import Removal

logger = logging.getLogger(__name__)

#: How often a process says what went through it and how it was, in seconds.
_SAMPLE_S = 1.0
#: How long connections may take to end after their clusters did; it is milliseconds.
_CLOSING_S = 10.0


def open_site(site: Site, options: RunOptions, user_classes: Iterable[object]) -> None:
    """Make a site ready for the clusters to come. Raises :class:`~scale_agent.errors.ScaleAgentError`."""
    for profile in profiles(options, user_classes):
        site.prepare(profile)
    site.start()


class Process:
    """One per process and run; made when the test starts, because a worker learns its options only then."""

    def __init__(self, options: RunOptions, identity: RunIdentity, site: Site, meter: Meter, sink: Sink) -> None:
        self.options = options
        self.identity = identity
        self.site = site
        self.meter = meter
        self.sink = sink
        self.closed = False
        self.lives: dict[str, Life] = {}
        self._numbers = Numbers(identity.worker)
        self._creating = BoundedSemaphore(options.create_concurrency)
        self._leaving: dict[str, Life] = {}
        self._remover: gevent.Greenlet[[], None] | None = None
        self._complaints: dict[str, int] = {}
        #: How many lives have begun and are neither active nor failed nor left.
        self.settling = 0
        self._counted: dict[str, int] = {}
        self._next_sample_s = 0.0
        self.health = Health()
        self.health.start()
        self.collector = Collector()
        self.collector.start()
        self.admission = Admission(options.imports_at_once, lambda: self.health.lag.now_ms)

    @property
    def worker(self) -> str:
        """``w0``: this process among the run's workers."""
        return f"w{self.identity.worker}"

    @property
    def creating(self) -> int:
        """How many creations are under way right now."""
        return self.options.create_concurrency - self._creating.counter

    def begin(self, profile: str) -> Life:
        """A new life for a user."""
        life = Life(self, self._numbers.take(), profile)
        self.lives[life.name] = life
        self.settling += 1
        return life

    def note_wait(self, name: str, why: str, ms: float) -> None:
        """A cluster waited for us, not for Rancher."""
        self.meter.record("wait", why, name, ms)

    def leave(self, life: Life) -> None:
        """A user ends. At the end of the run clean-up sees to its cluster; in the middle of it, we do."""
        life.leave()
        if self.closed or self.options.keep_clusters:
            return
        self._leaving[life.name] = life
        if self._remover is None or self._remover.ready():
            self._remover = gevent.spawn(self._remove_leaving)

    def _remove_leaving(self) -> None:
        while self._leaving and not self.closed:
            batch = set(self._leaving)  # who comes later is either seen gone by this removal, or is the next one's
            removal = Removal(
                self.site.client,
                self.identity.run_labels,
                selects=lambda listed: listed.name in self._leaving,
                concurrency=self.options.delete_concurrency,
                on_deleting=lambda name: self._note_removal(name, "deleting"),
                on_gone=self._gone,
            )
            removal.run()
            for name in batch & self._leaving.keys() - set(removal.outcome.left):
                self._gone(name)

    def _note_removal(self, name: str, phase: str) -> None:
        if life := self.lives.get(name):
            life.observer.phase(phase)

    def _gone(self, name: str) -> None:
        self._note_removal(name, "deleted")
        self._leaving.pop(name, None)
        if life := self.lives.pop(name, None):
            life.end()
            self.collector.note_end()
            self._numbers.give(life.number)

    @contextlib.contextmanager
    def creation_slot(self, name: str) -> Iterator[None]:
        """Wait for one of the slots in which clusters are created; the wait is recorded, it is not Rancher's."""
        started_s = time.monotonic()
        with self._creating:
            self.note_wait(name, "creation-slot", (time.monotonic() - started_s) * 1000)
            yield

    def complain(self, reason: str, text: str) -> None:
        """Say something about one cluster: the first time in the log, after that in numbers only."""
        seen = self._complaints[reason] = self._complaints.get(reason, 0) + 1
        if seen == 1:
            logger.warning("%s (further ones of this kind are only counted)", text)

    def close(self) -> None:
        """No new cluster begins any more; those that are simulated go on."""
        self.closed = True

    def flush(self, *, everything: bool = False) -> None:
        """Hand over what was measured since the last time; sums once a second, or now."""
        if everything or time.monotonic() >= self._next_sample_s:
            self._sample()
        self.sink.flush()

    def _sample(self) -> None:
        """What was served and went through since the last time, and how this process was meanwhile."""
        self.meter.flush_served()
        self._next_sample_s = time.monotonic() + _SAMPLE_S
        phase = RAMP if self.settling or not self.lives else STEADY
        counted = self.site.counts.as_dict()
        more = {name: count - self._counted.get(name, 0) for name, count in counted.items()}
        self._counted = counted
        if more := {name: count for name, count in more.items() if count}:
            self.meter.record("counts", self.worker, detail=more)
        clusters = {"clusters": len(self.lives), "settling": self.settling, "imports": self.admission.under_way}
        self.meter.record("health", phase, detail={"worker": self.worker, **clusters, **self.health.sample()})

    def feed_costs(self) -> dict[str, object]:
        """What waiting for active costs Rancher so far."""
        feed = self.site.feed
        return {"mode": feed.mode, "requests": feed.requests, "bytes": feed.bytes}

    def tidy(self, *, spawned: bool) -> None:
        """A few times a second; ``spawned``: no more users are to come for now."""
        self.collector.tick(spawned=spawned, settling=self.settling, lives=len(self.lives))

    def end(self) -> None:
        """Every simulated cluster stops at once; idempotent."""
        self.close()
        for life in list(self.lives.values()):
            life.end()
        self.lives.clear()
        self._await_closed()
        self.site.stop()
        self.health.stop()
        self.flush(everything=True)
        self.collector.stop()

    def _await_closed(self) -> None:
        """Connections end in the greenlets of their tunnels: the books are closed after them."""
        until_s, counts = time.monotonic() + _CLOSING_S, self.site.counts
        while counts.connections_opened > counts.connections_closed and time.monotonic() < until_s:
            gevent.sleep(0.01)
