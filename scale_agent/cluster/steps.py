"""The vocabulary of an agent's life: what happens to it (events) and what it wants done (actions).

The life is a state machine without I/O: ``Life.handle(event)`` answers with actions; ``crew`` performs them
and reports their outcome as events. ``pod`` numbers the agent pods of one cluster from 1. Nothing here holds a secret.
"""

from __future__ import annotations

from dataclasses import dataclass

from scale_agent.cluster.deployment import AgentTemplate

MAIN = "main"
STV = "stv"


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened; ``pod`` is 0 for what concerns the whole cluster."""

    pod: int = 0


@dataclass(frozen=True, slots=True)
class DeploymentSeen(Event):
    """The agent's Deployment is now so; ``template`` is None when it is gone."""

    template: AgentTemplate | None = None
    replicas: int = 0


@dataclass(frozen=True, slots=True)
class CleanupSeen(Event):
    """Rancher's cleanup job was created: the cluster is being removed."""


@dataclass(frozen=True, slots=True)
class Elapsed(Event):
    """A timer asked for by :class:`Wait` ran off."""

    what: str = ""


@dataclass(frozen=True, slots=True)
class Mounted(Event):
    """The credentials secret could be read and mounted, or (``ok`` false) is not there yet."""

    ok: bool = True


@dataclass(frozen=True, slots=True)
class Fetched(Event):
    """A plain GET was answered; ``good`` is the caller's check of the body."""

    name: str = ""
    status: int = 200
    good: bool = True


@dataclass(frozen=True, slots=True)
class FetchFailed(Event):
    """A plain GET could not be made; ``certificate``: because the server's certificate does not verify."""

    name: str = ""
    certificate: bool = False


@dataclass(frozen=True, slots=True)
class Opened(Event):
    """A tunnel's websocket is open."""

    tunnel: str = MAIN


@dataclass(frozen=True, slots=True)
class Refused(Event):
    """A tunnel's websocket could not be opened; ``forgotten``: Rancher knows no such cluster any more."""

    tunnel: str = MAIN
    forgotten: bool = False


@dataclass(frozen=True, slots=True)
class Lost(Event):
    """An open tunnel ended and we did not end it."""

    tunnel: str = MAIN


@dataclass(frozen=True, slots=True)
class Action:
    """Something is to be done for ``pod`` (0: for the cluster)."""

    pod: int


@dataclass(frozen=True, slots=True)
class Wait(Action):
    """Send ``Elapsed(pod, what)`` after ``delay_s``."""

    what: str
    delay_s: float


@dataclass(frozen=True, slots=True)
class Mount(Action):
    """Read the credentials secret; answer with ``Mounted``."""

    secret: str


@dataclass(frozen=True, slots=True)
class Fetch(Action):
    """GET ``path`` from Rancher; answer with ``Fetched`` or ``FetchFailed``. ``checksum`` only for ``cacerts``."""

    name: str
    path: str
    timeout_s: float
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class Dial(Action):
    """Open a tunnel; answer with ``Opened`` or ``Refused``, later with ``Lost``."""

    tunnel: str
    path: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class HangUp(Action):
    """Close the pod's tunnels, forget its timers and let no event of it come any more."""


@dataclass(frozen=True, slots=True)
class Write(Action):
    """Write into the cluster what the agent writes at this ``step``: a key of ``writes.STEPS``."""

    step: str


@dataclass(frozen=True, slots=True)
class Report(Action):
    """Tell the observer of an error that the cluster survives."""

    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Cleanup(Action):
    """The cleanup job's minute is over: remove what Rancher's agent brought."""


@dataclass(frozen=True, slots=True)
class Ended(Action):
    """The agent removed itself, or (``forgotten``) Rancher knows the cluster no more; who waits may go."""

    forgotten: bool = False
