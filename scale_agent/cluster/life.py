"""The life of a cluster's agent: rollouts of its Deployment, and its end. Without I/O.

Every change of the pod template is a rollout (``maxSurge: 1``, ``maxUnavailable: 0``): a new pod comes, and when it
is connected an old one goes, after a moment in which both are. Rancher 2.12 and 2.15 make three generations so:
the import, their own kubectl apply, and the annotation ``agent.cluster.cattle.io/upgraded-v1.22``.
The end is Rancher's cleanup job, which sleeps first (protocol/rancher.md, sections 2.5 and 6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scale_agent.cluster.agent import AgentPod
from scale_agent.cluster.deployment import AgentTemplate
from scale_agent.cluster.steps import (
    Action,
    Cleanup,
    CleanupSeen,
    DeploymentSeen,
    Elapsed,
    Ended,
    Event,
    HangUp,
    Wait,
)

_CLEANUP = "cleanup"
_TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Timings:
    """How long the parts of an agent's life take, in seconds; values of a profile.

    ``first_start_s``: from the import to the first pod's first request; ``next_start_s``: the same for every later pod;
    ``second_tunnel_s``: from a pod's first tunnel to its second, the least and the most;
    ``overlap_s``: how long an old pod stays after the new one is connected; ``cleanup_s``: sleep of the cleanup job.
    """

    first_start_s: float
    next_start_s: float
    second_tunnel_s: tuple[float, float]
    overlap_s: float
    cleanup_s: float


class Life:
    """All agent pods of one cluster. ``draw(purpose)`` gives this cluster's number in [0, 1) for a purpose."""

    __slots__ = ("_draw", "_leaving", "_made", "_replicas", "_template", "_timings", "pods")

    def __init__(self, timings: Timings, draw: Callable[[str], float]) -> None:
        self._timings = timings
        self._draw = draw
        self._template: AgentTemplate | None = None
        self._replicas = 0
        self._made = 0
        self._leaving: set[int] = set()
        self.pods: dict[int, AgentPod] = {}

    def handle(self, event: Event) -> list[Action]:
        """What is to be done now that ``event`` happened."""
        if isinstance(event, DeploymentSeen):
            self._template, self._replicas = event.template, event.replicas if event.template else 0
            return self._roll()
        if isinstance(event, CleanupSeen):
            return [Wait(0, _CLEANUP, self._timings.cleanup_s)]
        if event.pod == 0:
            return self._clean(event)
        return self._pod_event(event)

    @property
    def _wanted(self) -> int:
        return self._replicas if self._template else 0

    def _clean(self, event: Event) -> list[Action]:
        if not (isinstance(event, Elapsed) and event.what == _CLEANUP):
            return []
        self._template = None
        return [Cleanup(0), *self._roll(), Ended(0)]

    def _pod_event(self, event: Event) -> list[Action]:
        pod = self.pods.get(event.pod)
        if pod is None:
            return []
        if isinstance(event, Elapsed) and event.what == _TERMINATE:
            return [*self._remove(pod), *self._roll()]
        was_up = pod.up
        actions = pod.handle(event)
        return actions if pod.up == was_up else actions + self._roll()

    def _roll(self) -> list[Action]:
        """One round of the rolling update: what pods come, what pods go."""
        if not self._wanted:
            return [action for pod in list(self.pods.values()) for action in self._remove(pod)]
        # What leaves unconnected at once makes room for what comes: hence the second look.
        return self._let_come() + self._let_go() + self._let_come()

    def _let_come(self) -> list[Action]:
        assert self._template is not None
        actions: list[Action] = []
        revision = self._template.revision
        while (
            sum(pod.template.revision == revision for pod in self._staying()) < self._wanted
            and len(self.pods) <= self._wanted
        ):
            pod = self._create(self._template)
            actions += pod.start()
        return actions

    def _let_go(self) -> list[Action]:
        """Pods above what is wanted leave, oldest first: unconnected ones at once, others after the overlap."""
        assert self._template is not None
        revision = self._template.revision
        staying = self._staying()
        old = [pod for pod in staying if pod.template.revision != revision]
        surplus = staying[self._wanted :] if not old else []
        connected = sum(pod.up for pod in staying)
        actions: list[Action] = []
        for pod in old + surplus:
            if pod.up and connected <= self._wanted:
                continue
            connected -= pod.up
            actions += self._leave(pod)
        return actions

    def _leave(self, pod: AgentPod) -> list[Action]:
        if not pod.up:
            return self._remove(pod)
        self._leaving.add(pod.number)
        return [Wait(pod.number, _TERMINATE, self._timings.overlap_s)]

    def _staying(self) -> list[AgentPod]:
        return [pod for pod in self.pods.values() if pod.number not in self._leaving]

    def _create(self, template: AgentTemplate) -> AgentPod:
        timings = self._timings
        first = self._made == 0
        self._made += 1
        least, most = timings.second_tunnel_s
        pod = AgentPod(
            self._made,
            template,
            start_delay_s=timings.first_start_s if first else timings.next_start_s,
            second_delay_s=least + (most - least) * self._draw(f"second-tunnel-{self._made}"),
        )
        self.pods[pod.number] = pod
        return pod

    def _remove(self, pod: AgentPod) -> list[Action]:
        del self.pods[pod.number]
        self._leaving.discard(pod.number)
        return [HangUp(pod.number)]
