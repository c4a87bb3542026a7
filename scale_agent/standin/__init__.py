"""A stand-in Rancher: its REST, its tunnels, and the questions it asks of an imported cluster.

It is **not Rancher**. What it does was recorded from Rancher 2.15.0, 2.12.3 and 2.10.3 and is replayed; it has
no controllers that think. :data:`LIMITS` says what follows from that and is part of every report it gives.
"""

from __future__ import annotations

LIMITS = (
    "It is not Rancher: answers and conditions follow one recorded import per version and creation path.",
    "Its speed says nothing about Rancher's: no etcd, no controllers, no kubectl process, no RBAC evaluation.",
    "It asks for the recorded namespaces only, however many a cluster has, and knows one user (admin).",
    "kubectl's apply is the recorded one; its patch is not computed from what the cluster answers.",
    "Its ping down the second tunnel has a time limit; a silent cluster does not stall the others as in Rancher.",
    "Agents' state (nodes, capacity, version) is not copied into the cluster's resource beyond a few fields.",
    "One replica; no high availability, no peering, no Fleet, no user interface, no /k8s/clusters proxy.",
    "After 100 seconds it only probes, renews watches and answers REST; the 2.15.0 idle reconcile loop is left out.",
)
