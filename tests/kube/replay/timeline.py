"""Which recordings show the same cluster, and when: each timeline is replayed against one server.

The start of each recording in wall-clock time comes from the ``creationTimestamp`` of what it created (``t`` of the
request against the timestamp in the answer); the agents' own requests are placed by the namespace ``local``, whose
creation (10.680) Rancher's first PUT follows at once (10.633 on its own clock). Deletions end the import's watches
0.14 s after their first request (2.15.0, where both are on one clock): that places them in the older versions.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.kube.replay.recording import Recorded, load


@dataclass(frozen=True, slots=True)
class Part:
    """A recording on a timeline: its seconds are moved by ``shift_s``."""

    file: str
    shift_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Timeline:
    """One real cluster's life. ``started_s`` is the Unix time of second 0."""

    name: str
    started_s: float
    parts: tuple[Part, ...]

    def lines(self) -> tuple[Recorded, ...]:
        """Every line of every part, file by file."""
        return tuple(line for part in self.parts for line in load(part.file, part.shift_s))


TIMELINES = (
    Timeline(
        "rancher-2.10.3-steve",
        1795255065.4,
        (
            Part("rancher-2.10.3/import-steve.jsonl"),
            Part("rancher-2.10.3/kubectl-and-explorer.jsonl", 178.9),
            Part("rancher-2.10.3/delete.jsonl", 179.59),
        ),
    ),
    Timeline("rancher-2.10.3-norman", 1795255396.5, (Part("rancher-2.10.3/import-norman.jsonl"),)),
    Timeline(
        "rancher-2.12.3-steve",
        1795254288.0,
        (
            Part("rancher-2.12.3/import-steve.jsonl"),
            Part("rancher-2.12.3/kubectl-and-explorer.jsonl", 235.5),
            Part("rancher-2.12.3/delete.jsonl", 236.94),
        ),
    ),
    Timeline("rancher-2.12.3-norman", 1795254564.0, (Part("rancher-2.12.3/import-norman.jsonl"),)),
    Timeline(
        "rancher-2.15.0-steve",
        1795257983.2,
        (
            Part("rancher-2.15.0/import-steve.jsonl"),
            Part("rancher-2.15.0/kubectl-and-explorer.jsonl"),
            Part("rancher-2.15.0/delete.jsonl"),
            Part("rancher-2.15.0/agent-own-requests.jsonl", -0.05),
        ),
    ),
    Timeline("rancher-2.15.0-norman", 1795252258.0, (Part("rancher-2.15.0/import-norman.jsonl"),)),
)
