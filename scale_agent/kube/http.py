"""What goes into the API server and what comes out: values, no I/O.

The room's whole surface to its users is ``ApiServer.handle(request, now)``; it answers with a
:class:`Response`, complete bytes, or with a :class:`Watch`, which its transport pulls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from scale_agent.kube.users import LOOPBACK, User

Headers = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Request:
    """One HTTP request, complete. Header names are lower case; ``path`` is percent-decoded, ``query`` is raw.

    Nobody changes one (frozen it takes 0.6 µs more). Several headers of one name are joined by a comma,
    ``impersonate-…`` ones by a newline. ``user``: who asks if no bearer token comes along; a door to the outside says
    ``ANONYMOUS``.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: User = LOOPBACK


@dataclass(slots=True)
class Response:
    """One complete HTTP response, which nobody changes.

    ``Content-Length`` is the transport's to add; ``Content-Type`` is in ``headers``.
    """

    status: int
    headers: Headers
    body: bytes


class Delivered(Protocol):
    """Somebody's sums of what watches gave: whole events, and bookmarks (which are no events here)."""

    events: int
    bookmarks: int


class Watch(Protocol):
    """A running watch: the transport sends ``status`` and ``headers`` at once, then chunks of ``read``.

    ``on_readable`` is set by the transport and called (never re-entrantly with ``read``) whenever the watch
    goes from "nothing to read" to "something to read or ended". It must only note the fact.
    What is read is added to ``delivered``, if the transport gave one.
    """

    status: int
    headers: Headers
    on_readable: Callable[[], None] | None
    delivered: Delivered | None

    def read(self, max_bytes: int) -> bytes:
        """Whole events that are due, at least one if any is due, up to about ``max_bytes``; ``b""`` if none is."""

    @property
    def drained(self) -> bool:
        """True when ``read`` has just given the last there was, nothing ends, and ``on_readable`` will tell of more."""

    @property
    def ended(self) -> bool:
        """True when nothing will ever come again and everything was read: the transport ends the chunked body."""

    def close(self) -> None:
        """The client went away. Idempotent."""
