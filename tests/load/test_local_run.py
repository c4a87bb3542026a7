"""A whole local run, by Locust's own runner, against a Rancher in memory."""

from __future__ import annotations

import errno
import json
import os

import pytest

from scale_agent.errors import InputError, ProfileError, RancherError
from scale_agent.load.files import RunFiles
from scale_agent.rancher.state import Condition
from scale_agent.records import PHASES
from tests.load.fakes import FakeRancher, FakeSimulated
from tests.load.harness import Harness, wait_for


def test_ramps_up_becomes_active_and_leaves_nothing(harness: Harness, rancher: FakeRancher) -> None:
    harness.start(20)
    harness.wait_active(20)
    assert {s.labels["scale-agent/run"] for s in rancher.clusters.values()} == {"r1"}
    assert sorted(rancher.clusters) == [f"sim-r1-{n:05d}" for n in range(20)]

    assert harness.quit() == 0

    assert rancher.clusters == {}
    rows = harness.rows()
    assert len(rows) == 20
    for row in rows:
        assert all(float(row[phase]) >= 0 for phase in PHASES)
        assert float(row["created"]) <= float(row["active"]) <= float(row["deleted"])
        assert row["error"] == ""
    assert "all 20 clusters became active" in harness.said.getvalue()
    assert "subscription, 1 requests" in harness.said.getvalue()
    assert rancher.deleted_while_connected == [True] * 20
    assert not any(FakeSimulated.running.values())


def test_every_fact_is_a_request_event_with_a_name_from_a_closed_list(harness: Harness) -> None:
    harness.start(3)
    harness.wait_active(3)
    harness.quit()
    assert harness.requests("REST", "POST create") == 3
    assert harness.requests("REST", "DELETE delete") == 3
    assert harness.requests("AGENT", "ping") == 3
    assert harness.requests("TUNNEL", "main upgrade") == 3
    assert harness.requests("SERVED", "get") == 3
    assert harness.requests("PHASE", "active") == 3
    assert harness.requests("PHASE", "deleted") == 3
    assert harness.failures() == {("TUNNEL", "stv"): 3}
    assert [str(e.error) for e in harness.environment.stats.errors.values()] == ["status 401"]
    assert not [key for key in harness.environment.stats.entries if "sim-" in key[0] or "c-m-" in key[0]]


def test_records_say_everything_that_the_table_says(harness: Harness) -> None:
    harness.start(2)
    harness.wait_active(2)
    harness.quit()
    records = harness.records()
    assert (records[0].kind, records[0].name, records[0].detail["run_id"]) == ("run", "start", "r1")
    assert (records[-1].kind, records[-1].name, records[-1].detail["active"]) == ("run", "end", 2)
    of_one = [record for record in records if record.cluster == "sim-r1-00000"]
    assert [record.name for record in of_one if record.kind == "life"] == ["begun", "left"]
    assert {record.name for record in of_one if record.kind == "phase"} == set(PHASES)
    assert {record.name for record in of_one if record.kind == "request"} >= {"POST create", "GET token", "agent ping"}
    served = [record for record in records if record.kind == "served"]
    assert sum(record.detail["n"] for record in served if record.name == "get namespaces") == 2
    assert "secret-registration-token" not in (harness.out / "records.jsonl").read_text()


def test_files_stand_while_the_run_goes_on(harness: Harness) -> None:
    harness.start(2)
    harness.wait_active(2)
    wait_for(lambda: (harness.out / "clusters.csv").exists() and len(harness.rows()) == 2)
    wait_for(lambda: [record for record in harness.records() if record.name == "active"])


def test_hold_ends_a_headless_run_by_itself(harness: Harness) -> None:
    harness.configure("--hold", "0.1")
    harness.start(3)
    wait_for(lambda: harness.director.verdict is not None)
    assert harness.environment.process_exit_code == 0
    assert [record.name for record in harness.records() if record.kind == "run"] == ["start", "settled", "end"]


