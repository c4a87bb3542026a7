from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scale_agent.kube.storage import history
from scale_agent.kube.storage.history import Event, EventType, Log
from scale_agent.kube.storage.store import Store
from scale_agent.kube.storage.version import Version, encoded
from tests.kube.testbed import START_S, FixedIdentity, snapshot

MAPS = ("", "configmaps")
BASE = snapshot(
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}, "data": {"n": "0"}},
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "b", "namespace": "kube-system"},
        "data": {"n": "0"},
    },
)
_keys = st.tuples(st.sampled_from(["default", "kube-system"]), st.sampled_from(["a", "b", "c"]))
_steps = st.lists(st.tuples(st.sampled_from(["put", "remove"]), _keys, st.integers(0, 9)), max_size=25)
Model = dict[tuple[str, str], str]


def _state(store: Store, namespace: str = "") -> Model:
    return _values(store.list(MAPS, namespace))


def _values(versions: list[Version]) -> Model:
    found = [one for one in versions if one.name in "abc"]
    return {(one.namespace, one.name): one.object()["data"]["n"] for one in found}


def _apply(store: Store, model: Model, step: tuple[str, tuple[str, str], int]) -> None:
    verb, key, number = step
    if verb == "put":
        meta = {"namespace": key[0], "name": key[1], "uid": "u"}
        store.put(
            MAPS, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": {"n": str(number)}}, START_S
        )
        model[key] = str(number)
    elif key in model:
        store.remove(MAPS, *key, START_S)
        del model[key]
    else:
        with pytest.raises(KeyError):
            store.remove(MAPS, *key, START_S)


@settings(max_examples=60)
@given(_steps)
def test_the_store_is_a_dict_over_a_snapshot_that_remembers(steps: list[Any]) -> None:
    store, model = Store(BASE, FixedIdentity()), _state(Store(BASE, FixedIdentity()))
    past = {store.rv: dict(model)}
    for step in steps:
        before = store.rv
        _apply(store, model, step)
        assert store.rv in (before, before + 1)
        past[store.rv] = dict(model)
        assert _state(store) == model
        for key in (("default", "a"), ("kube-system", "c")):
            found = store.get(MAPS, *key)
            assert (found.object()["data"]["n"] if found else None) == model.get(key)
    assert _state(store, "default") == {key: value for key, value in model.items() if key[0] == "default"}
    for rv, expected in past.items():
        assert _values(store.list_at(MAPS, "", rv)) == expected
    assert _state(Store(BASE, FixedIdentity())) == {("default", "a"): "0", ("kube-system", "b"): "0"}


def test_lists_are_in_the_order_of_storage_keys() -> None:
    store = Store(BASE, FixedIdentity())
    for namespace in ("a", "a-b"):
        meta = {"namespace": namespace, "name": "x", "uid": "u"}
        store.put(MAPS, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta}, START_S)
    found = [one.namespace for one in store.list(MAPS) if one.name == "x"]
    assert found == ["a-b", "a"]  # "a-b/x" sorts before "a/x"


def _event(rv: int, at_s: float = 0.0) -> Event:
    return Event(rv, EventType.ADDED, Version("", f"n{rv}", rv, b"{}"), None, at_s)


def test_a_log_forgets_by_age_and_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_EVENTS", 3)
    log = Log(10)
    for rv in range(11, 16):
        log.append(_event(rv))
    assert (log.size, log.horizon, log.end) == (3, 12, 5)
    assert log.position_after(13) == 3
    with pytest.raises(LookupError):
        log.position_after(11)
    with pytest.raises(LookupError):
        log.get(1)
    log.trim(history.MAX_AGE_S + 1)
    assert (log.size, log.horizon, log.end) == (0, 15, 5)
    assert log.get(5) is None


def _map(number: int) -> dict[str, Any]:
    meta = {"namespace": "default", "name": "c", "uid": "u"}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": {"n": str(number), "long": "x" * 4000}}


