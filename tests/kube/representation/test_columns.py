"""Table columns: the data file has them for every resource that can be listed, in a real server's form."""

from __future__ import annotations

from typing import Any

import pytest

from scale_agent.kube import data_files
from scale_agent.kube.schema.schema import DEFAULT_VERSION, Schema

DATA = data_files.load_json(DEFAULT_VERSION, "columns.json")
#: Name, format and priority of columns as kubectl 1.36 prints them (priority 1: ``-o wide`` only).
KNOWN = {
    "/v1/pods": [
        ("Name", "name", 0),
        ("Ready", "", 0),
        ("Status", "", 0),
        ("Restarts", "", 0),
        ("Age", "", 0),
        ("IP", "", 1),
        ("Node", "", 1),
        ("Nominated Node", "", 1),
        ("Readiness Gates", "", 1),
    ],
    "/v1/namespaces": [("Name", "name", 0), ("Status", "", 0), ("Age", "", 0)],
    "apps/v1/deployments": [
        ("Name", "name", 0),
        ("Ready", "", 0),
        ("Up-to-date", "", 0),
        ("Available", "", 0),
        ("Age", "", 0),
        ("Containers", "", 1),
        ("Images", "", 1),
        ("Selector", "", 1),
    ],
}


def test_every_listed_resource_has_columns() -> None:
    """In every version, and nothing else has."""
    listed = {f"{one.group}/{one.version}/{one.plural}" for one in Schema.load().resources if "list" in one.verbs}
    assert DATA.keys() == listed
    assert len(listed) == 61


@pytest.mark.parametrize("place", KNOWN)
def test_known_columns(place: str) -> None:
    """Names in order, which of them name the object, which are for wide output."""
    assert [(name, form, priority) for name, _, form, priority, _ in DATA[place]] == KNOWN[place]


@pytest.mark.parametrize("place", DATA)
def test_shape(place: str) -> None:
    """Five values each, no name twice; the first column is the object's name, except of events."""
    rows: list[list[Any]] = DATA[place]
    for row in rows:
        name, kind, form, priority, description = row
        assert kind in ("string", "integer", "number", "boolean", "date")
        assert form in ("", "name")
        assert priority in (0, 1)
        assert isinstance(description, str)
        assert name
    names = [row[0] for row in rows]
    assert len(set(names)) == len(names)
    assert {row[0] for row in rows if row[2] == "name"} - {"Attacher"} == {"Name"}
    assert names[0] == ("Last Seen" if place.endswith("/events") else "Name")


@pytest.mark.parametrize(
    ("place", "column", "size"),
    [("/v1/events", "Reason", 128), ("/v1/namespaces", "Status", 27), ("batch/v1/jobs", "Duration", 34)],
)
def test_descriptions_have_their_real_length(place: str, column: str, size: int) -> None:
    """Filler of the real text's size on the wire, so that answers are as long as a real server's."""
    description = next(row[4] for row in DATA[place] if row[0] == column)
    assert len(description) == size
    assert description.startswith("the text of the publi"[:size])
