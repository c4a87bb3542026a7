"""One agent pod: from its start by the kubelet to its two tunnels. A state machine without I/O.

Sources: the container's script and process (protocol/rancher.md, sections 2.1 to 2.4), the recorded requests of two
real agents (frames-import.jsonl, agent-own-requests.jsonl of Rancher 2.15.0) and section 12 for the retry law.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from scale_agent.cluster.deployment import AgentTemplate
from scale_agent.cluster.steps import (
    MAIN,
    STV,
    Action,
    Dial,
    Elapsed,
    Ended,
    Event,
    Fetch,
    Fetched,
    FetchFailed,
    Lost,
    Mount,
    Mounted,
    Opened,
    Refused,
    Report,
    Wait,
    Write,
)

#: A container that cannot mount its secret is tried again by the kubelet.
MOUNT_RETRY_S = 2.0
#: CrashLoopBackOff of a kubelet: at once, then 10 s, doubled up to 5 minutes.
CRASH_DELAYS_S = (0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
#: curl in the container's script has no time-out of its own.
SCRIPT_TIMEOUT_S = 30.0
#: The agent's look at the server before it dials (cmd/agent/main.go).
ROOT_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class TunnelLaw:
    """How a tunnel is dialled and when again: no jitter, no growth, for ever."""

    dial_timeout_s: float
    retry_s: float


LAWS = {MAIN: TunnelLaw(dial_timeout_s=10.0, retry_s=10.0), STV: TunnelLaw(dial_timeout_s=5.0, retry_s=5.0)}


class Boot(Enum):
    """Where the container is."""

    SCHEDULED = "scheduled"
    MOUNTING = "mounting"
    PING = "ping"
    CACERTS = "cacerts"
    ROOT = "root"
    RUNNING = "running"
    CRASHED = "crashed"


class Line(Enum):
    """Where a tunnel is."""

    IDLE = "idle"
    DELAYED = "delayed"
    PROBING = "probing"
    DIALLING = "dialling"
    OPEN = "open"
    BROKEN = "broken"


class AgentPod:
    """One pod of the agent's Deployment. ``handle`` answers an event with what is to be done."""

    __slots__ = ("boot", "connected", "crashes", "lines", "number", "second_delay_s", "start_delay_s", "template", "up")

    def __init__(self, number: int, template: AgentTemplate, *, start_delay_s: float, second_delay_s: float) -> None:
        self.number = number
        self.template = template
        self.start_delay_s = start_delay_s
        self.second_delay_s = second_delay_s
        self.boot = Boot.SCHEDULED
        self.lines = {MAIN: Line.IDLE, STV: Line.IDLE}
        self.connected = False  # the file of that name in the container: /register until it is there
        self.up = False  # was ever connected: then older pods may go
        self.crashes = 0

    def start(self) -> list[Action]:
        """The pod was created: its container starts after the start delay."""
        return [Wait(self.number, "start", self.start_delay_s)]

    def handle(self, event: Event) -> list[Action]:
        """What is to be done now. An event that does not fit the state is late and changes nothing."""
        step = _STEPS.get((self._state_for(event), type(event)))
        return step(self, event) if step else []

    def _state_for(self, event: Event) -> Boot | Line:
        if isinstance(event, (Opened, Refused, Lost)):
            return self.lines[event.tunnel]
        if isinstance(event, Elapsed) and event.what in self.lines:
            return self.lines[event.what]
        if self.lines[STV] is Line.PROBING and isinstance(event, (Fetched, FetchFailed)):
            return Line.PROBING
        return self.boot

    # the container's script

    def _mount(self, _: Event) -> list[Action]:
        self.boot = Boot.MOUNTING
        self.connected = False
        return [Mount(self.number, self.template.credentials)]

    def _mounted(self, event: Event) -> list[Action]:
        assert isinstance(event, Mounted)
        if not event.ok:
            self.boot = Boot.CRASHED
            return [Wait(self.number, "start", MOUNT_RETRY_S)]
        self.boot = Boot.PING
        return [Fetch(self.number, "ping", "/ping", SCRIPT_TIMEOUT_S)]

    def _pinged(self, event: Event) -> list[Action]:
        assert isinstance(event, Fetched)
        if event.status >= 400:
            return self._crash("ping", f"/ping answered {event.status}")
        if not self.template.checksum:
            return self._run()
        self.boot = Boot.CACERTS
        path = "/v3/settings/cacerts"
        return [Fetch(self.number, "cacerts", path, SCRIPT_TIMEOUT_S, self.template.checksum)]

    def _cacerts_read(self, event: Event) -> list[Action]:
        assert isinstance(event, Fetched)
        if event.status >= 400:
            return self._crash("cacerts", f"/v3/settings/cacerts answered {event.status}")
        if not event.good:
            return self._crash("checksum", "Rancher's cacerts do not have the checksum of the import manifest")
        return self._run()

    def _run(self) -> list[Action]:
        self.boot = Boot.ROOT
        return [Write(self.number, "start"), Fetch(self.number, "root", "/", ROOT_TIMEOUT_S)]

    def _looked(self, _: Event) -> list[Action]:
        self.boot = Boot.RUNNING
        return self._dial(MAIN)

    def _look_failed(self, event: Event) -> list[Action]:
        assert isinstance(event, FetchFailed)
        if self.template.strict or event.certificate:
            return self._crash("root", "the agent's look at the server failed")
        return self._looked(event)

    def _script_failed(self, _: Event) -> list[Action]:
        return self._crash("", "")

    def _crash(self, reason: str, text: str) -> list[Action]:
        delay_s = CRASH_DELAYS_S[min(self.crashes, len(CRASH_DELAYS_S) - 1)]
        self.boot = Boot.CRASHED
        self.crashes += 1
        again = Wait(self.number, "start", delay_s)
        return [Report(self.number, reason, text), again] if reason else [again]

    # the tunnels

    def _dial(self, tunnel: str) -> list[Action]:
        self.lines[tunnel] = Line.DIALLING
        path = "/v3/connect/register" if tunnel == MAIN and not self.connected else "/v3/connect"
        return [Dial(self.number, tunnel, path, LAWS[tunnel].dial_timeout_s)]

    def _redial(self, event: Event) -> list[Action]:
        assert isinstance(event, Elapsed)
        return self._dial(event.what)

    def _opened(self, event: Event) -> list[Action]:
        assert isinstance(event, Opened)
        self.lines[event.tunnel] = Line.OPEN
        if event.tunnel == STV:
            return [Write(self.number, "embedded")]
        self.connected = self.up = True
        self.crashes = 0
        actions: list[Action] = [Write(self.number, "connected")]
        if self.template.second_tunnel and self.lines[STV] is Line.IDLE:
            self.lines[STV] = Line.DELAYED
            actions.append(Wait(self.number, STV, self.second_delay_s))
        return actions

    def _probe(self, _: Event) -> list[Action]:
        """Before its first dial the second tunnel's process tries the system's authorities with a plain GET."""
        self.lines[STV] = Line.PROBING
        return [Fetch(self.number, "connect", "/v3/connect", SCRIPT_TIMEOUT_S)]

    def _probed(self, _: Event) -> list[Action]:
        return self._dial(STV)

    def _broken(self, event: Event) -> list[Action]:
        assert isinstance(event, (Refused, Lost))
        self.lines[event.tunnel] = Line.BROKEN
        again = Wait(self.number, event.tunnel, LAWS[event.tunnel].retry_s)
        if isinstance(event, Refused) and event.forgotten and event.tunnel == MAIN:
            return [Ended(self.number, forgotten=True), again]
        return [again]


