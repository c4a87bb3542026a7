"""Ledger, files and the way of records from a worker."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pytest

from scale_agent.errors import InputError
from scale_agent.load.files import RunFiles, places
from scale_agent.load.ledger import COLUMNS, Ledger
from scale_agent.load.sinks import Shipper, Store
from scale_agent.records import PHASES, Record, to_line


def life(name: str, cluster: str, error: str = "", **detail: object) -> Record:
    return Record("life", name, 100.0, cluster, error=error, detail=detail)


def phase(name: str, cluster: str, ms: float) -> Record:
    return Record("phase", name, 100.0 + ms / 1000, cluster, ms)


def test_a_ledger_tells_active_failed_and_unfinished_apart() -> None:
    ledger = Ledger()
    for name in ("a", "b", "c"):
        ledger.apply(life("begun", name, worker="w1"))
        ledger.apply(phase("created", name, 10))
    ledger.apply(phase("active", "a", 2000))
    ledger.apply(life("failed", "b", error="deadline"))
    assert (len(ledger), ledger.settled, ledger.active()) == (3, 2, 1)
    assert ledger.failures() == {("token", "deadline"): ["b"], ("token", "stopped"): ["c"]}
    assert ledger.stuck() == {"token": 2}
    ledger.apply(phase("active", "b", 9000))
    assert not ledger.rows["b"].active, "late is not in time"
    assert (ledger.settled, ledger.active()) == (2, 1)
    assert ledger.settled_of(frozenset({"w1"})) == 2
    assert ledger.settled_of(frozenset({"w0"})) == 0


def test_the_first_time_of_a_phase_counts() -> None:
    ledger = Ledger()
    ledger.apply(phase("ready", "a", 5))
    ledger.apply(phase("ready", "a", 50))
    assert ledger.rows["a"].phases == {"ready": 5}


def test_a_name_that_begins_again_is_a_new_life() -> None:
    ledger = Ledger()
    ledger.apply(life("begun", "a"))
    ledger.apply(phase("active", "a", 5))
    ledger.apply(Record("life", "begun", 500.0, "a"))
    assert (ledger.settled, ledger.rows["a"].phases, ledger.rows["a"].started_s) == (0, {}, 500.0)


def test_records_of_other_kinds_change_what_they_should() -> None:
    ledger = Ledger()
    ledger.apply(life("begun", "a"))
    ledger.apply(Record("lost", "main", 1, "a", error="closed"))
    ledger.apply(Record("error", "refused", 1, "a", error="refused"))
    ledger.apply(Record("request", "GET token", 1, "a", 3.0))
    ledger.apply(Record("run", "start", 1))
    ledger.apply(life("adopted", "a"))
    cells = ledger.rows["a"].cells()
    assert (cells["tunnels_lost"], cells["errors"], cells["adopted"], cells["error"]) == ("1", "1", "adopted", "")
    assert len(ledger) == 1


def test_phase_times_are_sorted() -> None:
    ledger = Ledger()
    for number, ms in enumerate((30.0, 10.0, 20.0)):
        ledger.apply(phase("created", f"c{number}", ms))
    assert ledger.phase_times()["created"] == [10.0, 20.0, 30.0]
    assert tuple(ledger.phase_times()) == PHASES


class Files:
    def __init__(self, directory: Path, prefix: str | None = None) -> None:
        self.now_s = 0.0
        self.ledger = Ledger()
        self.files = RunFiles(places(str(directory), prefix), self.ledger, clock=lambda: self.now_s)
        self.store = Store(self.ledger, self.files)
        self.directory = directory

    def table(self, name: str = "clusters.csv") -> list[dict[str, str]]:
        with (self.directory / name).open() as file:
            return list(csv.DictReader(file))


def test_files_are_complete_at_every_moment(tmp_path: Path) -> None:
    made = Files(tmp_path)
    made.store.put(life("begun", "a"))
    made.store.flush()
    assert [row["cluster"] for row in made.table()] == ["a"]
    assert (tmp_path / "records.jsonl").read_text().count("\n") == 1
    made.store.put(phase("created", "a", 1234.5))
    made.store.flush()
    assert (tmp_path / "records.jsonl").read_text().count("\n") == 2
    assert made.table()[0]["created"] == "", "the table is rewritten at most once a second"
    made.now_s = 2.0
    made.store.flush()
    assert made.table()[0]["created"] == "1.234"
    assert sorted(os.listdir(tmp_path)) == ["clusters.csv", "records.jsonl"]
    made.store.close()


def test_an_unchanged_table_is_not_written_again(tmp_path: Path) -> None:
    made = Files(tmp_path)
    made.store.put(life("begun", "a"))
    made.store.flush()
    (tmp_path / "clusters.csv").unlink()
    made.now_s = 10.0
    made.store.flush()
    assert not (tmp_path / "clusters.csv").exists()
    made.store.close()


def test_the_columns_of_the_table(tmp_path: Path) -> None:
    made = Files(tmp_path)
    made.store.put(life("begun", "a", worker="w0"))
    made.store.close()
    made.store.close()
    assert tuple(made.table()[0]) == COLUMNS
    assert set(PHASES) < set(COLUMNS)


def test_files_stand_beside_locusts_own_too(tmp_path: Path) -> None:
    made = Files(tmp_path / "out", str(tmp_path / "x" / "prefix"))
    made.store.put(life("begun", "a"))
    made.store.close()
    assert (tmp_path / "x" / "prefix_clusters.csv").read_text() == (tmp_path / "out" / "clusters.csv").read_text()
    assert (tmp_path / "x" / "prefix_records.jsonl").read_text() == (tmp_path / "out" / "records.jsonl").read_text()


def test_a_line_that_a_crash_cut_spoils_only_itself(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text('{"kind":"run","na')
    made = Files(tmp_path)
    made.store.put(life("begun", "a"))
    made.store.close()
    lines = (tmp_path / "records.jsonl").read_text().splitlines()
    assert lines[0] == '{"kind":"run","na'
    assert '"begun"' in lines[1]


def test_a_directory_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--out"):
        Files(tmp_path / "file")


def test_a_shipper_sends_batches_and_the_store_takes_them() -> None:
    sent: list[dict[str, Any]] = []
    shipper = Shipper("r1", sent.append)
    for number in range(1200):
        shipper.put(life("begun", f"c{number}"))
    shipper.flush()
    assert [len(data["lines"]) for data in sent] == [500, 500, 200]
    store = Store(Ledger(), None)
    for data in sent:
        store.take("worker", data["lines"], data["dropped"])
    assert len(store.ledger) == 1200
    assert (store.dropped, store.garbled) == (0, 0)


def test_what_cannot_be_sent_stays_in_order_and_what_cannot_stay_is_counted() -> None:
    sent: list[dict[str, Any]] = []
    broken = [True]

    def send(data: dict[str, Any]) -> None:
        if broken[0]:
            raise OSError("no master")
        sent.append(data)

    shipper = Shipper("r1", send, most_waiting=5)
    records = [life("begun", f"c{number}") for number in range(8)]
    for record in records[:4]:
        shipper.put(record)
    with pytest.raises(OSError, match="no master"):
        shipper.flush()
    for record in records[4:]:
        shipper.put(record)
    broken[0] = False
    shipper.flush()
    assert [line for data in sent for line in data["lines"]] == [to_line(record) for record in records[3:]]
    assert sent[-1]["dropped"] == 3


def test_drops_of_each_worker_are_summed_and_garbage_is_counted() -> None:
    store = Store(Ledger(), None)
    store.take("a", ["nonsense\n"], 2)
    store.take("a", [], 3)
    store.take("b", [], 4)
    assert (store.dropped, store.garbled) == (7, 1)
