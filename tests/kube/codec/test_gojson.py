from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.kube.codec import gojson


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def accepted(text: bytes) -> bool:
    """Whether Python's reader, held to the standard, takes a text."""
    try:
        json.loads(text.decode("utf-8", "replace"), parse_constant=_no_constant)
    except ValueError:
        return False
    return True


@given(st.text(alphabet='{}[]":,0123-.eE \\utrfalsn"abx\n\x01é', max_size=30))
def test_what_is_refused_is_what_any_reader_refuses(text: str) -> None:
    encoded = text.encode()
    assert (gojson.syntax_error(encoded) == "") is accepted(encoded)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "unexpected end of JSON input"),
        (b'{"a":1', "unexpected end of JSON input"),
        (b"{'a': 1}", "invalid character '\\'' looking for beginning of object key string"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"{} x", "invalid character 'x' after top-level value"),
        (b"nul", "unexpected end of JSON input"),
        (b"not json", "invalid character 'o' in literal null (expecting 'u')"),
        (b'"\x01"', "invalid character '\\x01' in string literal"),
        (b'"\\x"', "invalid character 'x' in string escape code"),
        (b'"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"),
        (b"01", "invalid character '1' after top-level value"),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
        (b"1e+", "unexpected end of JSON input"),
        (b"-a", "invalid character 'a' in numeric literal"),
        (b"\x81", "invalid character '\\u0081' looking for beginning of value"),
    ],
)
def test_the_words_are_those_of_gos_scanner(text: bytes, message: str) -> None:
    """Words: encoding/json's scanner; those of the first eight were observed from 1.36.2."""
    assert gojson.syntax_error(text) == message


@given(
    st.recursive(st.none() | st.booleans() | st.integers(-5, 5) | st.text("<>&\u2028\u2029aé", max_size=5), st.lists)
)
def test_escapes_change_the_bytes_and_not_the_value(value: Any) -> None:
    encoded = gojson.dumps(value)
    assert json.loads(encoded) == value
    assert not {b"<", b">", b"&"} & {encoded[at : at + 1] for at in range(len(encoded))}


def test_indented_json_has_two_spaces_and_no_newline_at_the_end() -> None:
    assert gojson.indented(b'{"a":[1,{}],"b":"<"}\n') == b'{\n  "a": [\n    1,\n    {}\n  ],\n  "b": "\\u003c"\n}'
