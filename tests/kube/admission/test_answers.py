"""Objects of every kind with one thing changed: the same refusals as a real server's, causes in order, word for word.

What is unequal stands in ``data/unequal.txt``; a line there that became equal fails too. To write the file anew:

    python -m tests.kube.admission.test_answers
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from functools import cache
from typing import Any

import orjson
import pytest

from tests.kube.admission import mutations
from tests.kube.admission.places import collection, renamed, resource_of
from tests.kube.admission.record import ANSWERS, said
from tests.kube.testbed import Bed

Obj = dict[str, Any]
UNEQUAL = ANSWERS.parent / "unequal.txt"
#: Only the server knows them; names and numbers that it takes by chance.
MOMENTARY = ("uid", "creationTimestamp", "resourceVersion", "managedFields", "lastPhaseTransitionTime")
_CHANCE = (
    (re.compile(r"10\.(?:43|77)\.\d+\.\d+"), "<address>"),
    (re.compile(r"kube-api-access-\w{5}\b"), "kube-api-access-<chance>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uid>"),
)


def normal(value: Any, name: str = "") -> Any:
    """Without what chance or the time say."""
    if isinstance(value, dict):
        return {key: normal(one, key) for key, one in value.items() if key not in MOMENTARY}
    if isinstance(value, list):
        return [normal(one) for one in value]
    if name in ("nodePort", "healthCheckNodePort"):
        return "<port>"
    if isinstance(value, str):
        for pattern, word in _CHANCE:
            value = pattern.sub(word, value)
    return value


@cache
def recorded() -> Any:
    return json.loads(gzip.decompress(ANSWERS.read_bytes()))


@cache
def found() -> dict[str, bool]:
    """Every recorded case by its name, and whether ours is equal."""
    bed, bases = _bed(), mutations.bases()
    places = [{label: (path, new) for label, path, new in mutations.mutations(base)} for base in bases]
    out = {}
    for number, verb, label, *real in recorded()["answers"]:
        base, (path, new) = bases[number], places[number][label]
        ours = _ours(bed, base, recorded()["live"][number], verb, path, new)
        out[f"{base['kind']} {base['metadata']['name']} {verb} {label}"] = normal(ours) == normal(real)
    return out


def _bed() -> Bed:
    """A server with the recorded objects as they were in the real one."""
    bed = Bed()
    for name in (mutations.NAMESPACE, f"{mutations.NAMESPACE}-limits"):
        bed.post("/api/v1/namespaces", {"metadata": {"name": name}})
    core = bed.api.core
    for live in recorded()["live"]:
        resource = core.resolve(*_place(live))
        core.store.put(resource.key, core.catalog.normalize(live, resource), bed.now_s)
    return bed


def _place(live: Obj) -> tuple[str, str, str]:
    one = resource_of(live)
    return one.group, one.version, one.plural


def _ours(bed: Bed, base: Obj, live: Obj, verb: str, path: Any, new: Any) -> list[Any]:
    place = collection(base)
    if verb == "create":
        answer = bed.ask("POST", place, renamed(mutations.changed(base, path, new)), dryRun="All")
    else:
        changed = mutations.changed(live, path, new)
        name = f"{place}/{base['metadata']['name']}"
        if isinstance(changed.get("metadata"), dict) and changed["metadata"].get("resourceVersion"):
            changed["metadata"]["resourceVersion"] = bed.get(name)["metadata"]["resourceVersion"]
        answer = bed.ask("PUT", name, changed, dryRun="All")
    return said(answer.status, orjson.loads(answer.body), whole=verb == "create" and path == ("kind",))


def _listed() -> set[str]:
    return set(UNEQUAL.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("kind", sorted({base["kind"] for base in mutations.bases()}))
def test_refusals_are_a_real_servers(kind: str) -> None:
    cases = {name: equal for name, equal in found().items() if name.startswith(f"{kind} ")}
    assert cases
    unequal = {name for name, equal in cases.items() if not equal}
    listed = {name for name in _listed() if name.startswith(f"{kind} ")}
    assert not unequal - listed
    assert not listed - unequal, "equal now: python -m tests.kube.admission.test_answers"


def test_nearly_all_are_equal() -> None:
    """The share that docs/fidelity.md states."""
    assert len(_listed()) < 0.04 * len(found())


if __name__ == "__main__":
    UNEQUAL.write_text("".join(f"{name}\n" for name, equal in sorted(found().items()) if not equal), encoding="utf-8")
    total, wrong = len(found()), sum(not equal for equal in found().values())
    sys.stdout.write(f"{total} answers, {wrong} unequal: {100 - 100 * wrong / total:.1f} % equal\n")
