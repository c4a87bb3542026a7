from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.kube.codec.wire import DecodeError
from scale_agent.kube.representation import texts, yaml_text

_leaves = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=12)
_values = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)


def what_refuses(read: Callable[[bytes], Any], body: bytes) -> str:
    """Why a reader takes no such body; "nothing" if it does."""
    try:
        read(body)
    except DecodeError as refused:
        return refused.what
    return "nothing"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", "<empty>"),
        (b'{"a":1}', '{"a":1}'),
        (b"[]", "5b5d"),
        (b"{" + b"x" * 40, "{" + "x" * 29 + " ..."),
        (b"x" * 40, "78" * 30 + " ..."),
    ],
)
def test_a_refusal_shows_the_beginning_of_a_body(body: bytes, shown: str) -> None:
    assert texts.summary(body) == shown


def test_ill_formed_texts_become_replacement_characters_as_in_go() -> None:
    assert texts.from_json(b'{"a":"\xff","b":"\\ud800"}') == {"a": "\ufffd", "b": "\ufffd"}


@given(st.binary(max_size=60))
def test_any_json_body_is_read_or_refused(body: bytes) -> None:
    assert what_refuses(texts.from_json, body) != ""


@given(st.text(alphabet="abc:-[]{}&*?|>!%@`\"'#, \n\t01.", max_size=50))
def test_any_yaml_body_is_read_or_refused(text: str) -> None:
    assert what_refuses(texts.from_yaml, text.encode()).startswith(("yaml: ", "nothing"))


def test_times_stay_texts_and_keys_become_them() -> None:
    assert texts.from_yaml(b"at: 2001-01-01\n2: x\ntrue: z\n") == {"at": "2001-01-01", "2": "x", "true": "z"}


def test_y_and_n_are_booleans() -> None:
    assert texts.from_yaml(b"a: y\nN: no\nyes: yesterday\n") == {"a": True, "false": False, "true": "yesterday"}


def test_the_first_document_counts() -> None:
    assert texts.from_yaml(b"---\na: 1\n---\nb: 2\n") == {"a": 1}
    assert texts.from_yaml(b"") is None


def test_a_few_aliases_are_followed() -> None:
    assert texts.from_yaml(b"a: &x {b: 1}\nc: *x\n") == {"a": {"b": 1}, "c": {"b": 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("&a [*a]", "yaml: anchor 'a' value contains itself"),
        ("a: b: c", "yaml: mapping values are not allowed in this context"),
        ("\tx", "yaml: found character that cannot start any token"),
    ],
)
def test_yaml_is_refused_in_goyamls_words(text: str, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        texts.from_yaml(text.encode())
    assert caught.value.what == message


def test_aliases_cannot_blow_a_body_up() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for name, before in zip("bcdefghi", "abcdefgh", strict=True):
        lines.append(f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]")
    with pytest.raises(DecodeError, match="excessive aliasing"):
        texts.from_yaml("\n".join(lines).encode())


@given(_values)
def test_yaml_that_is_written_reads_as_the_json_it_came_from(value: object) -> None:
    encoded = json.dumps(value, ensure_ascii=True).encode()
    assert yaml.safe_load(yaml_text.from_json(encoded)) == value


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", '""'),
        ("1", '"1"'),
        ("n", '"n"'),
        ("true", '"true"'),
        ("1e3", '"1e3"'),
        ("2001-01-01", '"2001-01-01"'),
        ("a: b", "'a: b'"),
    ],
)
def test_texts_that_look_like_something_else_are_quoted(text: str, written: str) -> None:
    """Observed from 1.36.2."""
    assert yaml_text.from_json(json.dumps({"k": text}).encode()).decode() == f"k: {written}\n"


@pytest.mark.parametrize(("opening", "told"), [(b"[", "["), (b'{"a":', "{")])
def test_what_is_too_deep_is_named_by_its_bracket(opening: bytes, told: str) -> None:
    refused = what_refuses(texts.from_json, opening * 20_000)
    assert refused == f"invalid character '{told}' exceeded max depth"