_Step = Callable[[AgentPod, Event], list[Action]]

#: (state, event) → step. What is not here is a late event, and ignored.
_STEPS: dict[tuple[Boot | Line, type[Event]], _Step] = {
    (Boot.SCHEDULED, Elapsed): AgentPod._mount,
    (Boot.CRASHED, Elapsed): AgentPod._mount,
    (Boot.MOUNTING, Mounted): AgentPod._mounted,
    (Boot.PING, Fetched): AgentPod._pinged,
    (Boot.PING, FetchFailed): AgentPod._script_failed,
    (Boot.CACERTS, Fetched): AgentPod._cacerts_read,
    (Boot.CACERTS, FetchFailed): AgentPod._script_failed,
    (Boot.ROOT, Fetched): AgentPod._looked,
    (Boot.ROOT, FetchFailed): AgentPod._look_failed,
    (Line.DIALLING, Opened): AgentPod._opened,
    (Line.DIALLING, Refused): AgentPod._broken,
    (Line.OPEN, Lost): AgentPod._broken,
    (Line.BROKEN, Elapsed): AgentPod._redial,
    (Line.DELAYED, Elapsed): AgentPod._probe,
    (Line.PROBING, Fetched): AgentPod._probed,
    (Line.PROBING, FetchFailed): AgentPod._probed,
}
