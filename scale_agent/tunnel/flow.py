"""Back-pressure of one tunnelled connection (docs/remotedialer.md, section 6)."""

from __future__ import annotations

from enum import Enum
from typing import Final

#: Above this many unread bytes a connection is paused, below an eighth of it resumed (the Go module's read buffer).
PAUSE_ABOVE_BYTES: Final = 2 << 20
RESUME_BELOW_BYTES: Final = PAUSE_ABOVE_BYTES // 8


class Held(Enum):
    """What the peer knows about our wish that it should wait."""

    NO = 0
    YES = 1
    #: We paused it and it sent Resume since. In the Go module one flag means "I paused the peer" as well as "the
    #: peer paused me", so by its Resume it forgot our Pause; if Data goes on, Pause has to be said again.
    PERHAPS = 2


class Flow:
    """Unread bytes and the two pauses of one connection; the methods say what is to be told to the peer."""

    __slots__ = ("address", "held", "peer_paused", "unread")

    def __init__(self, address: str) -> None:
        self.address = address
        self.unread = 0
        self.held = Held.NO
        self.peer_paused = False

    def arrived(self, size: int) -> bool:
        """``size`` bytes came in; True when Pause is to be sent now."""
        self.unread += size
        if self.unread <= PAUSE_ABOVE_BYTES or self.held is Held.YES:
            return False
        self.held = Held.YES
        return True

    def consumed(self, size: int) -> bool:
        """``size`` bytes were processed; True when Resume is to be sent now."""
        self.unread -= size
        if self.held is Held.NO or self.unread >= RESUME_BELOW_BYTES:
            return False
        self.held = Held.NO
        return True

    def peer_resumed(self) -> bool:
        """The peer sent Resume; True if it had paused us."""
        if self.held is Held.YES:
            self.held = Held.PERHAPS
        was, self.peer_paused = self.peer_paused, False
        return was
