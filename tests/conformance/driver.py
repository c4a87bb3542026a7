"""The child process of the conformance tests: simulated clusters, or a raw echo, behind real tunnels.

Commands come on standard input, one a line; each is answered by one line of JSON on standard output. The process
ends when its standard input does.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Protocol  # noqa: E402

import click  # noqa: E402
import gevent  # noqa: E402
from gevent.fileobject import FileObject  # noqa: E402

from scale_agent.cluster.ports import DialTimings  # noqa: E402
from scale_agent.cluster.profile import load as load_profile  # noqa: E402
from scale_agent.cluster.runtime import Runtime  # noqa: E402
from scale_agent.cluster.simulated import SimulatedCluster  # noqa: E402
from scale_agent.rancher.connector import RancherConnector  # noqa: E402
from scale_agent.rancher.tls import TlsPolicy  # noqa: E402
from scale_agent.tunnel.session import ConnectionOpened, DataReceived, Session, Side  # noqa: E402

PROFILE = Path(__file__).parents[2] / "profiles" / "small.yaml"


class Side_(Protocol):  # noqa: N801
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
                name=key, seed=f"conformance/{key}", profile=profile, connector=connector, observer=errors, runtime=runtime
            )
            cluster.apply_manifest(connector.get(f"/v3/import/{key}.yaml", 10).body.decode())
            self.clusters[key] = cluster

    def connections(self) -> dict[str, int]:
        """Open connections of each cluster's main tunnels."""
        return {key: cluster.open_connections() for key, cluster in self.clusters.items()}


class Echo:
    """A bare session whose every connection sends back what it gets, honouring Pause and causing it."""

    def __init__(self, connector: RancherConnector) -> None:
        params = "eyJjbHVzdGVyIjp7ImFkZHJlc3MiOiIxMC40My4wLjE6NDQzIiwiY2FDZXJ0IjoiIiwidG9rZW4iOiIifX0="
        headers = [("X-API-Tunnel-Token", "token-of-key-0"), ("X-API-Tunnel-Params", params)]
        self.socket, _ = connector.dial("/v3/connect/register", headers, 10)
        self.session = Session(Side.CLIENT, first_message_id=1)
        self.pending: dict[int, list[bytes]] = {}
        gevent.spawn(self.run)

    def run(self) -> None:
        """Read frames for ever; the process ends by its standard input."""
        while True:
            for event in self.session.receive(*self.socket.receive()):
                if isinstance(event, ConnectionOpened):
                    self.pending[event.conn_id] = []
                elif isinstance(event, DataReceived):
                    self.pending[event.conn_id].append(event.data)
            self.pending = {conn: data for conn, data in self.pending.items() if conn in self.session.connections}
            for conn in self.pending:
                self.pump(conn)
            if messages := self.session.data_to_send():
                self.socket.send(messages)

    def pump(self, conn: int) -> None:
        """Send what may be sent; only what was sent counts as read, so a paused echo pauses its sender."""
        waiting = self.pending[conn]
        while waiting and self.session.can_send(conn):
            data = waiting.pop(0)
            self.session.send(conn, data)
            self.session.consumed(conn, len(data))

    def connections(self) -> dict[str, int]:
        """Open connections of the bare session."""
        return {"key-0": len(self.session.connections)}


@click.command()
@click.option("--server", required=True)
@click.option("--ca", required=True, type=click.Path(exists=True))
@click.option("--mode", type=click.Choice(["cluster", "echo"]), required=True)
@click.option("--clusters", type=int, default=1)
def main(server: str, ca: str, mode: str, clusters: int) -> None:
    """Run until standard input ends."""
    connector = RancherConnector(server, TlsPolicy(ca_file=ca))
    errors = Errors()
    side: Side_ = Echo(connector) if mode == "echo" else Clusters(connector, clusters, errors)
    for _ in FileObject(sys.stdin.fileno(), "r", close=False):
        sys.stdout.write(json.dumps({"connections": side.connections(), "errors": errors.texts}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