def test_versions_are_packed_and_read_as_before() -> None:
    store = Store(BASE, FixedIdentity())
    versions = [store.put(MAPS, _map(number), START_S) for number in range(2)]
    versions.append(store.remove(MAPS, "default", "c", START_S))
    versions.append(store.put(MAPS, _map(3), START_S))
    written, raws = [one.json for one in versions], [one.raw(lambda obj: b"raw") for one in versions]
    store.trim(START_S + history.PACK_AGE_S)
    assert not any(one.packed for one in versions)
    store.trim(START_S + history.PACK_AGE_S + 1)
    assert [one.packed for one in versions] == [True, True, True, True]
    assert [one.json for one in versions] == written
    assert [one.raw(lambda obj: b"raw") for one in versions] == raws
    assert _values(store.list_at(MAPS, "", versions[0].rv))["default", "c"] == "0"


def test_versions_that_history_forgot_are_packed_too() -> None:
    store = Store(BASE, FixedIdentity())
    version = store.put(MAPS, _map(0), START_S)
    assert store.trim(START_S + history.MAX_AGE_S + 1) is None
    assert version.packed


def test_it_is_known_when_there_is_more_to_trim() -> None:
    store = Store(BASE, FixedIdentity())
    assert store.trim(START_S) is None
    store.put(MAPS, _map(0), START_S)
    store.put(MAPS, _map(1), START_S + 1)
    assert store.trim(START_S + 5) == START_S + history.PACK_AGE_S
    assert store.trim(START_S + history.PACK_AGE_S + 0.5) == START_S + 1 + history.PACK_AGE_S
    assert store.trim(START_S + history.PACK_AGE_S + 2) == START_S + history.MAX_AGE_S
    assert store.trim(START_S + history.MAX_AGE_S + 2) is None


@pytest.mark.parametrize("packed", [False, True])
def test_of_which_kind_a_version_is_can_be_asked_without_its_text(packed: bool) -> None:
    version = Store(BASE, FixedIdentity()).put(MAPS, _map(0), START_S)
    if packed:
        version.pack()
    assert version.packed is packed
    assert version.starts(b'{"kind":"ConfigMap","apiVersion":"v1",')
    assert not version.starts(b'{"kind":"ConfigMap","apiVersion":"v2",')
    assert version.starts(version.json)
    assert not version.starts(version.json + b"x")


def test_messages_of_packed_objects_are_encoded_once_in_a_while() -> None:
    version = Store(BASE, FixedIdentity()).put(MAPS, _map(0), START_S)
    version.pack()
    asked: list[str] = []

    def encode(obj: dict[str, Any]) -> bytes:
        asked.append(obj["kind"])
        return b"raw"

    for _ in range(3):
        assert version.raw(encode) == b"raw"
    assert asked == ["ConfigMap"]


def test_equal_labels_are_held_once() -> None:
    store = Store(BASE, FixedIdentity())
    for name in "ab":
        meta = {"namespace": "default", "name": name, "labels": {"team": "blue", "tier": "web"}}
        store.put(MAPS, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta}, START_S)
    first, second = (version.labels for version in store.list(MAPS, "default") if version.name in "ab")
    assert first is second
    assert first == {"team": "blue", "tier": "web"}


def test_kept_json_takes_its_length() -> None:
    tracemalloc.start()
    kept = [encoded(_map(number)) for number in range(100)]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 1.1 * sum(map(len, kept))


def test_the_uid_is_the_objects_own() -> None:
    owner = {"ownerReferences": [{"uid": "other"}]}
    built_in = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": 'a"uid":"x', "uid": "mine", **owner}}
    custom = {"apiVersion": "a/v1", "kind": "A", "data": {"uid": "no"}, "metadata": {**owner, "uid": "mine"}}
    assert [Version("", "a", 1, encoded(one)).uid for one in (built_in, custom)] == ["mine", "mine"]
    assert Version("", "a", 1, b'{"kind":"ConfigMap","metadata":{"name":"a"}}').uid == ""
