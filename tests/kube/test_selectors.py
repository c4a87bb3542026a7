from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.kube import selectors
from scale_agent.kube.errors import StatusError
from tests.kube.testbed import refusal

LABELS = {"app": "web", "tier": "front", "empty": "", "size": "7"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = db", False),
        ("app!=db", True),
        ("missing!=db", True),
        ("app", True),
        ("!app", False),
        ("!missing,app", True),
        ("app in (web, db)", True),
        ("app notin (web,db)", False),
        ("missing notin (a)", True),
        ("missing in (a)", False),
        ("empty=", True),
        ("empty in ()", True),
        ("app in (a,)", False),
        ("size>6,size<8", True),
        ("size > 7", False),
        ("missing>1", False),
        ("app=web,tier=back", False),
        ("in=x", False),
        ("!authz.cluster.cattle.io/rtb-label-updated,app=web", True),
    ],
)
def test_label_selectors_follow_the_grammar(text: str, expected: bool) -> None:
    assert selectors.matches(selectors.parse_labels(text), LABELS) is expected


@pytest.mark.parametrize(
    "text", ["a=b=c", "a,,b", "a,", "=b", "a in", "a in b", "a in (b", "-a", "a>b", "a=b c", "a/b/c", "a=!"]
)
def test_malformed_label_selectors_are_400(text: str) -> None:
    with pytest.raises(StatusError) as caught:
        selectors.parse_labels(text)
    assert caught.value.code == 400


def test_the_words_of_the_real_parser() -> None:
    with pytest.raises(StatusError, match="found '=', expected: ',' or 'end of string'"):
        selectors.parse_labels("a=b=c")


WORDS = {
    "a in b": "unable to parse requirement: found 'b' expected: '('",
    "a in (b": "unable to parse requirement: found '', expected: ',' or ')'",
    "a,": "found '', expected: identifier after ','",
    "a b": "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
    "a>b": """unable to parse requirement: values[0]: Invalid value: "b": for 'Gt', 'Lt' operators, the value must """
    "be an integer",
    "!": "unable to parse requirement: found '', expected: identifier",
    "!a=b": "found '=', expected: ',' or 'end of string'",
    "a!b": "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt",
    "(a)": "found '(', expected: !, identifier, or 'end of string'",
    "a=(b)": "unable to parse requirement: found '(', expected: identifier",
    "==": "found '==', expected: !, identifier, or 'end of string'",
}


@pytest.mark.parametrize(("text", "message"), WORDS.items())
def test_refusals_say_what_a_real_server_says(text: str, message: str) -> None:
    """Observed from 1.36.2."""
    with pytest.raises(StatusError) as caught:
        selectors.parse_labels(text)
    assert caught.value.message == message


@given(st.text(alphabet="ab/.-=!<>(),in not", max_size=40))
def test_the_parser_only_refuses(text: str) -> None:
    assert refusal(lambda: selectors.matches(selectors.parse_labels(text), LABELS)) in (0, 400)


_names = st.sampled_from(["a", "b", "c"])
_values = st.sampled_from(["x", "y", ""])


@given(st.lists(st.tuples(_names, st.sampled_from(["=", "!="]), _values), max_size=4), st.dictionaries(_names, _values))
def test_equality_terms_agree_with_a_plain_model(terms: list[tuple[str, str, str]], labels: dict[str, str]) -> None:
    selector = selectors.parse_labels(",".join(f"{name}{op}{value}" for name, op, value in terms))
    expected = all(
        (labels.get(name) == value) if op == "=" else (labels.get(name) != value) for name, op, value in terms
    )
    assert selectors.matches(selector, labels) is expected
