"""No body of a patch makes the server stumble: it applies, or refuses with a Status."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kube.testbed import Bed

APPLY = "application/apply-patch+yaml"
MEDIA = (
    APPLY,
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
WEB = "/apis/apps/v1/namespaces/default/deployments/web"

_names = st.sampled_from(
    [
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "labels",
        "finalizers",
        "managedFields",
        "spec",
        "template",
        "containers",
        "replicas",
        "ports",
        "env",
        "status",
        "containerPort",
        "conditions",
        "type",
        "$patch",
        "$retainKeys",
        "fieldsV1",
        "$setElementOrder/containers",
        "op",
        "path",
        "from",
        "value",
        "selector",
        "$deleteFromPrimitiveList/finalizers",
    ]
)
_leaves = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.floats(allow_nan=False, allow_infinity=False, width=16)
    | st.sampled_from(
        ["", "a", "web", "apps/v1", "Deployment", "replace", "delete", "add", "/spec/replicas", "/metadata"]
    )
)
_values = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=5),
    max_leaves=14,
)
_head: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}


def _bed() -> Bed:
    bed = Bed()
    pod = {"containers": [{"name": "a", "image": "i", "ports": [{"containerPort": 1}]}]}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod}
    bed.post(WEB.rpartition("/")[0], {**_head, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}})
    return bed


BED = _bed()


@pytest.mark.parametrize("media", MEDIA)
@given(_values, st.sampled_from(["", "metadata", "spec", "status"]), st.sampled_from(["", "/status", "/scale"]))
@settings(max_examples=120, deadline=None)
def test_any_patch_applies_or_is_refused(media: str, body: Any, inside: str, sub: str) -> None:
    made = {**_head, inside: body} if inside else body
    query: dict[str, Any] = {"fieldManager": "m"} if media == APPLY else {}
    answer = BED.ask("PATCH", WEB + sub, made, media=media, dryRun="All", **query)
    found = orjson.loads(answer.body)
    assert answer.status == 200 or (found["kind"] == "Status" and found["message"])


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for media in MEDIA:
        query: dict[str, Any] = {"fieldManager": "m"} if media == APPLY else {}
        assert BED.ask("PATCH", WEB, body, media=media, dryRun="All", **query).status in (200, 400, 413, 422, 500)
