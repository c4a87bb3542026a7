"""What a run says at its end, on the terminal: the phases, what stuck where, what waiting and clean-up cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from scale_agent.load.ledger import Ledger
from scale_agent.records import PHASES
from scale_agent.removal import Outcome

_FILE_WIDTH = 140


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended. ``problems`` are one line each; none of them is success."""

    problems: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 only if every cluster became active and all is clean."""
        return 1 if self.problems else 0


def wide_console() -> Console:
    """The terminal as it is; a file or a pipe gets lines as long as ours are (rich would take 80)."""
    console = Console()
    return console if console.is_terminal else Console(width=_FILE_WIDTH)


def percentile(sorted_values: Sequence[float], q: float) -> float:
    """The nearest-rank percentile (``q`` from 0 to 1) of a sorted, non-empty sequence."""
    return sorted_values[min(len(sorted_values) - 1, max(0, -(-int(q * 1000) * len(sorted_values) // 1000) - 1))]


def phase_table(ledger: Ledger) -> Table:
    """Per phase: how many clusters reached it, seconds since the start of their lives, how many are stuck before it."""
    table = Table(title=f"Phases of {len(ledger)} clusters: seconds since the start of each life", title_justify="left")
    table.add_column("phase")
    for column in ("n", "p50", "p90", "p99", "max", "failures"):
        table.add_column(column, justify="right")
    stuck = ledger.stuck()
    for phase, times in ledger.phase_times().items():
        cells = [f"{percentile(times, q) / 1000:.2f}" for q in (0.5, 0.9, 0.99, 1.0)] if times else [""] * 4
        table.add_row(phase, str(len(times)), *cells, str(stuck.get(phase, "")))
    return table


def stuck_table(ledger: Ledger) -> Table:
    """What stuck where: phase, reason, how many, and some names."""
    table = Table(title="Clusters that did not become active", title_justify="left")
    for column in ("stuck before", "why", "clusters", "for example"):
        table.add_column(column, justify="right" if column == "clusters" else "left")
    order = {phase: index for index, phase in enumerate(PHASES)}
    for (phase, reason), names in sorted(
        ledger.failures().items(), key=lambda item: (order.get(item[0][0], 99), item[0])
    ):
        table.add_row(phase, reason, str(len(names)), ", ".join(sorted(names)[:2]))
    return table


def costs_line(costs: Iterable[Mapping[str, object]]) -> str:
    """What waiting for active cost Rancher, summed over the processes."""
    known = list(costs)
    modes = ", ".join(sorted({str(cost["mode"]) for cost in known})) or "none"
    requests = sum(int(str(cost["requests"])) for cost in known)
    size = sum(int(str(cost["bytes"])) for cost in known)
    return f"Waiting for active: {modes}, {requests} requests, {size / 1000:.1f} kB in {len(known)} process(es)"


def removal_line(outcome: Outcome | None, clusters: int, swept: int) -> str:
    """What clean-up did; ``swept`` of the clusters that are gone were left by an earlier start of the run."""
    if outcome is None:
        return f"Clean-up: {clusters} clusters were kept"
    earlier = f" ({swept} of them from an earlier start of this run)" if swept else ""
    left = f", {len(outcome.left)} left" if outcome.left else ""
    error = f", last error: {outcome.error}" if outcome.error else ""
    return f"Clean-up: {outcome.deleted} deleted, {outcome.gone} gone{earlier}{left}{error}, {outcome.lists} lists"


def print_end(
    console: Console, ledger: Ledger, verdict: Verdict, costs: Iterable[Mapping[str, object]], lines: Iterable[str]
) -> None:
    """Print everything that a run says at its end."""
    console.print(phase_table(ledger))
    if ledger.failures():
        console.print(stuck_table(ledger))
    console.print(costs_line(costs), highlight=False, markup=False, soft_wrap=True)
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for problem in verdict.problems:
        console.print(f"✗ {problem}", highlight=False, markup=False, soft_wrap=True, style="red")
    if not verdict.problems:
        console.print(f"✓ all {len(ledger)} clusters became active, and all is clean", highlight=False, style="green")
