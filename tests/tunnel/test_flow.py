"""docs/remotedialer.md, section 6: when Pause and Resume are due."""

from __future__ import annotations

from scale_agent.tunnel.flow import PAUSE_ABOVE_BYTES, RESUME_BELOW_BYTES, Flow, Held


def test_limits_are_the_go_modules() -> None:
    assert (PAUSE_ABOVE_BYTES, RESUME_BELOW_BYTES) == (2097152, 262144)


def test_pause_above_two_mebibytes_once() -> None:
    flow = Flow("")
    assert not flow.arrived(PAUSE_ABOVE_BYTES)
    assert flow.arrived(1)
    assert not flow.arrived(PAUSE_ABOVE_BYTES)


def test_resume_below_an_eighth_once() -> None:
    flow = Flow("")
    flow.arrived(PAUSE_ABOVE_BYTES + 1)
    assert not flow.consumed(PAUSE_ABOVE_BYTES + 1 - RESUME_BELOW_BYTES)
    assert flow.consumed(1)
    assert not flow.consumed(1)
    assert flow.unread == RESUME_BELOW_BYTES - 2


def test_nothing_is_resumed_that_was_not_paused() -> None:
    flow = Flow("")
    assert not flow.arrived(100)
    assert not flow.consumed(100)


def test_a_resume_of_the_peer_may_have_undone_our_pause() -> None:
    flow = Flow("")
    assert flow.arrived(PAUSE_ABOVE_BYTES + 1)
    assert not flow.peer_resumed()
    assert flow.held is Held.PERHAPS
    assert flow.arrived(1), "it went on sending: it has to be told again"
    assert not flow.arrived(1)
    flow.peer_resumed()
    assert flow.consumed(flow.unread), "whether or not our Pause stands, Resume does no harm"


def test_peer_resumed_tells_whether_it_had_paused() -> None:
    flow = Flow("")
    flow.peer_paused = True
    assert flow.peer_resumed()
    assert not flow.peer_resumed()
