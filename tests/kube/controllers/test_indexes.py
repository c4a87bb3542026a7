"""Completed indexes of a Job: a status is what a client wrote."""

from __future__ import annotations

import pytest

from scale_agent.kube.controllers import indexes


@pytest.mark.parametrize(
    ("text", "completions", "found"),
    [
        ("", 9, set()),
        ("0,2-4", 9, {0, 2, 3, 4}),
        ("5-1,x,2", 9, {2}),
        ("1-x,3", 9, {3}),
        ("-1,4", 9, {4}),
        ("1-99", 3, {1, 2}),
        ("3,1", 3, set()),
        ("1-2-7", 9, {1, 2}),
        ("0-99999999999", 2, {0, 1}),
    ],
)
def test_what_is_no_index_is_passed_over(text: str, completions: int, found: set[int]) -> None:
    assert indexes.parse(text, completions) == found
