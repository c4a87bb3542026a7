"""A whole timeline at once: state, server, player, comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scale_agent.kube.server import ApiServer
from scale_agent.kube.storage.snapshot import Snapshot
from tests.kube.replay.compare import differences
from tests.kube.replay.decode import VERSION
from tests.kube.replay.identity import ScriptedIdentity
from tests.kube.replay.names import Names, gather
from tests.kube.replay.order import by_effect
from tests.kube.replay.player import Outcome, Player
from tests.kube.replay.state import State, load_state
from tests.kube.replay.timeline import Timeline

#: The recorded laboratories had no scheduler and no kubelet: their pods stayed Pending, their Deployments unavailable.
#: What their controllers wrote is part of the data, so ours must be silent. Owners that a recording does not show
#: are no reason to collect what they own.
SILENT = (
    "absent-owners",
    "daemonset",
    "deployment",
    "endpoints",
    "endpointslice",
    "events",
    "job",
    "kube-scheduler",
    "kubelet",
    "node-heartbeat",
    "node-lifecycle",
    "replicaset",
    "statefulset",
)

#: How long the recorded clusters had run before their first tunnelled request (their namespaces' creationTimestamp).
UP_S = 10.0


HEAD = (
    "| recording | requests | answered as recorded | of these by length | to the byte | listed with a reason |\n"
    "|---|---|---|---|---|---|\n"
)


@dataclass(frozen=True, slots=True)
class Result:
    """One line's replay. ``problems`` is empty if our answer is as recorded."""

    outcome: Outcome
    problems: Sequence[str]

    @property
    def where(self) -> str:
        """``file:line``."""
        return self.outcome.line.where


@dataclass(frozen=True, slots=True)
class Replay:
    """A timeline's results in the order of the files. ``failed_writes``: other actors' writes that were refused."""

    results: Sequence[Result]
    failed_writes: Sequence[str]


def replay(timeline: Timeline) -> Replay:
    """Play a timeline against a new server."""
    lines = timeline.lines()
    names = gather(lines)
    state = load_state(timeline.name)
    player = _player(timeline, names, state)
    outcomes = player.play(by_effect(lines, names))
    rank = {line.where: index for index, line in enumerate(lines)}
    outcomes.sort(key=lambda outcome: rank[outcome.line.where])
    return Replay([Result(o, differences(o)) for o in outcomes], player.failed_writes)


def _player(timeline: Timeline, names: Names, state: State) -> Player:
    identity = ScriptedIdentity(dict(_snapshot_uids(names)))
    snapshot = Snapshot.build(state.objects, version=VERSION, now=timeline.started_s - UP_S, without=SILENT)
    return Player(ApiServer(snapshot, identity), identity, names, timeline.started_s, state.writes)


def _snapshot_uids(names: Names) -> Iterator[tuple[str, str]]:
    """First seen uids under the snapshot's keys: ``plural.group/namespace/name``."""
    for path, seen in names.uids.items():
        parts = path.strip("/").split("/")
        group = parts[1] if parts[0] == "apis" else ""
        rest = parts[3 if group else 2 :]
        namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 2 else ""
        plural, name = rest[-2], rest[-1]
        yield f"{plural}.{group}/{namespace}/{name}" if group else f"{plural}/{namespace}/{name}", seen[0][1]


def table(replays: Sequence[Replay], listed: Mapping[str, Any]) -> str:
    """Per file, as a Markdown table for the fidelity page; ``of these`` counts what had only its length recorded."""
    rows: dict[str, list[int]] = {}
    for result in (r for replay in replays for r in replay.results):
        row = rows.setdefault(result.outcome.line.file, [0, 0, 0, 0, 0])
        line, fine = result.outcome.line, not result.problems
        by_length = fine and not line.has_answer and line.length >= 0
        exact = by_length and len(result.outcome.body) == line.length
        for column, counts in enumerate((True, fine, by_length, exact, result.where in listed)):
            row[column] += counts
    return HEAD + "".join(f"| `{file}` | {' | '.join(map(str, row))} |\n" for file, row in sorted(rows.items()))
