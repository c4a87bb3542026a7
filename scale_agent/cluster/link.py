"""One tunnelled connection and what is being answered on it."""

from __future__ import annotations

from collections.abc import Callable

from scale_agent.kube.http import Delivered, Response, Watch
from scale_agent.tunnel.served import ServedConnection


class Link:
    """A served connection, and its watch while one runs on it. ``mark`` is told when there is more to send.

    ``handshaking``: its TLS handshake was not seen to be done yet (the owner of the connection clears it).
    """

    __slots__ = ("_mark", "_watch", "conn_id", "handshaking", "served")

    def __init__(self, conn_id: int, served: ServedConnection, mark: Callable[[Link], None]) -> None:
        self.conn_id = conn_id
        self.served = served
        self._mark = mark
        self._watch: Watch | None = None
        self.handshaking = served.encrypted

    def begin(self, answer: Response | Watch, delivered: Delivered | None = None) -> int:
        """Give an answer, or begin one that lasts; the number of body bytes that are known now.

        ``delivered`` counts what a watch will give.
        """
        if isinstance(answer, Response):
            self.served.respond(answer.status, answer.headers, answer.body)
            return len(answer.body)
        self.served.start_stream(answer.status, answer.headers)
        self._watch = answer
        answer.delivered = delivered
        answer.on_readable = self._readable
        return 0

    def advance(self, max_bytes: int) -> bool:
        """Move what the watch has into the connection; False if there is nothing to move."""
        watch = self._watch
        if watch is None:
            return False
        data = watch.read(max_bytes)
        if data:
            self.served.send_chunk(data)
            return True
        if not watch.ended:
            return False
        self._watch = None
        self.served.end_stream()
        return True

    @property
    def resting(self) -> bool:
        """True when nothing was left by the last ``data_to_send``, and nothing more comes by itself."""
        return (self._watch is None or self._watch.drained) and self.served.resting

    def close(self) -> None:
        """The connection is gone."""
        if self._watch is not None:
            self._watch.on_readable = None
            self._watch.close()
            self._watch = None

    def _readable(self) -> None:
        self._mark(self)
