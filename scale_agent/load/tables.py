"""What a run says at its end, on the terminal: the phases, what stuck where, what waiting and clean-up cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from scale_agent.load.ledger import Ledger
from scale_agent.load.totals import RAMP, STEADY, Totals
from scale_agent.records import PHASES
from scale_agent.removal import Outcome

_FILE_WIDTH = 140
#: Waits of our own that Rancher has no part in → what is said of them. (A slot to create in waits for Rancher.)
_WAITS = {
    "import-slot": "waited for a slot (--imports-at-once)",
    "generator-busy": "were held back because the generator was late itself",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended. ``problems`` are one line each; none of them is success, of which ``success`` is the line."""

    problems: tuple[str, ...]
    success: str = ""

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


def tunnels_line(totals: Totals) -> str:
    """What went through the tunnels of all processes."""
    count = totals.counts
    return (
        f"Tunnels: {count['connections_opened']} connections ({count['connections_refused']} refused, "
        f"{count['cancelled_dials']} given up by Rancher before their handshake), {count['handshakes']} handshakes, "
        f"{count['events']} events and {count['bookmarks']} bookmarks watched, {count['bytes_in'] / 1e6:.1f} MB in, "
        f"{count['bytes_out'] / 1e6:.1f} MB out, {count['pings']} pings, {count['pongs']} pongs"
    )


def generator_line(totals: Totals) -> str:
    """How the processes that carried clusters felt."""
    known = totals.processes.values()
    return (
        f"Generator: {len(known)} process(es), loop lag p99 {totals.lag(RAMP).quantile(0.99):.1f} ms in the ramp and "
        f"{totals.lag(STEADY).quantile(0.99):.1f} ms after it, longest {totals.lag().max_ms:.0f} ms; "
        f"the busiest used {max((one.cpu_share for one in known), default=0.0):.0%} of a core, "
        f"the largest {max((one.rss_bytes for one in known), default=0) / 1e6:.0f} MB"
    )


def limits(totals: Totals) -> list[str]:
    """Where the generator, and not Rancher, was what the run waited for; one line each, none is a failure."""
    found = []
    if late := totals.saturated:
        p99_ms = max(totals.processes[name].lag[RAMP].quantile(0.99) for name in late)
        found.append(
            f"the generator was saturated: loop lag p99 {p99_ms:.0f} ms in the ramp of {', '.join(late)}, so times "
            "above are partly its own; use more workers, a lower --spawn-rate, or --imports-at-once"
        )
    for why, text in _WAITS.items():
        if waits := totals.waits.get(why):
            found.append(
                f"{len(waits)} clusters {text}, p99 {waits.quantile(0.99) / 1000:.1f} s, before their lives began"
            )
    return found


def _active(ledger: Ledger) -> str:
    active, all_ = ledger.active(), len(ledger)
    if active == all_:
        return f"all {all_} clusters became active"
    return f"{active} of {all_} clusters became active, the others were taken away before"


def print_end(
    console: Console,
    ledger: Ledger,
    totals: Totals,
    verdict: Verdict,
    costs: Iterable[Mapping[str, object]],
    lines: Iterable[str],
) -> None:
    """Print everything that a run says at its end."""

    def say(line: str, style: str = "") -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True, style=style or None)

    console.print(phase_table(ledger))
    if ledger.failures():
        console.print(stuck_table(ledger))
    for line in (costs_line(costs), tunnels_line(totals), generator_line(totals), *lines):
        say(line)
    for limit in limits(totals):
        say(f"! {limit}", "yellow")
    for problem in verdict.problems:
        say(f"✗ {problem}", "red")
    if not verdict.problems:
        but = "; the generator was the limit" if totals.saturated else ""
        success = verdict.success or f"{_active(ledger)}, and all is clean"
        say(f"✓ {success}{but}", "green")
