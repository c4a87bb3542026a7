"""``python -m benchmarks``: measure, print a table, write JSON; :mod:`benchmarks.report` makes pages of it.

The short form (1,000 clusters, under five minutes) and the full one (10,000, with storm) measure units in this process
and then a fleet; ``--leak`` is half an hour of churn. With ``--oracle KUBECONFIG --oracle-pid N`` (a real API server
and its etcd, on this machine) the same requests go to that one in the same run, and ratios are figures too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks import floors, imports, inside, memory, others, resting, served, tunnelled
from benchmarks.figures import Figure, keep, read, table
from benchmarks.fleet.plan import plan_of
from benchmarks.fleet.result import figures_of
from benchmarks.fleet.run import problems_of, run
from benchmarks.targets import figure
from scale_agent.cluster.profile import load
from scale_agent.cluster.runtime import ManualRuntime

_HERE = Path(__file__).parent
_SMALL = _HERE.parent / "profiles" / "small.yaml"
_PROFILES = {
    "empty": _HERE / "profiles" / "empty.yaml",
    "small": _SMALL,
    "pods_300": _HERE / "profiles" / "pods-300.yaml",
}
#: The parts of a form, in order.
_FORMS = {"short": ("units", "fleet"), "full": ("units", "requests", "fleet"), "leak": ("fleet",)}
_IDLE_S = 60.0


@click.command()
@click.option("--full", "form", flag_value="full", help="10,000 clusters: steps, ten minutes, storm. Two hours.")
@click.option("--leak", "form", flag_value="leak", help="Half an hour of churn.")
@click.option("--parts", help="Of units,requests,fleet; what the form has if not given.")
@click.option("--clusters", type=click.IntRange(2, 12000), help="The fleet's number of clusters, in one step.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/bench.json"), show_default=True)
@click.option("--add", is_flag=True, help="Keep the figures that the same commit has there already.")
@click.option("--runs", type=click.IntRange(1, 50), default=5, show_default=True, help="Measurements per figure.")
@click.option("--oracle", type=click.Path(path_type=Path, exists=True), help="Kubeconfig of a real API server.")
@click.option("--oracle-pid", type=int, multiple=True, help="A process of that server; its etcd too.")
def main(
    form: str | None,
    parts: str | None,
    clusters: int | None,
    out: Path,
    add: bool,
    runs: int,
    oracle: Path | None,
    oracle_pid: tuple[int, ...],
) -> None:
    """Measure what simulated clusters cost."""
    form = form or "short"
    asked = tuple(parts.split(",")) if parts else _FORMS[form]
    if unknown := set(asked) - {"units", "requests", "fleet"}:
        raise click.UsageError(f"no such part: {', '.join(sorted(unknown))}")
    problems: list[str] = []
    does: dict[str, Callable[[], dict[str, Figure]]] = {
        "units": lambda: _units(runs),
        "requests": lambda: _requests(runs),
        "fleet": lambda: _fleet(form, clusters, problems),
    }
    _keep_all(out, add, [(part, does[part]) for part in asked])
    if oracle is not None:
        _keep_all(out, True, [("oracle", lambda: _oracle(oracle, oracle_pid, runs))])
    keep(out, others.ratios(read(out)), add=True)
    click.echo(table(read(out)))
    for problem in problems:
        click.echo(f"problem: {problem}")
    click.echo(f"written to {out}")
    sys.exit(bool(problems))


def _keep_all(out: Path, add: bool, parts: list[tuple[str, Callable[[], dict[str, Figure]]]]) -> None:
    """Measure part after part; each is written when it is through, so that what fails later costs nothing."""
    for part, measure in parts:
        click.echo(f"measuring: {part}")
        keep(out, measure(), add=add)
        add = True


def _units(runs: int) -> dict[str, Figure]:
    """What one import, request and change cost, and the API server's part of the memory."""
    events = tunnelled.event_costs(runs=runs)
    return {
        "import_cpu_ms": figure("import_cpu_ms", imports.cpu_ms(_SMALL, runs)),
        "get_cpu_us": figure("get_cpu_us", tunnelled.get_us(runs=runs)),
        "event_cpu_us": figure("event_cpu_us", events.delivery),
        "change_and_event_cpu_us": Figure.of(events.whole, "µs"),
        **_memory({"small": _SMALL}, 1),
        **floors.floors(),
    }


def _requests(runs: int) -> dict[str, Figure]:
    """Every kind of request, in the process and behind TLS; profiles."""
    figures: dict[str, Figure] = {}
    runtime, profile = ManualRuntime(), load(_SMALL)
    for name, values in inside.requests(runtime, profile, runs).items():
        figures[f"request_{name}_cpu_us"] = Figure.of(values, "µs")
    for count, values in inside.changes(runtime, profile, runs).items():
        figures[f"change_{count}_watchers_cpu_us"] = Figure.of(values, "µs")
    figures |= _memory(_PROFILES, runs) | _resting()
    with served.simulated(_SMALL) as ours:
        for name, values in served.requests(ours, runs).items():
            figures[f"served_{name}_cpu_us"] = Figure.of(values, "µs")
        figures["served_change_cpu_us"] = Figure.of(others.change_cpu_us(ours, runs), "µs")
    return figures


def _memory(profiles: dict[str, Path], runs: int) -> dict[str, Figure]:
    figures = {}
    for name, path in profiles.items():
        values = [memory.measure(path, memory.CLUSTERS, 0) for _ in range(runs)]
        figures[f"memory_{name}_bytes"] = Figure.of(values, "B")
    plain = figures["memory_small_bytes"].value
    watched = [memory.measure(_SMALL, memory.CLUSTERS, memory.WATCHES) for _ in range(runs)]
    figures["memory_watch_bytes"] = Figure.of([(value - plain) / memory.WATCHES for value in watched], "B")
    return figures


def _resting() -> dict[str, Figure]:
    """Python objects of an imported cluster at rest, and what they are for."""
    names = {"all": "memory_resting_bytes"}
    sizes = resting.measure(_SMALL)
    return {names.get(room, f"memory_resting_{room}_bytes"): Figure.of([size], "B") for room, size in sizes.items()}


def _fleet(form: str, clusters: int | None, problems: list[str]) -> dict[str, Figure]:
    plan = plan_of(form, {"steps": (clusters,)} if clusters else {})
    found = run(plan, Path("build/fleet").resolve() / f"{form}-{time.strftime('%H%M%S')}")
    problems += problems_of(found)
    return figures_of(found)


def _oracle(kubeconfig: Path, pids: tuple[int, ...], runs: int) -> dict[str, Figure]:
    """The same requests to a real server, where ours were measured, as ratios; its memory and idle CPU."""
    real = served.of_kubeconfig(kubeconfig, pids)
    figures = others.measured(real, runs, _IDLE_S)
    with served.simulated(_SMALL) as ours:
        mine = {name: Figure.of(values, "µs") for name, values in served.requests(ours, runs).items()}
        figures["served_change_cpu_us"] = Figure.of(others.change_cpu_us(ours, runs), "µs")
    for name, values in served.requests(real, runs).items():
        base = max(mine[name].value, 1.0)
        figures[f"oracle_{name}_ratio"] = Figure.of([value / base for value in values], "times")
    return figures


if __name__ == "__main__":
    main()
