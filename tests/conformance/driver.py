"""The child process of the conformance tests: simulated clusters, or bulk data on bare connections, in real tunnels.

Commands come on standard input, one a line; each is answered by one line of JSON on standard output. The process
ends when its standard input does.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from hashlib import sha256  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Protocol  # noqa: E402

import click  # noqa: E402
import gevent  # noqa: E402
from gevent.event import Event  # noqa: E402
from gevent.fileobject import FileObject  # noqa: E402

from scale_agent.cluster.ports import DialTimings  # noqa: E402
from scale_agent.cluster.profile import load as load_profile  # noqa: E402
from scale_agent.cluster.runtime import Runtime  # noqa: E402
from scale_agent.cluster.simulated import SimulatedCluster  # noqa: E402
from scale_agent.rancher.connector import RancherConnector  # noqa: E402
from scale_agent.rancher.tls import TlsPolicy  # noqa: E402
from scale_agent.rancher.upgrade import open_websocket  # noqa: E402
from scale_agent.rancher.url import parse_server_url  # noqa: E402
from scale_agent.tunnel.events import ConnectionOpened, DataReceived  # noqa: E402
from scale_agent.tunnel.session import Session, Side  # noqa: E402

PROFILE = Path(__file__).parents[2] / "profiles" / "small.yaml"


class Mode(Protocol):
    """What a driver's mode can tell about itself."""

    def connections(self) -> dict[str, int]:
        """Open tunnelled connections by cluster."""


class Errors:
    """An observer that keeps what went wrong."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def phase(self, name: str) -> None:
        """Phases are not looked at here."""

    def agent_request(self, name: str, duration_ms: float, size: int, error: str | None) -> None:
        """Keep failed agent requests."""
        if error:
            self.texts.append(f"{name}: {error}")

    def handshake(self, tunnel: str, timings: DialTimings | None, duration_ms: float, error: str | None) -> None:
        """Keep failed dials."""
        if error:
            self.texts.append(f"{tunnel}: {error}")

    def tunnel_lost(self, tunnel: str, reason: str) -> None:
        """Keep losses."""
        self.texts.append(f"{tunnel} lost: {reason}")

    def served(
        self, verb: str, resource: str, status: int, duration_ms: float, request_size: int, response_size: int
    ) -> None:
        """Requests are judged at the other end."""

    def error(self, reason: str, text: str) -> None:
        """Keep protocol errors."""
        self.texts.append(f"{reason}: {text}")


class Clusters:
    """Simulated clusters ``key-0`` … that import the server's manifest."""

    def __init__(self, connector: RancherConnector, count: int, errors: Errors) -> None:
        runtime = Runtime()
        runtime.start()
        profile = load_profile(PROFILE)
        self.clusters = {}
        for number in range(count):
            key = f"key-{number}"
            cluster = SimulatedCluster(
                name=key,
                seed=f"conformance/{key}",
                profile=profile,
                connector=connector,
                observer=errors,
                runtime=runtime,
            )
            cluster.apply_manifest(connector.get(f"/v3/import/{key}.yaml", 10).body.decode())
            self.clusters[key] = cluster

    def connections(self) -> dict[str, int]:
        """Open connections of each cluster's main tunnels."""
        return {key: cluster.connections for key, cluster in self.clusters.items()}


BULK_BYTES = 64 << 20
PIECE_BYTES = 64 << 10
#: What the bulk tests send: byte i is (31 i + i >> 16) mod 256, in pieces of 64 KiB.
PIECES = [bytes((31 * i + piece) & 255 for i in range(PIECE_BYTES)) for piece in range(256)]


class Bulk:
    """A bare session: ``source:1`` sends 64 MiB, ``sink:1`` takes as much and answers its SHA-256, ``echo:1`` echoes.

    One greenlet reads and one writes, as the Go client's goroutines do: a reader that waited for its own writes would
    stand still for ever against a server that does the same.
    """

    def __init__(self, server: str, tls: TlsPolicy) -> None:
        params = "eyJjbHVzdGVyIjp7ImFkZHJlc3MiOiIxMC40My4wLjE6NDQzIiwiY2FDZXJ0IjoiIiwidG9rZW4iOiIifX0="
        headers = [("X-API-Tunnel-Token", "token-of-key-0"), ("X-API-Tunnel-Params", params)]
        self.socket, _ = open_websocket(parse_server_url(server), tls, "/v3/connect/register", headers, 10)
        self.session = Session(Side.CLIENT, first_message_id=1)
        self.ends: dict[int, Iterator[None]] = {}
        self.waiting: dict[int, list[bytes]] = {}
        self.wanted = Event()
        self.greenlets = [gevent.spawn(run) for run in (self.read, self.write, self.ping)]

    def read(self) -> None:
        """Take frames for ever; the process ends by its standard input."""
        while True:
            for event in self.session.receive(*self.socket.receive()):
                if isinstance(event, ConnectionOpened):
                    self.waiting[event.conn_id] = []
                    self.ends[event.conn_id] = getattr(self, event.address.partition(":")[0])(event.conn_id)
                elif isinstance(event, DataReceived):
                    self.waiting[event.conn_id].append(event.data)
            self.wanted.set()

    def write(self) -> None:
        """One round of every connection after another; an end that cannot go on now yields."""
        while True:
            for conn, end in list(self.ends.items()):
                if conn not in self.session.connections:
                    del self.ends[conn], self.waiting[conn]
                else:
                    next(end, None)
            if messages := self.session.data_to_send():
                self.socket.send(messages)
            else:
                self.wanted.clear()
                self.wanted.wait(0.002)

    def ping(self) -> None:
        """Every 5 s, or the server drops the session after 60."""
        while True:
            gevent.sleep(5)
            self.socket.ping()

    def echo(self, conn: int) -> Iterator[None]:
        """Send back what comes."""
        while True:
            while self.waiting[conn] and self.session.can_send(conn):
                data = self.waiting[conn].pop(0)
                self.session.send(conn, data)
                self.session.consumed(conn, len(data))
            yield

    def source(self, conn: int) -> Iterator[None]:
        """Send 64 MiB, a piece at a time, whenever the peer has not paused us."""
        for number in range(BULK_BYTES // PIECE_BYTES):
            while not self.session.can_send(conn):
                yield
            self.session.send(conn, PIECES[number % 256])
            yield

    def sink(self, conn: int) -> Iterator[None]:
        """Take 64 MiB, one message in a round, which is slower than they come: the session has to pause the peer."""
        digest, taken = sha256(), 0
        while taken < BULK_BYTES:
            if self.waiting[conn]:
                data = self.waiting[conn].pop(0)
                digest.update(data)
                taken += len(data)
                self.session.consumed(conn, len(data))
            yield
        self.session.send(conn, digest.digest())
        yield

    def connections(self) -> dict[str, int]:
        """Open connections of the bare session."""
        return {"key-0": len(self.session.connections)}


@click.command()
@click.option("--server", required=True)
@click.option("--ca", required=True, type=click.Path(exists=True))
@click.option("--mode", type=click.Choice(["cluster", "bulk"]), required=True)
@click.option("--clusters", type=int, default=1)
def main(server: str, ca: str, mode: str, clusters: int) -> None:
    """Run until standard input ends."""
    tls = TlsPolicy(cacert=ca)
    errors = Errors()
    side: Mode = Bulk(server, tls) if mode == "bulk" else Clusters(RancherConnector(server, tls), clusters, errors)
    for _ in FileObject(sys.stdin.fileno(), "r", close=False):
        sys.stdout.write(json.dumps({"connections": side.connections(), "errors": errors.texts}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
