"""Times as Kubernetes writes them: RFC 3339, UTC, whole seconds (or microseconds for MicroTime)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=256)
def _stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp(now: float) -> str:
    """``2026-11-21T10:46:13Z``."""
    return _stamp(int(now))


def parse(text: str) -> float | None:
    """Seconds since 1970, or ``None`` for what is no time."""
    try:
        return _parsed(text)
    except (ValueError, TypeError):
        return None


@lru_cache(maxsize=1024)
def _parsed(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
