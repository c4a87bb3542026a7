"""Recorded resource versions and ours, object by object."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Older than anything our server gives out: stands for a recorded version that was stale and that we never saw.
STALE = "1"


@dataclass(slots=True)
class Versions:
    """A one-to-one map per object: what had the same version there has the same version here, and only that."""

    _ours: dict[tuple[str, str], str] = field(default_factory=dict)
    _recorded: dict[tuple[str, str], str] = field(default_factory=dict)

    def note(self, key: str, recorded: str, ours: str) -> str:
        """Both servers showed ``key`` at these versions. Returns what contradicts, empty if nothing does."""
        known = self._ours.setdefault((key, recorded), ours)
        if known != ours:
            return f"version {recorded} of {key} was {known} here, now {ours}: we wrote, the recorded server did not"
        before = self._recorded.setdefault((key, ours), recorded)
        if before != recorded:
            return f"version {ours} of {key} was {before} there, now {recorded}: the recorded server wrote, we did not"
        return ""

    def stale(self, key: str, recorded: str) -> str:
        """Our version of a recorded one that a request failed with."""
        return self._ours.get((key, recorded), STALE)
