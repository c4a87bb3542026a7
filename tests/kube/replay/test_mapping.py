"""What the replay itself does to requests and answers, tried on small cases and on the recordings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kube.replay import wire
from tests.kube.replay.exceptions import listed
from tests.kube.replay.meaning import diff, normal
from tests.kube.replay.meta import answered, asked, target
from tests.kube.replay.names import gather
from tests.kube.replay.order import by_effect
from tests.kube.replay.recording import Recorded, parse
from tests.kube.replay.timeline import TIMELINES
from tests.kube.replay.versions import STALE, Versions

KEY = "/api/v1/namespaces/default"


def _line(number: int, method: str, at_s: float, status: int, **more: Any) -> Recorded:
    raw = {"t": at_s, "connection": 1, "client": "c", "method": method, "path": KEY, "headers": {}, "status": status}
    return parse("f.jsonl", number, json.dumps(raw | {"duration": 0.001} | more))


def _body(version: str) -> dict[str, Any]:
    return {"kind": "Namespace", "metadata": {"name": "default", "resourceVersion": version}}


@pytest.mark.parametrize("timeline", TIMELINES, ids=lambda t: t.name)
def test_every_recorded_protobuf_body_survives_the_wire_rewriting(timeline: Any) -> None:
    bodies = [b for line in timeline.lines() for b in (line.body, line.answer_bytes) if b.startswith(wire.MAGIC)]
    for body in bodies:
        assert wire.MAGIC + wire.message(wire.fields(body[4:])) == body
        meta = wire.metadata(body)
        if meta.get("resourceVersion") and meta.get("name"):
            changed = wire.with_version(body, "123456789")
            assert wire.metadata(changed) == meta | {"resourceVersion": "123456789"}
            assert wire.with_version(changed, meta["resourceVersion"]) == body


def test_a_stale_write_is_placed_after_the_write_that_made_it_stale() -> None:
    early_loser = _line(1, "PUT", 0.0, 409, body=_body("7"))
    winner = _line(2, "PUT", 0.1, 200, body=_body("7"), response=_body("9"))
    order = by_effect([early_loser, winner], gather([early_loser, winner]))
    assert [line.line for line in order] == [2, 1]


def test_a_read_is_placed_among_the_versions_that_it_saw() -> None:
    late_read = _line(1, "GET", 0.5, 200, response=_body("9"))
    first = _line(2, "PUT", 0.1, 200, body=_body("7"), response=_body("9"))
    second = _line(3, "PUT", 0.2, 200, body=_body("9"), response=_body("11"))
    lines = [late_read, first, second]
    assert [line.line for line in by_effect(lines, gather(lines))] == [2, 1, 3]


def test_a_write_that_changed_nothing_does_not_come_before_what_read_the_same_version() -> None:
    read = _line(1, "GET", 0.1, 200, response=_body("9"))
    same = _line(2, "PATCH", 0.2, 200, response=_body("9"))
    assert [line.line for line in by_effect([read, same], gather([read, same]))] == [1, 2]


@pytest.mark.parametrize("timeline", TIMELINES, ids=lambda t: t.name)
def test_every_recorded_conflict_has_its_recorded_cause_before_it(timeline: Any) -> None:
    lines = timeline.lines()
    order = by_effect(lines, gather(lines))
    assert sorted(line.where for line in order) == sorted(line.where for line in lines)
    for index, line in enumerate(order):
        if line.status == 409 and line.method == "PUT":
            stale = int(asked(line)["resourceVersion"])
            before = [
                w for w in order[:index] if w.method in ("PUT", "PATCH") and w.path == line.path and w.status == 200
            ]
            assert any(int(asked(w).get("resourceVersion") or 0) >= stale for w in before), line.where


def test_the_order_does_not_depend_on_the_lines_order_in_the_file() -> None:
    timeline = TIMELINES[-1]
    lines = timeline.lines()
    names = gather(lines)
    forward = by_effect(lines, names)
    assert [line.where for line in forward] == [line.where for line in by_effect(forward, names)]


def test_generated_names_that_no_answer_shows_are_found_in_later_requests() -> None:
    timeline = next(t for t in TIMELINES if t.name == "rancher-2.12.3-steve")
    names = gather(timeline.lines())
    assert names.created["rancher-2.12.3/import-steve.jsonl:105"] == "cattle-impersonation-u-qiy3dbzi2q-token-xldbl"


def test_uids_are_found_in_bodies_and_owners() -> None:
    names = gather(TIMELINES[0].lines())
    assert names.uid_after("/api/v1/nodes/node-1", 0.0) == "fa3d8e01-570d-4777-bc09-771a6adeae48"
    account = "/api/v1/namespaces/cattle-impersonation-system/serviceaccounts/cattle-impersonation-u-amdxdardzw"
    assert names.uid_after(account, 0.0) == "d2edc9a7-535f-4211-ab91-4f4619c5667b"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/api/v1/namespaces/default", "/api/v1/namespaces/default"),
        ("/api/v1/namespaces/default/secrets/a", "/api/v1/namespaces/default/secrets/a"),
        ("/apis/apps/v1/namespaces/x/deployments/web/scale", "/apis/apps/v1/namespaces/x/deployments/web"),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles/b", "/apis/rbac.authorization.k8s.io/v1/clusterroles/b"),
    ],
)
def test_targets(path: str, key: str) -> None:
    place = target(path)
    assert place is not None
    assert place.key() == key


@pytest.mark.parametrize("path", ["/version", "/readyz", "/openapi/v3", "/apis", "/api"])
def test_what_is_no_resource_has_no_target(path: str) -> None:
    assert target(path) is None


def test_versions_are_one_to_one() -> None:
    versions = Versions()
    assert versions.stale(KEY, "7") == STALE
    assert not versions.note(KEY, "7", "70")
    assert not versions.note(KEY, "7", "70")
    assert versions.stale(KEY, "7") == "70"
    assert "we wrote" in versions.note(KEY, "7", "71")
    assert "the recorded server wrote" in versions.note(KEY, "8", "70")
    assert not versions.note("/other", "8", "70")


def test_meaning_sets_aside_times_versions_and_owned_data_only() -> None:
    recorded = {
        "metadata": {"resourceVersion": "1", "creationTimestamp": "2026-11-21T09:54:05Z"},
        "data": {"token": "a"},
    }
    ours = {"metadata": {"resourceVersion": "9", "creationTimestamp": "2027-01-01T00:00:00Z"}, "data": {"token": "b"}}
    assert list(diff(normal(recorded), normal(ours))) == []
    ours["data"]["other"] = "c"
    del ours["metadata"]["creationTimestamp"]
    assert list(diff(normal(recorded), normal(ours))) == [
        ".data.other = 'c', not recorded",
        ".metadata.creationTimestamp missing, recorded '<time>'",
    ]


def test_rows_compare_ages_as_ages() -> None:
    assert normal({"rows": [{"cells": ["a", "6m36s"]}]}) == normal({"rows": [{"cells": ["a", "7m"]}]})
    assert normal({"rows": [{"cells": ["a", "6m36s"]}]}) != normal({"rows": [{"cells": ["a", "six"]}]})


def test_every_reason_says_something() -> None:
    assert all(len(reason) > 20 for reason in listed().values())


def test_answers_of_refused_requests_have_no_object() -> None:
    refused = _line(1, "PUT", 0.0, 409, body=_body("7"), response={"kind": "Status", "metadata": {}})
    assert answered(refused) == {}
