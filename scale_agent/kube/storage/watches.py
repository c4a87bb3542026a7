"""A running watch: a cursor over a resource's history. It holds references, never a queue of copies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from scale_agent.kube import status
from scale_agent.kube.codec import gojson
from scale_agent.kube.http import Delivered, Headers
from scale_agent.kube.storage.history import Event, EventType, Log
from scale_agent.kube.storage.version import Version

#: Asked for a version's membership: whether the watch's selectors let it through.
Selects = Callable[[Version], bool]


class EventEncoder(Protocol):
    """Encodes events for one representation; a version's bytes are encoded once and shared."""

    def event(self, kind: EventType, version: Version) -> bytes:
        """One event."""

    def bookmark(self, rv: int, *, initial_end: bool) -> bytes:
        """A bookmark."""

    def error(self, refusal: dict[str, object]) -> bytes:
        """The last event of a watch that cannot go on."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a watch follows: a namespace (``""``: all) and a filter (``None``: everything)."""

    namespace: str = ""
    selects: Selects | None = None


#: Most watches follow everything.
EVERYTHING = Scope()


class Stored(Protocol):
    """What a watch asks of the store."""

    rv: int


class _Last:
    """The event that was encoded last: watches of one representation, which share an encoder, read it one by one."""

    __slots__ = ("_data", "_encoder", "_kind", "_version")

    def __init__(self) -> None:
        self._encoder: EventEncoder | None = None
        self._kind: EventType | None = None
        self._version: Version | None = None
        self._data = b""

    def event(self, encoder: EventEncoder, kind: EventType, version: Version) -> bytes:
        """One event."""
        if version is not self._version or encoder is not self._encoder or kind is not self._kind:
            self._data = encoder.event(kind, version)
            self._encoder, self._kind, self._version = encoder, kind, version
        return self._data


_LAST = _Last()


