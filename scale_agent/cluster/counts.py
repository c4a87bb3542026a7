"""What went through the tunnels of one process: plain numbers that only grow, to be compared with the other side's."""

from __future__ import annotations


class Counts:
    """One per :class:`~scale_agent.cluster.runtime.Runtime`, shared by all its tunnels; nobody is told of a change.

    Adding to a slot costs 30 ns; a record or a request event for each would cost a hundred times as much.

    * ``connections_opened``, ``connections_refused``: what the peer dialled; ``connections_closed``: opened ones that
      ended, whoever ended them, also with their tunnel. Opened less closed are open now.
    * ``cancelled_dials``: opened ones that the peer closed before their TLS handshake was done.
    * ``handshakes``: TLS handshakes done inside the tunnels.
    * ``events``, ``bookmarks``: what watches gave to their connections; an ERROR is an event, a bookmark is none.
    * ``bytes_in``, ``bytes_out``: bodies of Data messages from and to the peer: what its ends of the connections see.
    * ``pings``: of ours on the websockets; ``pongs``: that came back.
    * ``abandoned_requests``, ``abandoned_dials``: an agent was stopped while it waited for an answer, or for a
      websocket: the peer may have seen it.
    """

    __slots__ = (
        "abandoned_dials",
        "abandoned_requests",
        "bookmarks",
        "bytes_in",
        "bytes_out",
        "cancelled_dials",
        "connections_closed",
        "connections_opened",
        "connections_refused",
        "events",
        "handshakes",
        "pings",
        "pongs",
    )

    def __init__(self) -> None:
        self.connections_opened = self.connections_refused = self.connections_closed = self.cancelled_dials = 0
        self.handshakes = self.events = self.bookmarks = 0
        self.bytes_in = self.bytes_out = 0
        self.pings = self.pongs = 0
        self.abandoned_requests = self.abandoned_dials = 0

    def as_dict(self) -> dict[str, int]:
        """All numbers by name, sorted."""
        return {name: getattr(self, name) for name in self.__slots__}
