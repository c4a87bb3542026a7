"""The bounded past of one resource, and the watches that follow it.

An event refers to the object versions before and after; nothing is copied. A watch is a position in the log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from scale_agent.kube.storage.version import Version

#: How many events of a resource are kept at most, and for how long: etcd's compaction interval.
MAX_EVENTS = 1000
MAX_AGE_S = 300.0
#: Versions older than this are packed: the watches that follow have read them (seconds).
PACK_AGE_S = 10.0


class EventType(StrEnum):
    """Types of watch events."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Event:
    """One change. ``after`` of a deletion is the last state with the deletion's resourceVersion."""

    rv: int
    type: EventType
    after: Version
    before: Version | None
    at_s: float

    def pack(self) -> None:
        """Hold both versions as small as it goes; of the one before, nobody asks for an encoding any more."""
        if self.before is not None:
            self.before.forget()
            self.before.pack()
        if self.type is EventType.DELETED:
            self.after.forget()
        self.after.pack()


class Follower(Protocol):
    """A watch, as the log sees it."""

    def changed(self, event: Event) -> None:
        """An event was appended."""

    def finish(self) -> None:
        """The resource is served anew, or no more: a watch ends."""


class Log:
    """Events of one resource in one cluster. Positions are sequence numbers: the log may forget, they never move."""

    __slots__ = ("_events", "_everywhere", "_first", "_packed", "_somewhere", "horizon")

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon  # the resourceVersion after which everything is known
        self._events: deque[Event] | None = None  # an empty one takes 600 bytes
        self._first = 0
        self._packed = 0  # the position of the first event that is not packed
        self._everywhere: tuple[Follower, ...] = ()
        self._somewhere: dict[str, tuple[Follower, ...]] | None = None  # by namespace

    @property
    def end(self) -> int:
        """The position after the newest event."""
        return self._first + self.size

    @property
    def size(self) -> int:
        """How many events are held."""
        return len(self._events) if self._events is not None else 0

    def append(self, event: Event) -> None:
        """Add one event, forget what is too old, wake the watches of its namespace and of all namespaces."""
        if self._events is None:
            self._events = deque()
        self._events.append(event)
        self.trim(event.at_s)
        if self._somewhere and event.after.namespace:
            for follower in self._somewhere.get(event.after.namespace, ()):
                follower.changed(event)
        for follower in self._everywhere:
            follower.changed(event)

    def trim(self, now_s: float) -> None:
        """Forget events that are too old or too many, with encodings cached for them; pack those that are not new."""
        events = self._events
        if events is None:
            return
        while events and (len(events) > MAX_EVENTS or events[0].at_s < now_s - MAX_AGE_S):
            old = events.popleft()
            if self._first >= self._packed:
                old.pack()
            old.after.forget()
            self.horizon = old.rv
            self._first += 1
        self._packed = max(self._packed, self._first)
        while (event := self.get(self._packed)) is not None and event.at_s < now_s - PACK_AGE_S:
            self._packed += 1
            event.pack()
        if not events:
            self._events = None

    @property
    def due_s(self) -> float | None:
        """When :meth:`trim` will have something to do; ``None``: not before the next event."""
        if not self._events:
            return None
        fresh = self.get(self._packed)
        return fresh.at_s + PACK_AGE_S if fresh is not None else self._events[0].at_s + MAX_AGE_S

    def get(self, position: int) -> Event | None:
        """The event at a position; ``None`` if it is not there yet. Raises ``LookupError`` if it was forgotten."""
        index = position - self._first
        if index < 0:
            raise LookupError(position)
        events = self._events
        return events[index] if events is not None and index < len(events) else None

    def position_after(self, rv: int) -> int:
        """The position of the first event newer than ``rv``. Raises ``LookupError`` if some were forgotten."""
        if rv < self.horizon:
            raise LookupError(rv)
        position = self.end
        for event in reversed(self._events or ()):
            if event.rv <= rv:
                break
            position -= 1
        return position

    def newer_than(self, rv: int) -> Iterator[Event]:
        """Events after ``rv``, newest first (to undo them). Raises ``LookupError`` if some were forgotten."""
        if rv < self.horizon:
            raise LookupError(rv)
        for event in reversed(self._events or ()):
            if event.rv <= rv:
                return
            yield event

    def follow(self, namespace: str, follower: Follower) -> None:
        """Tell ``follower`` of events in a namespace (``""``: all), those that came first before others."""
        if not namespace:
            self._everywhere = (*self._everywhere, follower)
            return
        if self._somewhere is None:
            self._somewhere = {}
        self._somewhere[namespace] = (*self._somewhere.get(namespace, ()), follower)

    def followers(self) -> list[Follower]:
        """All that follow now."""
        return [*self._everywhere, *(one for found in (self._somewhere or {}).values() for one in found)]

    def unfollow(self, namespace: str, follower: Follower) -> None:
        """Undo :meth:`follow`; idempotent."""
        if not namespace:
            self._everywhere = _without(self._everywhere, follower)
        elif self._somewhere is not None:
            left = _without(self._somewhere.pop(namespace, ()), follower)
            if left:
                self._somewhere[namespace] = left


def _without(followers: tuple[Follower, ...], one: Follower) -> tuple[Follower, ...]:
    return tuple(follower for follower in followers if follower is not one)
