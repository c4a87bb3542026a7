from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.kube.patching import patches
from scale_agent.kube.patching.patches import PatchError

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "~/"]), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [  # RFC 7386, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_examples_of_the_rfc(target: Any, patch: Any, expected: Any) -> None:
    before = copy.deepcopy((target, patch))
    assert patches.merge(target, patch) == expected
    assert (target, patch) == before


@pytest.mark.parametrize(
    ("target", "operations", "expected"),
    [  # RFC 6902, appendix A
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
        ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
        ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
        ({"foo": ["a", "b", "c"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["a", "c"]}),
        ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
        ({"a": {"b": 1}, "c": {}}, [{"op": "move", "from": "/a/b", "path": "/c/d"}], {"a": {}, "c": {"d": 1}}),
        (
            {"foo": ["a", "b", "c", "d"]},
            [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
            {"foo": ["a", "c", "d", "b"]},
        ),
        ({"a": 1}, [{"op": "test", "path": "/a", "value": 1}], {"a": 1}),
        ({"foo": ["a"]}, [{"op": "add", "path": "/foo/-", "value": ["b"]}], {"foo": ["a", ["b"]]}),
        ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
        ({"a": {"b": [1]}}, [{"op": "copy", "from": "/a/b", "path": "/c"}], {"a": {"b": [1]}, "c": [1]}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}),
    ],
)
def test_json_patch_examples_of_the_rfc(target: Any, operations: Any, expected: Any) -> None:
    before = copy.deepcopy(target)
    assert patches.json_patch(target, operations) == expected
    assert target == before


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "fly", "path": "/a"}],
        [{"op": "remove", "path": "/nope"}],
        [{"op": "add", "path": "/nope/x", "value": 1}],
        [{"op": "add", "path": "a", "value": 1}],
        [{"op": "test", "path": "/a", "value": True}],
        [{"op": "remove", "path": ""}],
        [{"op": "move", "from": "/l", "path": "/l/0"}],
        [{"op": "add", "path": "", "value": {}}],
        [{"op": "replace", "path": "", "value": 1}],
        [{"op": "remove", "path": "/l/9"}],
        [{"op": "replace", "path": "/a/b", "value": 1}],
    ],
)
def test_impossible_json_patches_are_refused(operations: Any) -> None:
    with pytest.raises(PatchError):
        patches.json_patch({"a": 1, "l": [1, 2]}, operations)


def _merge_patch_between(old: Any, new: Any) -> Any:
    """The obvious merge patch from one value to another."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    removed = {name: None for name in old if name not in new}
    return {**removed, **{name: _merge_patch_between(old.get(name), value) for name, value in new.items()}}


_no_nulls = st.recursive(
    st.booleans() | st.integers(-3, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=8,
)


@given(_no_nulls, _no_nulls)
def test_a_merge_patch_leads_from_one_value_to_the_other(old: Any, new: Any) -> None:
    assert patches.merge(old, _merge_patch_between(old, new)) == new


_pointers = st.lists(st.sampled_from(["a", "b", "0", "1", "-", "~0~1"]), max_size=3).map(
    lambda parts: "".join(f"/{one}" for one in parts)
)
_operations = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": _pointers},
        optional={"value": _json, "from": _pointers},
    ),
    max_size=4,
)


@given(_json.filter(lambda value: isinstance(value, dict | list)), _operations)
def test_json_patches_apply_or_refuse_and_never_touch_the_original(target: Any, operations: Any) -> None:
    before = copy.deepcopy(target)
    with contextlib.suppress(PatchError):
        patches.json_patch(target, operations)
    assert target == before
