"""The alarm: what is due in an API server happens at its time, and no longer once it is stopped."""

from __future__ import annotations

from scale_agent.cluster.alarm import Alarm
from scale_agent.cluster.identity import ClusterIdentity
from scale_agent.cluster.profile import loads
from scale_agent.cluster.runtime import ManualRuntime
from scale_agent.kube.server import ApiServer


def rung(*due_s: float) -> tuple[ManualRuntime, ApiServer, Alarm, list[float]]:
    """An API server with appointments, and the times at which they were kept."""
    runtime = ManualRuntime(now_s=100.0)
    api = ApiServer(runtime.snapshot(loads("name: x\nversion: v1.36.2\n")), ClusterIdentity("x", b""))
    kept: list[float] = []
    for one in due_s:
        api.core.schedule.at(one, kept.append)
    return runtime, api, Alarm(api, runtime), kept


def test_what_is_due_happens_at_its_time() -> None:
    runtime, _, alarm, kept = rung(99.0, 103.0, 101.0)
    alarm.start()
    assert kept == [100.0]
    runtime.advance(5.0)
    assert kept == [100.0, 101.0, 103.0]


def test_an_earlier_appointment_made_later_is_kept_first() -> None:
    runtime, api, alarm, kept = rung(110.0)
    alarm.start()
    api.core.schedule.at(104.0, kept.append)
    api.core.schedule.at(106.0, kept.append)
    runtime.advance(20.0)
    assert kept == [104.0, 106.0, 110.0]


def test_after_stop_nothing_is_kept() -> None:
    runtime, api, alarm, kept = rung(101.0)
    alarm.start()
    alarm.stop()
    alarm.stop()
    alarm.ring()
    api.core.schedule.at(100.5, kept.append)
    runtime.advance(5.0)
    assert kept == []
