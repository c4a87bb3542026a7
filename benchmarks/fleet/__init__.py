"""``python -m benchmarks.fleet``: many clusters of real Locust workers against peers that play Rancher.

Starts the peers (Go, Rancher's own libraries) and for each a Locust master with its workers, and goes through phases:
ramp (in steps, measured at rest after each), rest, storm, churn, end. At the end both sides' books are compared.
"""
