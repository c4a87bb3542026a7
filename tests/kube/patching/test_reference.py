"""Every patch type against the real server's own libraries: some 2,900 random cases and what those made of them.

``reference/`` makes the data: evanphx/json-patch, apimachinery's strategicpatch, and managedfields over
structured-merge-diff (sequences of applies and updates). Refusals are compared word by word where clients see them.
"""

from __future__ import annotations

import copy
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from scale_agent.kube.errors import StatusError
from scale_agent.kube.patching import applying, atoms, managed, ownership, patches, strategic, updater
from scale_agent.kube.patching.atoms import Atom, TypedError
from scale_agent.kube.patching.managed import By
from scale_agent.kube.patching.updater import Versions
from scale_agent.kube.schema.schema import Schema
from scale_agent.kube.schema.types import Type

DATA = Path(__file__).parent / "data" / "reference.jsonl.gz"
SCHEMA = Schema.load()
Case = dict[str, Any]


def _cases(kind: str) -> list[Case]:
    found = [orjson.loads(line) for line in gzip.decompress(DATA.read_bytes()).splitlines()]
    return [one for one in found if one["case"] == kind]


def _struct(group: str, version: str, kind: str) -> Type:
    found = SCHEMA.kind(group, version, kind)
    assert found is not None
    return found


DEPLOYMENT = _struct("apps", "v1", "Deployment")


def _differing(cases: list[Case], answer: Any) -> Iterator[tuple[Case, Any]]:
    """The cases that come out otherwise, with what they give."""
    for case in cases:
        before = copy.deepcopy(case["target"])
        found = answer(case)
        assert case["target"] == before, "the target was changed"
        if orjson.dumps(found, option=orjson.OPT_SORT_KEYS) != orjson.dumps(_wanted(case), option=orjson.OPT_SORT_KEYS):
            yield case, found


def _wanted(case: Case) -> Any:
    return {"error": case["error"]} if "error" in case else {"result": case["result"]}


def test_json_patches() -> None:
    def answer(case: Case) -> Any:
        try:
            return {"result": patches.json_patch(case["target"], case["patch"])}
        except patches.PatchError:
            return {"error": case.get("error", "refused")}  # clients never see which one

    cases = _cases("json")
    assert len(cases) > 500
    assert next(_differing(cases, answer), None) is None


def test_merge_patches() -> None:
    cases = _cases("merge")
    assert len(cases) > 250
    found = _differing(cases, lambda case: {"result": patches.merge(case["target"], case["patch"])})
    assert next(found, None) is None


def test_strategic_merge_patches() -> None:
    def answer(case: Case) -> Any:
        try:
            return {"result": strategic.merge(case["target"], copy.deepcopy(case["patch"]), DEPLOYMENT)}
        except patches.PatchError as error:
            return {"error": str(error).splitlines()[0]}

    cases = _cases("strategic")
    assert len(cases) > 1300
    assert next(_differing(cases, answer), None) is None


#: The schema of reference/fields.go.
WIDGET: Case = orjson.loads(
    (Path(__file__).parent / "reference" / "fields.go").read_text().partition("const widget = `")[2].partition("`")[0]
)


def _atom(kind: str) -> Atom:
    if kind == "Deployment":
        return atoms.of_type(DEPLOYMENT)
    meta = DEPLOYMENT.fields["metadata"].type
    assert meta is not None
    return atoms.of_schema(WIDGET, meta, root=False) if kind == "Widget" else atoms.DEDUCED


class _Live:
    """An object without a server: what the reference's test manager is."""

    def __init__(self, kind: str, api_version: str, name: str) -> None:
        atom = _atom(kind)
        self.versions = Versions(lambda version: atom if version == api_version else None, lambda o, _: o, lambda _: {})
        self.api_version, self.kind = api_version, name
        self.empty: Case = {"apiVersion": api_version, "kind": name}
        self.obj: Case = self.empty

    def step(self, step: Case) -> Case:
        by = By(step["manager"], "2026-01-01T00:00:00Z")
        try:
            self.obj = self._apply(step, by) if step["do"] == "apply" else self._update(step, by)
        except StatusError as error:
            return {"error": error.message.splitlines()[0]}
        except TypedError as error:
            return {"error": str(error).splitlines()[0]}
        obj = copy.deepcopy(self.obj)
        entries = (obj.get("metadata") or {}).pop("managedFields", [])
        return {"object": obj, "managedFields": [_timeless(one) for one in entries]}

    def _apply(self, step: Case, by: By) -> Case:
        live = {**self.obj, "metadata": {k: v for k, v in self.obj.get("metadata", {}).items() if k != "managedFields"}}
        if not live["metadata"]:
            del live["metadata"]
        owners = ownership.owners_of(self.obj)
        target = applying.Target(self.versions, self.api_version, self.kind, live, owners)
        made = applying.apply_to(target, step["object"], by, self.empty, force=step["force"])
        made.obj["metadata"]["managedFields"] = ownership.entries_of(made.owners)
        obj: Case = made.obj
        return obj

    def _update(self, step: Case, by: By) -> Case:
        new: Case = copy.deepcopy(step["object"])
        owners = managed.starting_owners(self.obj, new, by)
        before = copy.deepcopy(self.obj)
        before.get("metadata", {}).pop("managedFields", None)
        managed.grow(updater.Change(self.versions, self.api_version, before, new), owners, by)
        if owners:
            new["metadata"]["managedFields"] = ownership.entries_of(owners)
        return new


def _timeless(entry: Case) -> Case:
    return {name: value for name, value in entry.items() if name != "time"}


KINDS = {
    "Deployment": ("apps/v1", "Deployment"),
    "Widget": ("example.com/v1", "Widget"),
    "deduced": ("example.com/v1", "Widget"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_applies_and_updates(kind: str) -> None:
    cases = [case for case in _cases("fields") if case["type"] == kind]
    assert len(cases) > 100
    for case in cases:
        live = _Live(kind, *KINDS[kind])
        for at, (step, seen) in enumerate(zip(case["steps"], case["seen"], strict=True)):
            if "error" in seen and "smd typed" in seen["error"]:
                break  # the test manager keeps what no server would store
            found = live.step(step)
            wanted = {"error": seen["error"].splitlines()[0]} if "error" in seen else seen
            assert found == wanted, (case["steps"][: at + 1], at)
