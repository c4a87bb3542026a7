"""Names as Kubernetes checks them, in its words (``apimachinery/pkg/util/validation``, ``…/api/validate/content``)."""

from __future__ import annotations

import re

_LABEL_1123 = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL_1123}(\.{_LABEL_1123})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_ENDS = "and must start and end with an alphanumeric character"


def _by_pattern(text: str, pattern: str, longest: int, words: str) -> list[str]:
    problems = []
    if len(text.encode()) > longest:
        problems.append(f"must be no more than {longest} bytes")
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


def qualified_problems(text: str) -> list[str]:
    """Keys of labels: a name, perhaps behind a subdomain and a slash."""
    words = (
        f"must consist of alphanumeric characters, '-', '_' or '.', {_ENDS} (e.g. 'MyName',  or 'my.name',  or "
        f"'123-abc', regex used for validation is '{_QUALIFIED}')"
    )
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        return [f"a valid label key {words} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    problems = []
    if slash and not prefix:
        problems.append("prefix part must be non-empty")
    elif slash:
        problems += [f"prefix part {one}" for one in subdomain_problems(prefix)]
    if not name:
        problems.append("name part must be non-empty")
    return problems + [f"name part {one}" for one in _by_pattern(name, _QUALIFIED, 63, words)]


def label_value_problems(text: str) -> list[str]:
    """Values of labels."""
    words = (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
        f"{_ENDS} (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '{_LABEL_VALUE}')"
    )
    return _by_pattern(text, _LABEL_VALUE, 63, words)


def kind_problem(text: str) -> str:
    """Kinds are RFC 1035 labels in mixed case; ``""`` for a good one."""
    problems = label_1035_problems(text.lower())
    return f"may have mixed case, but should otherwise match: {','.join(problems)}" if problems else ""
