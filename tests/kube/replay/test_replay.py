"""Every recorded request of Rancher 2.10.3, 2.12.3 and 2.15.0 is answered as recorded, or listed with the reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kube.replay.compare import managed_differences
from tests.kube.replay.exceptions import listed
from tests.kube.replay.recording import RECORDINGS
from tests.kube.replay.replay import Replay, Result, replay, table
from tests.kube.replay.timeline import TIMELINES, Timeline

KEPT_MANAGED_FIELDS = next(timeline for timeline in TIMELINES if timeline.name == "rancher-2.15.0-steve")

_DONE: dict[str, Replay] = {}


def _replayed(timeline: Timeline) -> Replay:
    if timeline.name not in _DONE:
        _DONE[timeline.name] = replay(timeline)
    return _DONE[timeline.name]


@pytest.fixture(scope="module", autouse=True)
def _summary() -> Iterator[None]:
    """After the tests: counts per file, shown with ``-s`` and in the captured output of a failure."""
    yield
    if _DONE:
        print("\n" + table(list(_DONE.values()), listed()))  # noqa: T201 - this is the test's report
    _DONE.clear()


@pytest.mark.parametrize("timeline", TIMELINES, ids=lambda t: t.name)
def test_every_request_is_answered_as_recorded_or_listed(timeline: Timeline) -> None:
    wrong = [r for r in _replayed(timeline).results if r.problems and r.where not in listed()]
    shown = "\n".join(f"{r.where} {_request(r)}\n    " + "\n    ".join(r.problems) for r in wrong[:30])
    if wrong:  # not an assertion: its repr of a thousand answers takes half a minute
        pytest.fail(f"{len(wrong)} requests are not answered as recorded:\n{shown}", pytrace=False)


@pytest.mark.parametrize("timeline", TIMELINES, ids=lambda t: t.name)
def test_no_listed_line_is_answered_as_recorded(timeline: Timeline) -> None:
    fine = [r.where for r in _replayed(timeline).results if not r.problems and r.where in listed()]
    assert not fine, "take these off unreplayable.yaml"


@pytest.mark.parametrize("timeline", TIMELINES, ids=lambda t: t.name)
def test_other_actors_writes_are_accepted(timeline: Timeline) -> None:
    assert not _replayed(timeline).failed_writes


def test_managed_fields_are_as_recorded() -> None:
    """Where the recorder kept them (2.15.0). Deployments are left out: what their controller wrote in one request is
    played as two, data and status."""
    results = [r for r in _replayed(KEPT_MANAGED_FIELDS).results if r.where not in listed()]
    compared = [r for r in results if "/deployments" not in r.outcome.line.path]
    found = {r.where: managed_differences(r.outcome) for r in compared}
    wrong = {where: differences for where, differences in found.items() if differences}
    assert not wrong


def test_every_recorded_request_is_on_a_timeline() -> None:
    played = {part.file for timeline in TIMELINES for part in timeline.parts}
    kept = {f"{path.parent.name}/{path.name.removesuffix('.gz')}" for path in RECORDINGS.glob("rancher-*/*.jsonl.gz")}
    assert played == {file for file in kept if "frames-" not in file}


def test_every_listed_line_exists() -> None:
    lines = {line.where for timeline in TIMELINES for line in timeline.lines()}
    assert set(listed()) <= lines


def _request(result: Result) -> str:
    line = result.outcome.line
    return f"{line.method} {line.path} {dict(line.query) or ''}"
