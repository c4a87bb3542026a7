"""A Locust load-testing plugin for Rancher: each user is one simulated downstream cluster."""

__version__ = "0.1.0"
