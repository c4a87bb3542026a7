"""A master and its workers, in one process but over real sockets, against a Rancher in memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from locust import runners
from locust.env import Environment
from locust.runners import STATE_MISSING, WorkerRunner
from rich.console import Console

from scale_agent.errors import RancherError
from scale_agent.load import dispatcher, register
from scale_agent.load import user as user_module
from scale_agent.records import Reader
from tests.load.fakes import FakeDoors, FakeRancher, FakeSimulated
from tests.load.harness import Cluster, fresh_events, parse, wait_for


class Crowd:
    """A master and two workers."""

    def __init__(self, rancher: FakeRancher, out: Path, *options: str) -> None:
        self.rancher = rancher
        self.out = out
        self.said = io.StringIO()
        FakeSimulated.running.clear()
        user_module.BURST_S = 0.01
        arguments = ("--headless", "--host", "https://rancher.example", "--run-id", "r1", "--out", str(out))
        parsed = parse(*arguments, *options)
        self.master = self._environment(parsed)
        self.master_runner = self.master.create_master_runner("127.0.0.1", 0)
        self.port = self.master_runner.server.port
        self.run = register(self.master, FakeDoors(rancher), Console(file=self.said, width=200))
        self.workers = [self._worker() for _ in range(2)]
        wait_for(lambda: len(self.master_runner.clients.ready) == 2)

    def _environment(self, parsed: Any) -> Environment:
        host = parsed.host if parsed is not None else None
        return Environment(events=fresh_events(), user_classes=[Cluster], host=host, parsed_options=parsed)

    def _worker(self) -> Environment:
        environment = self._environment(None)
        environment.create_worker_runner("127.0.0.1", self.port)
        register(environment, FakeDoors(self.rancher))
        return environment

    @property
    def director(self) -> Any:
        return self.run.director

    def start(self, users: int) -> None:
        gevent.spawn(self.master_runner.start, users, 100)

    def end(self) -> int | None:
        """What the master's and the workers' processes do at the end of a headless run."""
        self.master_runner.quit()
        self.fire(self.master)
        for worker in self.workers:
            self.fire(worker)
        return self.master.process_exit_code

    def fire(self, environment: Environment) -> None:
        events: Any = environment.events
        events.quitting.fire(environment=environment, reverse=True)
        events.quit.fire(exit_code=0)


@pytest.fixture
def crowd(rancher: FakeRancher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    monkeypatch.setattr("locust.runners.WORKER_REPORT_INTERVAL", 0.1)
    monkeypatch.setattr("locust.runners.HEARTBEAT_INTERVAL", 0.1)
    monkeypatch.setattr("scale_agent.load.dispatcher.SILENT_S", 1)
    monkeypatch.setattr("locust.runners.WORKER_LOG_REPORT_INTERVAL", -1)
    made = Crowd(rancher, tmp_path / "out")
    yield made
    for worker in made.workers:
        if worker.runner is not None:
            worker.runner.quit()
    made.master_runner.quit()


def test_workers_carry_clusters_and_the_master_writes_one_set_of_files(crowd: Crowd, rancher: FakeRancher) -> None:
    crowd.start(8)
    wait_for(lambda: crowd.director.store.ledger.active() == 8)
    assert {name.split("-")[2] for name in rancher.clusters} == {f"{n:05d}" for n in (0, 1, 2, 3)} | {
        str(100_000 + n) for n in range(4)
    }
    assert {state.labels["scale-agent/worker"] for state in rancher.clusters.values()} == {"w0", "w1"}
    wait_for(lambda: len(crowd.director.costs) == 2)

    assert crowd.end() == 0

    assert rancher.clusters == {}
    assert rancher.deleted_while_connected == [True] * 8
    assert not any(FakeSimulated.running.values())
    records = list(Reader(crowd.out / "records.jsonl"))
    assert len([r for r in records if r.kind == "phase" and r.name == "active"]) == 8
    assert len([r for r in records if r.kind == "phase" and r.name == "deleted"]) == 8
    assert len([r for r in records if r.kind == "life" and r.name == "begun"]) == 8
    assert "subscription, 2 requests, 2.0 kB in 2 process(es)" in crowd.said.getvalue()
    assert crowd.master.stats.get("POST create", "REST").num_requests == 8


def test_a_lost_worker_is_a_failure_and_the_others_go_on(crowd: Crowd, rancher: FakeRancher) -> None:
    crowd.start(4)
    wait_for(lambda: crowd.director.store.ledger.active() == 4)
    lost = crowd.workers[0].runner
    assert isinstance(lost, WorkerRunner)
    label = f"w{lost.worker_index}"
    lost.greenlet.kill(block=True)
    wait_for(lambda: any(node.state == STATE_MISSING for node in crowd.master_runner.clients.all))
    wait_for(lambda: crowd.director.problems)
    assert crowd.end() == 1
    assert rancher.clusters == {}
    ledger = crowd.director.store.ledger
    assert {row.error for row in ledger if row.worker == label} == {"worker-lost"}
    assert {row.error for row in ledger if row.worker != label} == {""}
    assert f"worker {label} was lost with 2 clusters" in crowd.said.getvalue()


def test_a_worker_that_is_busy_for_seconds_is_not_taken_for_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locust's own three seconds are less than a collector's pause and a compilation on a busy machine."""
    monkeypatch.setattr(runners, "HEARTBEAT_LIVENESS", 3)
    dispatcher.fix_topology(Environment(events=fresh_events()))
    assert dispatcher.SILENT_S == runners.HEARTBEAT_LIVENESS * runners.HEARTBEAT_INTERVAL == 30


