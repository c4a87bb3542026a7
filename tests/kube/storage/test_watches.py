from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scale_agent.kube.http import Response
from scale_agent.kube.representation.representations import JsonEncoder
from scale_agent.kube.storage import history
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.version import Version
from tests.kube.testbed import PROTOBUF, WATCH_LIST, Bed, decoded, events, frames, types_and_names

MAPS = "/api/v1/namespaces/default/configmaps"
END = "k8s.io/initial-events-end"


def test_watch_list_sends_what_is_there_then_the_bookmark_then_changes() -> None:
    bed = Bed()
    bed.configmap("a")
    watch = bed.watch(MAPS, **WATCH_LIST)
    first = events(watch)
    assert types_and_names(first) == [("ADDED", "a"), ("ADDED", "kube-root-ca.crt"), ("BOOKMARK", "")]
    assert first[-1]["object"]["metadata"]["annotations"] == {END: "true"}
    assert first[-1]["object"]["metadata"]["resourceVersion"] == str(bed.api.core.store.rv)
    bed.configmap("b")
    bed.call("PATCH", f"{MAPS}/b", {"data": {"x": "y"}}, media="application/merge-patch+json")
    bed.call("DELETE", f"{MAPS}/b")
    assert types_and_names(events(watch)) == [("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "b")]


def test_a_protobuf_watch_carries_framed_envelopes() -> None:
    bed = Bed()
    watch = bed.watch("/api/v1/nodes", PROTOBUF, **WATCH_LIST)
    assert dict(watch.headers)["Content-Type"] == f"{PROTOBUF};stream=watch"
    found = frames(watch)
    assert len(found) == 2
    kind, _, envelope = found[0].partition(b"k8s\0")
    assert b"ADDED" in kind
    assert decoded(b"k8s\0" + envelope, bed)["metadata"]["name"] == "node-1"
    assert b"BOOKMARK" in found[1]
    assert END.encode() in found[1]


def test_a_watch_goes_on_after_a_version() -> None:
    bed = Bed()
    rv = bed.configmap("a")["metadata"]["resourceVersion"]
    bed.configmap("b")
    assert types_and_names(events(bed.watch(MAPS, watch="1", resourceVersion=rv))) == [("ADDED", "b")]


def test_a_forgotten_version_gets_an_error_event_and_the_end() -> None:
    watch = Bed().watch(MAPS, watch="true", resourceVersion=1)
    (only,) = events(watch)
    assert (only["type"], only["object"]["code"], only["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert watch.ended


def test_a_version_from_the_future_only_waits() -> None:
    bed = Bed()
    watch = bed.watch(MAPS, watch="true", resourceVersion=10**9, timeoutSeconds=5)
    assert (watch.read(1000), watch.ended) == (b"", False)
    again = bed.watch(MAPS, resourceVersion=10**9, **WATCH_LIST)
    (only,) = events(again)
    # a client lists anew then (``isTooLargeResourceVersion``)
    assert (only["type"], only["object"]["code"]) == ("ERROR", 504)


def test_bookmarks_come_every_minute_and_before_the_end() -> None:
    bed = Bed()
    watch = bed.watch(MAPS, timeoutSeconds=130, **WATCH_LIST)
    events(watch)
    seen = []
    watch.on_readable = lambda: seen.append(bed.now_s)
    for _ in range(150):
        bed.advance(1)
        assert not types_and_names([one for one in events(watch) if one["type"] != "BOOKMARK"])
    started = bed.now_s - 150
    assert [round(at - started) for at in seen] == [60, 120, 128, 130]
    assert watch.ended


def test_without_bookmarks_allowed_there_are_none() -> None:
    bed = Bed()
    watch = bed.watch(MAPS, watch="true", resourceVersion=bed.api.core.store.rv, timeoutSeconds=100)
    bed.advance(99)
    assert (watch.read(1000), watch.ended) == (b"", False)
    bed.advance(1)
    assert (watch.read(1000), watch.ended) == (b"", True)


def test_selectors_turn_changes_into_coming_and_going() -> None:
    bed = Bed()
    bed.configmap("a", labels={"x": "1"})
    bed.configmap("b")
    watch = bed.watch(MAPS, labelSelector="x=1", **WATCH_LIST)
    assert types_and_names(events(watch)) == [("ADDED", "a"), ("BOOKMARK", "")]
    for name, value in (("a", "2"), ("b", "1"), ("b", "1"), ("b", None)):
        patch = {"metadata": {"labels": {"x": value}}, "data": {"n": str(bed.api.core.store.rv)}}
        bed.call("PATCH", f"{MAPS}/{name}", patch, media="application/merge-patch+json")
    told = events(watch)
    assert types_and_names(told) == [("DELETED", "a"), ("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "b")]
    assert told[0]["object"]["metadata"]["labels"] == {"x": "1"}  # the last state that was selected


def test_a_field_selector_follows_one_secret_across_namespaces() -> None:
    bed = Bed()
    selector = "metadata.namespace=default,metadata.name=s"
    watch = bed.watch("/api/v1/secrets", fieldSelector=selector, **WATCH_LIST)
    events(watch)
    woken: list[int] = []
    watch.on_readable = lambda: woken.append(1)
    bed.post("/api/v1/namespaces/kube-system/secrets", {"metadata": {"name": "s"}})
    bed.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "other"}})
    assert not woken
    bed.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "s"}})
    assert woken == [1]
    assert types_and_names(events(watch)) == [("ADDED", "s")]


