"""The Locust user: one simulated downstream cluster, for as long as the user lives."""

from __future__ import annotations

import contextlib
import random
from typing import Any, ClassVar

import gevent
from gevent.pool import Group
from locust import User, constant, task
from locust.env import Environment
from locust.user.task import LOCUST_STATE_WAITING

from scale_agent.load.run import run_of

#: How long an idle user sleeps between looks at nothing: being killed while waiting is what ends it.
_IDLE_S = 3600.0
#: Locust starts all users of a second in the same instant; each begins at a random time within it.
BURST_S = 1.0


class RancherClusterUser(User):
    """Registers one cluster in Rancher and simulates it until the user ends.

    Subclass it in a locustfile. ``profile`` overrides ``--profile`` for the users of one class, so that one run can
    mix kinds of clusters by ``weight`` or ``fixed_count``.
    """

    abstract = True
    profile: ClassVar[str] = ""
    wait_time = constant(_IDLE_S)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._life: Any = None

    def start(self, group: Group) -> gevent.Greenlet[..., None]:
        """Start the user's greenlet; it ends when the cluster needs it no more (:class:`Parked`)."""
        self._group = group
        self._greenlet = group.spawn(_run, self)
        return self._greenlet

    @task
    def live(self) -> None:
        """Register, become active; then idle (Locust may end an idle user at once). A failed cluster is not retried."""
        process = run_of(self.environment).process
        if self._life is not None or process is None or process.closed:
            return
        gevent.sleep(random.random() * BURST_S)
        self._life = process.begin(self.profile or process.options.profile)
        self._life.run()
        self._park()

    @property
    def worth(self) -> tuple[int, int]:
        """By what users are stopped, least first: without a cluster, failed, on its way, active; the newest first."""
        life = self._life
        if life is None:
            return 0, 0
        return (1 if life.error else 3 if life.settled.is_set() else 2), -life.number

    def on_stop(self) -> None:
        """Local and short, also for a user that is killed in its task: deleting is clean-up's work."""
        process = run_of(self.environment).process
        if self._life is not None and process is not None:
            process.leave(self._life)
            self._life = None

    def _park(self) -> None:
        """Go on without a greenlet; not if Locust is ending the user, or runs it in a way of its own."""
        running, group = self._greenlet, self._group
        if running is not gevent.getcurrent() or running not in group or running in group.dying or len(self.tasks) > 1:
            return
        self._greenlet = Parked(self)
        group.add(self._greenlet)
        group.discard(running)
        self._state = LOCUST_STATE_WAITING
        self._taskset_instance = None
        raise _ParkedUser


class Parked(gevent.Greenlet):  # type: ignore[type-arg] # it has none at run time
    """Stands for a user that waits, in Locust's books: a greenlet that begins when it is killed, with ``on_stop``.

    A greenlet that waits holds 10 KB (its stack, and Locust's frames on it) and a timer, one that never began 0.7. It
    is counted, listed and stopped by Locust like the user's own.
    """

    __slots__ = ()

    def __init__(self, user: RancherClusterUser) -> None:
        super().__init__(_stop, user)

    def kill(self, exception: Any = gevent.GreenletExit, block: bool = True, timeout: float | None = None) -> None:
        """End the user as if it had been killed while it waited."""
        if not self.started and not self.dead:
            self.start()
        if block:
            self.join(timeout)


class _ParkedUser(BaseException):
    """Leads out of Locust's loop of tasks without ending the user."""


def _run(user: RancherClusterUser) -> None:
    """The user's greenlet. Locust finds the user of a greenlet in its first argument."""
    with contextlib.suppress(_ParkedUser):
        user.run()  # type: ignore[no-untyped-call] # Locust's


def _stop(user: RancherClusterUser) -> None:
    user.on_stop()