def test_a_worker_that_cannot_take_part_says_why_and_ends_the_run(
    crowd: Crowd, rancher: FakeRancher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The master's token is good, a worker's is not: on real machines they come from different environments."""
    open_site = FakeDoors.site

    def refused_site(*arguments: Any) -> Any:
        rancher.refusals["login"] = [RancherError("unauthorized", "this worker's token is wrong", status=401)]
        return open_site(*arguments)

    monkeypatch.setattr(FakeDoors, "site", refused_site)
    crowd.start(2)
    wait_for(lambda: crowd.director.verdict is not None)
    crowd.end()
    assert crowd.master.process_exit_code == 1
    assert "a worker refused: this worker's token is wrong" in crowd.said.getvalue()


def test_records_of_another_run_are_not_taken(crowd: Crowd) -> None:
    crowd.start(1)
    wait_for(lambda: crowd.director.store.ledger.active() == 1)
    worker = crowd.workers[0].runner
    assert worker is not None
    stale = {"run": "older", "lines": ['{"kind":"life","name":"begun","at_s":1,"cluster":"x"}\n'], "dropped": 0}
    worker.send_message("scale-agent-records", stale)
    worker.send_message("scale-agent-records", {**stale, "run": "r1", "lines": ["garbage\n"]})
    wait_for(lambda: crowd.director.store.garbled)
    assert "x" not in crowd.director.store.ledger.rows
    assert len(crowd.director.store.ledger) == 1
    assert crowd.end() == 1
    assert "1 records were lost" in crowd.said.getvalue()


def test_a_worker_interrupted_with_its_master_stays_until_rancher_let_go(crowd: Crowd, rancher: FakeRancher) -> None:
    """A terminal's interrupt reaches the workers first; their agents are needed for the deletion."""
    crowd.start(4)
    wait_for(lambda: crowd.director.store.ledger.active() == 4)
    leaving = [gevent.spawn(crowd.fire, worker) for worker in crowd.workers]
    gevent.sleep(0)
    crowd.fire(crowd.master)
    gevent.joinall(leaving, timeout=20, raise_error=True)
    assert all(greenlet.ready() for greenlet in leaving)
    assert crowd.master.process_exit_code == 0
    assert rancher.deleted_while_connected == [True] * 4
