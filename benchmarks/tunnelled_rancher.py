"""The Rancher side of :mod:`benchmarks.tunnelled`, in a process of its own: its CPU is not the agents'.

The stand-in's server and tunnels, without its script: of each cluster the twelve watches of a recorded import are
opened, renewed when they end, and the two probes asked. Standard output begins with one line that says where it
listens; from then on each line of standard input is a command, answered by one line of JSON.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import re  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from typing import Any  # noqa: E402
from urllib.parse import urlencode  # noqa: E402

import gevent  # noqa: E402
from gevent.event import Event  # noqa: E402
from gevent.fileobject import FileObject  # noqa: E402

from scale_agent.standin import probes  # noqa: E402
from scale_agent.standin.admission import Admitted  # noqa: E402
from scale_agent.standin.clusters import Cluster  # noqa: E402
from scale_agent.standin.server import Options, StandIn  # noqa: E402
from scale_agent.standin.steps import Step, import_script  # noqa: E402
from scale_agent.standin.tunnels import Connection, Contexts, TunnelSession  # noqa: E402

_VERSION = "2.15.0"
_PATIENCE_S = 120.0
#: A resourceVersion in a protobuf ObjectMeta (field 6); the last of a watch is its newest bookmark's.
_REVISION = re.compile(rb"2[\x01-\x09](\d+)")
#: The least and the most that client-go lets a watch live, seconds.
_WATCH_S = (300, 600)
#: An agent's list of connections that was under way when a connection was opened closes it, as in the Go module.
_CROSSED = "sync from client"


def _watches() -> Iterator[Step]:
    """The watches of a recorded import that stay open."""
    return (step for step in import_script(_VERSION, "steve").steps if step.watch and step.client == "rancher")


class Downstream:
    """One cluster as Rancher sees it."""

    def __init__(self, peer: Peer, number: int) -> None:
        self._peer = peer
        self._number = number
        self.main: TunnelSession | None = None
        self.stv: TunnelSession | None = None
        self.kept: Connection | None = None
        self._token = ""
        self._open: dict[str, Callable[[], Connection]] = {}

    def attached(self, admitted: Admitted, session: TunnelSession) -> None:
        """An agent's tunnel is open."""
        if admitted.tunnel == "stv":
            self.stv = session
            return
        self.main = session
        params = admitted.params
        self._token = params["token"]
        context, address = self._peer.contexts.get(params["caCert"].encode()), params["address"]
        host = address.rpartition(":")[0]
        gevent.spawn(self._begin, lambda: session.open("tcp", address, context, host))

    def _begin(self, dial: Callable[[], Connection]) -> None:
        self.kept = dial()
        for order, step in enumerate(_watches()):
            WatchLoop(self, dial(), step, order, self._peer).ask()
        Probing(self, self._peer, self._number).start()

    def headers(self, accept: str) -> tuple[tuple[str, str], ...]:
        """As Rancher's clients send them."""
        return (
            ("Host", "10.43.0.1:443"),
            ("User-Agent", "rancher/v0.0.0 (linux/amd64) kubernetes/$Format"),
            ("Accept", accept),
            ("Authorization", f"Bearer {self._token}"),
            ("Accept-Encoding", "gzip"),
        )

    @property
    def ready(self) -> bool:
        """Both tunnels are there."""
        return self.kept is not None and self.stv is not None


class WatchLoop:
    """One watch, asked again on its connection whenever it ends."""

    def __init__(self, downstream: Downstream, connection: Connection, step: Step, order: int, peer: Peer) -> None:
        self._downstream = downstream
        self._connection = connection
        self._path = step.path
        self._query = dict(step.query)
        self._seconds = _WATCH_S[0] + (order * 37 + peer.clusters_seen * 11) % (_WATCH_S[1] - _WATCH_S[0])
        self._peer = peer
        self._tail = b""

    def ask(self) -> None:
        """Begin, or begin again."""
        query = self._query | {"timeoutSeconds": f"{self._seconds}", "timeout": f"{self._seconds}s"}
        accept = "application/vnd.kubernetes.protobuf, application/json"
        target = f"{self._path}?{urlencode(query)}"
        self._connection.ask(self, "GET", target, self._downstream.headers(accept), b"")

    def started(self, status: int, headers: dict[str, str]) -> None:
        """Must be an answer."""
        del headers
        self._peer.count("watches_opened")
        if status != 200:
            self._peer.errors.append(f"watch {self._path}: {status}")

    def data(self, data: bytes) -> None:
        """Events."""
        self._peer.count("events")
        self._tail = (self._tail + data)[-4096:]

    def ended(self) -> None:
        """Go on from what was seen last."""
        found = _REVISION.findall(self._tail)
        if not found:
            self._peer.errors.append(f"watch {self._path}: no bookmark")
            return
        for name in ("sendInitialEvents", "resourceVersionMatch"):
            self._query.pop(name, None)
        self._query["resourceVersion"] = found[-1].decode()
        gevent.spawn(self.ask)

    def lost(self, reason: str) -> None:
        """Must not happen."""
        self._peer.errors.append(f"watch {self._path}: {reason}")


