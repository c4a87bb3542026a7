"""docs/remotedialer.md: a client and a server session back to back, and either of them against the recorded other."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scale_agent.tunnel.events import ConnectionClosed, DataReceived, PeerPaused
from scale_agent.tunnel.message import MessageType, decode
from scale_agent.tunnel.session import MAX_DATA_BYTES, Session, Side
from tests.tunnel.test_message import recorded_body, recorded_messages

MIB = 1 << 20


def client() -> Session:
    return Session(Side.CLIENT, first_message_id=1000)


def server(**more: Any) -> Session:
    return Session(Side.SERVER, first_message_id=5000, **more)


class Pipe:
    """One direction of 64 MB between two sessions: a willing sender, a reader that takes 100 KB a turn."""

    def __init__(self, source: Session, sink: Session, total: int) -> None:
        self.source, self.sink, self.left = source, sink, total
        self.unread = self.most_unread = self.received = self.pauses = 0

    def push(self) -> None:
        while self.left and self.source.can_send(2):
            size = min(self.left, MAX_DATA_BYTES)
            self.source.send(2, bytes(size))
            self.left -= size
            self.deliver()

    def deliver(self) -> None:
        """Everything either side has to say reaches the other."""
        for wire in self.source.data_to_send():
            for event in self.sink.receive(2, wire):
                assert isinstance(event, DataReceived)
                self.unread += len(event.data)
                self.received += len(event.data)
                self.most_unread = max(self.most_unread, self.unread)
        for wire in self.sink.data_to_send():
            self.pauses += sum(isinstance(event, PeerPaused) for event in self.source.receive(2, wire))

    def read(self) -> None:
        size = min(self.unread, 100_000)
        self.unread -= size
        self.sink.consumed(2, size)
        self.deliver()


@pytest.mark.parametrize("upload", [True, False])
def test_64_mb_to_a_slow_reader(upload: bool) -> None:
    outer, inner = server(), client()
    outer.connect("tcp", "10.43.0.1:443")
    for wire in outer.data_to_send():
        inner.receive(2, wire)
    pipe = Pipe(outer, inner, 64 * MIB) if upload else Pipe(inner, outer, 64 * MIB)
    while pipe.left or pipe.unread:
        pipe.push()
        pipe.read()
    assert pipe.received == 64 * MIB
    assert pipe.pauses == pytest.approx(64 / 1.75, abs=2)
    assert 2 * MIB < pipe.most_unread <= 2 * MIB + MAX_DATA_BYTES


class Talker:
    """One end that wants to send 16 MB while it reads 50 KB a turn."""

    def __init__(self, session: Session) -> None:
        self.session, self.left = session, 16 * MIB
        self.unread = self.most_unread = self.received = 0

    def turn(self, wires: list[bytes]) -> list[bytes]:
        for wire in wires:
            for event in self.session.receive(2, wire):
                if isinstance(event, DataReceived):
                    self.unread += len(event.data)
                    self.received += len(event.data)
        self.most_unread = max(self.most_unread, self.unread)
        size = min(self.unread, 50_000)
        self.unread -= size
        self.session.consumed(2, size)
        for _ in range(8):
            if self.left and self.session.can_send(2):
                self.session.send(2, bytes(MAX_DATA_BYTES))
                self.left -= MAX_DATA_BYTES
        return self.session.data_to_send()


def test_both_ways_at_once_never_stalls() -> None:
    """Section 6: when both ends pause each other, Resume and Pause cross; nobody may wait for ever."""
    outer, inner = server(), client()
    outer.connect("tcp", "a:1")
    ends, wires = (Talker(outer), Talker(inner)), outer.data_to_send()
    for turn in range(2000):
        wires = ends[(turn + 1) % 2].turn(wires)
    assert [end.received for end in ends] == [16 * MIB, 16 * MIB]
    assert all(2 * MIB < end.most_unread < 3 * MIB for end in ends)


class Pair(RuleBasedStateMachine):
    """Two sessions whose messages are under way for any time; in the end both know the same connections."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = {"server": server(), "client": client()}
        self.wires: dict[str, list[bytes]] = {"server": [], "client": []}
        self.put: dict[tuple[str, int], bytearray] = defaultdict(bytearray)
        self.got: dict[tuple[str, int], bytearray] = defaultdict(bytearray)

    def deliver_from(self, name: str) -> bool:
        self.wires[name] += self.ends[name].data_to_send()
        if not self.wires[name]:
            return False
        sink = self.ends["client" if name == "server" else "server"]
        for event in sink.receive(2, self.wires[name].pop(0)):
            if isinstance(event, DataReceived):
                self.got[name, event.conn_id] += event.data
                sink.consumed(event.conn_id, len(event.data))
        return True

    @rule(name=st.sampled_from(["server", "client"]))
    def one_message_arrives(self, name: str) -> None:
        self.deliver_from(name)

    @rule()
    def all_arrive(self) -> None:
        while self.deliver_from("server") or self.deliver_from("client"):
            pass
        assert self.ends["server"].connections == self.ends["client"].connections
        for (name, conn_id), data in self.put.items():
            if conn_id in self.ends["server"].connections:
                assert self.got[name, conn_id] == data

    @rule()
    def connect(self) -> None:
        self.ends["server"].connect("tcp", "a:1")

    @precondition(lambda self: self.ends["server"].connections)
    @rule(name=st.sampled_from(["server", "client"]), pick=st.integers(0, 9), data=st.binary(max_size=50))
    def send(self, name: str, pick: int, data: bytes) -> None:
        ids = self.ends[name].connections
        if ids:
            self.ends[name].send(ids[pick % len(ids)], data)
            self.put[name, ids[pick % len(ids)]] += data

    @rule(name=st.sampled_from(["server", "client"]), pick=st.integers(0, 9))
    def close(self, name: str, pick: int) -> None:
        ids = self.ends[name].connections
        if ids:
            self.ends[name].close(ids[pick % len(ids)])

    @rule()
    def sync_in_peace(self) -> None:
        self.all_arrive()  # a Connect that crosses the list gets lost: see the test below
        self.ends["client"].sync()
        self.all_arrive()

    @invariant()
    def nothing_is_invented(self) -> None:
        for key, data in self.got.items():
            assert self.put[key].startswith(data)


