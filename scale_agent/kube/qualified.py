"""Label keys and values: what is wrong with them, in a real server's words (apimachinery ``content.IsLabelKey``)."""

from __future__ import annotations

import re

_NAME_FORM = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_PREFIX_FORM = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_NAME = re.compile(_NAME_FORM)
_PREFIX = re.compile(_PREFIX_FORM)
_NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME_FORM}')"
)
_PREFIX_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_PREFIX_FORM}')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'({_NAME_FORM})?')"
)
_LONGEST_NAME, _LONGEST_PREFIX = 63, 253


def label_key_problems(text: str) -> list[str]:
    """Why a text is no label key (``example.com/name``); nothing if it is one."""
    parts = text.split("/")
    if len(parts) > 2:
        return [
            f"a valid label key {_NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    problems = _prefix_problems(parts[0]) if len(parts) == 2 else []
    name = parts[-1]
    if not name:
        problems.append("name part must be non-empty")
    elif len(name.encode()) > _LONGEST_NAME:
        problems.append(f"name part must be no more than {_LONGEST_NAME} bytes")
    if not _NAME.fullmatch(name):
        problems.append(f"name part {_NAME_RULE}")
    return problems


def _prefix_problems(prefix: str) -> list[str]:
    if not prefix:
        return ["prefix part must be non-empty"]
    problems = []
    if len(prefix.encode()) > _LONGEST_PREFIX:
        problems.append(f"prefix part must be no more than {_LONGEST_PREFIX} bytes")
    if not _PREFIX.fullmatch(prefix):
        problems.append(f"prefix part {_PREFIX_RULE}")
    return problems


def label_value_problems(text: str) -> list[str]:
    """Why a text is no label value; nothing if it is one."""
    problems = []
    if len(text.encode()) > _LONGEST_NAME:
        problems.append(f"must be no more than {_LONGEST_NAME} bytes")
    if text and not _NAME.fullmatch(text):
        problems.append(_VALUE_RULE)
    return problems
