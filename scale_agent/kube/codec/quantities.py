"""Resource quantities (``500m``, ``1Gi``) in the canonical form in which the API server writes them."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Context, Decimal
from functools import lru_cache

from scale_agent.kube.codec.wire import DecodeError

#: At most a thousand digits, and three of an exponent: a real server computes with as many as it is given, for hours.
_FORM = re.compile(
    r"([+-]?)((?=.{1,1000}$)[0-9]+\.?[0-9]*|\.[0-9]{1,1000})([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3}|)"
)
_BAD = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
#: Enough for every quantity of that form: nothing is rounded but to nine decimal places.
_EXACT = Context(prec=2100, rounding=ROUND_CEILING)
_MOST_BINARY = Decimal((1 << 63) - 1)
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SUFFIXES = {power: suffix for suffix, power in _DECIMAL.items()}
_NANO = Decimal("1e-9")


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """The quantity as ``resource.Quantity`` writes it: no fraction, the largest suffix, at most nine decimal places.

    Raises :class:`DecodeError` with Go's words for text that is no quantity.
    """
    sign, value, suffix = _read(text)
    value = _round_up(value)
    if suffix in _BINARY:
        return _sign(sign, value) + _binary(min(value, _MOST_BINARY))
    return _sign(sign, value) + (_exponent(value) if _is_exponent(suffix) else _decimal(value))


def _read(text: str) -> tuple[str, Decimal, str]:
    """Sign, amount and suffix. Raises :class:`DecodeError`."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise DecodeError(_BAD)
    sign, digits, suffix = match.groups()
    value = Decimal(digits)
    if suffix in _BINARY:
        return sign, _EXACT.multiply(value, Decimal(1024 ** _BINARY[suffix])), suffix
    return sign, value.scaleb(int(suffix[1:]) if _is_exponent(suffix) else _DECIMAL[suffix], _EXACT), suffix


def _is_exponent(suffix: str) -> bool:
    return suffix[:1] in ("e", "E") and len(suffix) > 1


def _sign(sign: str, value: Decimal) -> str:
    return "-" if sign == "-" and value else ""


def _round_up(value: Decimal) -> Decimal:
    return value.quantize(_NANO, context=_EXACT) if int(value.as_tuple().exponent) < -9 else value


def _binary(value: Decimal) -> str:
    if value != value.to_integral_value():
        return _decimal(value)
    number = int(value)
    if -1024 < number < 1024:
        return _decimal(value)
    for suffix, power in reversed(_BINARY.items()):
        if number % 1024**power == 0:
            return f"{number // 1024**power}{suffix}"
    return str(number)


def _parts(value: Decimal) -> tuple[int, int]:
    """The digits and a power of ten that is a multiple of three, as large as it can be."""
    if not value:
        return 0, 0
    _, digits, exponent = value.normalize(_EXACT).as_tuple()
    number = int("".join(map(str, digits)))
    shift = int(exponent) % 3
    return number * 10**shift, int(exponent) - shift


def _decimal(value: Decimal) -> str:
    number, power = _parts(value)
    if power > 18:
        number, power = number * 10 ** (power - 18), 18
    return f"{number}{_SUFFIXES[power]}"


def _exponent(value: Decimal) -> str:
    number, power = _parts(value)
    return f"{number}e{power}" if power else str(number)


def number(text: str) -> Decimal:
    """The value of a quantity. Raises :class:`DecodeError`."""
    sign, value, _ = _read(text)
    return value.copy_negate() if sign == "-" else value
