"""Waiting for clusters: one subscription, or one shared poll, for all clusters of this process.

Rancher is asked the same number of times whether one cluster waits or a thousand. A subscription
(``/v1/subscribe`` with our labels as selector) costs one list when it starts and one message per change of our own
clusters; when it cannot be had or breaks, one paged list every few seconds takes its place until it can.
"""

from __future__ import annotations

import builtins
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from scale_agent.errors import DialError, RancherError, RemoteProtocolError
from scale_agent.rancher.events import Event, EventKind, parse, subscription
from scale_agent.rancher.lists import CLUSTER_FIELDS, ClusterList, selector
from scale_agent.rancher.state import ClusterState
from scale_agent.rancher.statebook import Listener, StateBook
from scale_agent.rancher.websocket import ClientWebSocket

Mode = Literal["stopped", "connecting", "subscription", "poll"]
_log = logging.getLogger(__name__)
_TEXT, _CONTINUATION, _CLOSE = 1, 0, 8
_MAX_MESSAGE_BYTES = 16 << 20
#: Rancher sends a ``ping`` message every 30 s: after three silent ones the subscription is dead.
_SILENCE_S = 95.0


class FeedClient(Protocol):
    """What the feed needs of :class:`~scale_agent.rancher.client.RancherClient`."""

    def subscribe(self, fields: tuple[str, ...], timeout_s: float) -> ClientWebSocket: ...

    def list_clusters(self, labels: Mapping[str, str], call: str = "list") -> ClusterList: ...


@dataclass(frozen=True, slots=True)
class FeedTimes:
    """Seconds: between polls, for opening a subscription, between tries to get one back (doubling up to the limit)."""

    poll_s: float = 5.0
    dial_s: float = 30.0
    retry_s: float = 5.0
    retry_limit_s: float = 60.0


@dataclass(frozen=True, slots=True)
class FeedCosts:
    """What the waiting cost Rancher so far; ``lost`` counts subscriptions that broke."""

    mode: Mode
    requests: int
    bytes: int
    events: int
    lost: int
    error: str


class StateFeed:
    """ONE per process and set of labels. ``start`` and ``stop`` once each; everything else from any thread."""

    def __init__(
        self,
        client: FeedClient,
        labels: Mapping[str, str],
        *,
        times: FeedTimes | None = None,
        subscribe: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._labels = dict(labels)
        self._times = times or FeedTimes()
        self._clock = clock
        self._book = StateBook()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._socket: ClientWebSocket | None = None
        self._want_subscription = subscribe
        self._retry_s = self._times.retry_s
        self._retry_at_s = self._listed_at_s = -1e9
        self._mode: Mode = "stopped"
        self._requests = self._bytes = self._events = self._lost = 0
        self._error = ""

    @property
    def mode(self) -> Mode:
        return self._mode

    @property
    def requests(self) -> int:
        return self._requests

    @property
    def bytes(self) -> int:
        return self._bytes

    @property
    def costs(self) -> FeedCosts:
        """All counters at once; ``error`` is what went wrong last, empty while all is well."""
        return FeedCosts(self._mode, self._requests, self._bytes, self._events, self._lost, self._error)

    def state(self, cluster_id: str) -> ClusterState | None:
        """The last known state; ``None`` for a cluster that is unknown or gone."""
        return self._book.state(cluster_id)

    def states(self) -> list[ClusterState]:
        """All known clusters with our labels."""
        return self._book.states()

    def listen(self, cluster_id: str, listener: Listener) -> Callable[[], None]:
        """Tell ``listener`` every change (at once what is known; ``removed`` at the end). The result cancels.

        Listeners must return at once: they run in the feed's thread.
        """
        return self._book.listen(cluster_id, listener)

    def start(self) -> None:
        """Start the feed's thread."""
        if self._thread is not None:
            raise RuntimeError("the feed was started before")
        self._mode = "connecting"
        self._thread = threading.Thread(target=self._run, name="rancher-state-feed", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the feed and wait for its thread. Idempotent."""
        self._ended.set()
        socket = self._socket
        if socket is not None:
            socket.shutdown()
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._mode = "stopped"

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                if self._want_subscription and self._clock() >= self._retry_at_s:
                    self._subscription()
                if not self._ended.is_set():
                    self._poll()
                    self._ended.wait(self._times.poll_s)
        finally:
            self._mode = "stopped"

    def _subscription(self) -> None:
        """Follow one subscription until it breaks; says when the next may be tried."""
        try:
            self._socket = socket = self._client.subscribe(CLUSTER_FIELDS, self._times.dial_s)
            self._requests += 1
            if self._ended.is_set():  # stop() came while we dialled and saw no socket to shut down
                socket.shutdown()
            socket.idle_timeout_s = _SILENCE_S
            self._follow(socket)
        except (DialError, RancherError, RemoteProtocolError) as error:
            self._lose(error)
        finally:
            if self._socket is not None:
                self._socket.shutdown()
            self._socket = None

    def _follow(self, socket: ClientWebSocket) -> None:
        socket.send_text(subscription(selector(self._labels)))
        for message in self._messages(socket):
            event = parse(message)
            if event is not None:
                self._handle(event, socket)

    def _messages(self, socket: ClientWebSocket) -> Iterator[builtins.bytes]:
        parts: list[builtins.bytes] = []
        while True:
            opcode, payload, fin = socket.receive()
            self._bytes += len(payload)
            if opcode == _CLOSE:
                raise DialError("closed", "Rancher closed the subscription")
            if opcode not in (_TEXT, _CONTINUATION):
                continue
            parts.append(payload)
            if sum(map(len, parts)) > _MAX_MESSAGE_BYTES:
                raise RemoteProtocolError("a message of the subscription is too large")
            if fin:
                yield b"".join(parts)
                parts = []

    def _handle(self, event: Event, socket: ClientWebSocket) -> None:
        if event.kind is EventKind.STARTED:
            # Events begin now; what happened before is in the list.
            self._list()
            self._mode, self._error, self._retry_s = "subscription", "", self._times.retry_s
        elif event.kind is EventKind.STOPPED:
            # Each start costs a list: not more often than polling would, however often Rancher stops us.
            self._ended.wait(max(0.0, self._listed_at_s + self._times.poll_s - self._clock()))
            socket.send_text(subscription(selector(self._labels)))
        elif event.kind is EventKind.FAILED:
            raise RemoteProtocolError(f"Rancher refused the subscription: {event.text}")
        elif event.state is not None:
            self._events += 1
            self._apply(event.kind, event.state)

    def _apply(self, kind: EventKind, state: ClusterState) -> None:
        ours = all(state.labels.get(key) == value for key, value in self._labels.items())
        if kind is EventKind.REMOVED:
            self._book.remove(state.id)
        elif ours:  # a server that does not know selectors sends all clusters
            self._book.apply(state)

    def _poll(self) -> None:
        self._mode = "poll"
        try:
            self._list()
        except RancherError as error:
            self._error = str(error)
            _log.warning("state feed: %s", error)

    def _list(self) -> None:
        self._listed_at_s = self._clock()
        found = self._client.list_clusters(self._labels, "poll")
        self._requests += found.cost.requests
        self._bytes += found.cost.bytes
        self._book.replace_all(found.states)

    def _lose(self, error: Exception) -> None:
        if self._ended.is_set():
            return
        self._lost += 1
        self._error = str(error)
        self._retry_at_s = self._clock() + self._retry_s
        self._retry_s = min(self._retry_s * 2, self._times.retry_limit_s)
        _log.warning("state feed: the subscription was lost, polling meanwhile: %s", error)
