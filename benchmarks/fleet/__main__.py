"""``python -m benchmarks.fleet``: a run by itself; ``python -m benchmarks`` runs it among the other measurements."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from benchmarks.figures import keep, table
from benchmarks.fleet.plan import FORMS, PHASES, plan_of
from benchmarks.fleet.result import figures_of
from benchmarks.fleet.run import problems_of, run


def _numbers(context: click.Context, option: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    try:
        return tuple(int(part) for part in text.split(",")) if text else None
    except ValueError as error:
        raise click.BadParameter("numbers of clusters with commas between") from error


def _rates(context: click.Context, option: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    try:
        return tuple(float(part) for part in text.split(",")) if text else None
    except ValueError as error:
        raise click.BadParameter("numbers with commas between") from error


def _words(context: click.Context, option: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    return tuple(text.split(",")) if text else None


@click.command()
@click.option("--form", type=click.Choice(sorted(FORMS)), default="short", show_default=True)
@click.option("--steps", callback=_numbers, help="Numbers of clusters, all together: 1000,2500.")
@click.option("--phases", callback=_words, help=f"Of {','.join(PHASES)}.")
@click.option("--rates", callback=_rates, help="New clusters per second, all together, for each step: 8,6.")
@click.option("--peers", type=click.IntRange(1, 8), help="Each takes 6,000 clusters.")
@click.option("--workers", type=click.IntRange(1, 8), help="Locust workers per peer.")
@click.option("--warm", "warm_s", type=float, help="Seconds for the first clusters; negative: until imported.")
@click.option("--hurry/--no-hurry", default=None, help="Close an import's idle connections at once, not after 90 s.")
@click.option("--settle", "settle_s", type=float, help="Seconds before a measurement at rest.")
@click.option("--rest", "rest_s", type=float, help="Seconds to measure at rest after each step.")
@click.option("--stable", "stable_s", type=float, help="Seconds of the rest phase.")
@click.option("--storm", "storm_share", type=click.FloatRange(0, 1), help="Share of websockets that are cut.")
@click.option("--churn", "churn_s", type=float, help="Seconds of the churn phase.")
@click.option("--churn-rate", type=float, help="Changes per second and cluster.")
@click.option("--turnover", type=int, help="Clusters that leave and are replaced in each minute of churn.")
@click.option("--profile", help="What a cluster contains.")
@click.option("--concurrency", type=int, help="Creations and deletions at once, per process.")
@click.option("--imports-at-once", type=int, help="Imports under way at once, per process; 0: any number.")
@click.option("--limit", "limit_s", type=float, help="Seconds of patience for a step of the ramp, and any other phase.")
@click.option("--stall", "stall_s", type=float, help="Seconds without any progress that end a step.")
@click.option("--total", "total_s", type=float, help="Seconds of patience for everything.")
@click.option("--memory-mib", type=int, help="GOMEMLIMIT of each peer.")
@click.option("--spare-mib", type=int, help="The run ends itself when the machine has less left.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/fleet"), show_default=True)
def main(form: str, out: Path, **options: Any) -> None:
    """Run a fleet and compare both sides' books."""
    try:
        plan = plan_of(form, {name: value for name, value in options.items() if value is not None})
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    out = out.resolve() / time.strftime("%H%M%S")
    found = run(plan, out)
    figures = figures_of(found)
    keep(out / "bench.json", figures)
    click.echo(table(figures))
    problems = problems_of(found)
    for problem in problems:
        click.echo(f"problem: {problem}")
    click.echo(f"written to {out}")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
