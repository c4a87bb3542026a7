"""Plays the corpus against our server and says of each request whether it was answered as by the real one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.kube.parity import answers, corpus
from tests.kube.parity.answers import Answer
from tests.kube.parity.compare import differences
from tests.kube.parity.normal import Normal, Normalizer
from tests.kube.parity.ours import Ours
from tests.kube.parity.play import Player
from tests.kube.parity.steps import Script, Step

HERE = Path(__file__).parent
#: What is to be mended: ``THEME.txt``, one request per line. What stays different: ``differences.yaml``, with reasons.
UNEQUAL = HERE / "unequal"
DIFFERENCES = HERE / "differences.yaml"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One request: both answers in words, and where they differ."""

    where: str
    step: Step
    theirs: Normal
    ours: Normal
    found: tuple[str, ...]


class StaleError(LookupError):
    """A script that was never recorded, or has changed since."""


def judge(theme: str, script: Script) -> list[Verdict]:
    """Of every compared request of a script. Raises :class:`StaleError`."""
    recorded = answers.load(theme).get(script.name)
    if recorded is None or recorded.digest != script.digest():
        raise StaleError(f"{theme}/{script.name}: record it again (python -m tests.kube.parity.record)")
    mine = Player(Ours(), script, corpus.namespace(theme, script)).run()
    said = json.dumps([[step.path, step.query, _kept(step.body)] for step in script.steps])
    theirs, ours = _normal(said, script, recorded.answers), _normal(said, script, tuple(mine))
    rows = zip(script.steps, script.labels(), theirs, ours, strict=True)
    return [
        Verdict(f"{script.name}: {label}", step, a, b, tuple(differences(a, b)))
        for step, label, a, b in rows
        if not step.quiet
    ]


def _kept(body: Any) -> Any:
    return "" if callable(body) or isinstance(body, bytes) else body


def _normal(said: str, script: Script, found: tuple[Answer, ...]) -> list[Normal]:
    normalizer = Normalizer(said)
    rows = zip(script.steps, found, strict=True)
    return [normalizer.normal(answer, stream=step.streams()) for step, answer in rows]


@cache
def listed(theme: str) -> frozenset[str]:
    """Requests that are known to be answered otherwise, for now."""
    path = UNEQUAL / f"{theme}.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return frozenset(line for line in lines if line and not line.startswith("#"))


@cache
def excused() -> dict[str, str]:
    """Reason by ``THEME/SCRIPT: REQUEST`` of what stays different."""
    rows = yaml.safe_load(DIFFERENCES.read_text(encoding="utf-8")) if DIFFERENCES.exists() else []
    return {request: " ".join(row["reason"].split()) for row in rows or () for request in row["requests"]}


def save_listed(theme: str, unequal: list[str]) -> None:
    """Write a theme's list: in the order of the scripts, without what is excused."""
    kept = [where for where in unequal if f"{theme}/{where}" not in excused()]
    path = UNEQUAL / f"{theme}.txt"
    UNEQUAL.mkdir(exist_ok=True)
    if kept:
        path.write_text("".join(f"{where}\n" for where in kept), encoding="utf-8")
    else:
        path.unlink(missing_ok=True)
