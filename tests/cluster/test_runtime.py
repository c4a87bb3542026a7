"""The process-wide timer and what clusters share."""

from __future__ import annotations

import email.utils

import pytest
from gevent.event import Event

from scale_agent.cluster.profile import loads
from scale_agent.cluster.runtime import ManualRuntime, Runtime


def test_due_things_happen_in_order_and_cancelled_ones_do_not() -> None:
    runtime = ManualRuntime(now_s=100.0)
    seen: list[tuple[str, float]] = []
    for name, due_s in (("b", 102.0), ("a", 101.0), ("c", 102.0), ("late", 104.0), ("cancelled", 101.5)):
        timer = runtime.call_at(due_s, lambda name=name: seen.append((name, runtime.clock())))  # type: ignore[misc]
        if name == "cancelled":
            timer.cancel()
    runtime.advance(3.0)
    assert seen == [("a", 101.0), ("b", 102.0), ("c", 102.0)]
    assert runtime.clock() == 103.0


def test_a_callback_may_ask_for_more() -> None:
    runtime = ManualRuntime(now_s=0.0)
    times: list[float] = []

    def again() -> None:
        times.append(runtime.clock())
        runtime.call_at(runtime.clock() + 5.0, again)

    runtime.call_at(5.0, again)
    runtime.advance(21.0)
    assert times == [5.0, 10.0, 15.0, 20.0]


@pytest.fixture
def runtime() -> Runtime:
    return Runtime()


def test_the_timer_greenlet_calls_and_a_blocked_callback_blocks_nobody_else(runtime: Runtime) -> None:
    release, first, second = Event(), Event(), Event()

    def stuck() -> None:
        first.set()
        release.wait()

    runtime.start()
    runtime.start()
    runtime.call_at(runtime.clock(), stuck)
    assert first.wait(10)
    runtime.call_at(runtime.clock(), second.set)
    assert second.wait(10)
    release.set()
    runtime.stop()
    runtime.stop()


def test_after_stop_nothing_happens(runtime: Runtime) -> None:
    happened, other = Event(), Event()
    runtime.start()
    runtime.stop()
    runtime.call_at(runtime.clock(), happened.set)
    assert not other.wait(0.1)
    assert not happened.is_set()


def test_the_date_is_http_s_and_cached_per_second() -> None:
    runtime = ManualRuntime(now_s=1_800_000_000.4)
    first = runtime.http_date()
    assert email.utils.parsedate_to_datetime(first).timestamp() == 1_800_000_000
    assert runtime.http_date() is first
    runtime.advance(1.0)
    assert runtime.http_date() != first


def test_contexts_and_snapshots_are_made_once() -> None:
    runtime = ManualRuntime()
    assert runtime.server_context("run", "10.43.0.1") is runtime.server_context("run", "10.43.0.1")
    assert runtime.server_context("run", "10.43.0.1") is not runtime.server_context("other", "10.43.0.1")
    text = "name: x\nversion: v1.36.2\n"
    assert runtime.snapshot(loads(text)) is runtime.snapshot(loads(text))
