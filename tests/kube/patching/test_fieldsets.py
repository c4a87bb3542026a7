"""Field sets against plain sets of paths."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.kube.patching import elements, fieldsets
from scale_agent.kube.patching.fieldsets import Node

Paths = frozenset[tuple[str, ...]]

_element = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])
_paths = st.frozensets(st.lists(_element, min_size=1, max_size=4).map(tuple), max_size=8)


def _tree(found: Paths) -> Node:
    root: Node = {}
    for path in sorted(found, key=len, reverse=True):
        node = root
        for element in path:
            node = node.setdefault(element, {})
        if node:
            node["."] = {}
    return root


def _plain(fields: Node) -> Paths:
    return frozenset(fieldsets.paths(fields))


@given(_paths, _paths)
def test_operations_are_those_of_sets(left: Paths, right: Paths) -> None:
    one, other = _tree(left), _tree(right)
    assert _plain(fieldsets.union(one, other)) == left | right
    assert _plain(fieldsets.intersection(one, other)) == left & right
    assert _plain(fieldsets.difference(one, other)) == left - right
    deep = {path for path in left if not any(path[:size] in right for size in range(1, len(path) + 1))}
    assert _plain(fieldsets.without(one, other)) == deep
    assert (one, other) == (_tree(left), _tree(right))
    assert all(fieldsets.has(one, path) == (path in left) for path in left | right)


@given(_paths, _paths)
def test_results_are_written_as_sets_are(left: Paths, right: Paths) -> None:
    for made in (fieldsets.union, fieldsets.intersection, fieldsets.difference, fieldsets.without):
        found = made(_tree(left), _tree(right))
        assert fieldsets.parsed(found) == found == _tree(_plain(found))


def test_elements_are_ordered_by_value_and_shown_as_go_shows_them() -> None:
    fields: Node = {
        "v:2": {},
        'k:{"port":80}': {},
        'k:{"port":443}': {},
        "f:b": {},
        "f:a": {"i:1": {}},
        "v:10": {},
        ".": {},
    }
    assert list(fieldsets.ordered(fields)) == [".", "f:a", "f:b", 'k:{"port":80}', 'k:{"port":443}', "v:2", "v:10"]
    path = ("f:spec", 'k:{"name":"a","port":80}', 'v:"x"', "i:3")
    assert fieldsets.text_of(path) == '.spec[name="a",port=80][="x"][3]'


@pytest.mark.parametrize("bad", [[], {"spec": {}}, {"f:a": 1}, {"k:[]": {}}, {"k:{": {}}, {"v:x": {}}, {"i:x": {}}])
def test_what_is_no_field_set_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        fieldsets.parsed(bad)


def test_elements_become_canonical() -> None:
    assert elements.canonical('k:{"b": 1, "a": "<"}') == 'k:{"a":"\\u003c","b":1}'
    assert elements.canonical("x:y") is None
