"""Whose cluster is it: names and labels of a run, so that a run can be found, adopted and swept by them.

Label values and names obey Kubernetes: 63 characters, and a cluster's name is a DNS label.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from scale_agent.errors import InputError
from scale_agent.removal import RUN_LABEL

WORKER_LABEL = "scale-agent/worker"
_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_LONGEST_RUN_ID = 32
_LONGEST_PREFIX = 16


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Everything a process needs to name its clusters. ``worker`` is its index among the run's workers, from 0."""

    run_id: str
    prefix: str
    worker: int = 0

    def name(self, number: int) -> str:
        """``sim-<run>-00017``"""
        return f"{self.prefix}-{self.run_id}-{number:05d}"

    def seed(self, number: int) -> str:
        """What tokens and uids of the cluster are made from: equal when the run is started again."""
        return f"{self.run_id}/{number}"

    @property
    def run_labels(self) -> dict[str, str]:
        """Selects every cluster of the run."""
        return {RUN_LABEL: self.run_id}

    @property
    def labels(self) -> dict[str, str]:
        """What a new cluster carries, and what selects this process's clusters."""
        return {RUN_LABEL: self.run_id, WORKER_LABEL: f"w{self.worker}"}


def new_run_id(now: dt.datetime) -> str:
    """A run id from the time: ``r1121-120501``."""
    return now.strftime("r%m%d-%H%M%S")


def check_run_id(run_id: str) -> str:
    """The run id, if it can be part of a name and a label. Raises :class:`InputError`."""
    return _check(run_id, "--run-id", _LONGEST_RUN_ID)


def check_prefix(prefix: str) -> str:
    """The name prefix, if names can start with it. Raises :class:`InputError`."""
    return _check(prefix, "--name-prefix", _LONGEST_PREFIX)


def _check(value: str, where: str, longest: int) -> str:
    if len(value) <= longest and _DNS_LABEL.fullmatch(value):
        return value
    raise InputError(
        f"{value!r} cannot be part of a cluster's name",
        where=where,
        cure=f"use at most {longest} lower-case letters, digits and dashes, a letter or digit first and last",
    )
