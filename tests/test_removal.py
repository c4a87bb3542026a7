"""Removal, on a clock that only moves when it sleeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from scale_agent.errors import RancherError
from scale_agent.rancher.refs import ClusterRef
from scale_agent.rancher.state import ClusterState
from scale_agent.removal import RUN_LABEL, Removal, listed


@dataclass
class Clock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass
class Rancher:
    """Clusters that go ``slowness_s`` after their deletion; ``mirrors`` are provisioning objects that outlive them."""

    clock: Clock
    slowness_s: float = 3.0
    refuse: int = 0
    broken_lists: int = 0
    states: dict[str, ClusterState] = field(default_factory=dict)
    refs: dict[str, ClusterRef] = field(default_factory=dict)
    dying: dict[str, float] = field(default_factory=dict)
    deletions: list[str] = field(default_factory=list)

    def add(self, name: str, path: str = "v1", labels: Mapping[str, str] | None = None) -> None:
        labels = labels or {RUN_LABEL: "r1"}
        id_ = f"c-m-{name}" if path == "v1" else f"c-{len(self.refs):05d}"
        self.states[id_] = ClusterState(id=id_, name=name, state="active", labels=labels)
        ref_name = name if path == "v1" else id_
        self.refs[id_] = ClusterRef(ref_name, "v1" if path == "v1" else "v3", id=id_, labels=labels)

    def clusters(self, labels: Mapping[str, str]) -> list[ClusterState]:
        if self.broken_lists:
            self.broken_lists -= 1
            raise RancherError("server", "no list", status=502)
        for id_, at_s in list(self.dying.items()):
            if self.clock() >= at_s:
                self.states.pop(id_, None)
            if self.clock() >= at_s + 1:
                self.refs.pop(id_, None)
        return [state for state in self.states.values() if labels.items() <= state.labels.items()]

    def provisioned(self, labels: Mapping[str, str]) -> list[ClusterRef]:
        return [ref for ref in self.refs.values() if labels.items() <= ref.labels.items()]

    def delete(self, ref: ClusterRef) -> None:
        self.deletions.append(ref.name)
        if self.refuse:
            self.refuse -= 1
            raise RancherError("server", "not now", status=500)
        self.dying.setdefault(ref.id, self.clock() + self.slowness_s)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rancher(clock: Clock) -> Rancher:
    return Rancher(clock)


def removal_of(rancher: Rancher, **more: object) -> Removal:
    clock = rancher.clock
    return Removal(rancher, {RUN_LABEL: "r1"}, clock=clock, sleep=clock.sleep, **more)  # type: ignore[arg-type]


def test_deletes_each_once_and_waits_until_all_are_gone(rancher: Rancher) -> None:
    for number in range(30):
        rancher.add(f"sim-{number}", "v1" if number % 2 else "v3")
    gone: list[str] = []
    deleting: list[str] = []
    outcome = removal_of(rancher, on_gone=gone.append, on_deleting=deleting.append).run()
    assert outcome.clean
    assert (outcome.deleted, outcome.gone, outcome.left) == (30, 30, ())
    assert len(rancher.deletions) == 30
    assert sorted(gone) == sorted(deleting) == sorted(f"sim-{n}" for n in range(30))
    assert rancher.refs == {}
    assert outcome.lists < 12


def test_leaves_strangers_alone(rancher: Rancher) -> None:
    rancher.add("mine")
    rancher.add("other-run", labels={RUN_LABEL: "r2"})
    rancher.add("stranger", labels={"a": "b"})
    assert removal_of(rancher).run().gone == 1
    assert sorted(state.name for state in rancher.states.values()) == ["other-run", "stranger"]


def test_every_run_means_every_run_and_nothing_else(rancher: Rancher) -> None:
    rancher.add("mine")
    rancher.add("other-run", labels={RUN_LABEL: "r2"})
    rancher.add("stranger", labels={"a": "b"})
    outcome = Removal(rancher, {}, clock=rancher.clock, sleep=rancher.clock.sleep).run()
    assert outcome.gone == 2
    assert [state.name for state in rancher.states.values()] == ["stranger"]


def test_a_refused_deletion_is_tried_again(rancher: Rancher) -> None:
    rancher.add("a")
    rancher.refuse = 3
    outcome = removal_of(rancher).run()
    assert outcome.clean
    assert outcome.refused == {}
    assert len(rancher.deletions) == 4


def test_gives_up_on_what_is_always_refused(rancher: Rancher) -> None:
    rancher.add("a")
    rancher.refuse = 99
    outcome = removal_of(rancher).run()
    assert not outcome.clean
    assert (outcome.left, outcome.refused) == (("a",), {"a": "server 500"})
    assert len(rancher.deletions) == 5


def test_gives_up_when_nothing_moves_any_more(rancher: Rancher) -> None:
    rancher.add("quick")
    rancher.add("stuck")
    rancher.dying["c-m-stuck"] = 1e9
    outcome = removal_of(rancher, timeout_s=60).run()
    assert (outcome.left, outcome.gone) == (("stuck",), 1)
    assert 60 < rancher.clock() < 90


def test_lists_that_fail_are_tried_again(rancher: Rancher) -> None:
    rancher.add("a")
    rancher.broken_lists = 2
    outcome = removal_of(rancher).run()
    assert outcome.clean
    assert outcome.gone == 1


def test_a_rancher_that_stays_away_is_not_called_clean(rancher: Rancher) -> None:
    rancher.broken_lists = 10**6
    outcome = removal_of(rancher, timeout_s=30).run()
    assert not outcome.clean
    assert outcome.error == "server 502"


def test_one_that_shows_up_late_is_removed_too(rancher: Rancher) -> None:
    """A creation that was under way when the run stopped."""
    rancher.add("a")
    removal = removal_of(rancher, on_gone=lambda name: rancher.add("late") if name == "a" else None)
    assert removal.run().clean
    assert rancher.deletions == ["a", "late"]


def test_cancel_ends_it_after_the_round(rancher: Rancher) -> None:
    rancher.add("a")
    removal = removal_of(rancher)
    removal.on_deleting = lambda name: removal.cancel()
    assert removal.run().left == ("a",)


def test_a_v3_cluster_keeps_its_name_when_only_its_mirror_is_left(rancher: Rancher) -> None:
    rancher.add("sim-1", "v3")
    names: dict[str, str] = {}
    assert [one.name for one in listed(rancher, {RUN_LABEL: "r1"}, names)] == ["sim-1"]
    del rancher.states["c-00000"]
    assert [one.name for one in listed(rancher, {RUN_LABEL: "r1"}, names)] == ["sim-1"]
