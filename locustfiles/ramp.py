"""Imports simulated clusters into Rancher, as many as there are users, and removes them at the end.

    locust -f locustfiles/ramp.py --headless -u 20 -r 2 --hold 30 --standin

Every user is one downstream cluster: it registers, opens the agent's two tunnels, answers what Rancher asks, and
becomes active. Without ``--standin`` it needs RANCHER_URL (or --host) and RANCHER_TOKEN (or RANCHER_USER and
RANCHER_PASSWORD). ``locust -f locustfiles/ramp.py --help`` lists the options.
"""

from scale_agent.load import RancherClusterUser


class Cluster(RancherClusterUser):
    """A cluster with the contents of --profile."""
