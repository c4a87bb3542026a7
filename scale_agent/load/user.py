"""The Locust user: one simulated downstream cluster, for as long as the user lives."""

from __future__ import annotations

import random
from typing import Any, ClassVar

import gevent
from locust import User, constant, task
from locust.env import Environment

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

    @task
    def live(self) -> None:
        """Register, become active; then idle (Locust may end an idle user at once). A failed cluster is not retried."""
        process = run_of(self.environment).process
        if self._life is not None or process is None or process.closed:
            return
        gevent.sleep(random.random() * BURST_S)
        self._life = process.begin(self.profile or process.options.profile)
        self._life.run()

    def on_stop(self) -> None:
        """Local and short, also for a user that is killed in its task: deleting is clean-up's work."""
        process = run_of(self.environment).process
        if self._life is not None and process is not None:
            process.leave(self._life)
            self._life = None
