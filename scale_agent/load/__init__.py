"""Locust users, options, metrics and clean-up; the only room that imports Locust.

Importing it (a locustfile does) attaches the plugin to the ``locust`` command: its options, and its listeners.
Locust comes first: it patches the process for gevent, which must happen before anything imports ``ssl``.
"""

from locust import events  # isort: split

from scale_agent.load.real_doors import RealDoors
from scale_agent.load.run import attach_to_command_line, register, run_of
from scale_agent.load.user import RancherClusterUser

attach_to_command_line(events, RealDoors())

__all__ = ["RancherClusterUser", "RealDoors", "register", "run_of"]
