"""Numbers, labels, clocks, names, patience, percentiles: the small values of the room."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scale_agent
from scale_agent.cluster.names import verb_and_resource
from scale_agent.errors import InputError, RancherError
from scale_agent.load.clock import WAY_UP, PhaseClock, first_missing
from scale_agent.load.labels import RunIdentity, check_run_id, new_run_id
from scale_agent.load.names import reason_of, served_name
from scale_agent.load.numbers import BLOCK, Numbers
from scale_agent.load.patience import GaveUpError, Patience
from scale_agent.load.tables import percentile
from scale_agent.records import PHASES

DATA = Path(scale_agent.__file__).parent / "standin" / "data"


def test_numbers_are_the_lowest_free_ones_of_the_workers_block() -> None:
    numbers = Numbers(3)
    taken = [numbers.take() for _ in range(5)]
    assert taken == [3 * BLOCK + k for k in range(5)]
    numbers.give(taken[3])
    numbers.give(taken[1])
    assert [numbers.take() for _ in range(3)] == [taken[1], taken[3], 3 * BLOCK + 5]


def test_numbers_are_never_handed_out_twice() -> None:
    numbers, chance = Numbers(-1), random.Random(1)
    held: set[int] = set()
    for _ in range(2000):
        if held and chance.random() < 0.4:
            numbers.give(held.pop())
        else:
            number = numbers.take()
            assert number not in held
            assert 0 <= number < BLOCK
            held.add(number)


def test_a_runs_names_labels_and_seeds() -> None:
    identity = RunIdentity("r1", "sim", 2)
    assert identity.name(200_017) == "sim-r1-200017"
    assert identity.name(17) == "sim-r1-00017"
    assert identity.seed(17) == "r1/17"
    assert identity.labels == {"scale-agent/run": "r1", "scale-agent/worker": "w2"}
    assert identity.labels.items() > identity.run_labels.items()


def test_a_new_run_id_is_a_valid_one() -> None:
    made = new_run_id(dt.datetime(2026, 11, 21, 12, 5, 1, tzinfo=dt.UTC))
    assert check_run_id(made) == made == "r1121-120501"


@pytest.mark.parametrize("bad", ["", "-a", "a-", "A", "a_b", "a.b", "a" * 33, "a b", "ä", "a\n"])
def test_a_run_id_that_no_name_can_contain(bad: str) -> None:
    with pytest.raises(InputError) as caught:
        check_run_id(bad)
    assert "\n" not in str(caught.value)


def test_the_longest_name_is_a_dns_label() -> None:
    assert len(RunIdentity("a" * 32, "b" * 16).name(99 * BLOCK)) <= 63


def test_a_phase_counts_once() -> None:
    now = [10.0]
    clock = PhaseClock(lambda: now[0])
    now[0] = 10.25
    assert clock.mark("created") == 250.0
    now[0] = 11.0
    assert clock.mark("created") is None
    assert clock.mark("token") == 1000.0
    assert clock.reached == ("created", "token")
    with pytest.raises(KeyError):
        clock.mark("nonsense")


@pytest.mark.parametrize(
    ("reached", "missing"),
    [
        ((), "created"),
        (("created",), "token"),
        (("created", "tunnel"), "first_request"),
        (("created", "connected"), "ready"),
        (("active",), ""),
        ((*WAY_UP, "deleting"), ""),
        (("created", "deleting", "deleted"), "token"),
    ],
)
def test_a_stuck_cluster_is_stuck_before_the_first_phase_after_the_last(reached: tuple[str, ...], missing: str) -> None:
    assert first_missing(dict.fromkeys(reached, 1.0)) == missing


def test_the_way_up_ends_with_active() -> None:
    assert WAY_UP[-1] == "active"
    assert set(PHASES) - set(WAY_UP) == {"deleting", "deleted"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("refused", "refused"),
        ("status 401 failed authentication", "status 401"),
        ("status: 400 cluster not found", "status 400"),
        ("unauthorized 401", "unauthorized 401"),
        ("c-m-abcdefgh went away", "other"),
        ("", "other"),
        ("timeout after 12345 ms", "timeout"),
    ],
)
def test_reasons_are_from_a_closed_list(text: str, reason: str) -> None:
    assert reason_of(text) == reason


def test_served_names_are_from_a_closed_list() -> None:
    assert served_name("get", "namespaces") == "get namespaces"
    assert served_name("get", "widgets.example.com") == "get other"
    assert served_name("brew", "pods") == "other pods"
    assert served_name("update", "nodes/status") == "update nodes/status"
    assert served_name("get", "nodes/secrets-of-mine") == "get other"
    assert served_name("get", "/readyz") == "get /readyz"


def test_every_recorded_request_of_rancher_has_its_name() -> None:
    """Names come from ``cluster.names``, which the transport uses: one that is not in our list would be ``other``."""
    found = set()
    for file in sorted(DATA.glob("import-*.json.gz")) + sorted(DATA.glob("delete-*.json.gz")):
        found |= set(_requests(json.loads(gzip.decompress(file.read_bytes()))))
    named = {verb_and_resource(method, *target.partition("?")[::2]) for method, target in found}
    assert len(named) >= 40
    assert {served_name(verb, resource) for verb, resource in named} == {f"{verb} {name}" for verb, name in named}


def _requests(part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        method, target = part.get("method"), part.get("path")
        if isinstance(method, str) and isinstance(target, str):
            yield method, target
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for one in inner:
        yield from _requests(one)


class Steps:
    """Results and errors, one per call."""

    def __init__(self, *steps: object) -> None:
        self.steps = list(steps)

    def __call__(self) -> object:
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step


def patience(deadline_s: float) -> tuple[Patience, list[float]]:
    pauses: list[float] = []
    return Patience(deadline_s, clock=lambda: sum(pauses), sleep=pauses.append, jitter=lambda: 0.5), pauses


def test_what_is_not_there_yet_is_asked_for_again_soon() -> None:
    patient, pauses = patience(100)
    assert patient.until(Steps(None, None, None, "here")) == "here"
    assert pauses == pytest.approx([0.1, 0.15, 0.225])


def test_pauses_grow_up_to_a_limit() -> None:
    patient, pauses = patience(60)
    with pytest.raises(GaveUpError, match="deadline"):
        patient.until(Steps(None))
    assert max(pauses) == 5.0
    assert sum(pauses) <= 60
    errors, pauses = patience(200)
    with pytest.raises(GaveUpError, match="server 503"):
        errors.until(Steps(RancherError("server", "busy", status=503)))
    assert pauses[:5] == [1, 2, 4, 8, 15]


@pytest.mark.parametrize(
    "reason", ["unauthorized", "forbidden", "certificate", "invalid", "no-server-url", "not-found"]
)
def test_what_only_a_person_can_cure_is_not_repeated(reason: str) -> None:
    patient, pauses = patience(100)
    with pytest.raises(GaveUpError, match=reason):
        patient.until(Steps(RancherError(reason, "no")))
    assert pauses == []


@pytest.mark.parametrize(("q", "expected"), [(0.5, 50), (0.9, 90), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_percentiles_are_nearest_rank(q: float, expected: float) -> None:
    assert percentile(list(range(1, 101)), q) == expected
    assert percentile([7.0], q) == 7.0


def test_percentiles_of_few() -> None:
    assert [percentile([1, 2, 3], q) for q in (0.5, 0.9, 0.99, 1.0)] == [2, 3, 3, 3]
