"""One agent pod, event by event."""

from __future__ import annotations

import dataclasses

import pytest

from scale_agent.cluster.agent import CRASH_DELAYS_S, AgentPod, Boot
from scale_agent.cluster.deployment import AgentTemplate
from scale_agent.cluster.steps import (
    MAIN,
    STV,
    Action,
    Dial,
    Elapsed,
    Ended,
    Event,
    Fetch,
    Fetched,
    FetchFailed,
    Lost,
    Mount,
    Mounted,
    Opened,
    Refused,
    Report,
    Wait,
    Write,
)

PLAIN = AgentTemplate("r1", "cattle-credentials-a", "https://rancher", "c" * 64, strict=True, second_tunnel=False)
FULL = dataclasses.replace(PLAIN, revision="r2", second_tunnel=True)


def _pod(template: AgentTemplate = PLAIN) -> AgentPod:
    return AgentPod(1, template, start_delay_s=0.3, second_delay_s=7.0)


def _feed(pod: AgentPod, *events: Event) -> list[Action]:
    return [action for event in events for action in pod.handle(event)]


BOOT: tuple[Event, ...] = (
    Elapsed(1, "start"),
    Mounted(1),
    Fetched(1, "ping"),
    Fetched(1, "cacerts"),
    Fetched(1, "root"),
)


def test_start_is_the_scripts_and_the_processs_recorded_order() -> None:
    pod = _pod()
    assert pod.start() == [Wait(1, "start", 0.3)]
    assert _feed(pod, *BOOT) == [
        Mount(1, "cattle-credentials-a"),
        Fetch(1, "ping", "/ping", 30.0),
        Fetch(1, "cacerts", "/v3/settings/cacerts", 30.0, "c" * 64),
        Write(1, "start"),
        Fetch(1, "root", "/", 5.0),
        Dial(1, MAIN, "/v3/connect/register", 10.0),
    ]
    assert pod.handle(Opened(1, MAIN)) == [Write(1, "connected")]
    assert pod.up


def test_without_a_checksum_cacerts_are_not_asked_for() -> None:
    pod = _pod(dataclasses.replace(PLAIN, checksum=""))
    actions = _feed(pod, *BOOT[:3])
    assert [action.name for action in actions if isinstance(action, Fetch)] == ["ping", "root"]


def test_second_tunnel_comes_after_its_delay_and_a_plain_get() -> None:
    pod = _pod(FULL)
    _feed(pod, *BOOT)
    assert pod.handle(Opened(1, MAIN)) == [Write(1, "connected"), Wait(1, STV, 7.0)]
    assert pod.handle(Elapsed(1, STV)) == [Fetch(1, "connect", "/v3/connect", 30.0)]
    assert pod.handle(Fetched(1, "connect", status=401)) == [Dial(1, STV, "/v3/connect", 5.0)]
    assert pod.handle(Opened(1, STV)) == [Write(1, "embedded")]


def test_second_tunnel_is_dialled_even_if_the_plain_get_fails() -> None:
    pod = _pod(FULL)
    _feed(pod, *BOOT, Opened(1, MAIN), Elapsed(1, STV))
    assert pod.handle(FetchFailed(1, "connect", certificate=True)) == [Dial(1, STV, "/v3/connect", 5.0)]


@pytest.mark.parametrize(("tunnel", "retry_s", "timeout_s"), [(MAIN, 10.0, 10.0), (STV, 5.0, 5.0)])
def test_retry_law(tunnel: str, retry_s: float, timeout_s: float) -> None:
    pod = _pod(FULL)
    _feed(pod, *BOOT, Opened(1, MAIN), Elapsed(1, STV), Fetched(1, "connect", 401), Opened(1, STV))
    assert pod.handle(Lost(1, tunnel)) == [Wait(1, tunnel, retry_s)]
    for _ in range(20):  # no growth, for ever; /register only until the first success
        assert pod.handle(Elapsed(1, tunnel)) == [Dial(1, tunnel, "/v3/connect", timeout_s)]
        assert pod.handle(Refused(1, tunnel)) == [Wait(1, tunnel, retry_s)]


def test_a_reconnected_main_tunnel_does_not_open_a_second_second_tunnel() -> None:
    pod = _pod(FULL)
    _feed(pod, *BOOT, Opened(1, MAIN), Lost(1, MAIN), Elapsed(1, MAIN))
    assert pod.handle(Opened(1, MAIN)) == [Write(1, "connected")]


def test_never_connected_registers_again() -> None:
    pod = _pod()
    _feed(pod, *BOOT)
    assert pod.handle(Refused(1, MAIN)) == [Wait(1, MAIN, 10.0)]
    assert pod.handle(Elapsed(1, MAIN)) == [Dial(1, MAIN, "/v3/connect/register", 10.0)]


def test_a_forgotten_cluster_ends_and_still_retries() -> None:
    pod = _pod()
    _feed(pod, *BOOT, Opened(1, MAIN), Lost(1, MAIN), Elapsed(1, MAIN))
    assert pod.handle(Refused(1, MAIN, forgotten=True)) == [Ended(1, forgotten=True), Wait(1, MAIN, 10.0)]


@pytest.mark.parametrize(
    ("before", "failure", "reason"),
    [
        (2, Fetched(1, "ping", status=503), "ping"),
        (3, Fetched(1, "cacerts", status=404), "cacerts"),
        (3, Fetched(1, "cacerts", good=False), "checksum"),
        (4, FetchFailed(1, "root"), "root"),
    ],
)
def test_a_failing_start_is_reported_and_backs_off(before: int, failure: Event, reason: str) -> None:
    pod = _pod()
    _feed(pod, *BOOT[:before])
    report, again = pod.handle(failure)
    assert isinstance(report, Report)
    assert report.reason == reason
    assert again == Wait(1, "start", CRASH_DELAYS_S[0])


def test_crash_backoff_grows_to_five_minutes_and_is_forgotten_once_connected() -> None:
    pod = _pod()
    delays = []
    for _ in range(9):
        _feed(pod, *BOOT[:2])
        (again,) = pod.handle(FetchFailed(1, "ping"))
        assert isinstance(again, Wait)
        delays.append(again.delay_s)
    assert delays == [0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]
    _feed(pod, *BOOT, Opened(1, MAIN))
    assert pod.crashes == 0


def test_a_look_that_fails_for_another_reason_than_the_certificate_is_survived_unless_strict() -> None:
    for certificate, expected in ((False, Boot.RUNNING), (True, Boot.CRASHED)):
        pod = _pod(dataclasses.replace(PLAIN, strict=False))
        _feed(pod, *BOOT[:4], FetchFailed(1, "root", certificate=certificate))
        assert pod.boot is expected


def test_a_missing_secret_is_waited_for() -> None:
    pod = _pod()
    assert _feed(pod, Elapsed(1, "start"), Mounted(1, ok=False))[-1] == Wait(1, "start", 2.0)
    assert pod.handle(Elapsed(1, "start")) == [Mount(1, "cattle-credentials-a")]


def test_late_events_change_nothing() -> None:
    pod = _pod()
    late: tuple[Event, ...] = (
        Opened(1, MAIN), Lost(1, STV), Elapsed(1, STV), Fetched(1, "root"), Refused(1, MAIN), Mounted(1)
    )  # fmt: skip
    assert _feed(pod, *late) == []
    _feed(pod, *BOOT, Opened(1, MAIN))
    assert _feed(pod, Opened(1, MAIN), Elapsed(1, MAIN), Elapsed(1, "start"), Fetched(1, "ping")) == []
