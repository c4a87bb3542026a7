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
#: Replaced versions older than this are packed: the watches that follow have read them (seconds).
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

    @property
    def replaced(self) -> Iterator[Version]:
        """The versions of this event that are nobody's present state."""
        if self.before is not None:
            yield self.before
        if self.type is EventType.DELETED:
            yield self.after


class Follower(Protocol):
    """A watch, as the log sees it."""

    def changed(self, event: Event) -> None:
        """An event was appended."""

    def finish(self) -> None:
        """The resource is served anew, or no more: a watch ends."""


class Log:
    """Events of one resource in one cluster. Positions are sequence numbers: the log may forget, they never move."""

    __slots__ = ("_events", "_first", "_followers", "_packed", "horizon")

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon  # the resourceVersion after which everything is known
        self._events: deque[Event] = deque()
        self._first = 0
        self._packed = 0  # the position of the first event that is not packed
        self._followers: dict[str, dict[Follower, None]] | None = None

    @property
    def end(self) -> int:
        """The position after the newest event."""
        return self._first + len(self._events)

    @property
    def size(self) -> int:
        """How many events are held."""
        return len(self._events)

    def append(self, event: Event) -> None:
        """Add one event, forget what is too old, wake the watches of its namespace and of all namespaces."""
        self._events.append(event)
        self.trim(event.at_s)
        if self._followers:
            for scope in (event.after.namespace, "") if event.after.namespace else ("",):
                for follower in tuple(self._followers.get(scope, ())):
                    follower.changed(event)

    def trim(self, now_s: float) -> None:
        """Forget events that are too old or too many, with encodings cached for them; pack those that are not new."""
        events = self._events
        while events and (len(events) > MAX_EVENTS or events[0].at_s < now_s - MAX_AGE_S):
            old = events.popleft()
            old.after.forget()
            self.horizon = old.rv
            self._first += 1
        self._packed = max(self._packed, self._first)
        while (event := self.get(self._packed)) is not None and event.at_s < now_s - PACK_AGE_S:
            self._packed += 1
            for version in event.replaced:
                version.pack()

    def get(self, position: int) -> Event | None:
        """The event at a position; ``None`` if it is not there yet. Raises ``LookupError`` if it was forgotten."""
        index = position - self._first
        if index < 0:
            raise LookupError(position)
        return self._events[index] if index < len(self._events) else None

    def position_after(self, rv: int) -> int:
        """The position of the first event newer than ``rv``. Raises ``LookupError`` if some were forgotten."""
        if rv < self.horizon:
            raise LookupError(rv)
        position = self.end
        for event in reversed(self._events):
            if event.rv <= rv:
                break
            position -= 1
        return position

    def newer_than(self, rv: int) -> Iterator[Event]:
        """Events after ``rv``, newest first (to undo them). Raises ``LookupError`` if some were forgotten."""
        if rv < self.horizon:
            raise LookupError(rv)
        for event in reversed(self._events):
            if event.rv <= rv:
                return
            yield event

    def follow(self, namespace: str, follower: Follower) -> None:
        """Tell ``follower`` of events in a namespace (``""``: all), those that came first before others."""
        if self._followers is None:
            self._followers = {}
        self._followers.setdefault(namespace, {})[follower] = None

    def followers(self) -> list[Follower]:
        """All that follow now."""
        return [one for found in (self._followers or {}).values() for one in found]

    def unfollow(self, namespace: str, follower: Follower) -> None:
        """Undo :meth:`follow`; idempotent."""
        followers = (self._followers or {}).get(namespace)
        if self._followers and followers:
            followers.pop(follower, None)
            if not followers:
                del self._followers[namespace]
