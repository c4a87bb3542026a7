"""A websocket that never waits: over a pair of sockets, and over TLS."""

from __future__ import annotations

import queue
import select
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.errors import DialError
from scale_agent.rancher import RancherConnector, TlsPolicy
from scale_agent.rancher.frames import Frame
from scale_agent.rancher.readywebsocket import ReadyWebSocket
from tests.rancher.conftest import Authority
from tests.rancher.loopback import RawLoopback
from tests.rancher.test_connector import Start, take_frame, upgraded
from tests.rancher.test_frames import FRAMES, unmasked


class Ends:
    """Our end, and a plain socket as Rancher's."""

    def __init__(self, rest: bytes = b"") -> None:
        ours, self.theirs = socket.socketpair()
        self.theirs.settimeout(5)
        self.ours = ReadyWebSocket(ours, rest)

    def close(self) -> None:
        """Both."""
        self.ours.shutdown()
        self.theirs.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    with closing(Ends()) as made:
        yield made


def frames(websocket: ReadyWebSocket, count: int) -> list[Frame]:
    """So many, waiting for each as an event loop does."""
    found: list[Frame] = []
    while len(found) < count:
        found += websocket.receive()
        if len(found) < count:
            assert select.select([websocket.fileno()], [], [], 5)[0], found
    return found


def test_nothing_there_is_no_error(ends: Ends) -> None:
    assert ends.ours.receive() == []
    ends.theirs.sendall(b"\x82")
    frames_before = ends.ours.receive()
    ends.theirs.sendall(b"\x01x")
    assert (frames_before, frames(ends.ours, 1)) == ([], [(2, b"x", True)])


def test_what_came_with_the_upgrade_is_first() -> None:
    with closing(Ends(unmasked(2, b"first") + b"\x82")) as ends:
        ends.theirs.sendall(b"\x06second")
        assert frames(ends.ours, 2) == [(2, b"first", True), (2, b"second", True)]


def test_frames_come_as_they_are_over_tls_and_pings_are_answered(
    authority: Authority, tls: TlsPolicy, raw: Start
) -> None:
    got: queue.Queue[tuple[int, bytes]] = queue.Queue()

    def script(sock: socket.socket) -> None:
        upgraded(sock, unmasked(*FRAMES[0]))
        sock.sendall(unmasked(9, b"hello") + b"".join(unmasked(*frame) for frame in FRAMES[1:]))
        for _ in range(6):
            got.put(take_frame(sock))

    server: RawLoopback = raw(script, authority.server)
    connection, _ = RancherConnector(server.url, tls).dial("/v3/connect", [], 5)
    assert frames(connection, len(FRAMES) + 1) == [FRAMES[0], (9, b"hello", True), *FRAMES[1:]]
    assert [got.get(timeout=5) for _ in range(4)] == [
        (0x8A, b"hello"),
        (0x8A, b""),
        (0x88, struct.pack("!H", 1000)),
        (0x88, b""),
    ]
    assert connection.send([b"x", b"y" * 200]) == 0
    assert [got.get(timeout=5) for _ in range(2)] == [(0x82, b"x"), (0x82, b"y" * 200)]
    connection.shutdown()
    connection.shutdown()
    assert connection.fileno() == -1


@pytest.mark.parametrize("encrypted", [True, False])
def test_what_does_not_fit_waits_and_keeps_its_order(
    encrypted: bool, authority: Authority, tls: TlsPolicy, raw: Start
) -> None:
    go: queue.Queue[None] = queue.Queue()
    got: queue.Queue[tuple[int, bytes]] = queue.Queue()

    def script(sock: socket.socket) -> None:
        upgraded(sock)
        go.get(timeout=10)
        for _ in range(44):
            got.put(take_frame(sock))

    server = raw(script, authority.server if encrypted else None)
    connection, _ = RancherConnector(server.url, tls).dial("/v3/connect", [], 5)
    pieces = [bytes([number]) * (1 << 18) for number in range(40)]
    unsent = [connection.send([piece]) for piece in pieces]
    assert unsent[-1] > 0
    assert connection.ping() > 0
    assert connection.send([b"", b"end", b"z" * 126]) > 0
    go.put(None)
    left = [connection.flush()]
    while left[-1]:
        assert select.select([], [connection.fileno()], [], 5)[1]
        left.append(connection.flush())
    assert left == sorted(left, reverse=True)
    assert [got.get(timeout=5) for _ in range(44)] == [
        *((0x82, piece) for piece in pieces),
        (0x89, b""),
        (0x82, b""),
        (0x82, b"end"),
        (0x82, b"z" * 126),
    ]
    assert connection.flush() == 0
    connection.shutdown()


def _gone(ends: Ends) -> None:
    ends.theirs.close()


def _hostile(ends: Ends) -> None:
    ends.theirs.sendall(b"\xff\xff")


@pytest.mark.parametrize(("end", "reason"), [(_gone, "closed"), (_hostile, "protocol")])
def test_frames_before_the_end_are_told_then_it_is_over(end: Callable[[Ends], None], reason: str, ends: Ends) -> None:
    ends.theirs.sendall(unmasked(2, b"last"))
    assert frames(ends.ours, 1) == [(2, b"last", True)]
    end(ends)
    with pytest.raises(DialError) as caught:
        ends.ours.receive()
    assert caught.value.reason == reason
    assert ends.ours.fileno() == -1
    for call in (ends.ours.receive, ends.ours.ping, lambda: ends.ours.send([b"x"])):
        with pytest.raises(DialError) as after:
            call()
        assert after.value.reason == "closed"


def _drain(websocket: ReadyWebSocket, most: int) -> None:
    for _ in range(most + 2):
        websocket.receive()


@given(data=st.binary(max_size=300))
def test_whatever_comes_it_is_frames_or_a_dial_error(data: bytes) -> None:
    with closing(Ends()) as ends:
        ends.theirs.sendall(data)
        ends.theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(DialError) as caught:
            _drain(ends.ours, len(data))
        assert caught.value.reason in ("closed", "protocol")
