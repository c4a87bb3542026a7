"""Shapes as a person starts them: ``locust`` against a stand-in, local and with workers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from scale_agent.records import Reader
from tests.integration.conftest import Locust, StandIn

Start = Callable[..., Locust]
HEADLESS = ("--headless", "--only-summary", "--shape-stable-for", "1", "-r", "4", "--shape-down-rate", "4")


def of_the_run(run: Locust, name: str) -> list[Mapping[str, Any]]:
    return [r.detail for r in Reader(run.out / "records.jsonl") if (r.kind, r.name) == ("run", name)]


def deleted(run: Locust) -> int:
    return sum((r.kind, r.name) == ("phase", "deleted") for r in Reader(run.out / "records.jsonl"))


def test_steps_with_workers_hold_and_go_down(standin: StandIn, locust: Start) -> None:
    port = str(20_000 + (os.getpid() + 7_000) % 20_000)
    workers = ("--processes", "2", "--master-bind-port", port, "--master-port", port)
    run = locust(standin.environment, *HEADLESS, *workers, "--shape", "steps", "--shape-levels", "2,5", "--hold", "1")
    assert run.wait() == 0, run.said
    stages = [(detail["stage"], detail["users"]) for detail in of_the_run(run, "stage")]
    assert ("step 2 of 2, 5 clusters: until stable", 5) in stages
    assert [stage for stage, _ in stages][-2:] == ["ramp down", "ramp down: until gone"]
    assert deleted(run) == 5
    assert "all 5 clusters became active, and all is clean" in run.said
    assert "Traceback" not in run.said
    assert "Ramping to" not in run.said
    assert standin.names() == set()


def test_a_search_up_to_a_small_cap(standin: StandIn, locust: Start) -> None:
    run = locust(standin.environment, *HEADLESS, "-u", "4", "--shape", "search", "--shape-step", "2")
    assert run.wait() == 0, run.said
    (found,) = of_the_run(run, "search")
    assert (found["largest"], found["confirmed"], found["why"]) == (4, True, "the cap was reached")
    assert [(trial["clusters"], trial["confirmation"]) for trial in found["trials"]] == [
        (2, False),
        (4, False),
        (4, True),
    ]
    assert "✓ Search: 4 clusters held the objectives, confirmed (the cap was reached)" in run.said
    assert "Traceback" not in run.said
    assert standin.names() == set()


def test_a_mistake_ends_it_before_anything_is_created(standin: StandIn, locust: Start) -> None:
    run = locust(standin.environment, "--headless", "--shape", "waves", "-u", "4")
    assert run.wait() == 2
    assert "error: 0 is not 1 or more (--shape-step)" in run.said
    assert "Traceback" not in run.said
    assert standin.names() == set()