def test_a_slow_watch_ends_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_EVENTS", 5)
    bed = Bed()
    slow, fast = (bed.watch(MAPS, watch="true", resourceVersion=bed.api.core.store.rv) for _ in range(2))
    for number in range(9):
        bed.configmap(f"m{number}")
        assert len(events(fast)) == 1
    (only,) = events(slow)
    assert (only["type"], only["object"]["code"]) == ("ERROR", 410)
    assert slow.ended
    assert not fast.ended


def test_a_closed_watch_is_silent() -> None:
    bed = Bed()
    watch = bed.watch(MAPS, **WATCH_LIST)
    watch.close()
    watch.close()
    bed.configmap("a")
    assert (watch.read(100), watch.ended) == (b"", True)


def test_reading_stops_near_the_limit_but_never_starves() -> None:
    bed = Bed()
    for number in range(20):
        bed.configmap(f"m{number}")
    watch = bed.watch(MAPS, **WATCH_LIST)
    sizes = []
    while chunk := watch.read(1):
        sizes.append(chunk.count(b"\n"))
    assert set(sizes) == {1}
    assert len(sizes) == 22


def test_partial_and_table_watches() -> None:
    bed = Bed()
    partial = bed.watch(MAPS, "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", **WATCH_LIST)
    assert {one["object"]["kind"] for one in events(partial)} == {"PartialObjectMetadata"}
    table = bed.watch(MAPS, "application/json;as=Table;v=v1;g=meta.k8s.io", **WATCH_LIST)
    assert events(table)[0]["object"]["rows"][0]["cells"][0] == "kube-root-ca.crt"


_steps = st.lists(
    st.tuples(
        st.sampled_from(["create", "label", "delete", "read", "data"]),
        st.sampled_from("abcd"),
        st.sampled_from(["1", "2", None]),
    ),
    max_size=30,
)


def _step(bed: Bed, verb: str, name: str, value: str | None) -> None:
    answer: Any
    if verb == "create":
        answer = bed.ask("POST", MAPS, {"metadata": {"name": name, "labels": {"x": value} if value else {}}})
        assert answer.status in (201, 409)
    elif verb == "delete":
        assert bed.ask("DELETE", f"{MAPS}/{name}").status in (200, 404)
    elif verb in ("label", "data"):
        patch = {"metadata": {"labels": {"x": value}}} if verb == "label" else {"data": {"v": value}}
        answer = bed.ask("PATCH", f"{MAPS}/{name}", patch, media="application/merge-patch+json")
        assert answer.status in (200, 404)


@settings(max_examples=60)
@given(_steps, st.sampled_from(["", "x=1", "x!=1", "x"]), st.integers(1, 4000))
def test_list_and_watch_give_the_final_state(steps: list[Any], selector: str, size: int) -> None:
    bed = Bed()
    bed.configmap("a", labels={"x": "1"})
    watch = bed.watch(MAPS, labelSelector=selector, **WATCH_LIST)
    state: dict[str, Any] = {}

    def take(limit: int) -> None:
        for one in events(watch, limit):
            obj = one["object"]
            if one["type"] == "DELETED":
                del state[obj["metadata"]["name"]]
            elif one["type"] in ("ADDED", "MODIFIED"):
                assert (one["type"] == "MODIFIED") == (obj["metadata"]["name"] in state)
                state[obj["metadata"]["name"]] = obj["metadata"]["resourceVersion"]

    for verb, name, value in steps:
        if verb == "read":
            take(size)
        else:
            _step(bed, verb, name, value)
    take(size)
    listed = bed.get(MAPS, labelSelector=selector)["items"]
    assert state == {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in listed}


def test_contradictory_options_are_refused() -> None:
    bed = Bed()
    answer = bed.api.handle(bed.request("GET", MAPS, watch="true", sendInitialEvents="true"), bed.now_s)
    assert isinstance(answer, Response)
    assert answer.status == 422
    assert b"sendInitialEvents requires setting resourceVersionMatch to NotOlderThan" in answer.body


def test_an_event_is_encoded_once_for_all_who_read_it_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    bed = Bed()
    encoded: list[int] = []
    event = JsonEncoder.event

    def counted(encoder: JsonEncoder, kind: EventType, version: Version) -> bytes:
        encoded.append(version.rv)
        return event(encoder, kind, version)

    monkeypatch.setattr(JsonEncoder, "event", counted)
    others = bed.watch(MAPS, "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", watch="true")
    watches = [bed.watch(MAPS, watch="true") for _ in range(5)]
    for watch in (others, *watches):
        events(watch)
    encoded.clear()
    bed.post(MAPS, {"metadata": {"name": "one"}})
    bed.post(MAPS, {"metadata": {"name": "two"}})
    told = [types_and_names(events(watch, 1)) + types_and_names(events(watch, 1)) for watch in watches]
    assert told == [[("ADDED", "one"), ("ADDED", "two")]] * 5
    assert types_and_names(events(others)) == [("ADDED", "one"), ("ADDED", "two")]
    encoded.clear()
    bed.post(MAPS, {"metadata": {"name": "three"}})
    read = [watch.read(1 << 15) for watch in watches]
    assert len(set(read)) == 1
    assert len(encoded) == 1
