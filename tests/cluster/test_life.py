"""Rollouts: which pods come and go when the Deployment changes."""

from __future__ import annotations

import random

import pytest

from scale_agent.cluster.deployment import AgentTemplate
from scale_agent.cluster.life import Life, Timings
from scale_agent.cluster.steps import (
    MAIN,
    Action,
    Cleanup,
    CleanupSeen,
    DeploymentSeen,
    Dial,
    Elapsed,
    Ended,
    Fetch,
    Fetched,
    HangUp,
    Mount,
    Mounted,
    Opened,
    Wait,
)
from tests.cluster.test_agent import FULL, PLAIN

TIMINGS = Timings(first_start_s=0.3, next_start_s=0.6, second_tunnel_s=(5.0, 20.0), overlap_s=2.0, cleanup_s=60.0)
ANNOTATED = AgentTemplate("r3", FULL.credentials, FULL.server, FULL.checksum, strict=True, second_tunnel=True)


def _life() -> Life:
    return Life(TIMINGS, lambda purpose: 0.5)


def _connect(life: Life, pod: int) -> list[Action]:
    life.handle(Elapsed(pod, "start"))
    life.handle(Mounted(pod))
    for name in ("ping", "cacerts", "root"):
        life.handle(Fetched(pod, name))
    return life.handle(Opened(pod, MAIN))


def test_three_generations_each_overlapping_the_last() -> None:
    life = _life()
    assert life.handle(DeploymentSeen(template=PLAIN, replicas=1)) == [Wait(1, "start", 0.3)]
    _connect(life, 1)
    for number, template in ((2, FULL), (3, ANNOTATED)):
        assert life.handle(DeploymentSeen(template=template, replicas=1)) == [Wait(number, "start", 0.6)]
        assert list(life.pods) == [number - 1, number]
        assert Wait(number - 1, "terminate", 2.0) in _connect(life, number)
        assert list(life.pods) == [number - 1, number]
        assert life.handle(Elapsed(number - 1, "terminate")) == [HangUp(number - 1)]
        assert list(life.pods) == [number]


def test_the_same_template_again_is_no_rollout() -> None:
    life = _life()
    life.handle(DeploymentSeen(template=PLAIN, replicas=1))
    assert life.handle(DeploymentSeen(template=PLAIN, replicas=1)) == []
    _connect(life, 1)
    assert life.handle(DeploymentSeen(template=PLAIN, replicas=1)) == []


def test_a_pod_that_never_connected_is_replaced_at_once() -> None:
    life = _life()
    life.handle(DeploymentSeen(template=PLAIN, replicas=1))
    actions = life.handle(DeploymentSeen(template=FULL, replicas=1))
    assert HangUp(1) in actions
    assert Wait(2, "start", 0.6) in actions


def test_a_third_template_before_the_second_is_up_keeps_the_first_alive() -> None:
    life = _life()
    life.handle(DeploymentSeen(template=PLAIN, replicas=1))
    _connect(life, 1)
    life.handle(DeploymentSeen(template=FULL, replicas=1))
    actions = life.handle(DeploymentSeen(template=ANNOTATED, replicas=1))
    assert actions == [HangUp(2), Wait(3, "start", 0.6)]
    assert list(life.pods) == [1, 3]


def test_two_replicas_roll_one_by_one() -> None:
    life = _life()
    life.handle(DeploymentSeen(template=PLAIN, replicas=2))
    assert list(life.pods) == [1, 2]
    _connect(life, 1)
    _connect(life, 2)
    life.handle(DeploymentSeen(template=FULL, replicas=2))
    assert list(life.pods) == [1, 2, 3]
    assert Wait(1, "terminate", 2.0) in _connect(life, 3)
    assert life.handle(Elapsed(1, "terminate")) == [HangUp(1), Wait(4, "start", 0.6)]
    assert Wait(2, "terminate", 2.0) in _connect(life, 4)
    life.handle(Elapsed(2, "terminate"))
    assert list(life.pods) == [3, 4]


def test_scaling_up_and_down_without_a_rollout() -> None:
    life = _life()
    life.handle(DeploymentSeen(template=FULL, replicas=1))
    _connect(life, 1)
    assert life.handle(DeploymentSeen(template=FULL, replicas=2)) == [Wait(2, "start", 0.6)]
    _connect(life, 2)
    assert life.handle(DeploymentSeen(template=FULL, replicas=1)) == [Wait(2, "terminate", 2.0)]


def test_cleanup_sleeps_then_removes_everything() -> None:
    life = _life()
    life.handle(DeploymentSeen(template=PLAIN, replicas=1))
    _connect(life, 1)
    assert life.handle(CleanupSeen()) == [Wait(0, "cleanup", 60.0)]
    assert life.handle(Elapsed(0, "cleanup")) == [Cleanup(0), HangUp(1), Ended(0)]
    assert life.pods == {}


def test_a_deleted_deployment_ends_its_pods() -> None:
    life = _life()
    life.handle(DeploymentSeen(template=PLAIN, replicas=1))
    _connect(life, 1)
    assert life.handle(DeploymentSeen(template=None)) == [HangUp(1)]


def test_the_second_tunnels_delay_is_drawn_within_the_profiles_range() -> None:
    draws: list[str] = []
    life = Life(TIMINGS, lambda purpose: draws.append(purpose) or 0.25)  # type: ignore[func-returns-value]
    life.handle(DeploymentSeen(template=FULL, replicas=1))
    assert Wait(1, "stv", 8.75) in _connect(life, 1)
    assert draws == ["second-tunnel-1"]


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_never_fewer_connected_pods_than_wanted_once_there(seed: int) -> None:
    """maxUnavailable is 0: a rolling update never takes a connected pod before another is connected."""
    chance = random.Random(seed)
    life = _life()
    life.handle(DeploymentSeen(template=PLAIN, replicas=2))
    _connect(life, 1)
    _connect(life, 2)
    todo: list[Action] = []
    for step in range(60):
        if step % 12 == 0:
            revision = AgentTemplate(f"x{step}", "c", "", "", strict=True, second_tunnel=True)
            todo += life.handle(DeploymentSeen(template=revision, replicas=2))
        if todo:
            todo += _outcome(life, todo.pop(chance.randrange(len(todo))))
        assert sum(pod.up for pod in life.pods.values()) >= 2
        assert len(life.pods) <= 3
    while todo:
        todo += _outcome(life, todo.pop(0))
    assert [pod.template.revision for pod in life.pods.values()] == ["x48", "x48"]


def _outcome(life: Life, action: Action) -> list[Action]:
    """What follows from an action when all goes well."""
    match action:
        case Wait(pod, what):
            return life.handle(Elapsed(pod, what))
        case Mount(pod):
            return life.handle(Mounted(pod))
        case Fetch(pod, name):
            return life.handle(Fetched(pod, name))
        case Dial(pod, tunnel):
            return life.handle(Opened(pod, tunnel))
        case _:
            assert not isinstance(action, Ended)
            return []
