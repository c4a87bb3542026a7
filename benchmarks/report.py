"""``python -m benchmarks.report build/bench.json``: figures as tables for docs/performance.md, runs as pictures.

Tables go between the marks ``<!-- NAME -->`` and ``<!-- /NAME -->`` of the page, so that nobody copies a number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks import pictures
from benchmarks.figures import Figure, read
from benchmarks.floors import HOW
from benchmarks.targets import TARGETS, Target

_MADE_BY = {
    "import_cpu_ms": "units",
    "get_cpu_us": "units",
    "event_cpu_us": "units",
    "leak_bytes_per_s": "leak",
}
_COMMANDS = {"units": "`make bench`", "leak": "`make bench LEAK=1`", "fleet": "`make bench FULL=1`"}
#: The unit of a figure, and what people read it in.
_SCALES: Mapping[str, tuple[float, str]] = {"B": (1000.0, "KB"), "times": (1.0, "×"), "": (1.0, "")}


def shown(value: float | None, unit: str) -> str:
    """A number with its unit, for people."""
    if value is None:
        return ""
    scale, name = _SCALES.get(unit, (1.0, unit))
    number = value / scale
    text = f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"
    return f"{text} {name}".strip()


def targets_table(figures: Mapping[str, Figure]) -> str:
    """The table of what was wanted and what was measured; a figure that was not measured has a dash."""
    rows: list[Sequence[str]] = [("what", "target", "stretch", "measured", "spread", "runs", "", "floor", "command")]
    for name, one in TARGETS.items():
        found, floor = figures.get(name), figures.get(f"floor_{name}")
        sign = "≥ " if one.at_least else "≤ "
        limits = [sign + shown(limit, one.unit) if limit is not None else "" for limit in (one.target, one.stretch)]
        measured = (
            [shown(found.value, one.unit), shown(found.spread, one.unit), str(found.runs)] if found else ["–"] * 3
        )
        command = _COMMANDS[_MADE_BY.get(name, "fleet")]
        floored = shown(floor.value, one.unit) if floor else ""
        rows.append((one.what, *limits, *measured, _verdict(one, found), floored, command))
    return _table(rows)


def _measured(found: Figure | None) -> tuple[str, str, str]:
    if found is None:
        return ("–", "–", "–")
    return (shown(found.value, found.unit), shown(found.spread, found.unit), str(found.runs))


def _verdict(target: Target, found: Figure | None) -> str:
    if found is None:
        return ""
    if target.is_zero:
        return "met" if abs(found.value) <= found.spread / 2 else "missed"
    if target.met(found.value, target.stretch):
        return "stretch"
    return {True: "met", False: "missed", None: ""}[target.met(found.value, target.target)]


def floors_table(figures: Mapping[str, Figure]) -> str:
    """How each floor was calculated, and how far above it the figure is."""
    rows = [("what", "floor", "measured", "how the floor is calculated")]
    for name, how in HOW.items():
        floor, found = figures.get(f"floor_{name}"), figures.get(name)
        times = f"{found.value / floor.value:.1f} ×" if floor and found and floor.value else "–"
        rows.append((TARGETS[name].what, shown(floor.value, floor.unit) if floor else "–", times, how))
    return _table(rows)


#: What stands beside what: the other's figure in the document, ratio, and in words.
_OTHERS = (
    ("memory, real API server and etcd", "oracle_memory_bytes", "oracle_memory_ratio"),
    ("memory, the real agent (when recorded: 230 MB)", "", "agent_memory_ratio"),
    ("memory, a KWOK cluster (published: 300 MB)", "", "kwok_memory_ratio"),
    ("CPU when idle, real API server and etcd", "oracle_idle_cpu_ms_per_s", "oracle_idle_cpu_ratio"),
    ("CPU of a GET behind TLS", "", "oracle_get_ratio"),
    ("CPU of a creation behind TLS", "", "oracle_create_ratio"),
    ("CPU of a change and its watcher behind TLS", "oracle_change_cpu_us", "oracle_change_ratio"),
)


def others_table(figures: Mapping[str, Figure]) -> str:
    """What one would otherwise run, as ratios."""
    rows = [("what", "theirs", "times ours")]
    for what, theirs, ratio in _OTHERS:
        value = figures.get(theirs)
        times = figures.get(ratio)
        rows.append((what, shown(value.value, value.unit) if value else "", f"{times.value:,.3g} ×" if times else "–"))
    return _table(rows)


def machine_line(document: Mapping[str, Any]) -> str:
    """What it was measured on."""
    machine = document["machine"]
    return (
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}, CPython {machine['python']}, "
        f"commit `{document['commit']}`."
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def fill(page: str, parts: Mapping[str, str]) -> str:
    """The page with each part between its marks. Raises ``ValueError`` for a part that the page has no marks for."""
    for name, text in parts.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if (found := marks.search(page)) is None:
            raise ValueError(f"the page has no marks for {name}")
        page = f"{page[: found.start()]}{found[1]}{text}\n{found[2]}{page[found.end() :]}"
    return page


@click.command()
@click.argument("measured", type=click.Path(path_type=Path, exists=True), default=Path("build/bench.json"))
@click.option("--page", type=click.Path(path_type=Path, exists=True), help="Fill this page (docs/performance.md).")
@click.option(
    "--fleet", type=click.Path(path_type=Path, exists=True), help="found.json of a run with steps: growth.svg."
)
@click.option("--churn", type=click.Path(path_type=Path, exists=True), help="found.json of a run with churn.")
@click.option("--pictures", "folder", type=click.Path(path_type=Path), default=Path("docs/pictures"), show_default=True)
def main(measured: Path, page: Path | None, fleet: Path | None, churn: Path | None, folder: Path) -> None:
    """Print the tables, or put them into a page; draw pictures."""
    try:
        figures, document = read(measured), json.loads(measured.read_text(encoding="utf-8"))
        parts = {
            "machine": machine_line(document),
            "targets": targets_table(figures),
            "floors": floors_table(figures),
            "others": others_table(figures),
        }
        if page is not None:
            page.write_text(fill(page.read_text(encoding="utf-8"), parts), encoding="utf-8")
        else:
            click.echo("\n\n".join(parts.values()))
        _draw(folder / "growth.svg", fleet, pictures.of_fleet)
        _draw(folder / "leak.svg", churn, pictures.of_churn)
    except (KeyError, ValueError) as error:
        raise click.ClickException(f"{type(error).__name__}: {error}") from error


def _draw(path: Path, found: Path | None, draw: Callable[[Mapping[str, Any]], str]) -> None:
    if found is not None:
        path.write_text(draw(json.loads(found.read_text(encoding="utf-8"))), encoding="utf-8")
        click.echo(f"drawn: {path}")


if __name__ == "__main__":
    main()
