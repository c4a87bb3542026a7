"""The small parts: Go's texts, patterns, formats, JSON paths, field paths, names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.kube import qualified
from scale_agent.kube.codec import goquote
from scale_agent.kube.custom import field_paths, formats, gotext, jsonpath, names, naming, patterns


@pytest.mark.parametrize(
    ("value", "printed", "encoded"),
    [
        (0.5, "0.5", "0.5"),
        (5.0, "5", "5"),
        (100000.0, "100000", "100000"),
        (1e6, "1e+06", "1000000"),
        (12345678.5, "1.23456785e+07", "12345678.5"),
        (1.5e-5, "1.5e-05", "0.000015"),
        (0.0001, "0.0001", "0.0001"),
        (1e20, "1e+20", "100000000000000000000"),
        (1e21, "1e+21", "1e+21"),
        (-2.5, "-2.5", "-2.5"),
        (1e-7, "1e-07", "1e-7"),
        (0.0, "0", "0"),
    ],
)
def test_floats_are_printed_and_encoded_as_by_go(value: float, printed: str, encoded: str) -> None:
    """Seen from ``fmt.Sprintf("%v")`` and ``json.Marshal`` of Go 1.26."""
    assert (gotext.number(value), gotext.json_number(value)) == (printed, encoded)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_s_text_is_that_float(value: float) -> None:
    assert float(gotext.number(value)) == value
    assert float(gotext.json_number(value)) == value


def test_texts_are_quoted_as_by_go() -> None:
    assert goquote.quote('a"b\\\n\x00\u200b') == r'"a\"b\\\n\x00\u200b"'
    assert gotext.json({"b": "<&>", "a": [1, None, 2.0]}) == '{"a":[1,null,2],"b":"\\u003c\\u0026\\u003e"}'


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("^a$", "a\n", False),
        (r"\z", "x", True),
        ("[[:alpha:]]+", "1", False),
        ("^[^[:digit:]]$", "a", True),
        (r"^\d$", "٣", False),
        (r"^\pL+$", "aü", True),
        (r"^\p{Lu}$", "a", False),
        (r"\Qa.b\E", "axb", False),
        (r"^\x{41}$", "A", True),
        ("(?P<x>a)", "a", True),
        ("(?<x>a)", "a", True),
        ("^[]a]+$", "]a", True),
        ("(?i)ABC", "xabcx", True),
    ],
)
def test_patterns_of_go_match_as_there(pattern: str, text: str, expected: bool) -> None:
    assert patterns.found(pattern, text) is expected


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "error parsing regexp: missing closing ): `(`"),
        ("a)", "error parsing regexp: unexpected ): `a)`"),
        ("[a", "error parsing regexp: missing closing ]: `[a`"),
        ("*a", "error parsing regexp: missing argument to repetition operator: `*`"),
        ("a**", "error parsing regexp: invalid nested repetition operator: `**`"),
        ("[b-a]", "error parsing regexp: invalid character class range: `b-a`"),
        ("a\\", "error parsing regexp: trailing backslash at end of expression: ``"),
        (r"x\y", r"error parsing regexp: invalid escape sequence: `\y`"),
        ("a{1", ""),
        ("^a+$", ""),
    ],
)
def test_patterns_that_are_none_are_refused_in_go_s_words(pattern: str, words: str) -> None:
    assert patterns.problem(pattern) == words


@pytest.mark.parametrize(
    ("format_", "good", "bad"),
    [
        ("date-time", "2020-02-29T23:59:59.5Z", "2020-02-30T00:00:00Z"),
        ("date", "2020-02-29", "2021-02-29"),
        ("duration", "3 days", "3 moons"),
        ("ipv4", "010.0.0.1", "10.0.0.256"),
        ("ipv6", "::1", "fe80::1%eth0"),
        ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
        ("mac", "0123.4567.89ab", "01:23:45"),
        ("uuid4", "6ba7b810-9dad-41d1-80b4-00c04fd430c8", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        ("isbn", "978-0321751041", "978-0321751042"),
        ("creditcard", "4012 8888 8888 1881", "4012888888881882"),
        ("ssn", "111-22-3333", "111223333"),
        ("hexcolor", "#ffF", "#ffff"),
        ("rgbcolor", "rgb(1, 2,255)", "rgb(1,2,256)"),
        ("byte", "aGVsbG8=", "aGVsbG8"),
        ("email", "A <a@b.c>", "a@"),
        ("uri", "http://x/y?z", "x y"),
        ("hostname", "a-b.example.com", "-a.example.com"),
        ("bsonobjectid", "0123456789abcdef01234567", "xyz"),
        ("k8s-short-name", "a-b", "a.b"),
        ("k8s-long-name", "a.b", "A"),
    ],
)
def test_formats(format_: str, good: str, bad: str) -> None:
    assert formats.valid(format_, good)
    assert not formats.valid(format_, bad)


@given(st.text(max_size=30), st.sampled_from(sorted(formats.NAMES)))
def test_no_text_troubles_a_format(text: str, format_: str) -> None:
    assert formats.valid(format_, text) in (True, False)


DOCUMENT: dict[str, Any] = {"a": [{"n": 1, "t": "x"}, {"n": 2, "t": "y"}], "b.c": {"d": 3}, "e": {"f": {"t": "z"}}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a[0].t", ["x"]),
        (".a[-1].t", ["y"]),
        (".a[*].n", [1, 2]),
        (".a[0:1].n", [1]),
        ('.a[?(@.t=="y")].n', [2]),
        (".a[?(@.n>1)].t", ["y"]),
        (".a[?(@.n)].n", [1, 2]),
        (r".b\.c.d", [3]),
        (".['b.c'].d", []),
        ("['b.c'].d", [3]),
        ("..t", ["x", "y", "z"]),
        (".e.*.t", ["z"]),
        (".missing.x", []),
        (".a[", []),
        (".a[?(@.n==)]", []),
    ],
)
def test_json_paths(path: str, found: list[Any]) -> None:
    assert jsonpath.find(DOCUMENT, path) == found


@given(st.text(alphabet=".ab[]*?()@='\"0:\\- ", max_size=20))
def test_no_json_path_troubles_a_table(path: str) -> None:
    assert isinstance(jsonpath.find(DOCUMENT, path), list)


SCHEMA = {
    "properties": {"a": {"properties": {"b-c": {"type": "string"}}}, "m": {"additionalProperties": {"type": "string"}}}
}


@pytest.mark.parametrize(("path", "made"), [(".a.b-c", "a.b-c"), (".a['b-c']", "a.b-c"), (".m['x.y']", "m[x.y]")])
def test_field_paths(path: str, made: str) -> None:
    assert field_paths.resolve(path, SCHEMA)[0] == made


@pytest.mark.parametrize("path", ["a", ".", ".a.x", ".a[0]", ".a['b-c'", ".m.x.y"])
def test_field_paths_that_lead_nowhere(path: str) -> None:
    with pytest.raises(field_paths.InvalidPathError):
        field_paths.resolve(path, SCHEMA)


def test_names() -> None:
    assert qualified.label_key_problems("example.com/a") == []
    assert qualified.label_key_problems("/a")[0] == "prefix part must be non-empty"
    assert names.label_problems("a.b") == ["must not contain dots"]
    assert names.kind_problem("Good") == ""
    assert names.kind_problem("no good").startswith("may have mixed case, but should otherwise match: ")


def test_a_definition_keeps_the_names_it_has_when_it_wants_one_that_is_taken() -> None:
    mine = {"plural": "as", "singular": "a", "kind": "A", "listKind": "AList", "shortNames": ["x"]}
    other = {"plural": "bs", "singular": "b", "kind": "B", "listKind": "BList", "shortNames": ["y", "z"]}
    verdict = naming.decide({**mine, "kind": "B", "shortNames": ["x", "y", "z"]}, mine, [other])
    assert verdict.names == mine
    assert (verdict.reason, verdict.message) == ("KindConflict", '"B" is already in use')
    verdict = naming.decide({**mine, "shortNames": ["y", "z"]}, mine, [other])
    assert verdict.message == '["y" is already in use, "z" is already in use]'
