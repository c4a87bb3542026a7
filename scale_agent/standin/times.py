"""Unix times as Kubernetes writes them."""

from __future__ import annotations

import datetime


def rfc3339(at_s: float) -> str:
    """``2026-11-21T09:13:56Z``."""
    return datetime.datetime.fromtimestamp(at_s, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(at_s: float) -> int:
    """Whole seconds in milliseconds, as norman's ``createdTS``."""
    return int(at_s) * 1000
