"""The measured import is the recorded one."""

from __future__ import annotations

from pathlib import Path

from benchmarks import floors, imports
from scale_agent.cluster.profile import load


def test_an_import_asks_all_that_was_recorded() -> None:
    world = imports.World(load(Path("profiles/small.yaml")))
    first, second = world.import_one(), world.import_one()
    assert first.requests == second.requests >= 300
    assert first.connections == second.connections >= 62
    assert first.cpu_s > 0
    for one in (first, second):
        one.cluster.stop()


def test_floors_are_sums_of_primitives() -> None:
    one = {"seal": 1.0, "open": 2.0, "seal_10k": 0.0, "sign": 30.0, "agree": 60.0, "calls": 4.0}
    found = {name: figure.value for name, figure in floors.floors(one).items()}
    assert found["floor_get_cpu_us"] == 10
    assert found["floor_event_cpu_us"] == 4
    assert found["floor_import_cpu_ms"] == (97 * 100 + 320 * 10) / 1000
