"""What an imported cluster at rest holds, as Python objects, by what they are for.

Each cluster is imported as recorded (:mod:`benchmarks.imports`), then a quarter of an hour goes by on the clock, with
both tunnels and all watches open and nobody asking; watches that end are opened anew. What is there then and was not
before is counted by the file that made it; OpenSSL's memory and stacks of greenlets are no Python objects. What is
bounded for a process is no cluster's: caches of texts that a second cluster made larger, and what is kept of writes
that are made again and again, are emptied before each count.

``python -m benchmarks.resting PROFILE CLUSTERS`` prints bytes per cluster as JSON.
"""

from __future__ import annotations

import functools
import gc
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import gevent

from benchmarks.imports import Imported, World
from benchmarks.recorded_rancher import Exchange
from scale_agent.cluster.profile import load
from scale_agent.kube import repeated

CLUSTERS = 5
_WARM = 12
_REST_S, _STEP_S = 900.0, 1.0
#: The beginning of a path within the package and what is made there; what Rancher's side makes is no cluster's.
_ROOMS = (
    ("standin/", ""),
    ("tunnel/http_client", ""),
    ("tunnel/asked", ""),
    ("tunnel/", "tunnel"),
    ("cluster/transport", "tunnel"),
    ("cluster/link", "tunnel"),
    ("cluster/doors", "tunnel"),
    ("cluster/", "agent"),
    ("kube/storage/history", "watches"),
    ("kube/storage/watches", "watches"),
    ("kube/verbs/", "watches"),
    ("kube/storage/", "objects"),
    ("kube/controllers/", "controllers"),
    ("kube/", "server"),
)
_Cache = type(functools.lru_cache(lambda: None))


def measure(profile: Path, clusters: int = CLUSTERS) -> dict[str, float]:
    """Bytes per cluster by what they are for, and ``all``; measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.resting", str(profile), str(clusters)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def room_of(path: str) -> str:
    """What is made in a file is for this; ``""`` for what is no cluster's."""
    _, found, inside = path.rpartition("/scale_agent/")
    return next((room for start, room in _ROOMS if inside.startswith(start)), "") if found else ""


def by_room(sizes: Mapping[str, float]) -> dict[str, float]:
    """Sums of what is made in each file, and of all."""
    rooms = {room: 0.0 for _, room in _ROOMS if room}
    for path, size in sizes.items():
        if room := room_of(path):
            rooms[room] += size
    return {"all": sum(rooms.values()), **rooms}


def _caches() -> dict[int, functools._lru_cache_wrapper[object]]:
    return {id(one): one for one in gc.get_objects() if isinstance(one, _Cache)}


class Resting:
    """A cluster after its import; of Rancher's side there is left what keeps its watches open."""

    def __init__(self, imported: Imported) -> None:
        self.cluster, self._tunnel = imported.cluster, imported.tunnel
        self._ended: list[int] = []
        self._tunnel.close_idle()
        self._asked = {one.out.step: one.out for one in self._tunnel.under_way()}
        for one in self._tunnel.under_way():
            one.run = self

    def go_on(self, now_s: float) -> None:
        """Read what came, and open again what ended, after what was seen."""
        while self._tunnel.take(now_s):
            gevent.sleep(0)
        ended, self._ended = self._ended, []
        for step in ended:
            path, _, raw = self._asked[step].target.partition("?")
            asked = {name: value for name, value in parse_qsl(raw) if not name.startswith(("resourceVersion", "send"))}
            asked["resourceVersion"] = str(self.cluster.api.core.store.rv)
            self._tunnel.ask(Exchange(self, replace(self._asked[step], target=f"{path}?{urlencode(asked)}")))

    def watch_started(self, number: int, status: int, content_type: str, now: float) -> None:
        """Watches that are opened again are accepted."""
        if status != 200:
            raise RuntimeError(f"a watch was refused: {status}")

    def watch_data(self, number: int, data: bytes, now: float) -> None:
        """Not looked at."""

    def watch_ended(self, number: int, now: float) -> None:
        """It is opened again."""
        self._ended.append(number)

    def answered(self, number: int, status: int, content_type: str, body: bytes, now: float) -> None:
        """Nothing else is asked."""


def rest(world: World, clusters: Sequence[Resting], seconds: float = _REST_S) -> None:
    """Let time go by, in which nobody asks."""
    end_s = world.runtime.clock() + seconds
    while world.runtime.clock() < end_s:
        world.runtime.advance(_STEP_S)
        for one in clusters:
            one.go_on(world.runtime.clock())


def _per_cluster(profile: str, clusters: int) -> dict[str, float]:
    world = World(load(profile))

    def imported() -> Resting:
        return Resting(world.import_one())

    def count() -> dict[str, float]:
        for cache in growing:
            cache.cache_clear()
        repeated.MEMO, repeated.RECENT = repeated.Memo(), repeated.Recent()
        gc.collect()
        found = tracemalloc.take_snapshot().statistics("filename")
        return {one.traceback[0].filename: one.size for one in found}

    first = [imported() for _ in range(_WARM)]  # what is loaded, compiled and shared
    before_sizes = {key: one.cache_info().currsize for key, one in _caches().items()}
    first.append(imported())
    growing = [one for key, one in _caches().items() if one.cache_info().currsize > before_sizes.get(key, 0)]
    rest(world, first)
    for one in first:
        one.cluster.stop()
    world.runtime.settle()
    tracemalloc.start(1)
    before = count()
    kept = [imported() for _ in range(clusters)]
    rest(world, kept)
    after = count()
    return by_room({path: (size - before.get(path, 0)) / clusters for path, size in after.items()})


if __name__ == "__main__":
    json.dump(_per_cluster(sys.argv[1], int(sys.argv[2])), sys.stdout)