TestPair = Pair.TestCase
TestPair.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_a_connect_that_crosses_a_sync_dies_at_its_first_data() -> None:
    """Section 7: the race of the real agent. The server forgets the connection, the client learns it when it speaks."""
    outer, inner = server(), client()
    inner.sync()
    outer.connect("tcp", "a:1")
    for wire in outer.data_to_send():
        inner.receive(2, wire)
    for wire in inner.data_to_send():
        assert outer.receive(2, wire) == [ConnectionClosed(2, "sync from client")]
    assert (outer.connections, inner.connections) == ((), (2,))
    inner.send(2, b"hello")
    for wire in inner.data_to_send():
        outer.receive(2, wire)
    (wire,) = outer.data_to_send()
    assert inner.receive(2, wire) == [ConnectionClosed(2, "connection not found client/0/2")]


#: From here on the recording holds the syncs only, not what was closed in between.
RECORDED_UNTIL_S = 100.0


def replay(side: Side, sender: str, websocket: int) -> tuple[Session, dict[int, list[str]], dict[int, list[str]]]:
    """Feed a recorded websocket's frames to a session of ``side``, do what ``sender`` did; the Errors of both."""
    session = Session(side, first_message_id=1, client_key="c-m-z7w5sgd7", session_key=1833149174639378252)
    ours: dict[int, list[str]] = defaultdict(list)
    theirs: dict[int, list[str]] = defaultdict(list)
    for row, _ in recorded_messages("frames-import.jsonl.gz"):
        if row["connection"] != websocket:
            continue
        if row["sender"] != sender:
            session.receive(2, bytes.fromhex(row["header_hex"]) + recorded_body(row))
        else:
            perform(session, row)
            if row["type"] == "Error":
                theirs[row["conn_id"]].append(row["body"])
        for message in map(decode, session.data_to_send()):
            if message.type is MessageType.ERROR:
                ours[message.conn_id].append(message.body.decode())
    return session, ours, theirs


def perform(session: Session, row: dict[str, Any]) -> None:
    conn_id = row["conn_id"]
    if row["type"] == "Connect":
        while conn_id not in session.connections:  # Rancher numbers first and writes then: 6 may be seen before 5
            session.connect(*row["body"].split("/", 1))
    elif row["type"] == "SyncConnections":
        if row["t"] > RECORDED_UNTIL_S:
            return
        session.sync()
        (message,) = map(decode, session.data_to_send())
        assert message.body == recorded_body(row)
    elif row["type"] == "Data" and conn_id in session.connections:
        session.send(conn_id, recorded_body(row))
    elif row["type"] == "Error" and conn_id in session.connections:
        session.close(conn_id, row["body"])


@pytest.mark.parametrize(("websocket", "closed"), [(2, 18), (4, 0), (6, 6)])
def test_the_recorded_agent(websocket: int, closed: int) -> None:
    """Rancher's side fed to a client session: it lists what the agent listed and says as many Errors, echo first."""
    _, ours, theirs = replay(Side.CLIENT, "agent", websocket)
    assert len(theirs) == closed
    assert {conn_id: len(errors) for conn_id, errors in ours.items()} == {
        conn_id: len(errors) for conn_id, errors in theirs.items()
    }
    assert all(errors[0] == theirs[conn_id][0] == "EOF" for conn_id, errors in ours.items())


@pytest.mark.parametrize("websocket", [2, 6])
def test_the_recorded_rancher(websocket: int) -> None:
    """The agent's side fed to a server session: it says exactly the Errors that Rancher said, in order."""
    _, ours, theirs = replay(Side.SERVER, "rancher", websocket)
    assert ours == theirs
    assert ours
