"""``python -m benchmarks``: measure, print a table, write JSON.

With ``--oracle KUBECONFIG --oracle-pid N`` (a real API server and its etcd, on this machine) the same requests go to
that one in the same run, and the ratios of the two servers' CPU are figures too.
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks import inside, memory, served
from benchmarks.figures import Figure, keep, table
from scale_agent.cluster.profile import load
from scale_agent.cluster.runtime import ManualRuntime

_HERE = Path(__file__).parent
_SMALL = _HERE.parent / "profiles" / "small.yaml"
_PROFILES = {
    "empty": _HERE / "profiles" / "empty.yaml",
    "small": _SMALL,
    "pods_300": _HERE / "profiles" / "pods-300.yaml",
}


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/bench.json"), show_default=True)
@click.option("--runs", type=click.IntRange(1, 50), default=5, show_default=True, help="Measurements per figure.")
@click.option("--oracle", type=click.Path(path_type=Path, exists=True), help="Kubeconfig of a real API server.")
@click.option("--oracle-pid", type=int, multiple=True, help="A process of that server; its etcd too.")
def main(out: Path, runs: int, oracle: Path | None, oracle_pid: tuple[int, ...]) -> None:
    """Measure what the simulated API server costs."""
    figures: dict[str, Figure] = {}
    runtime, profile = ManualRuntime(), load(_SMALL)
    for name, values in inside.requests(runtime, profile, runs).items():
        figures[f"request_{name}_cpu_us"] = Figure.of(values, "µs")
    for count, values in inside.changes(runtime, profile, runs).items():
        figures[f"change_{count}_watchers_cpu_us"] = Figure.of(values, "µs")
    figures |= _memory(runs)
    figures |= _served(runs, oracle, oracle_pid)
    click.echo(table(figures))
    keep(out, figures)
    click.echo(f"written to {out}")


def _memory(runs: int) -> dict[str, Figure]:
    figures = {}
    for name, path in _PROFILES.items():
        values = [memory.measure(path, memory.CLUSTERS, 0) for _ in range(runs)]
        figures[f"memory_{name}_bytes"] = Figure.of(values, "B")
    plain = figures["memory_small_bytes"].value
    watched = [memory.measure(_SMALL, memory.CLUSTERS, memory.WATCHES) for _ in range(runs)]
    figures["memory_watch_bytes"] = Figure.of([(value - plain) / memory.WATCHES for value in watched], "B")
    return figures


def _served(runs: int, oracle: Path | None, pids: tuple[int, ...]) -> dict[str, Figure]:
    """Both servers behind TLS on loopback, one after the other."""
    figures = {}
    with served.simulated(_SMALL) as ours:
        mine = served.requests(ours, runs)
    for name, values in mine.items():
        figures[f"served_{name}_cpu_us"] = Figure.of(values, "µs")
    if oracle is None:
        return figures
    real = served.of_kubeconfig(oracle, pids)
    for name, values in served.requests(real, runs).items():
        base = max(figures[f"served_{name}_cpu_us"].value, 1.0)
        figures[f"oracle_{name}_ratio"] = Figure.of([value / base for value in values], "times")
    figures["oracle_memory_bytes"] = Figure.of([served.resident_bytes(real)], "B")
    return figures


if __name__ == "__main__":
    main()
