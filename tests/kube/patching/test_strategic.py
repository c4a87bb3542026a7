from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.kube.patching import strategic
from scale_agent.kube.patching.patches import PatchError
from scale_agent.kube.schema.schema import Schema
from tests.kube.testbed import VERSION

DEPLOYMENT = Schema.load(VERSION).kind("apps", "v1", "Deployment")
NAMESPACE = Schema.load(VERSION).kind("", "v1", "Namespace")


def _pods(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(containers), **spec}}}}


def _containers(obj: dict[str, Any]) -> Any:
    return obj["spec"]["template"]["spec"]["containers"]


def test_lists_merge_by_their_key() -> None:
    old = _pods({"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"})
    new = strategic.merge(old, _pods({"name": "b", "image": "b:2"}), DEPLOYMENT)
    assert {one["name"]: one["image"] for one in _containers(new)} == {"a": "a:1", "b": "b:2"}
    assert _containers(old)[1]["image"] == "b:1"


def test_deeper_lists_merge_too() -> None:
    old = _pods({"name": "a", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]})
    new = strategic.merge(
        old, _pods({"name": "a", "env": [{"name": "Y", "value": "3"}, {"name": "Z", "value": "4"}]}), DEPLOYMENT
    )
    values = {one["name"]: one["value"] for one in _containers(new)[0]["env"]}
    assert values == {"X": "1", "Y": "3", "Z": "4"}


def test_elements_are_deleted_by_directive() -> None:
    old = _pods({"name": "a"}, {"name": "b"})
    assert _containers(strategic.merge(old, _pods({"name": "a", "$patch": "delete"}), DEPLOYMENT)) == [{"name": "b"}]


def test_lists_and_maps_are_replaced_by_directive() -> None:
    old = _pods({"name": "a"}, {"name": "b"}, nodeSelector={"x": "1"})
    new = strategic.merge(
        old, _pods({"$patch": "replace"}, {"name": "c"}, nodeSelector={"$patch": "replace", "y": "2"}), DEPLOYMENT
    )
    assert _containers(new) == [{"name": "c"}]
    assert new["spec"]["template"]["spec"]["nodeSelector"] == {"y": "2"}


def test_set_element_order_orders() -> None:
    old = _pods({"name": "a"}, {"name": "s"}, {"name": "b"})
    patch = _pods({"name": "c"})
    patch["spec"]["template"]["spec"]["$setElementOrder/containers"] = [{"name": "b"}, {"name": "c"}, {"name": "a"}]
    names = [one["name"] for one in _containers(strategic.merge(old, patch, DEPLOYMENT))]
    assert [name for name in names if name != "s"] == ["b", "c", "a"]
    assert "s" in names


def test_retain_keys_drops_the_others() -> None:
    old = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic.merge(old, patch, DEPLOYMENT) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_primitive_lists_merge_and_lose_values() -> None:
    old = {"metadata": {"finalizers": ["a", "b"]}}
    added = strategic.merge(old, {"metadata": {"finalizers": ["c"]}}, NAMESPACE)
    assert sorted(added["metadata"]["finalizers"]) == ["a", "b", "c"]
    fewer = strategic.merge(old, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}, NAMESPACE)
    assert fewer["metadata"]["finalizers"] == ["b"]


def test_nulls_remove_and_atomic_lists_are_replaced() -> None:
    old = _pods({"name": "a", "command": ["x", "y"]}, hostNetwork=True)
    new = strategic.merge(old, _pods({"name": "a", "command": ["z"]}, hostNetwork=None), DEPLOYMENT)
    assert _containers(new)[0]["command"] == ["z"]
    assert "hostNetwork" not in new["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    "patch",
    [
        _pods({"image": "x"}),
        _pods({"name": "a", "$patch": "explode"}),
        {"$patch": "explode"},
        {"$retainKeys": "x"},
    ],
)
def test_nonsense_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(PatchError):
        strategic.merge(_pods({"name": "a"}), patch, DEPLOYMENT)


_value = st.recursive(
    st.none() | st.integers(0, 2) | st.sampled_from(["a", "b", "delete", "replace", "merge"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["spec", "template", "containers", "name", "$patch", "$setElementOrder/containers"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["spec", "metadata"]), _value),
    st.dictionaries(st.sampled_from(["spec", "$patch"]), _value),
)
def test_any_patch_applies_or_is_refused(old: dict[str, Any], patch: dict[str, Any]) -> None:
    before = copy.deepcopy(old)
    with contextlib.suppress(PatchError):
        strategic.merge(old, copy.deepcopy(patch), DEPLOYMENT)
    assert old == before