def test_one_that_sticks_is_a_counted_failure_and_the_others_go_on(harness: Harness, rancher: FakeRancher) -> None:
    rancher.never_active.add("sim-r1-00001")
    harness.configure("--active-timeout", "0.6", "--hold", "0")
    harness.start(4)
    wait_for(lambda: harness.director.verdict is not None)
    harness.quit()
    assert harness.environment.process_exit_code == 1
    assert harness.failures() == {("PHASE", "connected"): 1, ("TUNNEL", "stv"): 4}
    row = next(row for row in harness.rows() if row["cluster"] == "sim-r1-00001")
    assert (row["error"], row["stuck_before"], row["active"]) == ("deadline", "connected", "")
    assert sum(bool(row["active"]) for row in harness.rows()) == 3
    said = harness.said.getvalue()
    assert "1 of 4 clusters did not become active" in said
    assert "sim-r1-00001" in said
    assert rancher.clusters == {}


def test_transient_refusals_are_retried_in_the_task(
    harness: Harness, rancher: FakeRancher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scale_agent.load.patience.FIRST_RETRY_S", 0.01)
    rancher.refusals["create"] = [RancherError("server", "busy", status=503) for _ in range(3)]
    rancher.refusals["token"] = [RancherError("timeout", "slow")]
    harness.start(2)
    harness.wait_active(2)
    assert harness.failures()[("REST", "POST create")] == 3
    assert harness.quit() == 0


def test_a_refusal_that_nothing_cures_fails_that_cluster_only(harness: Harness, rancher: FakeRancher) -> None:
    rancher.refusals["create"] = [RancherError("forbidden", "no", status=403)]
    harness.start(3)
    wait_for(lambda: harness.ledger.settled == 3)
    assert harness.ledger.active() == 2
    assert harness.quit() == 1
    assert sorted(row["error"] for row in harness.rows()) == ["", "", "forbidden 403"]


def test_a_name_with_this_runs_label_is_adopted(harness: Harness, rancher: FakeRancher) -> None:
    left = rancher.add("sim-r1-00001", {"scale-agent/run": "r1"})
    rancher.add("sim-r1-00007", {"scale-agent/run": "r1"})
    harness.start(3)
    harness.wait_active(3)
    assert rancher.clusters["sim-r1-00001"].id == left.id
    assert FakeSimulated.seeds["sim-r1-00001"] == "r1/1"
    assert harness.quit() == 0
    assert rancher.clusters == {}
    assert [row["cluster"] for row in harness.rows() if row["adopted"]] == ["sim-r1-00001"]
    assert "1 of them from an earlier start" in harness.said.getvalue()


def test_one_in_which_an_agent_was_is_replaced(harness: Harness, rancher: FakeRancher) -> None:
    """Rancher counts on what it has put into it, and the process that had it is gone."""
    left = rancher.add("sim-r1-00000", {"scale-agent/run": "r1"})
    rancher.change("sim-r1-00000", conditions={"Provisioned": Condition("Provisioned", "True")})
    harness.start(2)
    harness.wait_active(2)
    assert rancher.clusters["sim-r1-00000"].id != left.id
    assert harness.quit() == 0
    assert [row["adopted"] for row in harness.rows()] == ["replaced", ""]


def test_a_strangers_name_is_left_alone_and_said(
    harness: Harness, rancher: FakeRancher, caplog: pytest.LogCaptureFixture
) -> None:
    rancher.add("sim-r1-00000", {"owner": "someone"})
    harness.start(2)
    wait_for(lambda: harness.ledger.settled == 2)
    assert harness.quit() == 1
    assert list(rancher.clusters) == ["sim-r1-00000"]
    assert [row["error"] for row in harness.rows()] == ["name-taken", ""]
    assert len([r for r in caplog.records if "does not carry the label scale-agent/run=r1" in r.getMessage()]) == 1


def test_one_that_is_being_removed_is_waited_for_not_adopted(harness: Harness, rancher: FakeRancher) -> None:
    old = rancher.add("sim-r1-00000", {"scale-agent/run": "r1"})
    rancher.change("sim-r1-00000", removing=True)
    harness.start(1)
    wait_for(lambda: "state" in rancher.calls)
    rancher.forget("sim-r1-00000")
    harness.wait_active(1)
    assert rancher.clusters["sim-r1-00000"].id != old.id
    assert harness.quit() == 0


def test_creations_are_bounded(harness: Harness, rancher: FakeRancher) -> None:
    harness.configure("--create-concurrency", "2")
    harness.start(12)
    harness.wait_active(12)
    assert rancher.most_creating == 2
    waits = [record for record in harness.records() if record.kind == "wait"]
    harness.quit()
    assert len(waits) <= 12
    assert len([record for record in harness.records() if record.kind == "wait"]) == 12


def test_fewer_users_means_their_clusters_are_deleted_and_their_numbers_used_again(
    harness: Harness, rancher: FakeRancher
) -> None:
    harness.start(5)
    harness.wait_active(5)
    harness.start(3)
    wait_for(lambda: len(rancher.clusters) == 3)
    assert all(FakeSimulated.running[name] for name in rancher.clusters)
    gone = set(FakeSimulated.running) - set(rancher.clusters)
    wait_for(lambda: not any(FakeSimulated.running[name] for name in gone))
    harness.start(5)
    wait_for(lambda: len(rancher.clusters) == 5)
    assert set(rancher.clusters) == {f"sim-r1-{n:05d}" for n in range(5)}
    harness.wait_active(5)
    assert harness.quit() == 0


def test_a_name_that_is_used_again_is_deleted_again(harness: Harness, rancher: FakeRancher) -> None:
    """While the first deletion still looks whether all are gone, the second of the same name must not be skipped."""
    for _ in range(2):
        harness.start(3)
        wait_for(lambda: sum(row.place == "active" for row in harness.ledger) == 3)
        harness.start(1)
        wait_for(lambda: len(rancher.clusters) == 1)
        wait_for(lambda: sum(row.place == "deleted" for row in harness.ledger) == 2)
    assert harness.quit() == 0


def test_failed_clusters_go_first_and_those_on_their_way_before_active_ones(
    harness: Harness, rancher: FakeRancher
) -> None:
    harness.start(4)
    harness.wait_active(4)
    rancher.refusals["create"] = [RancherError("forbidden", "no", status=403)]
    harness.start(5)
    wait_for(lambda: harness.ledger.settled == 5)
    rancher.never_active.update({"sim-r1-00005", "sim-r1-00006"})
    harness.start(7)
    wait_for(lambda: len(rancher.clusters) == 6)
    gone = []
    for users in (6, 4, 3):
        before = {row.name for row in harness.ledger if row.left}
        harness.start(users)
        wait_for(lambda: sum(not row.left for row in harness.ledger) == users)  # noqa: B023 - waited for here
        gone.append({row.name for row in harness.ledger if row.left} - before)
    assert gone == [{"sim-r1-00004"}, {"sim-r1-00005", "sim-r1-00006"}, {"sim-r1-00003"}]
    assert harness.quit() == 1
    assert "1 of 7 clusters did not become active" in harness.said.getvalue(), "two were taken away: no failures"


def test_fewer_users_while_some_are_on_their_way_is_no_failure(harness: Harness, rancher: FakeRancher) -> None:
    rancher.never_active.add("sim-r1-00002")
    harness.start(3)
    harness.wait_active(2)
    wait_for(lambda: len(rancher.clusters) == 3)
    harness.start(2)
    wait_for(lambda: len(rancher.clusters) == 2)
    assert harness.quit() == 0
    assert "2 of 3 clusters became active, the others were taken away before" in harness.said.getvalue()


def test_keep_clusters_keeps_them(harness: Harness, rancher: FakeRancher) -> None:
    harness.configure("--keep-clusters")
    harness.start(2)
    harness.wait_active(2)
    assert harness.quit() == 0
    assert len(rancher.clusters) == 2
    assert "2 clusters were kept" in harness.said.getvalue()


def test_stopped_half_way_is_no_success(harness: Harness, rancher: FakeRancher) -> None:
    rancher.never_active.update(f"sim-r1-{n:05d}" for n in range(4))
    harness.start(4)
    wait_for(lambda: len(rancher.clusters) == 4)
    assert harness.quit() == 1
    assert rancher.clusters == {}
    assert {row["stuck_before"] for row in harness.rows()} <= {
        "token",
        "manifest",
        "applied",
        "tunnel",
        "agent_deployed",
        "connected",
    }
    assert "stopped" in harness.said.getvalue()


def test_what_rancher_does_not_delete_is_said(
    harness: Harness, rancher: FakeRancher, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.start(2)
    harness.wait_active(2)
    rancher.refusals["delete"] = [RancherError("server", "broken", status=500) for _ in range(99)]
    assert harness.quit() == 1
    assert (
        "2 clusters are left in Rancher (server 500); to remove them: python -m scale_agent sweep --run-id r1"
        in harness.said.getvalue()
    )


def test_someone_elses_deletion_of_an_active_cluster_is_a_fact_not_a_failure(
    harness: Harness, rancher: FakeRancher
) -> None:
    harness.start(2)
    harness.wait_active(2)
    rancher.forget("sim-r1-00000")
    assert harness.quit() == 0
    errors = [record for record in harness.records() if record.kind == "error"]
    assert [(record.cluster, record.name) for record in errors] == [("sim-r1-00000", "removed-by-rancher")]


def test_a_second_run_into_the_same_directory_appends(harness: Harness) -> None:
    for _ in range(2):
        harness.configure()
        harness.start(1)
        harness.wait_active(1)
        assert harness.quit() == 0
    assert [record.name for record in harness.records() if record.kind == "run"] == ["start", "end"] * 2


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        (("--host", "ftp://x"), InputError, "does not start with https"),
        (("--host", "https://rancher.example/dashboard"), InputError, "has a path"),
        (("--profile", "missing.yaml"), ProfileError, "missing.yaml"),
        (("--run-id", "No_Good"), InputError, "--run-id"),
        (("--name-prefix", "x_"), InputError, "--name-prefix"),
        (("--active-timeout", "0"), InputError, "--active-timeout"),
        (("--create-concurrency", "-1"), InputError, "--create-concurrency"),
        (("--imports-at-once", "-1"), InputError, "--imports-at-once"),
        (("--users", "0"), InputError, "--users"),
        (("--users", "-1"), InputError, "--users"),
    ],
)
def test_bad_input_is_one_line(harness: Harness, options: tuple[str, ...], error: type[Exception], text: str) -> None:
    harness.configure(*options)
    with pytest.raises(error) as caught:
        harness.director.prepare()
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_profile_of_a_user_class_is_read_before_the_run(
    harness: Harness, rancher: FakeRancher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness.environment.user_classes[0], "profile", "missing.yaml")
    with pytest.raises(ProfileError, match="cannot be read"):
        harness.director.prepare()
    assert rancher.clusters == {}


