"""Turns: in order, in one greenlet, whatever one of them does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import gevent
import pytest
from gevent.event import Event
from greenlet import getcurrent, greenlet

from scale_agent.cluster.turns import Turns, Watching


@pytest.fixture
def turns() -> Turns:
    return Turns()


def settle() -> None:
    """Let everything run that can."""
    for _ in range(10):
        gevent.sleep(0)


def test_in_order_and_in_one_greenlet(turns: Turns) -> None:
    seen: list[str] = []
    workers: set[greenlet] = set()

    def note(name: str) -> None:
        seen.append(name)
        workers.add(getcurrent())

    for name in ("a", "b", "c"):
        turns.soon(partial(note, name))
    assert seen == []
    settle()
    turns.soon(partial(note, "d"))
    settle()
    assert seen == ["a", "b", "c", "d"]
    assert len(workers) == 1


def test_a_turn_may_ask_for_more(turns: Turns) -> None:
    seen: list[int] = []

    def more() -> None:
        seen.append(len(seen))
        if len(seen) < 5:
            turns.soon(more)

    turns.soon(more)
    settle()
    assert seen == [0, 1, 2, 3, 4]


def test_again_is_after_everybody_else(turns: Turns) -> None:
    seen: list[str] = []
    turns.soon(lambda: turns.again(lambda: seen.append("again")))
    turns.soon(lambda: seen.append("other"))
    settle()
    assert seen == ["other", "again"]


def test_one_that_blocks_keeps_nobody_waiting_for_long(turns: Turns) -> None:
    go, seen = Event(), []

    def blocks() -> None:
        go.wait()
        seen.append("blocked")

    turns.soon(blocks)
    turns.soon(lambda: seen.append("behind"))
    settle()
    assert seen == []
    turns.look()  # what the runtime does every 20 ms
    settle()
    assert seen == ["behind"]
    turns.soon(lambda: seen.append("later"))
    settle()
    assert seen == ["behind", "later"]
    go.set()
    settle()
    assert seen == ["behind", "later", "blocked"]
    turns.soon(lambda: seen.append("on"))
    settle()
    assert seen[-1] == "on"


def test_a_failure_is_told_and_survived(turns: Turns, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def fails() -> None:
        raise KeyError("of a test")

    turns.soon(fails)
    turns.soon(lambda: seen.append("next"))
    settle()
    assert seen == ["next"]
    assert "KeyError: 'of a test'" in capsys.readouterr().err


class Pair:
    """A watched socket and its other end."""

    def __init__(self, turns: Turns) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.seen: list[bytes] = []
        self.writable, self.got = Event(), Event()
        self.watching = Watching(turns, self.ours.fileno(), self._read, self._write)

    def _read(self) -> None:
        self.seen.append(self.ours.recv(100))
        self.got.set()

    def _write(self) -> None:
        self.watching.write(False)
        self.writable.set()

    def close(self) -> None:
        """In the right order."""
        self.watching.stop()
        self.watching.stop()
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def pair(turns: Turns) -> Iterator[Pair]:
    with closing(Pair(turns)) as made:
        yield made


def test_something_to_read_gives_a_turn_unless_nobody_wants_it(pair: Pair) -> None:
    pair.theirs.sendall(b"one")
    assert pair.got.wait(5)
    pair.got.clear()
    pair.watching.read(False)
    pair.theirs.sendall(b"two")
    settle()
    assert pair.seen == [b"one"]
    pair.watching.read(True)
    pair.watching.read(True)
    assert pair.got.wait(5)
    assert pair.seen == [b"one", b"two"]


def test_room_to_write_gives_a_turn_when_asked_for(pair: Pair) -> None:
    settle()
    assert not pair.writable.is_set()
    pair.watching.write(False)
    pair.watching.write(True)
    pair.watching.write(True)
    assert pair.writable.wait(5)


def test_after_stop_nothing_is_told(pair: Pair) -> None:
    pair.watching.stop()
    pair.watching.read(True)
    pair.watching.write(True)
    pair.theirs.sendall(b"late")
    settle()
    assert pair.seen == []
    assert not pair.writable.is_set()
