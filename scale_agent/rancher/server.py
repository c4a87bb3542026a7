"""What a Rancher server says about itself, and what follows from its version."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RELEASE = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """``version`` as the server gives it (``v2.15.0``); ``server_url`` what agents are told to dial, never empty."""

    version: str
    server_url: str

    @property
    def release(self) -> tuple[int, int, int] | None:
        """``(2, 15, 0)``; ``None`` for development builds that name no release."""
        found = _RELEASE.match(self.version)
        return (int(found[1]), int(found[2]), int(found[3])) if found else None

    def at_least(self, major: int, minor: int) -> bool:
        """Whether the server is that release or later; development builds count as the latest."""
        release = self.release
        return release is None or release[:2] >= (major, minor)

    @property
    def agent_generations(self) -> int:
        """How many agents an import starts in turn (recordings: 2.12 and later make three, protocol 2.5)."""
        return 3 if self.at_least(2, 12) else 2

    @property
    def rotates_tokens(self) -> bool:
        """Whether registration tokens expire and live in secrets (2.15, protocol 1.5)."""
        return self.at_least(2, 15)
