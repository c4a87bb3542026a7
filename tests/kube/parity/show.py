"""Where our server answers otherwise than a real one.

python -m tests.kube.parity.show                       the figure of each theme
python -m tests.kube.parity.show THEME[/SCRIPT] ...     each unequal request with its differences
    --all       equal ones too      --full    both answers whole      --short   one line per request
    --prune     take requests that became equal out of unequal/THEME.txt
    --accept    write unequal/THEME.txt anew (after recording new scripts)
    --markdown  the figures as the table of docs/fidelity.md
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Iterable
from typing import Any

from tests.kube.parity import corpus, verdicts
from tests.kube.parity.steps import Step
from tests.kube.parity.verdicts import Verdict

WIDTH, LINES = 400, 8


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*")
    for name in ("all", "full", "short", "prune", "accept", "markdown"):
        parser.add_argument(f"--{name}", action="store_true")
    chosen = parser.parse_intermixed_args()
    total = equal = 0
    for theme in corpus.themes():
        names = {one.partition("/")[2] for one in chosen.what if one.partition("/")[0] == theme}
        if not names and chosen.what:
            continue
        found = _theme(theme, names - {""})
        good = sum(not one.found for one in found)
        total, equal = total + len(found), equal + good
        if chosen.what:
            for one in found:
                if one.found or chosen.all:
                    _print(theme, one, full=chosen.full, short=chosen.short)
        _say(_row(theme, good, found) if chosen.markdown else figure(theme, good, len(found)))
        if chosen.prune or chosen.accept:
            _rewrite(theme, found, everything=chosen.accept)
    _say(figure("all", equal, total))


def _theme(theme: str, names: set[str]) -> list[Verdict]:
    found: list[Verdict] = []
    for script in corpus.scripts(theme):
        if names and script.name not in names:
            continue
        try:
            found += verdicts.judge(theme, script)
        except verdicts.StaleError as error:
            _say(f"!! {error}")
        except Exception:  # noqa: BLE001  a crash of the server under test is what is shown
            _say(f"!! {theme}/{script.name} crashes:\n{traceback.format_exc()}")
    return found


def figure(theme: str, equal: int, total: int) -> str:
    """One line."""
    return f"{theme:<22}{equal:>5} of {total:>5} equal {100 * equal / max(total, 1):6.1f} %"


def _row(theme: str, equal: int, found: list[Verdict]) -> str:
    known = sum(f"{theme}/{one.where}" in verdicts.excused() for one in found)
    return f"| {theme} | {len(found)} | {equal} | {known} | {len(found) - equal - known} |"


def _rewrite(theme: str, found: Iterable[Verdict], *, everything: bool) -> None:
    """Of scripts that were not played to their end, every line stays."""
    old = verdicts.listed(theme)
    unequal = {one.where for one in found if one.found and (everything or one.where in old)}
    judged = {one.where for one in found}
    kept = unequal | (old - judged)
    there = [f"{one.name}: {label}" for one in corpus.scripts(theme) for label in one.labels()]
    verdicts.save_listed(theme, [where for where in there if where in kept])


def _print(theme: str, one: Verdict, *, full: bool, short: bool) -> None:
    known = verdicts.excused().get(f"{theme}/{one.where}")
    mark = "=" if not one.found else "~" if known else "≠"
    _say(f"{mark} {theme}/{one.where}" + (f"  -- {one.found[0]}" if short and one.found else ""))
    if short:
        return
    if known:
        _say(f"    known: {known}")
    for line in request(one.step):
        _say(f"    > {line}")
    for line in one.found if full else one.found[:LINES]:
        _say(f"    ! {line}")
    if len(one.found) > LINES and not full:
        _say(f"    ! … {len(one.found) - LINES} more differences (--full)")
    if full:
        _say(f"    real {one.theirs.status} {dict(one.theirs.headers)}\n{_indented(one.theirs.body)}")
        _say(f"    ours {one.ours.status} {dict(one.ours.headers)}\n{_indented(one.ours.body)}")


def request(step: Step) -> list[str]:
    """The request as lines: the target, what is unusual in the headers, the body."""
    lines = [f"{step.method} {step.path}" + (f"?{step.query}" if step.query else "")]
    usual = {("accept", "application/json"), ("content-type", "application/json")}
    lines += [f"{name}: {text}" for name, text in step.headers.items() if (name, text) not in usual]
    if step.until:
        lines.append(f"(asked until {step.until})")
    if step.body is not None:
        body = "(made when sent)" if callable(step.body) else step.body
        text = body if isinstance(body, str) else repr(body) if isinstance(body, bytes) else json.dumps(body)
        lines.append(text if len(text) <= WIDTH else text[:WIDTH] + "…")
    return lines


def _indented(body: Any) -> str:
    text = body if isinstance(body, str) else json.dumps(body, indent=1, ensure_ascii=False)
    return "\n".join(f"      {line}" for line in text.splitlines())


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
