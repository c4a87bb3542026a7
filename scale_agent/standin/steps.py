"""A script as values: the steps of one recorded import or deletion, shared by all clusters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from scale_agent.standin import templates

#: Versions whose behaviour was recorded; the first is the default.
VERSIONS = ("2.15.0", "2.12.3", "2.10.3")


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded request. See :mod:`scale_agent.standin.condense.steps` for the meaning of each field."""

    id: int
    at: float
    anchor: str
    conn: int
    client: str
    method: str
    path: str
    query: dict[str, Any]
    headers: int
    encoding: str
    body: Any
    change: bool
    stale: bool
    status: int
    watch: bool
    after: tuple[int, ...]
    needs: tuple[str, ...]
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """The steps of one recording, their header sets, and who waits for whom (``followers[i]`` of step ``i``)."""

    steps: tuple[Step, ...]
    headers: tuple[dict[str, str], ...]
    followers: tuple[tuple[int, ...], ...]
    first_watches: frozenset[int]
    wanted: frozenset[str]


def _script(document: dict[str, Any]) -> Script:
    steps = tuple(
        Step(**{**raw, "after": tuple(raw["after"]), "needs": tuple(raw["needs"]), "marks": tuple(raw["marks"])})
        for raw in document["steps"]
    )
    return _linked(steps, tuple(document["headers"]))


def _linked(steps: tuple[Step, ...], headers: tuple[dict[str, str], ...]) -> Script:
    followers: list[list[int]] = [[] for _ in steps]
    for step in steps:
        for number in step.after:
            followers[number].append(step.id)
    synced_from = min(
        (step.at for step in steps if "synced" in step.needs and step.anchor == "start"), default=float("inf")
    )
    watches = frozenset(step.id for step in steps if step.watch and step.at <= synced_from)
    return Script(steps, headers, tuple(map(tuple, followers)), watches, _wanted(steps))


def _wanted(steps: tuple[Step, ...]) -> frozenset[str]:
    """Templates of the paths whose objects a run has to remember."""
    wanted = {step.path for step in steps if step.change}
    for step in steps:
        wanted |= {name[4:] for name in templates.names(str(step.body)) if name.startswith("uid:")}
        wanted |= {need.removeprefix("object:") for need in step.needs if need.startswith("object:")}
        if step.anchor.startswith("object:"):
            wanted.add(step.anchor.removeprefix("object:"))
    return frozenset(wanted)


@cache
def informers_only(script: Script) -> Script:
    """What is asked when a known cluster comes back with another token: the reads and watches before any write."""
    kept = [step for step in script.steps if step.client == "rancher" and not {"synced", "ready"} & set(step.needs)]
    numbers = {step.id: number for number, step in enumerate(kept)}
    steps = tuple(
        replace(step, id=numbers[step.id], after=tuple(numbers[one] for one in step.after if one in numbers))
        for step in kept
    )
    return _linked(steps, script.headers)


@cache
def import_script(version: str, path: str) -> Script:
    """The import recorded of Rancher ``version`` through ``path`` (``steve`` or ``norman``)."""
    return _script(templates.load(f"import-{version}-{path}"))


@cache
def deletion_script(version: str) -> Script:
    """What Rancher ``version`` did in a cluster that was deleted."""
    return _script(templates.load(f"delete-{version}"))
