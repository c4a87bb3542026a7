"""Wakes an API server when something in it falls due: one timer per cluster, always set to the earliest time."""

from __future__ import annotations

from scale_agent.cluster.runtime import Runtime, Timer
from scale_agent.kube.server import ApiServer


class Alarm:
    """Calls ``api.advance`` whenever the server said that something is due, until :meth:`stop`."""

    __slots__ = ("_api", "_due_s", "_runtime", "_timer")

    def __init__(self, api: ApiServer, runtime: Runtime) -> None:
        self._api = api
        self._runtime = runtime
        self._due_s = 0.0
        self._timer: Timer | None = None

    def start(self) -> None:
        """From now on what is due happens; what is due already happens at once. Idempotent."""
        self._api.on_due = self._on_due
        self.ring()

    def stop(self) -> None:
        """Nothing that is due happens any more. Idempotent."""
        self._api.on_due = None
        self._cancel()

    def ring(self) -> None:
        """Do what is due now, and set the timer to what is due next."""
        if self._api.on_due is None:
            return
        self._cancel()
        due_s = self._api.advance(self._runtime.clock())
        if due_s is not None:
            self._on_due(due_s)

    def _on_due(self, due_s: float) -> None:
        if self._timer is not None:
            if self._due_s <= due_s:
                return
            self._timer.cancel()
        self._due_s, self._timer = due_s, self._runtime.call_at(due_s, self.ring)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