class ResourceWatch:
    """Implements :class:`scale_agent.kube.http.Watch`."""

    __slots__ = (
        "_bookmark_due",
        "_encoder",
        "_finished",
        "_initial",
        "_initial_end",
        "_last",
        "_log",
        "_position",
        "_readable",
        "_scope",
        "_store",
        "closed",
        "delivered",
        "headers",
        "on_readable",
    )
    status = 200

    def __init__(
        self,
        log: Log,
        position: int,
        scope: Scope,
        encoder: EventEncoder,
        headers: Headers,
        store: Stored,
    ) -> None:
        self.headers = headers
        self.on_readable: Callable[[], None] | None = None
        self.delivered: Delivered | None = None
        self.closed = False
        self._log = log
        self._position = position
        self._scope = scope
        self._encoder = encoder
        self._store = store
        self._initial: deque[Version] | None = None
        self._initial_end = 0
        self._bookmark_due = False
        self._finished = False
        self._last: bytes | None = None
        self._readable = True
        log.follow(scope.namespace, self)

    def start_with(self, versions: Sequence[Version], end_rv: int) -> None:
        """Send these as ADDED first; then, if ``end_rv`` is not 0, the bookmark that ends the initial events."""
        self._initial = deque(versions)
        self._initial_end = end_rv

    def continue_after(self, rv: int) -> None:
        """Send what happened after ``rv`` first. Raises ``LookupError`` if the history does not go back that far."""
        self._position = self._log.position_after(rv)

    def read(self, max_bytes: int) -> bytes:
        """Whole events that are due, at least one if any is due, up to about ``max_bytes``."""
        chunks: list[bytes] = []
        size, delivered = 0, self.delivered
        bookmarks = delivered.bookmarks if delivered is not None else 0
        while size < max_bytes or not chunks:
            chunk = self._next()
            if chunk is None:
                self._readable = False
                break
            chunks.append(chunk)
            size += len(chunk)
        if delivered is not None:
            delivered.events += len(chunks) - (delivered.bookmarks - bookmarks)
        return b"".join(chunks)

    def _next(self) -> bytes | None:
        if self.closed:
            return None
        if self._initial:
            return self._encoder.event(EventType.ADDED, self._initial.popleft())
        self._initial = None
        if self._initial_end:
            rv, self._initial_end = self._initial_end, 0
            return self._bookmark_at(rv, initial_end=True)
        if self._last is not None:
            last, self._last = self._last, None
            return last
        return None if self._finished and self._ended_by_error() else self._next_event()

    def _ended_by_error(self) -> bool:
        return self._position < 0

    def _next_event(self) -> bytes | None:
        while True:
            try:
                event = self._log.get(self._position)
            except LookupError:
                return self._too_slow()
            if event is None:
                return self._due_bookmark()
            self._position += 1
            seen = self._seen(event)
            if seen is not None:
                return _LAST.event(self._encoder, *seen)

    def _due_bookmark(self) -> bytes | None:
        if not self._bookmark_due:
            return None
        self._bookmark_due = False
        return self._bookmark_at(self._store.rv, initial_end=False)

    def _bookmark_at(self, rv: int, *, initial_end: bool) -> bytes:
        if self.delivered is not None:
            self.delivered.bookmarks += 1
        return self._encoder.bookmark(rv, initial_end=initial_end)

    def _too_slow(self) -> bytes:
        """The history has gone on without this watch: it ends alone, the client lists again."""
        self._position = -1
        self._finish()
        horizon = self._log.horizon
        return self._encoder.error(status.gone(f"too old resource version: {horizon} ({self._store.rv})").status())

    def fail(self, refusal: dict[str, object]) -> None:
        """End with an ERROR event and nothing else."""
        self._last = self._encoder.error(refusal)
        self._position = -1
        self._finish()

    def _seen(self, event: Event) -> tuple[EventType, Version] | None:
        """How this watch sees an event: objects enter and leave its selection as ADDED and DELETED."""
        namespace, selects = self._scope.namespace, self._scope.selects
        if namespace and event.after.namespace != namespace:
            return None
        if selects is None:
            return event.type, event.after
        now = event.type is not EventType.DELETED and selects(event.after)
        was = event.before is not None and selects(event.before)
        if now:
            return (EventType.MODIFIED if was else EventType.ADDED), event.after
        if not was:
            return None
        return EventType.DELETED, _at(event) if event.type is not EventType.DELETED else event.after

    def changed(self, event: Event) -> None:
        """The log has a new event: tell the transport, unless the event is none of this watch's."""
        if self._scope.selects is None or self._seen(event) is not None:
            self._wake()

    def bookmark(self) -> None:
        """A periodic bookmark is due."""
        self._bookmark_due = True
        self._wake()

    def finish(self) -> None:
        """``timeoutSeconds`` are over: what is due is still sent, then the body ends."""
        self._finish()
        self._wake()

    def _finish(self) -> None:
        self._finished = True
        self._log.unfollow(self._scope.namespace, self)

    def _wake(self) -> None:
        if self._readable or self.closed:
            return
        self._readable = True
        if self.on_readable is not None:
            self.on_readable()

    @property
    def drained(self) -> bool:
        """True until the next wake: to ask again would find nothing."""
        return not (self._readable or self._finished or self.closed)

    @property
    def ended(self) -> bool:
        """True when nothing will ever come again and everything was read."""
        return self.closed or (self._finished and not self._readable)

    def close(self) -> None:
        """The client went away."""
        self.closed = True
        self._initial = None
        self._finish()


def _at(event: Event) -> Version:
    """The state before an event, with the event's resourceVersion: what a selection's DELETED carries."""
    before = event.before
    if before is None:  # nothing left the selection
        return event.after
    obj = before.object()
    obj["metadata"]["resourceVersion"] = str(event.rv)
    return Version(before.namespace, before.name, event.rv, gojson.dumps(obj))
