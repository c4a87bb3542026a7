"""What the emitters of events remember goes when it says no more than nothing would; what is told stays the same."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.controllers import events
from tests.kube.testbed import Bed

ABOUT = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p" * 40, "namespace": "default", "uid": "u"}}
SOURCE = events.kubelet("node-1")


def _tell(bed: Bed, message: str) -> None:
    events.record(bed.api.core, ABOUT, SOURCE, events.Words("Pulled", message), bed.now_s)
    bed.api.settle(bed.now_s)


def _told(bed: Bed) -> list[tuple[str, int]]:
    found: list[dict[str, Any]] = bed.get("/api/v1/namespaces/default/events")["items"]
    return [(one["message"], one["count"]) for one in found]


def test_a_cluster_at_rest_remembers_no_budgets_and_nothing_alike() -> None:
    bed = Bed()
    _tell(bed, "one")
    bed.advance(events.ALIKE_S)
    memory = bed.api.core.memo["events"]
    assert len(memory.alike) == len(memory.budget) == 1
    bed.advance(events.SWEEP_S + 1)
    assert not memory.alike
    assert not memory.budget
    _tell(bed, "one")
    assert _told(bed) == [("one", 2)]


def test_a_budget_that_is_used_up_outlasts_the_rest() -> None:
    bed = Bed()
    for number in range(events.BURST + 5):
        _tell(bed, f"m{number}")
    assert sum(count for _, count in _told(bed)) == events.BURST
    bed.advance(events.ALIKE_S + events.SWEEP_S + 1)
    for number in range(5):
        _tell(bed, f"later{number}")
    assert sum(count for _, count in _told(bed)) == events.BURST + 2  # 661 s refill two


def test_an_event_reads_the_same_when_its_reference_is_packed() -> None:
    bed = Bed()
    _tell(bed, "one")
    (version,) = bed.api.core.store.list(events.EVENTS, "default")
    before = version.json
    version.pack()
    assert version.packed
    assert version.json == before
    _tell(bed, "one")
    assert _told(bed) == [("one", 2)]


def test_equal_words_are_held_once() -> None:
    bed = Bed()
    _tell(bed, "one")
    _tell(bed, "".join(("o", "ne")))
    (version,) = bed.api.core.store.list(events.EVENTS, "default")
    assert isinstance(version, events.Told)
    assert version.again(events.Words("Pulled", "one"), bed.now_s).words is version.words
