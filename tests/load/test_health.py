"""How the generator feels, when it holds itself back, and what a run says of it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.cluster.counts import Counts
from scale_agent.load import admission
from scale_agent.load.admission import Admission
from scale_agent.load.health import PERIOD_S, GcPauses, Health, LoopLag
from scale_agent.load.histogram import Histogram, bucket_of
from scale_agent.load.ledger import Ledger
from scale_agent.load.sinks import Store
from scale_agent.load.tables import generator_line, limits, tunnels_line
from scale_agent.load.totals import SATURATED_MS, Totals
from scale_agent.records import Record, to_line
from tests.load.fakes import FakeRancher
from tests.load.harness import Harness, wait_for


def seconds(worker: str, phase: str, lag_ms: float, looks: int = 100, **more: object) -> Record:
    """A second in which every look was that late."""
    detail = {
        "worker": worker,
        "over_s": 1.0,
        "lag": {str(bucket_of(lag_ms)): looks},
        "lag_max_ms": lag_ms,
        "gc_max_ms": 0.0,
        "cpu_s": 0.25,
        "rss_bytes": 100_000_000,
    }
    return Record("health", phase, 1.0, detail=detail | more)


class Hand:
    """A clock that stands still until a sleep, or somebody, moves it."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


# -- durations in buckets ---------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=50), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_true_to_a_tenth(values: list[float], q: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = sorted(values)[max(0, -(-int(q * 100) * len(values) // 100) - 1)]
    assert exact * 0.999 <= histogram.quantile(q) <= exact * 1.1
    assert len(histogram) == len(values)


def test_two_histograms_add_up() -> None:
    one, other = Histogram(), Histogram()
    for ms in (1.0, 2.0, 400.0):
        one.add(ms)
        other.add(ms * 2)
    one.merge(other.counts, other.max_ms)
    assert len(one) == 6
    assert one.max_ms == one.quantile(1.0) == 800.0


def test_nothing_has_no_quantile() -> None:
    assert Histogram().quantile(0.99) == 0.0


# -- loop lag ---------------------------------------------------------------------------------------------------------


def lag_by_hand(hand: Hand) -> LoopLag:
    lag = LoopLag(clock=hand.clock, sleep=hand.sleep)
    lag._due_s = hand.now_s + PERIOD_S
    return lag


def test_a_look_in_time_is_no_lag() -> None:
    hand = Hand()
    lag = lag_by_hand(hand)
    for _ in range(10):
        hand.now_s += PERIOD_S
        lag.look()
    taken = lag.take()
    assert len(taken) == 10
    assert taken.max_ms < 0.001
    assert len(lag.take()) == 0


def test_a_loop_that_stood_still_was_late_for_everything_that_was_due() -> None:
    """One look that is a second late would be one in twenty otherwise, and no p99 would show it."""
    hand = Hand()
    lag = lag_by_hand(hand)
    hand.now_s += 1.0 + PERIOD_S
    lag.look()
    assert lag.last_ms == pytest.approx(1000)
    taken = lag.take()
    assert len(taken) in (20, 21)
    assert taken.max_ms == pytest.approx(1000)
    assert taken.quantile(0.5) == pytest.approx(500, rel=0.15)
    hand.now_s = lag._due_s
    lag.look()
    assert lag.last_ms == pytest.approx(0)


def test_a_blocked_loop_is_seen() -> None:
    lag = LoopLag()
    lag.start()
    try:
        gevent.sleep(0)
        blocked_until = time.monotonic() + 0.3
        while time.monotonic() < blocked_until:
            pass
        assert lag.now_ms > 200
        wait_for(lambda: lag.histogram.max_ms > 200)
    finally:
        lag.stop()
    lag.stop()
    assert lag.now_ms == lag.last_ms


# -- the collector, memory, CPU ---------------------------------------------------------------------------------------


def test_the_collectors_pauses_are_summed() -> None:
    times = iter([1.0, 1.25, 2.0, 2.05])
    pauses = GcPauses(clock=lambda: next(times))
    for _ in range(2):
        pauses._note("start", {})
        pauses._note("stop", {})
    assert list(pauses.take()) == [pytest.approx(300), pytest.approx(250)]
    assert pauses.take() == (0.0, 0.0)


