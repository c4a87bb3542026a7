"""The master's locustfile of a fleet run: the ramp's, with patience, and with steps that a file asks for.

Patience: a worker compiles its profile when the test starts, and says nothing meanwhile: on two busy cores that takes
longer than the three seconds after which Locust's master gives a worker up and, when it was the last, the run.

Steps: ``FLEET_STEPS`` names a file with the wanted number of users and the rate, as JSON; when it changes, more users
are started (as Locust's ``w`` key does). A load shape would do the same and end the run in a way of its own.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import gevent
from locust import events, runners
from locust.env import Environment

from scale_agent.load import RancherClusterUser

_SILENT_S = 60
_LOOK_S = 0.5

runners.HEARTBEAT_LIVENESS = _SILENT_S


class Cluster(RancherClusterUser):
    """As in locustfiles/ramp.py."""


def _begin(environment: Environment, **_: Any) -> None:
    path = os.environ.get("FLEET_STEPS")
    if path and isinstance(environment.runner, runners.MasterRunner):
        gevent.spawn(_follow, environment.runner, Path(path))


_hear: Any = events.test_start.add_listener
_hear(_begin)


def _follow(runner: runners.MasterRunner, path: Path) -> None:
    asked = runner.target_user_count
    while runner.state in (runners.STATE_INIT, runners.STATE_SPAWNING, runners.STATE_RUNNING):
        step = json.loads(path.read_text(encoding="utf-8"))
        if step["users"] != asked and runner.state == runners.STATE_RUNNING:
            asked = step["users"]
            runner.start(asked, step["rate"])
        gevent.sleep(_LOOK_S)
