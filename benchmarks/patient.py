"""The master's locustfile of a fleet run: the ramp's, with patience for workers on a machine that others use too.

A worker compiles its profile when the test starts, and says nothing meanwhile: on two busy cores that takes longer than
the three seconds after which Locust's master gives a worker up and, when it was the last, the run.
"""

from __future__ import annotations

from locust import runners

from scale_agent.load import RancherClusterUser

_SILENT_S = 60

runners.HEARTBEAT_LIVENESS = _SILENT_S


class Cluster(RancherClusterUser):
    """As in locustfiles/ramp.py."""
