"""One tunnelled connection and what is being answered on it."""

from __future__ import annotations

from collections.abc import Callable

from scale_agent.kube.http import Delivered, Response, Watch
from scale_agent.tunnel.served import ServedConnection


class Link:
    """A served connection, and its watch while one runs on it. ``mark`` is told when there is more to send.

    ``handshaking``: its TLS handshake was not seen to be done yet (the owner of the connection clears it).
    """

    __slots__ = ("_mark", "conn_id", "handshaking", "served", "watch")

    def __init__(self, conn_id: int, served: ServedConnection, mark: Callable[[Link], None]) -> None:
        self.conn_id = conn_id
        self.served = served
        self._mark = mark
        self.watch: Watch | None = None
        self.handshaking = served.encrypted

    def begin(self, answer: Response | Watch, delivered: Delivered | None = None) -> int:
        """Give an answer, or begin one that lasts; the number of body bytes that are known now.

        ``delivered`` counts what a watch will give.
        """
        if isinstance(answer, Response):
            self.served.respond(answer.status, answer.headers, answer.body)
            return len(answer.body)
        self.served.start_stream(answer.status, answer.headers)
        self.watch = answer
        answer.delivered = delivered
        answer.on_readable = self._readable
        return 0

    def advance(self, max_bytes: int) -> bool:
        """Move what the watch has into the connection; False if there is nothing to move."""
        watch = self.watch
        if watch is None:
            return False
        data = watch.read(max_bytes)
        if data:
            self.served.send_chunk(data)
            return True
        if not watch.ended:
            return False
        self.watch = None
        self.served.end_stream()
        return True

    def close(self) -> None:
        """The connection is gone."""
        if self.watch is not None:
            self.watch.on_readable = None
            self.watch.close()
            self.watch = None

    def _readable(self) -> None:
        self._mark(self)
