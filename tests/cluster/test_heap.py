"""Free memory is given back while a runtime runs, and no longer."""

from __future__ import annotations

import pytest
from gevent.event import Event

from scale_agent.cluster import heap, runtime
from scale_agent.cluster.runtime import Runtime


def test_a_running_runtime_gives_back_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, thrice = [0], Event()

    def give_back() -> bool:
        asked[0] += 1
        if asked[0] == 3:
            thrice.set()
        return True

    monkeypatch.setattr(heap, "give_back", give_back)
    monkeypatch.setattr(runtime, "TIDY_S", 0.001)
    running = Runtime()
    running.start()
    assert thrice.wait(10)
    running.stop()


def test_a_c_library_that_cannot_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_TRIM", None)
    assert heap.give_back() is False


def test_what_the_c_library_says_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_TRIM", lambda pad: 1)
    assert heap.give_back() is True
