"""An agent that is stopped before Rancher has answered: our books say that Rancher may have seen more than we do."""

from __future__ import annotations

from typing import Any

import pytest
from gevent.event import Event

from tests.cluster.test_simulated import Stage


@pytest.mark.parametrize(("waits", "counted"), [("get", "abandoned_requests"), ("dial", "abandoned_dials")])
def test_what_an_agent_was_waiting_for_is_counted(waits: str, counted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stage, never = Stage(), Event()

    def wait(*args: Any) -> Any:
        never.wait()

    monkeypatch.setattr(stage.rancher, waits, wait)
    stage.import_it()
    stage.cluster.stop()
    stage.run()
    counts = {name: count for name, count in stage.runtime.counts.as_dict().items() if count}
    assert counts == {counted: 1}


def test_an_agent_that_waits_for_nothing_abandons_nothing() -> None:
    stage = Stage()
    stage.import_it()
    stage.cluster.stop()
    stage.run()
    counts = stage.runtime.counts
    assert (counts.abandoned_requests, counts.abandoned_dials) == (0, 0)
