"""Locust users, options, metrics and clean-up; the only room that imports Locust."""
