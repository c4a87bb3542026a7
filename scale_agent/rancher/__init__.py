"""Rancher as its clients see it: the REST API, and the connector that agents dial with."""
