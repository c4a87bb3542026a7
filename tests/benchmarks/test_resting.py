"""What a cluster at rest holds is counted by what made it, while its watches stay open."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import resting
from benchmarks.imports import World
from scale_agent.cluster.profile import load


def test_watches_stay_open_and_idle_connections_do_not() -> None:
    world = World(load(Path("profiles/small.yaml")))
    cluster = resting.Resting(world.import_one())
    resting.rest(world, [cluster], 5.0)
    assert cluster.cluster.connections == 12
    resting.rest(world, [cluster], 660.0)
    assert cluster.cluster.connections == 12
    logs = cluster.cluster.api.core.store
    assert len(logs.log(("", "namespaces")).followers()) >= 2  # the watch, and the agent
    cluster.cluster.stop()


@pytest.mark.parametrize(
    ("path", "room"),
    [
        ("/x/scale_agent/kube/storage/version.py", "objects"),
        ("/x/scale_agent/kube/storage/history.py", "watches"),
        ("/x/scale_agent/kube/verbs/read.py", "watches"),
        ("/x/scale_agent/kube/controllers/events.py", "controllers"),
        ("/x/scale_agent/kube/core.py", "server"),
        ("/x/scale_agent/cluster/transport.py", "tunnel"),
        ("/x/scale_agent/cluster/crew.py", "agent"),
        ("/x/scale_agent/tunnel/session.py", "tunnel"),
        ("/x/scale_agent/tunnel/http_client.py", ""),
        ("/x/scale_agent/standin/run.py", ""),
        ("/usr/lib/python3.11/ssl.py", ""),
    ],
)
def test_every_file_has_a_room(path: str, room: str) -> None:
    assert resting.room_of(path) == room


def test_rooms_add_up() -> None:
    found = resting.by_room({"/x/scale_agent/kube/core.py": 10.0, "/x/scale_agent/cluster/crew.py": 5.0, "/y.py": 7.0})
    assert found["all"] == 15.0
    assert found["server"] == 10.0
    assert found["objects"] == 0.0
