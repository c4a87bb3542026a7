"""The last known state of every cluster of this process, and who wants to be told. No I/O, no clock."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from scale_agent.rancher.state import ClusterState

Listener = Callable[[ClusterState], None]
_log = logging.getLogger(__name__)


class StateBook:
    """Thread-safe. Listeners are called outside the lock, in the order of what happened, by whoever brings the news."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, ClusterState] = {}
        self._listeners: dict[str, list[Listener]] = {}

    def state(self, cluster_id: str) -> ClusterState | None:
        """The last known state; ``None`` for a cluster that is unknown or gone."""
        with self._lock:
            return self._states.get(cluster_id)

    def states(self) -> list[ClusterState]:
        """All clusters that are known and not gone."""
        with self._lock:
            return list(self._states.values())

    def listen(self, cluster_id: str, listener: Listener) -> Callable[[], None]:
        """Tell ``listener`` each change, and at once what is known already. The result cancels (idempotent)."""
        with self._lock:
            self._listeners.setdefault(cluster_id, []).append(listener)
            known = self._states.get(cluster_id)
        if known is not None:
            _tell([listener], known)
        return lambda: self._forget(cluster_id, listener)

    def apply(self, state: ClusterState) -> None:
        """A cluster was seen in this state; older news than what is known is dropped."""
        with self._lock:
            known = self._states.get(state.id)
            if known is not None and 0 < state.version < known.version:
                return
            self._states[state.id] = state
            if known is not None and replace(known, version=state.version) == state:
                return  # something else about it was written: most writes are
            listeners = list(self._listeners.get(state.id, ()))
        _tell(listeners, state)

    def remove(self, cluster_id: str) -> None:
        """A cluster is gone: its listeners get its last state with ``removed``."""
        with self._lock:
            known = self._states.pop(cluster_id, None)
            listeners = list(self._listeners.get(cluster_id, ()))
        if known is not None:
            _tell(listeners, replace(known, removing=True, removed=True))

    def replace_all(self, states: Iterable[ClusterState]) -> None:
        """A complete list: who is not in it is gone."""
        current = {state.id: state for state in states}
        with self._lock:
            gone = self._states.keys() - current.keys()
        for cluster_id in sorted(gone):
            self.remove(cluster_id)
        for state in current.values():
            self.apply(state)

    def _forget(self, cluster_id: str, listener: Listener) -> None:
        with self._lock:
            listeners = self._listeners.get(cluster_id, [])
            if listener in listeners:
                listeners.remove(listener)
            if not listeners:
                self._listeners.pop(cluster_id, None)


def _tell(listeners: Iterable[Listener], state: ClusterState) -> None:
    for listener in listeners:
        try:
            listener(state)
        except Exception:  # noqa: BLE001 - one listener's fault must not end the feed of all others
            _log.exception("a listener of the state feed failed")
