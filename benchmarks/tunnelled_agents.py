"""The agents' side of :mod:`benchmarks.tunnelled`: simulated clusters over real websockets, in a process of its own.

``python -m benchmarks.tunnelled_agents PROFILE SPEED``: the first line of standard input is what the Rancher side said
of itself; from then on each line is a command, and each is answered by one line of JSON.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
from gevent.fileobject import FileObject  # noqa: E402

from scale_agent.cluster.ports import DialTimings  # noqa: E402
from scale_agent.cluster.profile import load  # noqa: E402
from scale_agent.cluster.runtime import Runtime  # noqa: E402
from scale_agent.cluster.simulated import SimulatedCluster  # noqa: E402
from scale_agent.rancher.connector import RancherConnector  # noqa: E402
from scale_agent.rancher.tls import TlsPolicy  # noqa: E402

#: A watched object (Rancher watches this kind in one namespace only) and where nobody looks.
_WATCHED, _UNWATCHED = "cattle-impersonation-system", "default"
_CATCH_UP_EVERY = 50


class Told:
    """An observer that counts, and keeps what went wrong."""

    def __init__(self) -> None:
        self.requests = 0
        self.errors: list[str] = []

    def phase(self, name: str) -> None:
        """Not looked at."""

    def agent_request(self, name: str, duration_ms: float, size: int, error: str | None) -> None:
        """Failed ones are kept."""
        if error:
            self.errors.append(f"{name}: {error}")

    def handshake(self, tunnel: str, timings: DialTimings | None, duration_ms: float, error: str | None) -> None:
        """Failed ones are kept."""
        if error:
            self.errors.append(f"{tunnel}: {error}")

    def tunnel_lost(self, tunnel: str, reason: str) -> None:
        """Kept."""
        self.errors.append(f"{tunnel} lost: {reason}")

    def served(
        self, verb: str, resource: str, status: int, duration_ms: float, request_size: int, response_size: int
    ) -> None:
        """Counted."""
        self.requests += 1

    def error(self, reason: str, text: str) -> None:
        """Kept."""
        self.errors.append(f"{reason}: {text}")


def _fast_clock(speed: float) -> Callable[[], float]:
    began, started = time.time(), time.monotonic()
    return lambda: began + (time.monotonic() - started) * speed


class Agents:
    """All clusters of the process."""

    def __init__(self, profile: Path, speed: float, rancher: dict[str, Any]) -> None:
        self.told = Told()
        runtime = Runtime(clock=_fast_clock(speed))
        runtime.start()
        loaded = load(profile)
        runtime.snapshot(loaded)
        connector = RancherConnector(rancher["url"], TlsPolicy(cacert=rancher["ca_file"]))
        self.clusters = []
        for number, path in enumerate(rancher["manifests"]):
            cluster = SimulatedCluster(
                name=f"bench-{number}",
                seed=f"bench/{number}",
                profile=loaded,
                connector=connector,
                observer=self.told,
                runtime=runtime,
            )
            # rejoin: with Rancher's features from the start; the second tunnel is one of them
            cluster.apply_manifest(connector.get(path, 30.0).body.decode(), rejoin=True)
            for namespace in (_WATCHED, _UNWATCHED):
                self._furnish(cluster, namespace)
            self.clusters.append(cluster)

    @staticmethod
    def _furnish(cluster: SimulatedCluster, namespace: str) -> None:
        """What is changed by :meth:`change`, watched and not."""
        if namespace != _UNWATCHED:
            cluster.client.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        cluster.client.create(f"/api/v1/namespaces/{namespace}/secrets", {"metadata": {"name": "changed"}})

    def cpu(self) -> dict[str, Any]:
        """CPU of this process so far, seconds; requests answered; what went wrong."""
        return {"cpu_s": time.process_time(), "requests": self.told.requests, "errors": self.told.errors}

    def resident(self) -> dict[str, Any]:
        """What the process holds in memory, bytes."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return {"bytes": pages * 4096}

    def change(self, count: int, watched: bool) -> dict[str, Any]:
        """CPU of so many changes of one object of the first cluster, seconds; each is sent before the next is made."""
        client = self.clusters[0].client
        path = f"/api/v1/namespaces/{_WATCHED if watched else _UNWATCHED}/secrets/changed"
        spent = 0.0
        for number in range(count):
            start = time.process_time()
            client.merge(path, {"metadata": {"annotations": {"example.com/n": f"{number % 7}"}}})
            for _ in range(3):
                gevent.sleep(0)
            spent += time.process_time() - start
            if number % _CATCH_UP_EVERY == 0:
                gevent.sleep(0.02)
        return {"cpu_s": spent}


def _main() -> None:
    source = FileObject(sys.stdin.fileno(), "rb")
    first = json.loads(source.readline())
    agents = Agents(Path(sys.argv[1]), float(sys.argv[2]), first)
    commands: dict[str, Callable[..., dict[str, Any]]] = {
        "cpu": agents.cpu,
        "resident": agents.resident,
        "change": agents.change,
    }
    for line in source:
        name, *arguments = json.loads(line)
        sys.stdout.write(json.dumps(commands[name](*arguments)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main()
