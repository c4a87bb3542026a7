"""What the comparison sets aside, and what it must not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kube.parity.answers import Answer
from tests.kube.parity.compare import differences
from tests.kube.parity.normal import Normalizer
from tests.kube.parity.play import holds, lookup
from tests.kube.parity.steps import observed, post, script

JSON = (("content-type", "application/json"),)
ONE, TWO = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def answer(body: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = JSON) -> Answer:
    return Answer(status, headers, (json.dumps(body, separators=(",", ":")) + "\n").encode())


def obj(uid: str = ONE, version: str = "1", name: str = "a", **meta: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": uid, "resourceVersion": version, **meta}}


def unequal(theirs: list[Answer], ours: list[Answer], said: str = "") -> list[list[str]]:
    one, other = Normalizer(said), Normalizer(said)
    return [differences(one.normal(a), other.normal(b)) for a, b in zip(theirs, ours, strict=True)]


Cases = dict[str, tuple[list[Any], list[Any]]]
EQUAL: Cases = {
    "uids": ([obj(ONE)], [obj(TWO)]),
    "versions": ([obj(version="7"), obj(version="9")], [obj(version="1"), obj(version="2")]),
    "times": ([obj(creationTimestamp="2020-01-01T00:00:00Z")], [obj(creationTimestamp="2021-01-01T00:00:00Z")]),
    "uids in words": ([obj(ONE), {"message": f"UID {ONE}"}], [obj(TWO), {"message": f"UID {TWO}"}]),
    "made-up names": (
        [obj(name="x-bbbbb", generateName="x-"), {"message": "x-bbbbb is there"}],
        [obj(name="x-ccccc", generateName="x-"), {"message": "x-ccccc is there"}],
    ),
    "tokens": ([{"token": "eyJhIjox.eyJzdWIiOjF9.c2ln"}], [{"token": "eyJhIjox.eyJzdWIiOjJ9.c2lnbg"}]),
}
DIFFERENT: Cases = {
    "a write too many": ([obj(version="7"), obj(version="7")], [obj(version="1"), obj(version="2")]),
    "whose uid": ([obj(ONE), obj(TWO, name="b"), {"uid": ONE}], [obj(ONE), obj(TWO, name="b"), {"uid": TWO}]),
    "digits of a time": ([{"t": "2020-01-01T00:00:00Z"}], [{"t": "2020-01-01T00:00:00.000000Z"}]),
    "claims of a token": ([{"token": "eyJhIjox.eyJzdWIiOjF9.c2ln"}], [{"token": "eyJhIjox.eyJpc3MiOjF9.c2ln"}]),
    "a key": ([{"a": 1}], [{"b": 1}]),
    "order": ([{"a": 1, "b": 2}], [{"b": 2, "a": 1}]),
    "null": ([{"a": None}], [{}]),
    "type": ([{"a": 1}], [{"a": "1"}]),
    "true is not 1": ([{"a": True}], [{"a": 1}]),
    "length of a list": ([{"a": [1]}], [{"a": [1, 2]}]),
}


@pytest.mark.parametrize("case", EQUAL)
def test_set_aside(case: str) -> None:
    theirs, ours = EQUAL[case]
    assert not any(unequal([answer(body) for body in theirs], [answer(body) for body in ours]))


@pytest.mark.parametrize("case", DIFFERENT)
def test_not_set_aside(case: str) -> None:
    theirs, ours = DIFFERENT[case]
    assert any(unequal([answer(body) for body in theirs], [answer(body) for body in ours]))


def test_what_a_script_says_stays() -> None:
    said = json.dumps({"uid": ONE, "clusterIP": "10.43.1.1"})
    assert any(unequal([answer({"x": ONE})], [answer({"x": TWO})], said))
    assert any(unequal([answer({"x": "10.43.1.1"})], [answer({"x": "10.43.2.2"})], said))
    assert not any(unequal([answer({"x": "10.43.3.3"})], [answer({"x": "10.43.2.2"})], said))


def test_status_headers_and_form() -> None:
    plain = answer({"a": "<"})
    assert any(unequal([plain], [answer({"a": "<"}, status=201)]))
    assert any(unequal([plain], [answer({"a": "<"}, headers=(*JSON, ("warning", '299 - "w"')))]))
    assert any(unequal([plain], [Answer(200, JSON, b'{"a":"<"}')]))
    assert any(unequal([plain], [Answer(200, JSON, b'{"a":"\\u003c"}\n')]))
    assert any(unequal([answer({"a": 1})], [Answer(200, JSON, b'{"a": 1}\n')]))


def test_watch_events_are_compared_one_by_one() -> None:
    added, gone = (json.dumps({"type": kind, "object": obj()}).encode() + b"\n" for kind in ("ADDED", "DELETED"))
    one, other = Normalizer(""), Normalizer("")
    theirs = one.normal(Answer(200, JSON, added + gone), stream=True)
    assert differences(theirs, other.normal(Answer(200, JSON, gone + added), stream=True))
    assert not differences(theirs, Normalizer("").normal(Answer(200, JSON, added + gone), stream=True))


def test_waiting() -> None:
    body = {
        "metadata": {"generation": 2},
        "status": {"observedGeneration": 1, "a/b.c": 3},
        "items": [{"k": "x", "v": 1}],
    }
    found = answer(body)
    assert [lookup(body, path) for path in ("status.a/b~1c", "items.0.k", "items.k=x.v", "items.4", "no.way")] == [
        3, "x", 1, None, None
    ]  # fmt: skip
    conditions = ("items=1", "status", "!spec", "items.0.v==1", "code=200")
    assert all(holds(found, condition) for condition in conditions)
    assert not any(holds(found, condition) for condition in ("items=2", "spec", "items.0.v==2", "code=404", "observed"))


def test_labels_of_equal_requests_are_numbered() -> None:
    steps = observed("configmaps/a", post("configmaps", {}), post("configmaps", {}))
    labels = script("x", steps).labels()
    assert len(set(labels)) == len(labels) == 4
    assert labels[2].endswith("#2")
