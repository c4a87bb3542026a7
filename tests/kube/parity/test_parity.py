"""The corpus: every request is answered as by a real 1.36.2 server, but those that are listed."""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache

import pytest

from tests.kube.parity import corpus, verdicts
from tests.kube.parity.answers import CRASHED
from tests.kube.parity.show import figure
from tests.kube.parity.steps import Script
from tests.kube.parity.verdicts import Verdict

ALL = [(theme, script) for theme in corpus.themes() for script in corpus.scripts(theme)]


@cache
def judged(theme: str, name: str) -> tuple[Verdict, ...]:
    script = next(one for one in corpus.scripts(theme) if one.name == name)
    return tuple(verdicts.judge(theme, script))


@pytest.mark.parametrize(("theme", "script"), ALL, ids=[f"{theme}/{script.name}" for theme, script in ALL])
def test_script(theme: str, script: Script) -> None:
    unlisted, equal = [], []
    for one in judged(theme, script.name):
        assert one.ours.status != CRASHED, one.ours.body
        known = one.where in verdicts.listed(theme) or f"{theme}/{one.where}" in verdicts.excused()
        if one.found and not known:
            unlisted.append("\n   ".join([one.where, *one.found]))
        elif known and not one.found:
            equal.append(one.where)
    assert not unlisted, "answered otherwise: " + "\n".join(unlisted)
    assert not equal, f"equal now: python -m tests.kube.parity.show {theme} --prune, or differences.yaml: {equal}"


def test_lists_name_requests_that_are_there() -> None:
    there = {f"{theme}/{script.name}: {label}" for theme, script in ALL for label in script.labels()}
    named = {f"{theme}/{where}" for theme in corpus.themes() for where in verdicts.listed(theme)}
    assert not (named | verdicts.excused().keys()) - there
    assert not named & verdicts.excused().keys(), "both being mended and staying different"


def test_figure() -> None:
    equal: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for theme, script in ALL:
        found = judged(theme, script.name)
        total[theme] += len(found)
        equal[theme] += sum(not one.found for one in found)
    lines = [figure(theme, equal[theme], total[theme]) for theme in total]
    sys.stdout.write("\n" + "\n".join([*lines, figure("all", equal.total(), total.total())]) + "\n")
    assert total.total() >= 100
