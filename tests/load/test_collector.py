"""What the garbage collector is spared, and that nothing is spared for ever."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from scale_agent.load.collector import Collector


class Circle:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.me = self


def circle() -> weakref.ref[Circle]:
    """One that is garbage already."""
    return weakref.ref(Circle())


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    gc.disable()  # only what the test asks for is collected
    made.start()
    yield made
    made.stop()
    gc.enable()


def settled(collector: Collector, lives: int) -> None:
    collector.tick(spawned=True, settling=0, lives=lives)


def test_what_survives_a_full_collection_of_the_ramp_is_put_aside(collector: Collector) -> None:
    collector.tick(spawned=False, settling=5, lives=10)
    kept = [Circle() for _ in range(1000)]
    before = gc.get_freeze_count()
    gc.collect(0)
    assert gc.get_freeze_count() == before
    gc.collect()
    assert gc.get_freeze_count() >= before + len(kept)


def test_a_circle_that_was_put_aside_is_found_when_the_ramp_is_over(collector: Collector) -> None:
    alive = Circle()
    gone = weakref.ref(alive)
    gc.collect()
    del alive
    gc.collect()
    assert gone() is not None
    collector.tick(spawned=True, settling=1, lives=5)
    assert gone() is not None
    settled(collector, 5)
    assert gone() is None


def test_after_the_ramp_what_comes_is_collected_as_everywhere(collector: Collector) -> None:
    settled(collector, 5)
    before = gc.get_freeze_count()
    kept = [Circle() for _ in range(100)]
    gone = circle()
    gc.collect()
    assert gc.get_freeze_count() <= before
    assert gone() is None
    settled(collector, 5)
    assert gc.get_freeze_count() <= before
    assert len(kept) == 100


def test_a_step_of_a_ramp_is_put_aside_when_it_is_settled(collector: Collector) -> None:
    settled(collector, 5)
    before = gc.get_freeze_count()
    kept = [Circle() for _ in range(100)]
    settled(collector, 10)
    assert gc.get_freeze_count() >= before + len(kept)


def test_circles_of_clusters_that_ended_are_looked_for_when_there_are_many(collector: Collector) -> None:
    alive = [Circle() for _ in range(30)]
    gone = [weakref.ref(one) for one in alive]
    settled(collector, 200)
    alive.clear()
    for _ in range(19):
        collector.note_end()
    settled(collector, 181)
    assert all(one() is not None for one in gone)
    collector.note_end()
    settled(collector, 180)
    assert all(one() is None for one in gone)


def test_of_many_clusters_a_tenth_must_have_ended(collector: Collector) -> None:
    settled(collector, 1000)
    alive = Circle()
    gone = weakref.ref(alive)
    settled(collector, 1001)
    del alive
    for _ in range(99):
        collector.note_end()
    settled(collector, 1000)
    assert gone() is not None
    collector.note_end()
    settled(collector, 1000)
    assert gone() is None


def test_the_end_gives_everything_back() -> None:
    made = Collector()
    made.start()
    assert gc.get_freeze_count() > 0
    made.stop()
    made.stop()
    made.tick(spawned=True, settling=0, lives=9)
    assert gc.get_freeze_count() == 0
    assert not [callback for callback in gc.callbacks if getattr(callback, "__self__", None) is made]
