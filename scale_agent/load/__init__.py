"""Locust users, options, metrics and clean-up; the only room that imports Locust.

Importing it (a locustfile does) attaches the plugin to the ``locust`` command: its options, and its listeners.
Locust comes first: it patches the process for gevent, which must happen before anything imports ``ssl``.
"""

from locust import events  # isort: split

import gevent

from scale_agent.load.real_doors import RealDoors
from scale_agent.load.run import attach_to_command_line, register, run_of
from scale_agent.load.user import RancherClusterUser

# gevent notes for every greenlet who spawned it, frame by frame: 7 of the 10 us that spawning takes, and 0.6 KB. Nobody
# asks, and each wake-up of a tunnel is a greenlet.
gevent.config.track_greenlet_tree = False

attach_to_command_line(events, RealDoors())

__all__ = ["RancherClusterUser", "RealDoors", "register", "run_of"]