def test_profiles_are_compiled_before_the_first_life_begins(
    harness: Harness, rancher: FakeRancher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness.environment.user_classes[0], "profile", "own.yaml")
    harness.start(1)
    harness.wait_active(1)
    assert rancher.prepared == [("profiles/small.yaml", 0), ("own.yaml", 0)]


def test_a_full_disk_keeps_nobody_from_cleaning_up(
    harness: Harness, rancher: FakeRancher, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.start(2)
    harness.wait_active(2)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(RunFiles, "add", full)
    assert harness.quit() == 1
    assert rancher.clusters == {}
    assert "files are not complete, writing failed: No space left on device" in harness.said.getvalue()


def test_a_run_that_cannot_begin_ends_with_the_reason(harness: Harness, rancher: FakeRancher) -> None:
    rancher.refusals["login"] = [RancherError("unauthorized", "wrong token", status=401)]
    harness.start(2)
    wait_for(lambda: harness.director.verdict is not None)
    harness.quit()
    assert harness.environment.process_exit_code == 1
    assert "wrong token" in harness.said.getvalue()


def test_json_lines_are_whole(harness: Harness) -> None:
    harness.start(1)
    harness.wait_active(1)
    harness.quit()
    for line in (harness.out / "records.jsonl").read_text().splitlines():
        assert set(json.loads(line)) <= {"kind", "name", "at_s", "cluster", "ms", "error", "detail"}
