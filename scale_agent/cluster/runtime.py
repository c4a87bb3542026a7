"""What all clusters of a process share: the clock, one timer for everything that is due, TLS contexts, snapshots.

One greenlet looks at the timer's heap every 20 ms; what is due has its turn then (:mod:`scale_agent.cluster.turns`). A
callback that blocks blocks nobody else: the next look finds another worker.
"""

from __future__ import annotations

import email.utils
import heapq
import itertools
import ssl
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol, cast

import gevent

from scale_agent.cluster import heap
from scale_agent.cluster.authority import Authority, authority
from scale_agent.cluster.counts import Counts
from scale_agent.cluster.ports import WebSocket
from scale_agent.cluster.profile import Profile
from scale_agent.cluster.turns import Turn, Turns, Watching
from scale_agent.kube.storage.snapshot import Snapshot
from scale_agent.tunnel.tls import server_context

#: How often the timer looks, in seconds: the recorded agents' pings keep their 5 s to a few milliseconds.
LOOK_S = 0.02
#: How often memory that is free is given back to the system, in seconds.
TIDY_S = 60.0


class Timer:
    """Something that is due at a time. ``cancel`` at any time, any number of times."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """It shall not happen."""
        self.callback = None


class Watched(Protocol):
    """A websocket that is watched."""

    def read(self, wanted: bool) -> None:
        """Whether reading is of interest; it is at first."""

    def write(self, wanted: bool) -> None:
        """Whether room for writing is of interest; it is not at first."""

    def stop(self) -> None:
        """Before the websocket is closed. Idempotent."""


class InMemory(Protocol):
    """A websocket without a descriptor: it says itself when it is ready."""

    def attach(self, readable: Turn, writable: Turn) -> Watched:
        """Call ``readable`` or ``writable``, never from inside a call of the websocket."""


class Runtime:
    """One per process. ``seed`` is the run's: it makes the certificate authority that the run's clusters share.

    ``clock`` is Unix time in seconds that never jumps back.
    """

    def __init__(self, *, seed: str = "scale-agent", clock: Callable[[], float] | None = None) -> None:
        self.seed = seed
        self.clock = clock or _steady_clock()
        self.counts = Counts()
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._due: deque[Timer] = deque()
        self._turns = Turns()
        self._looker: gevent.Greenlet[..., None] | None = None
        self._tidy_timer = Timer(self._tidy)
        self._contexts: dict[tuple[str, str], ssl.SSLContext] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._date: tuple[int, str] = (0, "")

    def start(self) -> None:
        """Begin to look at the timer. Idempotent."""
        if self._looker is None:
            self._looker = gevent.spawn(self._look)
            self._tidy_timer = self.call_at(self.clock() + TIDY_S, self._tidy)

    def stop(self) -> None:
        """Nothing that is due happens any more. Idempotent."""
        if self._looker is not None:
            self._looker.kill(block=False)
            self._looker = None
            self._tidy_timer.cancel()

    def _tidy(self) -> None:
        heap.give_back()
        self._tidy_timer = self.call_at(self.clock() + TIDY_S, self._tidy)

    def call_at(self, due_s: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` when the clock shows ``due_s``."""
        timer = Timer(callback)
        heapq.heappush(self._heap, (due_s, next(self._order), timer))
        return timer

    def spawn(self, function: Callable[..., None], *args: Any) -> gevent.Greenlet[..., None]:
        """Run ``function`` in a greenlet of its own, soon."""
        return gevent.spawn(function, *args)

    def soon(self, turn: Turn) -> None:
        """Do this after what is being done now."""
        self._turns.soon(turn)

    def again(self, turn: Turn) -> None:
        """Do this when everybody else had a turn."""
        self._turns.again(turn)

    def watch(self, websocket: WebSocket, readable: Turn, writable: Turn) -> Watched:
        """Give ``readable`` a turn whenever there is something to read; ``writable`` when that was asked for."""
        return Watching(self._turns, websocket.fileno(), readable, writable)

    def authority(self, seed: str, host: str) -> Authority:
        """The authority of ``seed`` (the run's, or a cluster's own) for an API server at ``host``."""
        return authority(seed, host)

    def server_context(self, seed: str, host: str) -> ssl.SSLContext:
        """The TLS context of that authority's server certificate: made once."""
        context = self._contexts.get((seed, host))
        if context is None:
            made = self.authority(seed, host)
            context = self._contexts[seed, host] = server_context(made.cert_pem, made.key_pem)
        return context

    def forget_context(self, seed: str, host: str) -> None:
        """A cluster with its own authority is gone."""
        self._contexts.pop((seed, host), None)

    def snapshot(self, profile: Profile) -> Snapshot:
        """The profile's contents, compiled once per process."""
        snapshot = self._snapshots.get(profile.digest)
        if snapshot is None:
            now = self.clock()
            made_at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            objects = profile.objects(made_at)
            snapshot = Snapshot.build(objects, version=profile.version, now=now, without=profile.without)
            self._snapshots[profile.digest] = snapshot
        return snapshot

    def http_date(self) -> str:
        """The value of a Date header, now."""
        second = int(self.clock())
        if second != self._date[0]:
            self._date = (second, email.utils.formatdate(second, usegmt=True))
        return self._date[1]

    def _look(self) -> None:
        while True:
            self._collect()
            if self._due:
                self._turns.soon(self._work)
            self._turns.look()
            gevent.sleep(LOOK_S)

    def _collect(self) -> None:
        now, heap = self.clock(), self._heap
        while heap and heap[0][0] <= now:
            self._due.append(heapq.heappop(heap)[2])

    def _work(self) -> None:
        while self._due:
            callback = self._due.popleft().callback
            if callback is not None:
                callback()


class ManualRuntime(Runtime):
    """A runtime whose clock stands still until :meth:`advance`: for tests that drive time instead of sleeping."""

    def __init__(self, *, seed: str = "scale-agent", now_s: float = 1_800_000_000.0) -> None:
        super().__init__(seed=seed, clock=lambda: self._now_s)
        self._now_s = now_s

    def start(self) -> None:
        """Nothing to start: time is driven by hand."""

    def watch(self, websocket: WebSocket, readable: Turn, writable: Turn) -> Watched:
        """No descriptors: whoever drives time by hand has websockets in memory."""
        return cast(InMemory, websocket).attach(readable, writable)

    def advance(self, seconds: float) -> None:
        """Let time pass; everything due happens at its own moment, in order, each followed by all it leads to."""
        end = self._now_s + seconds
        self.settle()
        while self._heap and self._heap[0][0] <= end:
            self._now_s = max(self._now_s, self._heap[0][0])
            self._collect()
            self._work()
            self.settle()
        self._now_s = end

    def settle(self, rounds: int = 50) -> None:
        """Let every greenlet run until it waits."""
        for _ in range(rounds):
            gevent.sleep(0)


def _steady_clock() -> Callable[[], float]:
    started = time.time() - time.monotonic()
    return lambda: started + time.monotonic()
