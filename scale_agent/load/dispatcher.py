"""Who carries which user, decided once: running clusters are never moved between workers.

Locust would hand the users of a lost or a late worker to others, and for that it stops users that are well: healthy
tunnels would be torn down by the load generator, and Rancher would get the blame.
"""

from __future__ import annotations

import resource

import locust.runners
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import WorkerNode

#: A worker that says nothing for so many seconds is lost. Locust's 3 s are less than the garbage collector of a large
#: worker, or the compilation of its profile beside other workers', may take; and who is given up loses its figures.
SILENT_S = 30


class FixedTopology(UsersDispatcher):
    """Ignores workers that come late and workers that are lost; their clusters are counted as lost."""

    def add_worker(self, worker_node: WorkerNode) -> None:
        """A late worker gets users in the next test."""

    def remove_worker(self, worker_node: WorkerNode) -> None:
        """A lost worker's users stay lost."""


def fix_topology(environment: Environment) -> None:
    """Use :class:`FixedTopology`; take no busy worker for a lost one, and never forget a lost one and begin anew."""
    environment.dispatcher_class = FixedTopology
    locust.runners.HEARTBEAT_LIVENESS = round(SILENT_S / locust.runners.HEARTBEAT_INTERVAL)
    locust.runners.HEARTBEAT_DEAD_INTERNAL = -(10**9)


def raise_open_files_limit() -> int:
    """As many open files as the system lets us have (Locust stops at 10,000); the new limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
