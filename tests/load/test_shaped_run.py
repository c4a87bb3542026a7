"""Whole runs with a shape: Locust asks it (here twenty times faster), Rancher is in memory."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from locust import LoadTestShape, runners

from scale_agent.errors import InputError
from scale_agent.load.ledger import Ledger
from scale_agent.load.shapes import planned
from scale_agent.load.shapes.choice import Choice
from tests.load.fakes import FakeRancher
from tests.load.harness import Harness, parse, wait_for

_FASTER = 20


@pytest.fixture(autouse=True)
def _fast_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locust's shape worker sleeps a second between two questions; only its name ``gevent`` sleeps shorter."""

    class Quick:
        def __getattr__(self, name: str) -> Any:
            return getattr(gevent, name)

        @staticmethod
        def sleep(seconds: float = 0) -> None:
            gevent.sleep(seconds / _FASTER)

    monkeypatch.setattr(runners, "gevent", Quick())


def start(harness: Harness, *options: str) -> None:
    """As the command line does it: look, then let Locust ask the shape."""
    harness.configure(*options)
    harness.director.prepare()
    assert harness.environment.runner is not None
    harness.environment.runner.start_shape()


def ended(harness: Harness) -> None:
    wait_for(lambda: harness.director.verdict is not None)


def stages(harness: Harness) -> list[tuple[str, int]]:
    found = [record.detail for record in harness.records() if (record.kind, record.name) == ("run", "stage")]
    return [(detail["stage"], detail["users"]) for detail in found]


