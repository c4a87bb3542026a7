"""The scenarios, played against our controllers, give what they gave against the real ones, step by step."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from scale_agent.kube.controllers import manager
from tests.kube.controllers import leniency
from tests.kube.controllers.ours import Ours
from tests.kube.controllers.scenarios import SCENARIOS

DATA = Path(__file__).parent / "data"


def differences(left: Any, right: Any, at: str = "") -> list[str]:
    """Where two values differ: path, recorded, ours."""
    if isinstance(left, dict) and isinstance(right, dict):
        names = sorted(left.keys() | right.keys())
        return [one for name in names for one in differences(left.get(name), right.get(name), f"{at}.{name}")]
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        pairs = enumerate(zip(left, right, strict=True))
        return [one for number, pair in pairs for one in differences(*pair, f"{at}[{number}]")]
    return [] if left == right else [f"{at}: recorded {_short(left)}, ours {_short(right)}"]


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 600 else text[:600] + "…"


@pytest.mark.parametrize("name", sorted(path.name.removesuffix(".json.gz") for path in DATA.glob("*.json.gz")))
def test_scenario(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "_OUTRUN", (403, 404, 409))  # what our own controllers write is valid
    recorded = json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))
    ours = Ours(recorded["second"])
    SCENARIOS[name](ours)
    assert [one["name"] for one in ours.steps] == [one["name"] for one in recorded["steps"]]
    found = []
    for was, made in zip(recorded["steps"], ours.steps, strict=True):
        if was["name"] == leniency.UNTIL.get(name):
            break
        left, right = leniency.applied(name, was), leniency.applied(name, made)
        found += [f"{was['name']}{one}" for one in differences(left, right)]
    assert not found, "\n".join(found[:40])
