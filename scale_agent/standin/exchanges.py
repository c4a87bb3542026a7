"""What listens to the answers of a script's requests."""

from __future__ import annotations

from collections.abc import Callable

from scale_agent.standin.run import Outgoing, ScriptRun

Clock = Callable[[], float]
#: Bodies above this are not kept whole: only OpenAPI documents are that large, and only their shape is checked.
MAX_BODY = 8 << 20


class StepExchange:
    """One answer: collected and handed to the run, or, for a watch, passed on piece by piece."""

    __slots__ = ("_after", "_clock", "_content_type", "_out", "_parts", "_run", "_size", "_status", "_watching")

    def __init__(self, run: ScriptRun, out: Outgoing, clock: Clock, after: Callable[[], None]) -> None:
        self._run = run
        self._out = out
        self._clock = clock
        self._after = after
        self._status = 0
        self._content_type = ""
        self._parts: list[bytes] = []
        self._size = 0
        self._watching = False

    def started(self, status: int, headers: dict[str, str]) -> None:
        """See :class:`~scale_agent.standin.tunnels.Exchange`."""
        self._status = status
        self._content_type = headers.get("content-type", "")
        if self._out.watch:
            self._watching = self._run.watch_started(self._out.step, status, self._content_type, self._clock())
            self._after()

    def data(self, data: bytes) -> None:
        """See :class:`~scale_agent.standin.tunnels.Exchange`."""
        if self._watching:
            self._run.watch_data(self._out.step, data, self._clock())
            self._after()
        elif self._size + len(data) <= MAX_BODY:
            self._parts.append(data)
            self._size += len(data)

    def ended(self) -> None:
        """See :class:`~scale_agent.standin.tunnels.Exchange`."""
        now = self._clock()
        if self._out.watch:
            self._run.watch_ended(self._out.step, now)
        else:
            body = b"".join(self._parts)
            self._run.answered(self._out.step, self._status, self._content_type, body, now)
        self._parts.clear()
        self._after()

    def lost(self, reason: str) -> None:
        """See :class:`~scale_agent.standin.tunnels.Exchange`."""
        self._parts.clear()
        self._run.lost(self._out.step, self._clock(), reason)
        self._after()
