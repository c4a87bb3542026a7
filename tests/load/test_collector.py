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


def test_the_end_of_a_ramp_does_not_look_through_what_was_put_aside(collector: Collector) -> None:
    """That stops a process with thousands of clusters for seconds."""
    alive, young = Circle(), Circle()
    put_aside, new = weakref.ref(alive), weakref.ref(young)
    gc.collect()
    del alive
    young = Circle()
    collector.tick(spawned=True, settling=1, lives=5)
    settled(collector, 5)
    assert put_aside() is not None
    assert new() is not None  # it was there at the collection, too
    gone = circle()
    settled(collector, 6)
    assert gone() is None
    assert young.me is young


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
    settled(collector, 60)
    alive.clear()
    for _ in range(19):
        collector.note_end()
    settled(collector, 41)
    assert all(one() is not None for one in gone)
    collector.note_end()
    settled(collector, 40)
    assert all(one() is None for one in gone)


def test_of_many_clusters_a_quarter_must_have_ended(collector: Collector) -> None:
    settled(collector, 1000)
    alive = Circle()
    gone = weakref.ref(alive)
    settled(collector, 1001)
    del alive
    for _ in range(249):
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
