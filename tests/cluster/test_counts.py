"""What the tunnels of a process count is what the other end sees."""

from __future__ import annotations

import orjson
import pytest

from scale_agent.cluster.counts import Counts
from scale_agent.cluster.doors import ApiDoor
from scale_agent.cluster.identity import ClusterIdentity
from scale_agent.cluster.profile import loads
from scale_agent.cluster.transport import Tunnel
from scale_agent.kube.local import LocalClient
from scale_agent.kube.server import ApiServer
from scale_agent.kube.users import User
from scale_agent.tunnel.message import MessageType, decode
from tests.cluster.fakes import API, FakeSocket, RancherEnd
from tests.cluster.test_transport import CLIENT, SERVER, Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


def counts(bench: Bench) -> dict[str, int]:
    """What is not 0."""
    return {name: count for name, count in bench.runtime.counts.as_dict().items() if count}


def test_nothing_was_seen_at_the_beginning() -> None:
    assert set(Counts().as_dict().values()) == {0}
    assert list(Counts().as_dict()) == sorted(Counts().as_dict())


def test_connections_and_handshakes(bench: Bench) -> None:
    first, second = bench.rancher.connect(), bench.rancher.connect()
    bench.rancher.connect("10.43.0.1:80")
    bench.run()
    assert bench.runtime.counts.connections_opened == 2
    assert bench.runtime.counts.connections_refused == 1
    assert bench.runtime.counts.handshakes == 2
    bench.rancher.hang_up(first)
    bench.run()
    assert bench.runtime.counts.connections_closed == 1
    bench.rancher.ask(second, "GET", "/x", Connection="close")
    bench.run()
    assert bench.runtime.counts.connections_closed == 2
    assert bench.runtime.counts.cancelled_dials == 0


def test_the_end_of_a_tunnel_closes_its_connections(bench: Bench) -> None:
    for _ in range(3):
        bench.rancher.connect()
    bench.run()
    bench.tunnel.close()
    bench.run()
    assert bench.runtime.counts.connections_closed == bench.runtime.counts.connections_opened == 3
    assert bench.runtime.counts.cancelled_dials == 0


def test_a_dial_that_the_peer_gives_up_before_its_handshake(bench: Bench) -> None:
    conn_id = bench.rancher.session.connect("tcp", API)
    bench.rancher.flush()
    bench.run()
    bench.rancher.hang_up(conn_id)
    bench.run()
    seen = counts(bench)
    seen.pop("bytes_in", None)
    assert seen == {"connections_opened": 1, "connections_closed": 1, "cancelled_dials": 1}


def test_what_is_no_tls_is_no_handshake(bench: Bench) -> None:
    conn_id = bench.rancher.session.connect("tcp", API)
    bench.rancher.session.send(conn_id, b"\x16\x03garbage" * 9)
    bench.rancher.flush()
    bench.run()
    assert bench.runtime.counts.handshakes == 0
    assert bench.runtime.counts.connections_closed == 1
    assert bench.runtime.counts.cancelled_dials == 0


def test_the_second_tunnel_has_no_handshakes() -> None:
    bench = Bench("stv")
    conn = bench.rancher.connect("not-used:80")
    answer = bench.rancher.ask(conn, "GET", "/ping")
    bench.run()
    bench.rancher.hang_up(conn)
    bench.run()
    assert answer.body == b"pong"
    assert bench.runtime.counts.handshakes == bench.runtime.counts.cancelled_dials == 0
    assert bench.runtime.counts.connections_closed == 1


def test_bytes_are_the_bodies_of_data_messages(bench: Bench) -> None:
    sent, receive = [0], bench.socket.receive

    def receive_and_add() -> list[tuple[int, bytes, bool]]:
        frames = receive()
        messages = [decode(payload) for _, payload, _ in frames]
        sent[0] += sum(len(message.body) for message in messages if message.type is MessageType.DATA)
        return frames

    bench.socket.receive = receive_and_add  # type: ignore[method-assign]
    conn = bench.rancher.connect()
    for number in range(3):
        bench.rancher.ask(conn, "POST", f"/big/{number * 40_000}", b"b" * 1000)
        bench.run()
    bench.rancher.ask(conn, "GET", "/x", Connection="close")
    bench.run()
    arrived = sum(len(message.body) for message in bench.rancher.messages if message.type is MessageType.DATA)
    assert bench.runtime.counts.bytes_in == sent[0] > 3000
    assert bench.runtime.counts.bytes_out == arrived > 120_000


def test_pings_and_pongs(bench: Bench) -> None:
    bench.run(21)
    assert counts(bench) == {"pings": 4, "pongs": 4}
    bench.socket.answers_pings = False
    bench.run(10)
    assert counts(bench) == {"pings": 6, "pongs": 4}


def test_events_and_bookmarks_of_watches(bench: Bench) -> None:
    profile = loads("name: counted\nversion: v1.36.2\n", "test.yaml")
    api = ApiServer(bench.runtime.snapshot(profile), ClusterIdentity("seed", b""))
    client = LocalClient(api, bench.runtime.clock)
    door = ApiDoor(api, API, SERVER, bench.runtime.clock, bench.runtime.http_date)
    api.gate.tokens.register("token", User("admin", ("system:masters",)))
    socket = FakeSocket()
    rancher = RancherEnd(socket, CLIENT)
    tunnel = Tunnel("main", socket, door, bench.runtime, bench.observer, first_message_id=7)
    tunnel.start(_ignore)
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    answer = rancher.ask(rancher.connect(), "GET", f"/api/v1/namespaces?{query}", Authorization="Bearer token")
    bench.run()
    client.create("/api/v1/namespaces", {"metadata": {"name": "one"}})
    api.advance(bench.runtime.clock())
    bench.run()
    kinds = [orjson.loads(line)["type"] for line in answer.body.splitlines()]
    assert kinds.count("ADDED") > 3
    assert bench.runtime.counts.bookmarks == kinds.count("BOOKMARK") == 1
    assert bench.runtime.counts.events == len(kinds) - 1


def _ignore(reason: str | None) -> None:
    """How a tunnel ended."""


@pytest.mark.parametrize("name", ["events", "bytes_out"])
def test_counts_are_numbers_of_a_closed_list(name: str) -> None:
    made = Counts()
    setattr(made, name, 7)
    assert made.as_dict()[name] == 7
    with pytest.raises(AttributeError):
        made.other = 1  # type: ignore[attr-defined]
