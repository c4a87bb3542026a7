"""One REST call as a measured fact; its name is from a closed list, so that it can name a metric."""

from __future__ import annotations

from dataclasses import dataclass

#: Every name a :class:`Call` can have: what the call is for, never whom it is about.
CALLS = (
    "login",
    "logout",
    "version",
    "setting",
    "create",
    "find",
    "resolve",
    "token",
    "manifest",
    "state",
    "list",
    "delete",
    "exists",
    "subscribe",
    "poll",
    "leftovers",
)


@dataclass(frozen=True, slots=True)
class Call:
    """``status`` is 0 without an answer; ``size`` the bytes of the answer's body; ``error`` a reason of
    :class:`~scale_agent.errors.RancherError`, empty for a success (a 404 that answers the question is one)."""

    name: str
    method: str
    status: int
    duration_ms: float
    size: int
    error: str
