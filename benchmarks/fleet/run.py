"""One run, phase by phase; what a phase found is kept whatever becomes of the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.fleet.churn import churn
from benchmarks.fleet.end import end
from benchmarks.fleet.lag import health, lag_p99_ms
from benchmarks.fleet.plan import PHASES, Plan
from benchmarks.fleet.ramp import ramp
from benchmarks.fleet.rest import rest
from benchmarks.fleet.result import LAG_CLUSTERS
from benchmarks.fleet.running import Fleet, RunFailed, running
from benchmarks.fleet.storm import storm

_DOES: Mapping[str, Callable[[Fleet], None]] = {
    "ramp": ramp,
    "rest": rest,
    "storm": storm,
    "churn": churn,
    "end": end,
}


def run(plan: Plan, out: Path) -> dict[str, Any]:
    """Everything that was found; also in ``found.json`` in the directory ``out``, which is made."""
    out.mkdir(parents=True)
    found: dict[str, Any] = {"plan": asdict(plan), "failures": []}
    try:
        with running(plan, out) as fleet:
            fleet.found = found
            _all_phases(fleet)
    except (RuntimeError, OSError) as error:  # the peer does not compile, or something did not start
        found["failures"].append({"phase": "start", "why": str(error)})
    return found


def _all_phases(fleet: Fleet) -> None:
    for phase in (name for name in PHASES if name in fleet.plan.phases):
        if phase == "end" or all(one.get("goes_on") for one in fleet.found["failures"]):
            _go_through(fleet, phase)
    fleet.found["lag_p99_ms"] = _lag(fleet)
    fleet.keep()


def _go_through(fleet: Fleet, phase: str) -> None:
    fleet.tell(f"phase {phase}")
    try:
        _DOES[phase](fleet)
    except (
        RuntimeError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
    ) as error:  # also answers of another shape
        why = str(error) if isinstance(error, RunFailed) else f"{type(error).__name__}: {error}"
        fleet.tell(f"{phase} failed: {why}")
        fleet.found["failures"].append({"phase": phase, "why": why})
    fleet.keep()


def _lag(fleet: Fleet) -> list[float]:
    """Loop lag of each process while clusters were added and it had about 2,000."""
    files = [file for swarm in fleet.swarms if (file := swarm.out / "records.jsonl").exists()]
    during = [(one["began_unix_s"], one["began_unix_s"] + one["ramp_s"]) for one in fleet.found.get("steps", [])]
    return lag_p99_ms(health(files), LAG_CLUSTERS, during)


def problems_of(found: Mapping[str, Any]) -> list[str]:
    """What makes a run a failed one: never how long anything took."""
    problems = [f"{one['phase']}: {one['why']}" for one in found["failures"]]
    ended = found.get("end", {})
    if ended.get("books_difference"):
        problems.append(f"the books differ: {ended['different']}")
    if any(ended.get("exit_codes", [])):
        problems.append(f"the generator ended with {ended['exit_codes']}")
    if errors := found.get("peers", {}).get("errors"):
        problems.append(f"the peers saw errors: {errors}, {found['peers']['examples']}")
    if (lost := ended.get("generator", {}).get("lost")) and "storm" not in found:
        problems.append(f"tunnels were lost: {lost}")
    if early := _too_early(found.get("storm", {}).get("retries", [])):
        problems.append(f"the retry law was not kept: {early} came too early")
    for step in found.get("steps", []):
        if (open_ := step["open"])["watches"] < 12 * step["clusters"] or open_["main"] < step["clusters"]:
            problems.append(f"at {step['clusters']} clusters not everything stayed open: {open_}")
    return problems


def _too_early(retries: Sequence[Mapping[str, Mapping[str, int]] | None]) -> int:
    """Tunnels that were dialled again before their time, over all peers."""
    return sum(tunnel["too_early"] for one in retries if one for tunnel in one.values())
