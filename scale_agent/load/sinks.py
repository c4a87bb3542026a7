"""Where records go: into the ledger and the files of this process, or, from a worker, to the master in batches."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from scale_agent.load.files import RunFiles
from scale_agent.load.ledger import Ledger
from scale_agent.load.totals import Totals
from scale_agent.records import Record, from_line, to_line

logger = logging.getLogger(__name__)

#: The message by which a worker ships records: ``{"run": run id, "lines": [...], "dropped": so far}``.
MESSAGE = "scale-agent-records"
BATCH = 500
#: Records that a worker keeps while the master does not take them; beyond, the oldest are dropped and counted.
MOST_WAITING = 200_000


class Sink(Protocol):
    """Takes records; ``put`` returns at once, ``flush`` is called a few times a second and at the end."""

    def put(self, record: Record) -> None: ...
    def flush(self) -> None: ...


class Store:
    """The end of the way: ledger, totals and files. Lines from workers come in by :meth:`take`."""

    def __init__(self, ledger: Ledger, files: RunFiles | None) -> None:
        self.ledger = ledger
        self.totals = Totals()
        self._files = files
        self._lines: list[str] = []
        self._dropped: dict[str, int] = {}
        self.garbled = 0
        #: Why files are not complete; empty if they are.
        self.unwritten = ""

    @property
    def dropped(self) -> int:
        """Records that workers could not keep until they were shipped."""
        return sum(self._dropped.values())

    def put(self, record: Record) -> None:
        """Take a record in; it is in the file after the next :meth:`flush`."""
        self._apply(record)
        self._lines.append(to_line(record))

    def take(self, worker: str, lines: list[str], dropped: int) -> None:
        """Take a worker's batch in."""
        self._dropped[worker] = dropped
        for line in lines:
            try:
                self._apply(from_line(line))
            except (ValueError, TypeError, KeyError, AttributeError):  # no record, or one of another shape
                self.garbled += 1
                continue
            self._lines.append(line)

    def _apply(self, record: Record) -> None:
        self.ledger.apply(record)
        self.totals.apply(record)

    def flush(self) -> None:
        """Write what came in since the last time."""
        lines, self._lines = self._lines, []
        if self._files is None:
            return
        try:
            if lines:
                self._files.add(lines)
            self._files.refresh()
        except OSError as error:
            self._go_on_without(self._files, error)

    def close(self) -> None:
        """Write everything; idempotent."""
        self.flush()
        if self._files is None:
            return
        try:
            self._files.close()
        except OSError as error:
            self._go_on_without(self._files, error)

    def _go_on_without(self, files: RunFiles, error: OSError) -> None:
        """A full disk must not keep anyone from deleting the clusters."""
        self.unwritten = f"the run's files are not complete, writing failed: {error.strerror}"
        logger.error(self.unwritten)
        self._files = None
        files.abandon()


class Shipper:
    """A worker's sink. ``send(data)`` sends one message to the master, and raises when there is no way to it."""

    def __init__(self, run_id: str, send: Callable[[dict[str, Any]], None], most_waiting: int = MOST_WAITING) -> None:
        self._run_id = run_id
        self._send = send
        self._waiting: deque[str] = deque(maxlen=most_waiting)
        self.dropped = 0

    def put(self, record: Record) -> None:
        """Keep a record for the next batch."""
        if len(self._waiting) == self._waiting.maxlen:
            self.dropped += 1
        self._waiting.append(to_line(record))

    def flush(self) -> None:
        """Ship everything that waits. What cannot be sent stays for the next time."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                self._send({"run": self._run_id, "lines": batch, "dropped": self.dropped})
            except Exception:
                self._put_back(batch)
                raise

    def _put_back(self, batch: list[str]) -> None:
        room = (self._waiting.maxlen or 0) - len(self._waiting)
        self.dropped += max(0, len(batch) - room)
        self._waiting.extendleft(reversed(batch[max(0, len(batch) - room) :]))
