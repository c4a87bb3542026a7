"""What holds for every test: how fast a machine is decides nothing."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A fresh clone's first text costs Hypothesis its tables of Unicode, seconds on a busy machine.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
