"""Comparing both sides' books: what agrees, what a loss explains, and what nothing explains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fleet.books import Generator, Line, compare, merged_quantile, quantile_ms
from benchmarks.fleet.end import compared


def _books(requests: list[tuple[str, str, int, int]], **others: Any) -> dict[str, Any]:
    rows = [{"verb": verb, "resource": resource, "status": status, "n": n} for verb, resource, status, n in requests]
    lost = sum(n for _, _, status, n in requests if not status)
    empty: dict[str, Any] = {
        "rest": {},
        "clusters": {},
        "wire": {},
        "bytes": {},
        "errors": {},
        "requests_unwritten": {},
        "tunnels": {"requests lost with their tunnel": lost} if lost else {},
    }
    return {"requests": rows, **empty, **others}


def _generator(tmp_path: Path, records: list[dict[str, Any]]) -> Generator:
    file = tmp_path / "records.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return Generator.read([file])


def _served(name: str, status: int, n: int) -> dict[str, Any]:
    return {"kind": "served", "name": name, "detail": {"status": status, "n": n, "bytes_in": 1, "bytes_out": 2}}


def _different(generator: Generator, books: list[dict[str, Any]]) -> list[Line]:
    return [line for line in compare(generator, books) if line.difference]


def test_equal_books_differ_in_nothing(tmp_path: Path) -> None:
    generator = _generator(
        tmp_path,
        [
            _served("get pods", 200, 3),
            _served("get pods", 200, 2),
            {"kind": "request", "name": "POST create"},
            {"kind": "handshake", "name": "main"},
            {"kind": "phase", "name": "active"},
        ],
    )
    books = _books(
        [("get", "pods", 200, 5)],
        rest={"create 201": 1},
        tunnels={"main opened": 1, "main closed": 1},
        clusters={"active": 1},
    )
    assert _different(generator, [books]) == []


def test_several_peers_are_added_up(tmp_path: Path) -> None:
    generator = _generator(tmp_path, [_served("get pods", 200, 5)])
    assert not _different(generator, [_books([("get", "pods", 200, 2)]), _books([("get", "pods", 200, 3)])])


def test_an_answer_that_the_peers_lost_explains_one_more_of_the_generators(tmp_path: Path) -> None:
    generator = _generator(tmp_path, [_served("get pods", 200, 5)])
    found = compare(generator, [_books([("get", "pods", 200, 4), ("get", "pods", 0, 1)])])
    assert Line("get pods 200", 5, 4, 1) in found
    assert not [line for line in found if line.difference]


def test_a_loss_explains_only_one_row(tmp_path: Path) -> None:
    """The peers lost one; the generator answered one more of each status."""
    generator = _generator(tmp_path, [_served("get pods", 200, 5), _served("get pods", 404, 2)])
    books = _books([("get", "pods", 200, 4), ("get", "pods", 404, 1), ("get", "pods", 0, 1)])
    assert [line.difference for line in _different(generator, [books])] == [1]


def test_a_loss_of_another_kind_explains_nothing(tmp_path: Path) -> None:
    generator = _generator(tmp_path, [_served("get pods", 200, 5), _served("list pods", 200, 1)])
    books = _books([("get", "pods", 200, 4), ("list", "pods", 200, 1), ("list", "pods", 0, 9)])
    assert [line.what for line in _different(generator, [books])] == ["get pods 200"]


def test_an_answer_that_the_generator_never_gave_is_never_explained(tmp_path: Path) -> None:
    generator = _generator(tmp_path, [_served("get pods", 200, 5)])
    books = _books([("get", "pods", 200, 6), ("get", "pods", 0, 9)])
    assert [(line.what, line.difference) for line in _different(generator, [books])] == [("get pods 200", -1)]


def test_what_got_lost_needs_a_cause(tmp_path: Path) -> None:
    generator = _generator(tmp_path, [_served("get pods", 200, 1)])
    lost, one = [("get", "pods", 200, 1), ("get", "pods", 0, 2)], {"requests lost with their tunnel": 1}
    assert [line.difference for line in _different(generator, [_books(lost, tunnels=one)])] == [-1]
    again = _books(lost, tunnels=one, wire={"requests_repeated": 1})
    assert not _different(generator, [again])
    unsent = _books(lost, tunnels=one, wire={"requests_repeated": 1}, requests_unwritten={"get pods": 1})
    assert [line.difference for line in _different(generator, [unsent])] == [-1]


def test_names_that_the_generator_does_not_tell_are_others(tmp_path: Path) -> None:
    generator = _generator(tmp_path, [_served("get other", 200, 2)])
    assert not _different(generator, [_books([("get", "gizmos", 200, 1), ("get", "gadgets", 200, 1)])])


def test_rest_calls_and_tunnels_are_compared_too(tmp_path: Path) -> None:
    generator = _generator(tmp_path, [{"kind": "request", "name": "DELETE delete"}])
    books = _books([], rest={"delete 204": 2}, tunnels={"stv opened": 1})
    assert {line.what for line in _different(generator, [books])} == {"REST DELETE delete", "tunnel stv"}
    assert compared(generator, [books])["books_difference"] == 2


def test_a_call_that_was_abandoned_explains_one_more_of_the_peers(tmp_path: Path) -> None:
    counts = {"kind": "counts", "name": "w0", "detail": {"abandoned_requests": 1, "abandoned_dials": 1}}
    generator = _generator(tmp_path, [counts])
    books = _books([], rest={"ping 200": 1}, tunnels={"main opened": 1})
    assert not _different(generator, [books])
    more = _books([], rest={"ping 200": 1, "root 200": 1}, tunnels={"main opened": 1, "stv opened": 1})
    assert {line.what for line in _different(generator, [more])} == {"REST agent root", "tunnel stv"}


def test_a_call_that_failed_may_not_have_come_through(tmp_path: Path) -> None:
    calls = [{"kind": "request", "name": "agent root"}, {"kind": "request", "name": "agent root", "error": "timeout"}]
    generator = _generator(tmp_path, calls)
    for seen, different in ((2, []), (1, []), (0, [1]), (3, [-1])):
        found = _different(generator, [_books([], rest={"root 200": seen})])
        assert [line.difference for line in found] == different


def test_what_tunnels_ends_can_explain_has_a_bound(tmp_path: Path) -> None:
    counts = {"kind": "counts", "name": "w0", "detail": {"connections_opened": 7, "pings": 12}}
    generator, ended = _generator(tmp_path, [counts]), {"main closed": 2}
    fine = {"connections_opened": 8, "connections_unheard": 1, "pings": 10}
    assert not _different(generator, [_books([], wire=fine, tunnels=ended)])
    wrong = {"connections_opened": 9, "connections_unheard": 1, "pings": 9}
    found = _different(generator, [_books([], wire=wrong, tunnels=ended)])
    assert {line.what: line.difference for line in found} == {"wire connections_opened": -1, "wire pings": 1}


def test_nobody_receives_more_than_was_sent(tmp_path: Path) -> None:
    counts = {"kind": "counts", "name": "w0", "detail": {"events": 10, "bytes_in": 100}}
    generator = _generator(tmp_path, [counts])
    ended = {"main opened": 0, "main closed": 3}
    fine = _books([], wire={"events": 9, "bytes_in": 120}, tunnels=ended)
    assert not _different(generator, [fine])
    assert Line("wire events", 10, 9, 1) in compare(generator, [fine])
    wrong = _books([], wire={"events": 11, "bytes_in": 99}, tunnels=ended)
    assert [line.difference for line in _different(generator, [wrong])] == [-1, 1]
    for_no_reason = _books([], wire={"events": 9, "bytes_in": 100})
    assert [line.what for line in _different(generator, [for_no_reason])] == ["wire events"]


def test_counters_of_all_processes_are_added_up(tmp_path: Path) -> None:
    counts = [{"kind": "counts", "name": worker, "detail": {"events": 3, "pings": 1}} for worker in ("w0", "w1")]
    assert _generator(tmp_path, counts).counters == {"events": 6, "pings": 2}


@pytest.mark.parametrize(("q", "bucket"), [(0.5, 0), (0.9, 0), (0.91, 80), (1.0, 80)])
def test_a_quantile_is_the_upper_end_of_its_bucket(q: float, bucket: int) -> None:
    assert quantile_ms({0: 90, 80: 10}, q) == pytest.approx(2 ** ((bucket + 1) / 8) / 1000, abs=0.001)


def test_quantiles_of_what_came_since() -> None:
    before = {"latencies_ms": {"ping": {"buckets": {"160": 50}}}}
    after = {"latencies_ms": {"ping": {"buckets": {"160": 50, "8": 2}}}}
    assert merged_quantile([after], "ping", 0.99, [before]) == pytest.approx(0.002, abs=0.0005)
    assert merged_quantile([before], "ping", 0.99, [before]) == 0.0