def test_steps_hold_until_stable_go_down_and_end(
    harness: Harness, rancher: FakeRancher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    start(
        harness,
        *("--shape", "steps", "--shape-levels", "2,5", "-r", "100", "--shape-stable-for", "0.1", "--hold", "0.1"),
        *("--shape-down-rate", "100"),
    )
    harness.wait_active(5)
    ended(harness)
    harness.quit()
    assert harness.environment.process_exit_code == 0
    assert rancher.clusters == {}
    names = [name for name, _ in stages(harness)]
    step = "step 2 of 2, 5 clusters"
    assert names[-5:] == [step, f"{step}: until stable", "hold", "ramp down", "ramp down: until gone"]
    first = [record.at_s for record in harness.records() if record.kind == "phase" and record.name == "active"][:2]
    second = next(r.at_s for r in harness.records() if r.kind == "run" and "step 2" in r.detail.get("stage", ""))
    assert max(first) <= second, "the second step began when the first was stable"
    assert sum(record.name == "deleted" for record in harness.records()) == 5
    lines = [record.getMessage() for record in caplog.records]
    assert not [line for line in lines if line.startswith("Shape test updating")]
    assert "Shape: hold" in lines


def test_a_search_finds_confirms_and_says_it_and_failures_are_no_failure(
    harness: Harness, rancher: FakeRancher
) -> None:
    rancher.never_active.update(f"sim-r1-{n:05d}" for n in range(4, 20))  # the fifth and all above never become active
    start(
        harness,
        *("--shape", "search", "-u", "12", "--shape-step", "3", "-r", "100", "--shape-stable-for", "0.05"),
        *("--active-timeout", "0.5", "--search-active-p95", "5", "--shape-down-rate", "100"),
    )
    ended(harness)
    harness.quit()
    answer = next(record.detail for record in harness.records() if record.name == "search")
    assert (answer["largest"], answer["bad"], answer["confirmed"]) == (4, 5, True)
    assert [trial["clusters"] for trial in answer["trials"]][:2] == [3, 6]
    assert answer["trials"][-1]["confirmation"] is True
    assert max(users for _, users in stages(harness)) <= 12
    said = harness.said.getvalue()
    assert f"✓ Search: {answer['largest']} clusters held the objectives, confirmed" in said
    assert "6 clusters did not hold" in said
    assert harness.environment.process_exit_code == 0
    assert rancher.clusters == {}


def test_a_search_that_finds_nothing_is_a_failure(harness: Harness, rancher: FakeRancher) -> None:
    rancher.never_active.update(f"sim-r1-{n:05d}" for n in range(20))
    start(
        harness,
        *("--shape", "search", "-u", "4", "--shape-step", "2", "-r", "100", "--shape-stable-for", "0.05"),
        *("--active-timeout", "0.3"),
    )
    ended(harness)
    harness.quit()
    assert harness.environment.process_exit_code == 1
    assert "✗ Search: no number of clusters held the objectives" in harness.said.getvalue()
    assert rancher.clusters == {}


def test_a_shape_that_is_stopped_cleans_up_and_says_how_far_it_was(harness: Harness, rancher: FakeRancher) -> None:
    start(harness, "--shape", "search", "-u", "4", "--shape-step", "2", "-r", "100", "--shape-stable-for", "3600")
    harness.wait_active(2)
    assert harness.quit() == 1
    assert "Search: no number of clusters held the objectives (stopped)" in harness.said.getvalue()
    assert rancher.clusters == {}


def test_a_slow_begin_is_not_killed_by_the_next_tick(
    harness: Harness, rancher: FakeRancher, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.configure("--shape", "ramp", "-u", "6", "-r", "2")
    harness.director.prepare()
    opened, go_on = [0], gevent.event.Event()
    original = harness.director._open

    def slow(*arguments: Any) -> None:
        opened[0] += 1
        go_on.wait()
        original(*arguments)

    monkeypatch.setattr(harness.director, "_open", slow)
    asked: list[int] = []
    tick = planned.PlannedShape.tick

    def note(shape: planned.PlannedShape) -> object:
        asked.append(1)
        return tick(shape)

    monkeypatch.setattr(planned.PlannedShape, "tick", note)
    assert harness.environment.runner is not None
    harness.environment.runner.start_shape()
    wait_for(lambda: len(asked) > 5)
    go_on.set()
    harness.wait_active(6)
    assert opened == [1]
    assert harness.quit() == 0


def test_the_web_form_chooses_a_shape_and_the_next_test_has_none(
    harness: Harness, rancher: FakeRancher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["locust"])
    harness.configure(web=True)
    web_ui = harness.environment.web_ui
    assert web_ui is not None
    assert web_ui.app is not None
    client: Any = web_ui.app.test_client()
    form = {"user_count": 3, "spawn_rate": 100, "host": "https://rancher.example"}
    assert "shape_stable_for" in client.get("/").get_data(as_text=True)
    mistake = client.post("/swarm", data={**form, "shape": "waves"}).json
    assert (mistake["success"], "--shape-step" in mistake["message"]) == (False, True)

    quick = {"shape_stable_for": "0.05", "shape_step_timeout": "60", "shape_down_rate": "100", "hold": "0.05"}
    answer = client.post("/swarm", data={**form, "shape": "ramp", "run_id": "one", **quick}).json
    assert answer["success"] is True
    ended(harness)
    assert harness.environment.process_exit_code == 0
    assert len(harness.ledger) == 3
    wait_for(lambda: harness.environment.runner is not None and harness.environment.runner.shape_greenlet is None)

    plain = {"shape": "none", "run_id": "two", "hold": "-1", "shape_down_rate": "0"}
    assert client.post("/swarm", data={**form, **plain}).json["success"] is True
    wait_for(lambda: harness.director.options is not None and harness.director.options.run_id == "two")
    harness.wait_active(3)
    assert harness.environment.shape_class is None


def test_a_locustfile_with_a_shape_of_its_own_has_one_already(harness: Harness) -> None:
    class Own(LoadTestShape):
        def tick(self) -> None:
            return None

    harness.environment.shape_class = Own()  # type: ignore[no-untyped-call]
    with pytest.raises(InputError, match="a shape of its own"):
        _choice(harness, "--shape", "ramp", "-u", "3")
    assert _choice(harness, "-u", "3") is None


def test_with_the_class_picker_locust_would_forget_the_shape(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["locust"])
    harness.configure(web=True)
    assert harness.environment.web_ui is not None
    harness.environment.web_ui.userclass_picker_is_active = True
    with pytest.raises(InputError, match="class picker"):
        _choice(harness, "--shape", "ramp", "-u", "3")


def _choice(harness: Harness, *options: str) -> Any:
    choice = Choice(harness.environment, Ledger, lambda: True, lambda name, detail: None)
    return choice.make(parse(*options))
