"""The record format: what is written is read back, and a crash spoils one line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.records import KINDS, PHASES, Reader, Record, append, from_line, to_line

details = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.booleans(), max_size=3)
records = st.builds(
    Record,
    kind=st.sampled_from(KINDS),
    name=st.sampled_from(PHASES),
    at_s=st.floats(0, 4e9).map(lambda s: round(s, 6)),
    cluster=st.text(max_size=20),
    ms=st.just(-1.0) | st.floats(0, 1e7).map(lambda ms: round(ms, 3)),
    error=st.text(max_size=20),
    detail=details,
)


@given(records)
def test_a_line_says_everything(record: Record) -> None:
    line = to_line(record)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert from_line(line) == record


def test_defaults_are_left_out() -> None:
    assert json.loads(to_line(Record("run", "start", 1.5))) == {"kind": "run", "name": "start", "at_s": 1.5}


@pytest.mark.parametrize(
    "line",
    ["", "{}", "[]", "null", "1", '{"kind":"run"', '{"kind":"run","name":"x"}', '{"kind":"a","name":"b","at_s":"x"}'],
)
def test_what_is_no_record_is_an_error(line: str) -> None:
    with pytest.raises(ValueError):
        from_line(line)


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_reader_survives_a_cut_last_line(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "records.jsonl"
    text = to_line(Record("run", "start", 1)) + to_line(Record("run", "end", 2))
    path.write_text(text[:-cut])
    reader = Reader(path)
    found = list(reader)
    assert [record.name for record in found] == (["start", "end"] if cut == 1 else ["start"])
    assert reader.skipped == (0 if cut == 1 else 1)


def test_a_reader_survives_garbage_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(
        to_line(Record("run", "start", 1)).encode() + b"\xff\x00{}\n" + to_line(Record("run", "end", 2)).encode()
    )
    reader = Reader(path)
    assert [record.name for record in reader] == ["start", "end"]
    assert reader.skipped == 1


def test_append_writes_one_line() -> None:
    file = io.StringIO()
    append(file, Record("phase", "active", 3.0, "c", 12.0))
    assert from_line(file.getvalue()).ms == 12.0
