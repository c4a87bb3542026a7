"""A filled object is what the filled text says, and shares with others what holds no mark."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.kube.codec import filling, masks

VALUES = {b"u0": b"11111111-2222-4333-8444-555555555555", b"t0": b"2026-11-21T10:46:13Z", b"nv": b"4711"}
_MARK = st.sampled_from([masks.mark(name).decode() for name in VALUES])
_PLAIN = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8)
_TEXT = st.lists(_PLAIN | _MARK, max_size=4).map("".join)
_TREE = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


def _filled_text(tree: Any) -> Any:
    text = orjson.dumps(tree).replace(b"\\u0000", b"\0").replace(b"\\u0001", b"\1")
    return orjson.loads(masks.Form(text).filled(VALUES))


@given(_TREE)
def test_it_says_what_the_text_says(tree: Any) -> None:
    before = orjson.dumps(tree)
    made = filling.of(tree)(VALUES)
    assert orjson.dumps(made) == orjson.dumps(_filled_text(tree))
    assert orjson.dumps(tree) == before


def test_what_holds_no_mark_is_everybodys() -> None:
    tree = {"metadata": {"uid": "\0u0\1", "labels": {"a": "b"}}, "spec": {"list": [1, {"c": "d"}]}}
    fill = filling.of(tree)
    one, other = fill(VALUES), fill({**VALUES, b"u0": b"x"})
    assert one["spec"] is other["spec"] is tree["spec"]
    assert one["metadata"]["labels"] is other["metadata"]["labels"]
    assert (one["metadata"]["uid"], other["metadata"]["uid"]) == (VALUES[b"u0"].decode(), "x")


def test_an_owner_in_a_members_name_stays_in_its_place() -> None:
    tree = {".": {}, 'k:{"uid":"\0u0\1"}': {"f:name": {}}, "z": 1}
    assert list(filling.of(tree)(VALUES)) == [".", f'k:{{"uid":"{VALUES[b"u0"].decode()}"}}', "z"]
