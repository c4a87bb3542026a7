"""The recorded imports against a cluster that answers well, and against ones that do not."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from scale_agent.standin.clusters import Cluster
from scale_agent.standin.run import Outgoing, ScriptRun
from scale_agent.standin.steps import VERSIONS, Script, deletion_script, import_script
from scale_agent.standin.templates import fill_text
from scale_agent.standin.values import Values
from tests.standin.fake_cluster import FakeCluster, FakeDrive, Reply, namespace

PATHS = ("steve", "norman")


def ticking() -> Callable[[], float]:
    """A clock that is a second later at every look: what was sent must be remembered, not made again."""
    seconds = itertools.count(1000)
    return lambda: float(next(seconds))


def make_run(script: Script, version: str = "2.15.0", path: str = "steve") -> tuple[ScriptRun, list[str]]:
    cluster = Cluster("c-m-abcdefgh", "one", path, {}, {}, 1000.0, "t" * 54, "s" * 54)
    cluster.params = {"token": "account", "address": "10.43.0.1:443", "caCert": ""}
    marks: list[str] = []
    values = Values(version, "https://127.0.0.1:8443", "CA\n", ticking())
    return ScriptRun(script, values.of(cluster), on_mark=marks.append), marks


def drive(version: str = "2.15.0", path: str = "steve", **options: Any) -> tuple[FakeDrive, list[str]]:
    run, marks = make_run(import_script(version, path), version, path)
    cluster = options.pop("cluster", None) or FakeCluster()
    return FakeDrive(run, cluster, **options), marks


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", PATHS)
def test_every_recorded_request_is_made_once_and_answered_well(version: str, path: str) -> None:
    talk, marks = drive(version, path)
    talk.to_end(20.0)
    talk.run.signal("ready", talk.now)
    talk.cluster.put("/api/v1/namespaces/local", namespace("local"), "ADDED")
    talk.to_end(60.0)
    assert talk.run.problems == []
    assert talk.run.finished
    assert talk.run.waiting_for == []
    made = Counter(out.step for out in talk.cluster.seen)
    assert set(made) == {step.id for step in talk.run.script.steps}
    assert max(made.values()) == 1
    assert {"synced", "admins", "deployed"} <= set(marks)


@pytest.mark.parametrize("version", VERSIONS)
def test_deletion_leaves_its_clean_up_objects(version: str) -> None:
    run, _ = make_run(deletion_script(version), version)
    talk = FakeDrive(run, FakeCluster())
    users = [step.path for step in run.script.steps if step.method == "DELETE"]
    for path in users:
        full = fill_text(path, run.memory.value)
        kind = "ClusterRole" if "clusterroles" in path else "ClusterRoleBinding"
        talk.cluster.put(
            full,
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": full.rsplit("/", 1)[1]}},
            "ADDED",
        )
    run.signal("synced", talk.now)
    talk.to_end()
    assert run.problems == []
    assert run.finished
    jobs = [path for path in talk.cluster.objects if "/jobs/" in path]
    assert len(jobs) == 1
    owned = [
        obj
        for path, obj in talk.cluster.objects.items()
        if "cattle-cleanup-" in path and obj["metadata"].get("ownerReferences")
    ]
    assert {one["metadata"]["ownerReferences"][0]["uid"] for one in owned} == {
        talk.cluster.objects[jobs[0]]["metadata"]["uid"]
    }
    assert len(owned) == 3


def test_puts_carry_the_newest_version_and_recorded_conflicts_an_older_one() -> None:
    talk, _ = drive()
    statuses: dict[int, int] = {}

    def note(out: Outgoing, reply: Reply) -> Reply:
        statuses[out.step] = reply[0]
        return reply

    talk.spoil = note
    talk.to_end(20.0)
    for step in talk.run.script.steps:
        if step.stale and step.id in statuses:
            assert statuses[step.id] == 409
        elif step.method == "PUT" and step.id in statuses:
            assert statuses[step.id] == 200
    assert sum(step.stale for step in talk.run.script.steps) == 9


def test_nothing_is_written_before_the_watches_are_synced() -> None:
    cluster = FakeCluster(bookmark=False)
    talk, marks = drive(cluster=cluster)
    talk.to_end(30.0)
    assert "synced" not in marks
    assert {out.method for out in cluster.seen} == {"GET"}
    talk.run.overdue(talk.now + 100.0)
    assert any("initial-events-end" in one.what for one in talk.run.problems)


def test_without_a_node_kubectl_is_never_run() -> None:
    cluster = FakeCluster()
    del cluster.objects["/api/v1/nodes/node-1"]
    talk, marks = drive(cluster=cluster)
    talk.to_end(30.0)
    assert "deployed" not in marks
    assert not any(out.method == "PATCH" for out in cluster.seen)


def test_a_token_that_comes_late_is_asked_for_again() -> None:
    asked: list[int] = []

    def late(out: Outgoing, reply: Reply) -> Reply:
        body = json.loads(reply[2]) if reply[1] == "application/json" else {}
        if out.method == "GET" and body.get("type") == "kubernetes.io/service-account-token" and len(asked) < 3:
            asked.append(out.step)
            body.pop("data", None)
            return reply[0], reply[1], json.dumps(body).encode()
        return reply

    talk, marks = drive(spoil=late)
    talk.to_end(20.0)
    assert len(asked) == 3
    assert talk.run.problems == []
    assert "deployed" in marks


def test_an_unexpected_conflict_is_retried_with_the_newer_object() -> None:
    spoilt: list[int] = []

    def rival(out: Outgoing, reply: Reply) -> Reply:
        if out.method == "PUT" and "/deployments/" in out.target and not spoilt:
            spoilt.append(out.step)
            body = {"kind": "Status", "code": 409, "reason": "Conflict", "message": "modified"}
            return 409, "application/json", json.dumps(body).encode()
        return reply

    talk, marks = drive(spoil=rival)
    talk.to_end(20.0)
    assert spoilt
    assert talk.run.conflicts == 1
    assert talk.run.problems == []
    assert "upgraded" in marks


def test_a_lost_connection_is_asked_again() -> None:
    lost: list[int] = []
    talk, _ = drive()

    def cut(out: Outgoing, reply: Reply) -> Reply:
        if "/openapi/v3" in out.target and len(lost) < 2:
            lost.append(out.step)
            talk.run.lost(out.step, talk.now, "cut")
            return 0, "", b""
        return reply

    talk.spoil = cut
    talk.to_end(30.0)
    assert len(lost) == 2
    assert talk.run.problems == []


def test_silence_is_a_problem_after_45_seconds() -> None:
    talk, marks = drive(spoil=lambda out, reply: (0, "", b"") if out.target == "/api?timeout=15m0s" else reply)
    talk.to_end(60.0)
    assert [one.what for one in talk.run.problems] == ["no answer within 45 s"]
    assert marks.count("problem") == 1


Change = Callable[[dict[str, Any]], Any]


def _without(*path: str) -> Change:
    def change(body: dict[str, Any]) -> Any:
        here = body
        for key in path[:-1]:
            here = here.get(key) or {}
        here.pop(path[-1], None)
        return body

    return change


WRONG: tuple[tuple[str, str, Change, str], ...] = (
    ("PUT", "/api/v1/namespaces/default", _without("metadata", "annotations"), "does not hold what was sent"),
    ("POST", "/clusterroles", _without("metadata", "uid"), "lacks metadata.uid"),
    ("GET", "/namespaces/default/secrets", lambda body: body | {"kind": "List"}, "a list of Secret is of kind List"),
    ("GET", "/version", lambda body: {}, "no gitVersion"),
    ("GET", "/deployments/", lambda body: body | {"spec": [1]}, "not of the expected shape"),
    ("PUT", "/api/v1/namespaces/default", lambda body: body | {"metadata": "x"}, "not of the expected shape"),
    ("GET", "/openapi/v3?", lambda body: {"paths": {}}, "the OpenAPI index lacks api/v1"),
    ("GET", "/apis?", lambda body: {"kind": "Pod"}, "discovery of an unknown kind"),
    ("PATCH", "/deployments/", _without("metadata", "annotations"), "does not keep what was applied"),
    (
        "POST",
        "/secrets?timeout",
        lambda body: body | {"metadata": body["metadata"] | {"name": "other"}},
        "generateName",
    ),
)


@pytest.mark.parametrize(("method", "where", "change", "what"), WRONG)
def test_wrong_answers_are_reported(method: str, where: str, change: Change, what: str) -> None:
    def spoil(out: Outgoing, reply: Reply) -> Reply:
        if out.method != method or where not in out.target + "?" or reply[0] >= 300:
            return reply
        return reply[0], reply[1], json.dumps(change(json.loads(reply[2]))).encode()

    talk, marks = drive(spoil=spoil)
    talk.to_end(20.0)
    assert any(what in one.what for one in talk.run.problems), talk.run.problems
    assert "problem" in marks


def test_a_wrong_status_is_reported_with_the_message() -> None:
    body = json.dumps({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "not you"}).encode()
    talk, _ = drive(spoil=lambda out, reply: (403, "application/json", body) if out.method == "PATCH" else reply)
    talk.to_end(20.0)
    assert talk.run.problems[0].what == "answered 403 where 200 was recorded: not you"
    assert talk.run.problems[0].client == "kubectl"


def test_a_watch_that_is_lost_starts_anew_from_its_last_version() -> None:
    talk, _ = drive()
    talk.to_end(20.0)
    watch = next(step.id for step in talk.run.script.steps if step.watch)
    talk.run.lost(watch, talk.now, "cut")
    (again,) = talk.run.due(talk.now + 2.0)
    assert "sendInitialEvents=true" in again.target
    assert f"resourceVersion={talk.run.memory.versions[watch]}" in again.target


def test_kubectl_comes_with_the_impersonating_accounts_token() -> None:
    talk, _ = drive()
    talk.to_end(20.0)
    patch = next(out for out in talk.cluster.seen if out.method == "PATCH")
    assert dict(patch.headers)["Authorization"] == "Bearer jwt"
    assert dict(patch.headers)["X-Forwarded-Uri"].startswith("/k8s/clusters/c-m-abcdefgh/apis/apps/v1/")
    put = next(out for out in talk.cluster.seen if out.method == "PUT")
    assert dict(put.headers)["Authorization"] == "Bearer account"


def test_a_watch_that_ends_goes_on_from_its_last_version() -> None:
    talk, _ = drive()
    talk.to_end(20.0)
    watch = next(step.id for step in talk.run.script.steps if step.watch)
    before = len(talk.cluster.seen)
    talk.run.watch_ended(watch, talk.now)
    (again,) = talk.run.due(talk.now + 2.0)
    assert again.step == watch
    assert "sendInitialEvents" not in again.target
    assert f"resourceVersion={talk.run.memory.versions[watch]}" in again.target
    assert len(talk.cluster.seen) == before
