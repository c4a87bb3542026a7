"""Generated definitions and objects are answered as by a real server: pruned, defaulted, refused for its causes."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from scale_agent.kube.http import Response
from tests.kube.custom.answers import DEFINITIONS, Answer, collection, custom_object, definition
from tests.kube.testbed import Bed


@cache
def recorded() -> list[dict[str, Any]]:
    path = Path(__file__).parent / "data" / "answers.json.gz"
    found: list[dict[str, Any]] = json.loads(gzip.decompress(path.read_bytes()))
    return found


def answer(bed: Bed, path: str, body: dict[str, Any]) -> dict[str, Any]:
    parts = urlsplit(path)
    query: dict[str, Any] = {"dryRun": "All"} if parts.query else {}
    found = bed.ask("POST", parts.path, body, **query)
    assert isinstance(found, Response)
    warnings = [value for name, value in found.headers if name == "Warning"]
    return Answer.of(found.status, found.body, warnings).as_dict()


@pytest.mark.parametrize("number", range(60))
def test_a_definition_and_its_objects(number: int) -> None:
    case, bed = recorded()[number], Bed()
    assert answer(bed, DEFINITIONS, definition(number, case["schema"])) == case["answer"]
    for sent, told in zip(case["objects"], case["answers"], strict=case["answer"]["status"] == 201):
        assert answer(bed, f"{collection(number)}?dryRun=All", custom_object(number, sent)) == told, sent


def test_the_recording_holds_all_sorts_of_answers() -> None:
    definitions = [case["answer"]["status"] for case in recorded()]
    objects = [one["status"] for case in recorded() for one in case["answers"]]
    assert definitions.count(201) > 20
    assert definitions.count(422) > 5
    assert objects.count(201) > 50
    assert objects.count(422) > 100
