"""``python -m benchmarks.gate``: whether a unit has come to hold more memory than it did.

Compares ``build/bench.json`` with the committed ``benchmarks/baseline.json``, in which are figures in bytes only:
memory is the same on any machine of a kind, times are not. Ends with 1 when one is over its baseline by more than a
tenth.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from benchmarks.figures import Figure, read

BASELINE = Path(__file__).parent / "baseline.json"
_ALLOWED = 0.10


def judge(baseline: Mapping[str, float], figures: Mapping[str, Figure]) -> tuple[list[str], list[str]]:
    """A line for each figure of the baseline, and what is wrong."""
    lines, problems = [], []
    for name, before in baseline.items():
        if name not in figures:
            problems.append(f"{name} was not measured")
            continue
        change = figures[name].value / before - 1
        lines.append(f"{name}: {figures[name].value:g}, baseline {before:g} ({change:+.1%})")
        if change > _ALLOWED:
            problems.append(f"{name} is {change:.1%} over its baseline; {_ALLOWED:.0%} are allowed")
    return lines, problems


@click.command()
@click.argument("measured", type=click.Path(path_type=Path, exists=True), default=Path("build/bench.json"))
@click.option("--baseline", type=click.Path(path_type=Path, exists=True), default=BASELINE, show_default=True)
@click.option("--only", help="Names of the baseline to look at, with commas between; all if not given.")
@click.option("--update", is_flag=True, help="Make what was measured the baseline, of the names that it has.")
def main(measured: Path, baseline: Path, only: str | None, update: bool) -> None:
    """Compare memory per unit with what is committed."""
    try:
        figures, known = read(measured), json.loads(baseline.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if update:
        known = {name: figures[name].value if name in figures else before for name, before in known.items()}
        baseline.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    wanted = only.split(",") if only else list(known)
    if unknown := set(wanted) - set(known):
        raise click.UsageError(f"not in the baseline: {', '.join(sorted(unknown))}")
    lines, problems = judge({name: known[name] for name in wanted}, figures)
    for line in (*lines, *(f"problem: {problem}" for problem in problems)):
        click.echo(line)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
