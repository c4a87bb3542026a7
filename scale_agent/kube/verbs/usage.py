"""How much simulated containers and nodes use: believable shares of what they ask for and have, and no measurement.

A value depends on the container, its request and the time only: it swings slowly around a level of its own, a little
differently at every scrape, so that two looks within one scrape are equal and nothing is stored.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from scale_agent.kube.codec.quantities import number
from scale_agent.kube.storage.version import Obj

#: metrics-server's --metric-resolution (seconds).
SCRAPE_S = 15
#: A new container is not in the metrics before it was scraped twice (seconds).
NEW_S = 2 * SCRAPE_S
_SWING_S = 900.0
#: What a container without requests is taken to ask for: millicores and MiB.
_CPU_M, _MEMORY_MI = 50.0, 64.0
#: What a node's own processes use.
_NODE_CPU_M, _NODE_MEMORY_MI = 90.0, 640.0
#: Requests may be of any size; nothing uses more (millicores, MiB).
_MOST = Decimal(10**9)
_NANO, _KI_PER_MI, _MI = 10**6, 1024, 1 << 20


@dataclass(frozen=True, slots=True)
class Usage:
    """Millicores and MiB."""

    cpu_m: float
    memory_mi: float

    def json(self) -> dict[str, str]:
        """In the units of metrics-server: nanocores and KiB."""
        return {"cpu": f"{int(self.cpu_m * _NANO)}n", "memory": f"{int(self.memory_mi * _KI_PER_MI)}Ki"}


def scraped_at(now: float) -> int:
    """When the values that are told at ``now`` were read."""
    return int(now) // SCRAPE_S * SCRAPE_S


def window(seed: str) -> str:
    """Over how long: a little more than the time between two scrapes."""
    return f"{SCRAPE_S + _drawn(seed, 'window'):.3f}s"


def of_containers(pod: Obj, at_s: int) -> Iterator[tuple[str, Usage]]:
    """The containers of a running pod by name."""
    uid = pod["metadata"].get("uid", "")
    for container in pod["spec"]["containers"]:
        asked = (container.get("resources") or {}).get("requests") or {}
        seed = f"{uid}/{container['name']}"
        cpu_m = _number(asked.get("cpu"), 1000.0) or _CPU_M
        memory_mi = _number(asked.get("memory"), 1.0 / _MI) or _MEMORY_MI
        # processors idle most of the time and jump about, memory stays near a level
        cpu = cpu_m * _share(seed, "cpu", at_s, low=0.05, high=0.6, jitter=0.25)
        memory = memory_mi * _share(seed, "memory", at_s, low=0.4, high=0.85, jitter=0.02)
        yield container["name"], Usage(cpu, memory)


def of_node(node: Obj, pods: Iterable[Obj], at_s: int) -> Usage:
    """A node with these pods on it; never more than it has."""
    cpu_m = _NODE_CPU_M * _share(node["metadata"]["name"], "cpu", at_s, low=0.7, high=1.6, jitter=0.2)
    memory_mi = _NODE_MEMORY_MI * _share(node["metadata"]["name"], "memory", at_s, low=0.9, high=1.3, jitter=0.02)
    for pod in pods:
        for _, usage in of_containers(pod, at_s):
            cpu_m, memory_mi = cpu_m + usage.cpu_m, memory_mi + usage.memory_mi
    has = (node.get("status") or {}).get("capacity") or {}
    most_m, most_mi = _number(has.get("cpu"), 1000.0), _number(has.get("memory"), 1.0 / _MI)
    return Usage(min(cpu_m, 0.95 * (most_m or cpu_m)), min(memory_mi, 0.95 * (most_mi or memory_mi)))


def _share(seed: str, what: str, at_s: int, *, low: float, high: float, jitter: float) -> float:
    level = low + (high - low) * _drawn(seed, what)
    swing = math.sin(2 * math.pi * (at_s / _SWING_S + _drawn(seed, f"{what} phase")))
    noise = 2 * _drawn(seed, f"{what} {at_s}") - 1
    return float(level * (1 + 0.5 * jitter * swing + 0.5 * jitter * noise))


def _drawn(seed: str, what: str) -> float:
    digest = hashlib.blake2b(f"{seed}/{what}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") / (1 << 32)


def _number(quantity: str | None, factor: float) -> float:
    return float(min(number(quantity) * Decimal(factor), _MOST)) if quantity else 0.0
