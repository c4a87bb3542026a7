"""What a profile comes to: objects by kind and bytes, and what its clusters cost.

The costs are measured per unit (docs/profiles.md says how), Rancher's requests follow from its intervals; no promises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scale_agent.cluster.profile import Profile
from scale_agent.kube.controllers.heartbeats import RENEW_S, REPORT_S
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.snapshot import Snapshot

_NOW_S = 1_800_000_000.0


@dataclass(frozen=True, slots=True)
class Line:
    """A resource: how many objects in all and how many of the profile, and the bytes of their JSON."""

    resource: str
    count: int
    own: int
    size: int


@dataclass(frozen=True, slots=True)
class Census:
    """``lines`` by resource; ``size`` is the bytes of all objects; ``nodes`` their number."""

    lines: tuple[Line, ...]
    size: int
    nodes: int


def census(profile: Profile) -> Census:
    """Count what a cluster of the profile contains before Rancher imports it."""
    there = _snapshot(profile)
    bare = Snapshot.build((), version=profile.version, now=_NOW_S)
    lines = tuple(_line(there, bare, key) for key in sorted(there.resources, key=lambda key: (key[1], key[0])))
    nodes = there.resources.get(("", "nodes"))
    return Census(lines, sum(line.size for line in lines), len(nodes.by_key) if nodes is not None else 0)


def _snapshot(profile: Profile) -> Snapshot:
    return Snapshot.build(profile.objects(), version=profile.version, now=_NOW_S, without=profile.without)


def _line(there: Snapshot, bare: Snapshot, key: ResourceKey) -> Line:
    entries = there.resources[key].by_key
    first = bare.resources.get(key)
    common = sum(at in entries for at in first.by_key) if first is not None else 0
    size = sum(len(entry.shared_json) for entry in entries.values())
    return Line(f"{key[1]}.{key[0]}" if key[0] else key[1], len(entries), len(entries) - common, size)


#: What a connected cluster of ``profiles/small.yaml`` holds of its process (resident, both tunnels and Rancher's twelve
#: watches open): the baseline that CI keeps (benchmarks/baseline.json).
CONNECTED_BYTES = 460_000
#: What each further node adds to that: its newest heartbeat, and those that the watch on nodes may still ask for.
NODE_BYTES = 1_900
#: What one process holds per byte of its objects' JSON, once, for all clusters of the profile.
SHARED_FACTOR = 4
#: Rancher at rest, by its intervals: a probe through each of the two tunnels every 15 s, twelve watches, each renewed
#: after 5 to 10 minutes and with a bookmark a minute.
_PROBE_S, _PROBES, _WATCHES, _RENEW_S, _BOOKMARK_S = 15.0, 2, 12, 450.0, 60.0


@dataclass(frozen=True, slots=True)
class Costs:
    """Bytes per connected cluster and once per process; per second and cluster at rest: requests, events watched.

    ``written_per_s`` are the writes of the cluster's own kubelets: they count in resourceVersions, and cost nothing as
    long as nobody watches leases.
    """

    cluster_bytes: int
    process_bytes: int
    requests_per_s: float
    events_per_s: float
    written_per_s: float


def costs(profile: Profile, found: Census) -> Costs:
    """What a cluster at rest costs."""
    beating = 0 if "node-heartbeat" in profile.without else found.nodes
    return Costs(
        cluster_bytes=CONNECTED_BYTES + NODE_BYTES * max(beating - 1, 0),
        process_bytes=SHARED_FACTOR * found.size,
        requests_per_s=_PROBES / _PROBE_S + _WATCHES / _RENEW_S,
        events_per_s=_WATCHES / _BOOKMARK_S + beating / REPORT_S,
        written_per_s=beating / RENEW_S + beating / REPORT_S,
    )


def report(profile: Profile, clusters: int) -> Iterator[str]:
    """The census and the costs of so many clusters, a line each."""
    found = census(profile)
    yield f"{profile.name}: Kubernetes {profile.version}, {profile.replicas} agent pod{'s' * (profile.replicas > 1)}"
    yield ""
    yield from _table(found)
    yield ""
    yield from _told(costs(profile, found), clusters)


def _table(found: Census) -> Iterator[str]:
    """The resources that the profile adds to, then everything that any cluster has, in one line."""
    own = _grouped([line for line in found.lines if line.own])
    width = max([len(line.resource) for line in own] + [len(_REST)])
    yield f"{'resource':{width}}  {'objects':>8}  {'of the profile':>14}  {'JSON':>10}"
    for line in own:
        yield f"{line.resource:{width}}  {line.count:8,}  {line.own:14,}  {_bytes(line.size):>10}"
    rest = [line for line in found.lines if not line.own]
    for line in (_sum(_REST, rest), _sum("all", list(found.lines))):
        yield f"{line.resource:{width}}  {line.count:8,}  {line.own:14,}  {_bytes(line.size):>10}"


def _grouped(lines: list[Line]) -> list[Line]:
    """The same with one line for the numbered kinds of a group."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        name, _, group = line.resource.partition(".")
        groups.setdefault(f"{name.rstrip('s').rstrip('0123456789')}*.{group}" if group else name, []).append(line)
    return [
        _sum(f"{name} ({len(kinds)} kinds)", kinds) if len(kinds) > 1 else kinds[0] for name, kinds in groups.items()
    ]


def _sum(name: str, lines: list[Line]) -> Line:
    return Line(name, sum(one.count for one in lines), sum(one.own for one in lines), sum(one.size for one in lines))


_REST = "others, as every cluster has"


def _told(cost: Costs, clusters: int) -> Iterator[str]:
    many = f"{clusters:,} clusters"
    memory = cost.cluster_bytes * clusters + cost.process_bytes
    yield "Estimated from measured costs per unit; Rancher's requests from its probes and the life of its watches."
    yield f"{'memory, each connected cluster':42}{_bytes(cost.cluster_bytes)}"
    yield f"{'memory, once per process':42}{_bytes(cost.process_bytes)} (what the clusters share)"
    yield f"memory, {many} in one process".ljust(42) + _bytes(memory)
    for name, rate in (
        ("requests of Rancher at rest", cost.requests_per_s),
        ("events it watches at rest", cost.events_per_s),
        ("heartbeats of the nodes", cost.written_per_s),
    ):
        yield f"{name:42}{rate:.2f}/s each, {rate * clusters:,.1f}/s by {many}"


def _bytes(size: float) -> str:
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
