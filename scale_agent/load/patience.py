"""Repeating a step until it yields something: how long between attempts, and when to give up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from scale_agent.errors import RancherError

T = TypeVar("T")

#: Errors that a person has to cure: repeating the call cannot.
PERMANENT = frozenset({"unauthorized", "forbidden", "certificate", "invalid", "no-server-url", "not-found"})

#: Pause after the first error that may pass; it doubles.
FIRST_RETRY_S = 1.0


class GaveUpError(Exception):
    """The deadline passed, or repeating is of no use; ``reason`` is from the closed list."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Patience:
    """Repeats calls until ``deadline_s`` on ``clock`` (monotonic seconds).

    A ``None`` means "not yet" and is asked again soon (from 0.1 s up to 5 s); an error that may pass is tried again
    later (from 1 s up to 15 s, with jitter, so that thousands of clusters do not come back at once).
    """

    deadline_s: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    _last: str = field(default="", init=False)

    def until(self, step: Callable[[], T | None]) -> T:
        """The first result that is not ``None``. Raises :class:`GaveUpError`."""
        asking_s, failing_s = 0.1, FIRST_RETRY_S
        while True:
            try:
                result = step()
            except RancherError as error:
                if error.reason in PERMANENT:
                    raise GaveUpError(reason_with_status(error)) from error
                pause_s, failing_s = failing_s * (0.5 + self.jitter()), min(failing_s * 2, 15.0)
                self._last = reason_with_status(error)
            else:
                if result is not None:
                    return result
                pause_s, asking_s = asking_s, min(asking_s * 1.5, 5.0)
                self._last = ""
            self._pause(pause_s)

    def _pause(self, pause_s: float) -> None:
        if self.clock() + pause_s > self.deadline_s:
            raise GaveUpError(self._last or "deadline")
        self.sleep(pause_s)


def reason_with_status(error: RancherError) -> str:
    """``conflict 409``: closed, fit for grouping."""
    return f"{error.reason} {error.status}" if error.status else error.reason
