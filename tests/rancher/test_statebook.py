from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from scale_agent.rancher import ClusterState, Condition
from scale_agent.rancher.state import from_steve
from scale_agent.rancher.statebook import StateBook

A = ClusterState("c-aaaaa", "a", "pending", version=5)


def test_listeners_hear_what_is_known_what_changes_and_the_end() -> None:
    book, heard = StateBook(), list[ClusterState]()
    book.apply(A)
    cancel = book.listen(A.id, heard.append)
    active = replace(A, state="active", version=6)
    book.apply(active)
    book.remove(A.id)
    book.remove(A.id)
    assert heard == [A, active, replace(active, removing=True, removed=True)]
    assert book.state(A.id) is None
    cancel()
    cancel()
    book.apply(A)
    assert len(heard) == 3


def test_only_changes_that_matter_are_told() -> None:
    book, heard = StateBook(), list[ClusterState]()
    book.listen(A.id, heard.append)
    book.apply(A)
    book.apply(replace(A, version=9))
    assert heard == [A]
    assert book.state(A.id) == replace(A, version=9)


def test_older_news_is_dropped() -> None:
    book = StateBook()
    book.apply(replace(A, version=7, state="active"))
    book.apply(A)
    assert book.states() == [replace(A, version=7, state="active")]
    book.apply(replace(A, version=0, state="unknown order"))
    assert book.states()[0].state == "unknown order"


def test_a_complete_list_removes_who_is_missing() -> None:
    book, heard = StateBook(), list[tuple[str, bool]]()
    for cluster_id in ("c-1", "c-2", "c-3"):
        book.listen(cluster_id, lambda state: heard.append((state.id, state.removed)))
    book.replace_all([replace(A, id="c-1"), replace(A, id="c-2")])
    book.replace_all([replace(A, id="c-2"), replace(A, id="c-3")])
    assert heard == [("c-1", False), ("c-2", False), ("c-1", True), ("c-3", False)]
    assert [state.id for state in book.states()] == ["c-2", "c-3"]


def test_a_listener_that_fails_does_not_silence_the_others(caplog: pytest.LogCaptureFixture) -> None:
    book, heard = StateBook(), list[str]()

    def bad(state: ClusterState) -> None:
        raise RuntimeError("boom")

    book.listen(A.id, bad)
    book.listen(A.id, lambda state: heard.append(state.state))
    with caplog.at_level(logging.ERROR):
        book.apply(A)
    assert heard == ["pending"]
    assert "a listener of the state feed failed" in caplog.text


def test_a_listener_may_cancel_and_listen_while_it_is_told() -> None:
    book, heard = StateBook(), list[str]()

    def once(state: ClusterState) -> None:
        cancel()
        book.listen(A.id, lambda later: heard.append(later.state))

    cancel = book.listen(A.id, once)
    book.apply(A)
    book.apply(replace(A, state="active"))
    assert heard == ["pending", "active"]


@pytest.mark.parametrize(
    ("state", "conditions", "active"),
    [
        ("active", {}, False),
        ("active", {"Ready": "True"}, False),
        ("active", {"Ready": "True", "Connected": "False"}, False),
        ("active", {"Ready": "Unknown", "Connected": "True"}, False),
        ("waiting", {"Ready": "True", "Connected": "True"}, False),
        ("active", {"Ready": "True", "Connected": "True"}, True),
    ],
)
def test_truly_active(state: str, conditions: dict[str, str], active: bool) -> None:
    found = {kind: Condition(kind, status) for kind, status in conditions.items()}
    cluster = ClusterState("c-aaaaa", "a", state, found)
    assert cluster.truly_active is active
    assert not replace(cluster, removing=True).truly_active


def steve(name: str, **conditions: str) -> dict[str, object]:
    listed = [{"type": kind, "status": status, "lastUpdateTime": name} for kind, status in conditions.items()]
    return {"id": name, "metadata": {"labels": {"run": "r1"}}, "status": {"conditions": listed}}


def test_clusters_in_the_same_state_share_what_is_the_same() -> None:
    one, other = (from_steve(steve(name, Ready="True", Connected="True")) for name in ("a", "b"))
    assert one.conditions is other.conditions
    assert one.labels is other.labels
    assert (one.id, other.id) == ("a", "b")
    changed = from_steve(steve("a", Ready="True", Connected="False"))
    assert one.connected
    assert not changed.connected


def test_what_is_shared_cannot_be_changed() -> None:
    state = from_steve(steve("a", Ready="True"))
    with pytest.raises(TypeError):
        state.labels["run"] = "r2"  # type: ignore[index]
    with pytest.raises(TypeError):
        state.conditions["Ready"] = Condition("Ready", "False")  # type: ignore[index]