class Probing:
    """Both probes of one cluster, each every 15 s of the agents' time."""

    def __init__(self, downstream: Downstream, peer: Peer, number: int) -> None:
        self._downstream = downstream
        self._peer = peer
        self._phase = (number * 0.618) % 1.0

    def start(self) -> None:
        """Begin at this cluster's own moment."""
        gevent.spawn_later(self._phase * self._peer.period_s, self._probe)

    def _probe(self) -> None:
        gevent.spawn_later(self._peer.period_s, self._probe)
        if self._peer.quiet:
            return
        self._ping()
        target, accept = probes.health_target(_VERSION)
        kept = self._downstream.kept
        if kept is not None and kept.idle:
            kept.ask(probes.Reply(self._answered("readyz")), "GET", target, self._downstream.headers(accept), b"")

    def _ping(self) -> None:
        session = self._downstream.stv
        if session is None:
            return
        connection = session.open(probes.PING_NETWORK, probes.PING_ADDRESS, None, "")
        told = self._answered("ping")

        def done(status: int, body: bytes, reason: str) -> None:
            connection.close()
            told(status, body, reason)

        connection.ask(probes.Reply(done), "GET", probes.PING_TARGET, probes.PING_HEADERS, b"")

    def _answered(self, name: str) -> Callable[[int, bytes, str], None]:
        def done(status: int, body: bytes, reason: str) -> None:
            crossed = reason.endswith(_CROSSED)
            self._peer.count(f"{name}_crossed" if crossed else name)
            if status != 200 and not crossed:
                self._peer.errors.append(f"{name}: {status} {reason}")

        return done


class Peer(StandIn):
    """The stand-in's server with tunnels of our own behind it."""

    def __init__(self, clusters: int, speed: float) -> None:
        super().__init__(Options(version=_VERSION, directory=tempfile.mkdtemp(prefix="scale-agent-bench-")))
        self.period_s = probes.PERIOD_S / speed
        self.contexts = Contexts()
        self.counts: dict[str, int] = {}
        self.errors: list[str] = []
        self.quiet = False
        self.clusters_seen = 0
        self._ours: dict[str, Downstream] = {}
        self.manifests = []
        for number in range(clusters):
            made = self._registry.create(f"bench-{number}", "steve", {}, {}, time.time())
            self.manifests.append(f"/v3/import/{made.token}_{made.id}.yaml")
            self._ours[made.id] = Downstream(self, number)

    def _created(self, cluster: Cluster) -> None:
        """No script."""

    def _attach(self, admitted: Admitted, session: TunnelSession) -> None:
        self.clusters_seen += 1
        self._ours[admitted.cluster.id].attached(admitted, session)

    def count(self, name: str) -> None:
        """One more."""
        self.counts[name] = self.counts.get(name, 0) + 1

    def facts(self) -> dict[str, Any]:
        """How many clusters are there, what was seen, what went wrong."""
        ready = sum(one.ready for one in self._ours.values())
        return {"ready": ready, "counts": self.counts, "errors": self.errors}

    def be_quiet(self, quiet: bool) -> dict[str, Any]:
        """Probe nobody, or everybody again."""
        self.quiet = quiet
        return {}

    def gets(self, count: int, target: str) -> dict[str, Any]:
        """So many requests one after the other on the first cluster's kept connection."""
        downstream = next(iter(self._ours.values()))
        for _ in range(count):
            self._get(downstream, target)
        return {}

    def _get(self, downstream: Downstream, target: str) -> None:
        answered: Event = Event()
        statuses: list[int] = []

        def done(status: int, body: bytes, reason: str) -> None:
            del body, reason
            statuses.append(status)
            answered.set()

        kept = downstream.kept
        if kept is None:
            raise RuntimeError("the cluster is not connected")
        kept.ask(probes.Reply(done), "GET", target, downstream.headers("application/json"), b"")
        if not answered.wait(_PATIENCE_S) or statuses != [200]:
            raise RuntimeError(f"{target} was answered {statuses}")


def _main() -> None:
    peer = Peer(int(sys.argv[1]), float(sys.argv[2]))
    peer.start()
    commands: dict[str, Callable[..., dict[str, Any]]] = {
        "facts": peer.facts,
        "quiet": peer.be_quiet,
        "gets": peer.gets,
    }
    _say({"url": peer.url, "ca_file": peer.ca_file, "manifests": peer.manifests})
    for line in FileObject(sys.stdin.fileno(), "rb"):
        name, *arguments = json.loads(line)
        _say(commands[name](*arguments))


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main()
