"""Histories are trimmed when there is something to trim, not in between."""

from __future__ import annotations

from scale_agent.kube.server import TRIM_EVERY_S
from scale_agent.kube.storage import history
from scale_agent.kube.storage.version import Version
from tests.kube.testbed import Bed

MAPS = "/api/v1/namespaces/default/configmaps"


def _post(bed: Bed, name: str) -> Version:
    bed.post(MAPS, {"metadata": {"name": name}, "data": {"long": "x" * 400}})
    version = bed.api.core.store.get(("", "configmaps"), "default", name)
    assert version is not None
    return version


def _looks(bed: Bed, until_s: float) -> list[float]:
    """When a cluster asks to be woken up to a time, counted from now."""
    began, looks = bed.now_s, []
    while (due := bed.api.advance(bed.now_s)) is not None and due <= began + until_s:
        bed.now_s = due
        looks.append(due - began)
    bed.now_s = began + until_s
    return looks


def test_a_cluster_at_rest_is_not_woken_every_fifteen_seconds() -> None:
    bed = Bed()
    version = _post(bed, "a")
    assert _looks(bed, history.MAX_AGE_S + 2 * TRIM_EVERY_S) == [
        TRIM_EVERY_S,
        history.MAX_AGE_S,
        history.MAX_AGE_S + TRIM_EVERY_S,
    ]
    assert version.packed
    assert bed.api.core.store.log(("", "configmaps")).size == 0
    assert bed.api.advance(bed.now_s) is None


def test_what_is_written_while_the_next_look_is_far_away_is_packed_as_soon() -> None:
    bed = Bed()
    _post(bed, "a")
    bed.advance(100)
    version = _post(bed, "b")
    bed.advance(TRIM_EVERY_S + 1)
    assert version.packed
    bed.advance(history.MAX_AGE_S + 2 * TRIM_EVERY_S)
    assert bed.api.core.store.log(("", "configmaps")).size == 0
    assert bed.api.advance(bed.now_s) is None
