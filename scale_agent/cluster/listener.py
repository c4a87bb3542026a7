"""A door on a TCP port of loopback: what a tunnel's transport does for a websocket, for plain sockets.

One greenlet per connection reads, one writes. The writer is the only one that sends, and pulls answers and watches
piece by piece: while a client does not read, its ``sendall`` waits and nothing more is pulled, so a slow watcher falls
behind alone. The reader stops while too much waits to be written.
"""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

import gevent
import gevent.socket
from gevent.event import Event
from gevent.server import StreamServer

from scale_agent.cluster.doors import Door, failure_of, internal_error
from scale_agent.cluster.link import Link
from scale_agent.errors import InputError, RemoteProtocolError
from scale_agent.tunnel.served import ServedConnection

LOOPBACK = "127.0.0.1"
#: Clients that wait to be accepted, at most; a burst of informers opens a few hundred connections at once.
_BACKLOG = 1024
#: How much is read from a socket, and how much of an answer or a watch is encrypted, at a time (bytes).
_READ_BYTES = 64 << 10
_PIECE_BYTES = 64 << 10
#: Nothing more is read from a client that has so many bytes of answers to fetch, or sent so many while it waits.
_PENDING_LIMIT_BYTES = 256 << 10

_LOG = logging.getLogger(__name__)


class Listener:
    """Serves ``door`` on loopback; ``port`` 0 takes any free one. Raises :class:`InputError` when it cannot listen."""

    def __init__(self, door: Door, port: int) -> None:
        self._door = door
        self._server = StreamServer(_bound(port), self._serve)
        self.port = int(self._server.server_port or 0)
        self._peers: set[_Peer] = set()

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._peers)

    def start(self) -> None:
        """Begin to accept."""
        self._server.start()

    def stop(self) -> None:
        """Accept nobody any more and cut every connection. Never blocks, idempotent."""
        self._server.close()
        for peer in list(self._peers):
            peer.cut()

    def _serve(self, sock: Any, address: tuple[str, int]) -> None:
        del address
        served = self._door.open(self.address)
        if isinstance(served, str):
            sock.close()
            return
        peer = _Peer(sock, self._door, served)
        self._peers.add(peer)
        try:
            peer.run()
        finally:
            self._peers.discard(peer)


def _bound(port: int) -> Any:
    sock = gevent.socket.socket()
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((LOOPBACK, port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        what = f"cannot listen: {os.strerror(error.errno or 0)}"
        raise InputError(what, where=f"{LOOPBACK}:{port}", cure="choose another --port, or 0 for any") from None
    return sock


class _Peer:
    """One accepted connection."""

    def __init__(self, sock: Any, door: Door, served: ServedConnection) -> None:
        self._socket = sock
        self._door = door
        self._link = Link(0, served, lambda link: self._wake.set())
        self._wake, self._written = Event(), Event()
        self._last_words = b""
        self._unanswered_bytes = 0
        self._over = False

    def run(self) -> None:
        """Serve until either side ends the connection."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        writer = gevent.spawn(self._write)
        try:
            self._read()
        except OSError:
            _LOG.debug("a client cut its connection")
        finally:
            self._over = True
            self._wake.set()
            writer.join()
            self._link.close()
            self._socket.close()

    def cut(self) -> None:
        """End it at once; ``run`` returns soon."""
        self._over = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            _LOG.debug("the connection was over already")

    def _read(self) -> None:
        while not self._over and (data := self._socket.recv(_READ_BYTES)):
            try:
                self._link.served.receive(data)
            except RemoteProtocolError as error:
                self._last_words = error.reply
                return
            self._answer()
            self._unanswered_bytes = self._unanswered_bytes + len(data) if self._link.served.busy else 0
            self._wake.set()
            while not self._over and self._full():
                self._written.clear()
                self._written.wait()

    def _full(self) -> bool:
        served = self._link.served
        return served.pending_bytes > _PENDING_LIMIT_BYTES or (
            served.busy and self._unanswered_bytes > _PENDING_LIMIT_BYTES
        )

    def _answer(self) -> None:
        served = self._link.served
        while (request := served.next_request()) is not None:
            try:
                answer = self._door.answer(request)
            except Exception as error:  # noqa: BLE001 - what a panic is in a real API server: a 500, told, and survived
                _LOG.error("failed at a request: %s", failure_of(error))
                answer = internal_error()
            self._link.begin(answer)

    def _write(self) -> None:
        try:
            while self._send_all() and not self._over:
                self._wake.wait()
                self._wake.clear()
            if self._last_words:
                self._socket.sendall(self._last_words)
        except OSError:
            _LOG.debug("a client went away before it had everything")
        finally:
            self.cut()  # the reader learns of it by its recv
            self._written.set()

    def _send_all(self) -> bool:
        """Send what there is; False when the connection is to be closed."""
        served = self._link.served
        while True:
            if data := served.data_to_send(_PIECE_BYTES):
                self._socket.sendall(data)
                self._written.set()
            elif served.finished:
                return False
            elif not self._link.advance(_PIECE_BYTES):
                self._written.set()
                return True
            else:
                self._answer()  # the end of a watch may free the next request