def test_a_sample_says_how_the_last_second_was() -> None:
    made = Health()
    made.start()
    try:
        gc.collect()
        sample = made.sample()
    finally:
        made.stop()
    made.stop()
    assert sample["gc_ms"] >= sample["gc_max_ms"] > 0
    assert sample["rss_bytes"] > 10_000_000
    assert sample["cpu_s"] > 0
    assert set(sample) == {"over_s", "lag", "lag_max_ms", "gc_ms", "gc_max_ms", "cpu_s", "rss_bytes"}
    assert not [callback for callback in gc.callbacks if getattr(callback, "__self__", None) is made._pauses]


# -- holding back -----------------------------------------------------------------------------------------------------


class Entrance:
    """An admission whose lag is what a test says."""

    def __init__(self, at_once: int = 0, lag_ms: float = 0.0) -> None:
        self.lag_ms = lag_ms
        self.waits: list[str] = []
        self.inside = 0
        self.admission = Admission(at_once, lambda: self.lag_ms)

    def enter(self) -> gevent.Greenlet[..., None]:
        return gevent.spawn(self._enter)

    def _enter(self) -> None:
        self.admission.enter(lambda why, ms: self.waits.append(why))
        self.inside += 1


def test_no_more_imports_at_once_than_asked_for() -> None:
    entrance = Entrance(at_once=2)
    for _ in range(4):
        entrance.enter()
    gevent.sleep(0.02)
    assert entrance.inside == entrance.admission.under_way == 2
    entrance.admission.leave()
    wait_for(lambda: entrance.inside == 3)
    assert entrance.admission.under_way == 2
    assert entrance.waits == ["import-slot"] * 3


def test_any_number_at_once_while_the_loop_is_in_time() -> None:
    entrance = Entrance()
    for _ in range(500):
        entrance.enter()
    wait_for(lambda: entrance.inside == 500)
    assert entrance.waits == []


def test_none_begins_while_the_loop_is_late_and_then_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "PERIOD_S", 0.01)
    entrance = Entrance(lag_ms=admission.BUSY_MS + 1)
    for _ in range(3):
        entrance.enter()
    gevent.sleep(0.05)
    assert entrance.inside == 0
    entrance.lag_ms = 10.0
    wait_for(lambda: entrance.inside == 1)
    assert entrance.inside < 3
    wait_for(lambda: entrance.inside == 3)
    assert entrance.waits == ["generator-busy"] * 3


def test_who_is_killed_while_waiting_gives_its_slot_back() -> None:
    entrance = Entrance(at_once=1, lag_ms=admission.BUSY_MS + 1)
    waiting = entrance.enter()
    gevent.sleep(0.01)
    waiting.kill()
    assert entrance.admission.under_way == 0
    entrance.lag_ms = 0.0
    entrance.enter()
    wait_for(lambda: entrance.inside == 1)


def test_imports_at_once_bounds_a_run_and_says_so(harness: Harness, rancher: FakeRancher) -> None:
    harness.configure("--imports-at-once", "2")
    harness.start(12)
    harness.wait_active(12)
    assert harness.quit() == 0
    waits = [record for record in harness.records() if (record.kind, record.name) == ("wait", "import-slot")]
    assert len(waits) == 12
    assert "12 clusters waited for a slot (--imports-at-once)" in harness.said.getvalue()
    begun = {r.cluster: r.at_s for r in harness.records() if (r.kind, r.name) == ("life", "begun")}
    ended = {r.cluster: r.at_s for r in harness.records() if (r.kind, r.name) == ("phase", "active")}
    most = max(sum(begun[one] <= at_s < ended[one] for one in begun) for at_s in begun.values())
    assert most <= 2


# -- what a run knows at its end --------------------------------------------------------------------------------------


def test_counts_of_all_processes_are_added_up() -> None:
    totals = Totals()
    for number in range(3):
        totals.apply(Record("counts", f"w{number}", 1.0, detail={"events": 10 + number, "pings": 1}))
    totals.apply(Record("counts", "w0", 2.0, detail={"events": 1}))
    assert totals.counts == {"events": 34, "pings": 3}
    assert "34 events and 0 bookmarks" in tunnels_line(totals)


