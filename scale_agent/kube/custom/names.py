"""Names as Kubernetes checks them (``apimachinery/pkg/util/validation``, which counts bytes and says characters)."""

from __future__ import annotations

import re

_LABEL_1123 = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL_1123}(\.{_LABEL_1123})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_ENDS = "and must start and end with an alphanumeric character"


def _by_pattern(text: str, pattern: str, longest: int, words: str) -> list[str]:
    problems = []
    if len(text.encode()) > longest:
        problems.append(f"must be no more than {longest} characters")
    if not re.fullmatch(pattern, text):
        problems.append(words)
    return problems


def label_problems(text: str) -> list[str]:
    """RFC 1123 labels."""
    words = (
        f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ENDS} "
        f"(e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL_1123}')"
    )
    if re.fullmatch(_SUBDOMAIN, text) and not re.fullmatch(_LABEL_1123, text):
        words = "must not contain dots"
    return _by_pattern(text, _LABEL_1123, 63, words)


def label_1035_problems(text: str) -> list[str]:
    """RFC 1035 labels: they begin with a letter."""
    words = (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation "
        f"is '{_LABEL_1035}')"
    )
    return _by_pattern(text, _LABEL_1035, 63, words)


def subdomain_problems(text: str) -> list[str]:
    """RFC 1123 subdomains."""
    words = (
        f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ENDS} "
        f"(e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
    )
    return _by_pattern(text, _SUBDOMAIN, 253, words)


def kind_problem(text: str) -> str:
    """Kinds are RFC 1035 labels in mixed case; ``""`` for a good one."""
    problems = label_1035_problems(text.lower())
    return f"may have mixed case, but should otherwise match: {','.join(problems)}" if problems else ""
