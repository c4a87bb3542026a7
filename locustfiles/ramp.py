"""Imports simulated clusters into Rancher, as many as there are users, and removes them at the end.

    locust -f locustfiles/ramp.py --headless -u 20 -r 2 --hold 30 --standin

Every user is one downstream cluster: it registers, opens the agent's two tunnels, answers what Rancher asks, and
becomes active. Without --standin it needs RANCHER_URL (or --host) and RANCHER_TOKEN (or RANCHER_USER and
RANCHER_PASSWORD; or --token-file), and RANCHER_CACERT where Rancher's authority is its own.

Beside Locust's own flags (each of these has an environment variable, SCALE_RUN_ID for --run-id):

    --profile FILE            what a cluster contains (PROFILE)       --hold SECONDS      then end the run
    --run-id ID               adopt what a killed run left            --keep-clusters     do not delete them at the end
    --create-path v1|v3       which of Rancher's APIs creates         --name-prefix P     names are P-RUN-NUMBER
    --active-timeout SECONDS  later than that is a failure            --out DIR           records.jsonl, clusters.csv
    --create-concurrency N    at once, per process                    --delete-concurrency N
    --shape NAME              ramp, steps, waves, burst, diurnal or search: docs/shapes.md
"""

from scale_agent.load import RancherClusterUser


class Cluster(RancherClusterUser):
    """A cluster with the contents of --profile."""
