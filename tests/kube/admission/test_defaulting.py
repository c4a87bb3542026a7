"""The table of defaults and its reader against the real scheme's defaulting, on objects of every kind."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import orjson
import pytest

from scale_agent.kube.admission.defaulting import filler_for
from scale_agent.kube.codec import normalizer
from scale_agent.kube.schema.schema import DEFAULT_VERSION, Schema

DATA = Path(__file__).parent / "data" / f"{DEFAULT_VERSION}-default-cases.json.z"
SCHEMA = Schema.load(DEFAULT_VERSION)


def served(api_version: str, kind: str) -> bool:
    group, _, version = api_version.rpartition("/")
    return SCHEMA.kind(group, version, kind) is not None


CASES: list[dict[str, Any]] = [
    case for case in orjson.loads(zlib.decompress(DATA.read_bytes())) if served(case["apiVersion"], case["kind"])
]
KINDS = sorted({(case["apiVersion"], case["kind"]) for case in CASES})


def typed(obj: dict[str, Any], case: dict[str, Any]) -> Any:
    return normalizer.normalize({**obj, "kind": case["kind"], "apiVersion": case["apiVersion"]}, SCHEMA)


def without_times(value: Any) -> Any:
    """``timeAdded`` is the time of the run."""
    if isinstance(value, dict):
        return {name: without_times(one) for name, one in value.items() if name != "timeAdded"}
    return [without_times(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("api_version", "kind"), KINDS)
def test_every_kind_is_filled_as_by_the_real_scheme(api_version: str, kind: str) -> None:
    group, _, version = api_version.rpartition("/")
    filler = filler_for(DEFAULT_VERSION, group, version, kind, converted=False)
    for case in CASES:
        if (case["apiVersion"], case["kind"]) == (api_version, kind):
            made = orjson.loads(orjson.dumps(case["before"]))
            if filler is not None:
                filler.fill(made, {}, "2026-01-01T00:00:00Z")
            assert without_times(typed(made, case)) == without_times(typed(case["after"], case))