def test_lag_is_told_apart_by_phase_and_process() -> None:
    totals = Totals()
    totals.apply(seconds("w0", "ramp", 10.0))
    totals.apply(seconds("w1", "ramp", SATURATED_MS * 2, cpu_s=0.9))
    totals.apply(seconds("w1", "steady", 1.0, rss_bytes=300_000_000))
    assert totals.lag("steady").quantile(0.99) == 1.0
    assert totals.lag("ramp").quantile(0.99) == totals.lag().quantile(0.99) == SATURATED_MS * 2
    assert totals.saturated == ("w1",)
    line = generator_line(totals)
    assert "2 process(es), loop lag p99 200.0 ms in the ramp and 1.0 ms after it" in line
    assert "90% of a core" in line
    assert "300 MB" in line
    (limit,) = limits(totals)
    assert "saturated: loop lag p99 200 ms in the ramp of w1" in limit
    assert totals.as_detail()["loop_lag_p99_ms"] == {"ramp": 200.0, "all": 200.0}


def test_a_generator_in_time_is_no_limit() -> None:
    totals = Totals()
    totals.apply(seconds("w0", "ramp", SATURATED_MS / 2))
    totals.apply(Record("wait", "creation-slot", 1.0, "a", 5.0))
    assert totals.saturated == ()
    assert limits(totals) == []


def test_a_short_stall_is_no_saturation() -> None:
    totals = Totals()
    totals.apply(seconds("w0", "ramp", 1.0, looks=10_000))
    totals.apply(seconds("w0", "ramp", 300.0, looks=6))
    assert totals.saturated == ()
    assert totals.lag().max_ms == 300.0


@pytest.mark.parametrize("detail", [{"events": "many"}, {"events": None}])
def test_counts_that_are_none_are_garbage(detail: dict[str, object]) -> None:
    store = Store(Ledger(), None)
    store.take("a", [to_line(Record("counts", "w0", 1.0, detail=detail))], 0)
    store.take("a", [to_line(Record("health", "ramp", 1.0, detail={"worker": "w0"}))], 0)
    assert store.garbled == 2
    assert not store.totals.counts


def of_kind(harness: Harness, kind: str) -> list[dict[str, object]]:
    return [dict(record.detail) for record in harness.records() if record.kind == kind]


def test_a_runs_records_say_what_went_through_and_how_the_process_was(harness: Harness) -> None:
    harness.start(3)
    harness.wait_active(3)
    assert harness.quit() == 0
    counted = of_kind(harness, "counts")
    assert sum(int(str(one.get("connections_opened", 0))) for one in counted) == 6
    assert sum(int(str(one.get("connections_closed", 0))) for one in counted) == 6
    assert all(name in Counts.__slots__ for one in counted for name in one)
    felt = of_kind(harness, "health")
    assert {one["worker"] for one in felt} == {"w0"}
    assert felt[-1]["clusters"] == 0
    end = next(record for record in harness.records() if (record.kind, record.name) == ("run", "end"))
    assert end.detail["counts"] == {"connections_opened": 6, "connections_closed": 6, "events": 15}
    assert "Tunnels: 6 connections (0 refused" in harness.said.getvalue()
    assert "Generator: 1 process(es)" in harness.said.getvalue()


def test_a_busy_generator_holds_its_clusters_back_and_the_verdict_says_it(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[Callable[[], float]] = []
    original = LoopLag.now_ms

    def once_late(self: LoopLag) -> float:
        late.append(lambda: 0.0)
        return 2000.0 if len(late) < 4 else float(original.__get__(self))

    monkeypatch.setattr(LoopLag, "now_ms", property(once_late))
    harness.start(3)
    harness.wait_active(3)
    totals = harness.director.store.totals
    totals.apply(seconds("w0", "ramp", 900.0, looks=1000))
    assert harness.quit() == 0
    said = harness.said.getvalue()
    assert "clusters were held back because the generator was late itself" in said
    assert "all is clean; the generator was the limit" in said
