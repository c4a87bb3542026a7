"""A user whose cluster stands needs no greenlet, and Locust does not notice."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from locust import User

from scale_agent.load.user import Parked
from scale_agent.records import Record
from tests.load.fakes import FakeRancher, FakeSimulated
from tests.load.harness import Harness, wait_for


def users(harness: Harness) -> list[Any]:
    assert harness.environment.runner is not None
    return list(harness.environment.runner.user_greenlets)


def parked(harness: Harness) -> int:
    return sum(isinstance(one, Parked) for one in users(harness))


def test_a_settled_user_is_counted_and_has_no_greenlet_that_runs(harness: Harness) -> None:
    harness.start(4)
    harness.wait_active(4)
    wait_for(lambda: parked(harness) == 4)
    runner = harness.environment.runner
    assert runner is not None
    assert runner.user_count == 4
    assert runner.user_classes_count == {"Cluster": 4}
    assert not any(one.started for one in users(harness))


def test_a_failed_cluster_parks_its_user_too(harness: Harness, rancher: FakeRancher) -> None:
    harness.configure("--active-timeout", "0.3")
    rancher.never_active.add("sim-r1-00000")
    harness.start(1)
    wait_for(lambda: parked(harness) == 1)
    assert harness.ledger.settled == 1


def test_stopping_a_parked_user_is_its_end(harness: Harness, rancher: FakeRancher) -> None:
    harness.start(5)
    harness.wait_active(5)
    wait_for(lambda: parked(harness) == 5)
    harness.start(2)
    wait_for(lambda: len(rancher.clusters) == 2)
    runner = harness.environment.runner
    assert runner is not None
    assert runner.user_count == 2
    wait_for(lambda: sum(FakeSimulated.running.values()) == 2)
    assert sum(r.kind == "life" and r.name == "left" for r in harness.records()) == 3
    harness.start(4)
    wait_for(lambda: len(rancher.clusters) == 4)
    wait_for(lambda: parked(harness) == 4)
    assert harness.quit() == 0
    assert users(harness) == []


def test_stop_timeout_ends_parked_users_at_once(harness: Harness) -> None:
    harness.environment.stop_timeout = 30
    harness.start(3)
    harness.wait_active(3)
    wait_for(lambda: parked(harness) == 3)
    with gevent.Timeout(10, AssertionError("stopping waited for users that do nothing")):
        assert harness.quit() == 0
    assert sum(r.kind == "life" and r.name == "left" for r in harness.records()) == 3


def test_a_users_own_on_stop_runs_once_at_its_end_and_is_waited_for(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []
    user_class = harness.environment.user_classes[0]
    original: Any = user_class.on_stop

    def on_stop(self: User) -> None:
        stopped.append("begun")
        gevent.sleep(0.05)
        original(self)
        stopped.append("ended")

    monkeypatch.setattr(user_class, "on_stop", on_stop)
    harness.start(1)
    harness.wait_active(1)
    wait_for(lambda: parked(harness) == 1)
    assert stopped == []
    assert harness.environment.runner is not None
    harness.environment.runner.stop()
    assert stopped == ["begun", "ended"]


def test_killing_twice_ends_once(harness: Harness) -> None:
    harness.start(1)
    harness.wait_active(1)
    wait_for(lambda: parked(harness) == 1)
    (one,) = users(harness)
    one.kill()
    one.kill()
    assert one.dead
    assert users(harness) == []
    assert sum(r.kind == "life" and r.name == "left" for r in _flushed(harness)) == 1


def _flushed(harness: Harness) -> list[Record]:
    harness.director.process.flush()
    return harness.records()


def test_a_user_with_other_tasks_goes_on_with_them(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []

    def other(self: User) -> None:
        done.append(1)

    user_class = harness.environment.user_classes[0]
    monkeypatch.setattr(user_class, "tasks", [*user_class.tasks, other])
    monkeypatch.setattr(user_class, "wait_time", lambda self: 0.01)
    harness.start(1)
    harness.wait_active(1)
    wait_for(lambda: len(done) > 3)
    assert parked(harness) == 0
