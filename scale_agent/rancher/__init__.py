"""Rancher's REST API as a client, and the way of a simulated agent to Rancher (HTTPS and websockets).

Plain blocking sockets and ``threading``: in a process that Locust patched for gevent these are greenlets.
"""

from scale_agent.rancher.calls import CALLS, Call
from scale_agent.rancher.client import RancherClient
from scale_agent.rancher.connector import RancherConnector
from scale_agent.rancher.credentials import Credentials
from scale_agent.rancher.feed import StateFeed
from scale_agent.rancher.leftovers import Leftovers, find_leftovers
from scale_agent.rancher.refs import ClusterRef, Registration
from scale_agent.rancher.server import ServerInfo
from scale_agent.rancher.state import ClusterState, Condition
from scale_agent.rancher.tls import TlsPolicy

__all__ = [
    "CALLS",
    "Call",
    "ClusterRef",
    "ClusterState",
    "Condition",
    "Credentials",
    "Leftovers",
    "RancherClient",
    "RancherConnector",
    "Registration",
    "ServerInfo",
    "StateFeed",
    "TlsPolicy",
    "find_leftovers",
]
