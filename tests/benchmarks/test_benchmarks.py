"""That the benchmarks run and what they write; never how fast anything is."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import figures, inside, memory, served
from benchmarks.figures import Figure
from benchmarks.questions import QUESTIONS
from scale_agent.cluster.profile import load
from scale_agent.cluster.runtime import ManualRuntime

SMALL = Path("profiles/small.yaml")


def test_every_kind_of_request_succeeds_where_it_should() -> None:
    server = inside.Inside(ManualRuntime(), load(SMALL))
    server.furnish()
    refused = {}
    for question in QUESTIONS:
        answers = [
            server.ask(question.method, question.path(n), question.encoded(n), question.accept, question.media).status
            for n in range(2)
        ]
        if question.name != "get_absent" and max(answers) >= 300:
            refused[question.name] = answers
    assert not refused


def test_a_change_reaches_all_watchers() -> None:
    found = inside.changes(ManualRuntime(), load(SMALL), 1)
    assert set(found) == set(inside.WATCHERS)
    assert all(value > 0 for values in found.values() for value in values)


def test_memory_is_measured_in_a_process_of_its_own() -> None:
    assert memory.measure(SMALL, 10, 0) >= 0


def test_the_served_cluster_answers_over_tls() -> None:
    with served.simulated(SMALL) as server, served.furnished(server) as client:
        statuses = {q.name: client.ask(q.method, q.path(0), q.encoded(0), q.accept, q.media) for q in QUESTIONS}
    assert statuses.pop("get_absent") == 404
    assert max(statuses.values()) < 300


def test_figures_are_medians_with_their_spread() -> None:
    assert Figure.of([3, 1, 2], "µs", 5) == Figure(2, "µs", 2, 3, 5)


def test_the_document_holds_machine_commit_and_figures(tmp_path: Path) -> None:
    out = tmp_path / "build" / "bench.json"
    figures.keep(out, {"x": Figure.of([1.0], "B")})
    document = json.loads(out.read_text(encoding="utf-8"))
    assert set(document) == {"machine", "commit", "figures"}
    assert document["figures"]["x"] == {"value": 1.0, "unit": "B", "spread": 0.0, "runs": 1, "target": None}
    assert document["machine"]["cores"] >= 1
