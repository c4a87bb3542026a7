"""Numbers in texts of clients as Go's ``strconv`` reads them: ASCII digits, and only so many."""

from __future__ import annotations

import re

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DIGITS = re.compile(r"[0-9]+")
#: More digits than any number of 64 bits has.
_LONGEST = 40


def parse_int(text: str, function: str = "ParseInt") -> int:
    """``strconv.ParseInt(text, 10, 64)``, or ``Atoi``; ``ValueError`` in its words."""
    if not _INTEGER.fullmatch(text):
        raise ValueError(f'strconv.{function}: parsing "{text}": invalid syntax')
    value = _value(text)
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f'strconv.{function}: parsing "{text}": value out of range')
    return value


def parse_uint(text: str) -> int:
    """``strconv.ParseUint(text, 10, 64)``; ``ValueError`` in its words."""
    if not _DIGITS.fullmatch(text):
        raise ValueError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    value = _value(text)
    if value >= 1 << 64:
        raise ValueError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return value


def _value(text: str) -> int:
    sign, digits = text[:1] if text[:1] in "+-" else "", text.lstrip("+-").lstrip("0") or "0"
    return int(sign + (digits if len(digits) <= _LONGEST else "9" * _LONGEST))


def whole(text: str) -> int | None:
    """A number of 64 bits without a sign; ``None`` for every other text."""
    try:
        return parse_uint(text)
    except ValueError:
        return None


def integer(text: str) -> int | None:
    """A number of 64 bits, signed or not; ``None`` for every other text."""
    try:
        return parse_int(text)
    except ValueError:
        return None
