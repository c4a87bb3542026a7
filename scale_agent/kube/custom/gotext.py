"""How Go writes values into messages: ``%v``, ``%q`` and ``encoding/json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from scale_agent.kube.codec.goquote import quote

_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
#: Exponents of ten from which on Go writes a float as ``1e+21`` (JSON), ``1e+06`` (%v); below which as ``1e-05`` (%v).
_JSON_EXPONENT = 21
_PLAIN_DIGITS = 6
_SMALLEST_PLAIN = -4


def number(value: float) -> str:
    """A float as ``%v`` (``%g``, shortest) writes it: ``0.5``, ``5``, ``1e+06``, ``1.5e-05``."""
    sign = "-" if value < 0 else ""
    digits, exponent = _decimal(abs(value))
    if exponent < _SMALLEST_PLAIN or exponent >= _PLAIN_DIGITS:
        return sign + _scientific(digits, exponent)
    return sign + _plain(digits, exponent)


def json_number(value: float) -> str:
    """A float as ``encoding/json`` writes it: ``1`` for 1.0, exponents only from 1e21 on and below 1e-6."""
    sign = "-" if value < 0 else ""
    digits, exponent = _decimal(abs(value))
    if value and (exponent < -6 or exponent >= _JSON_EXPONENT):
        text = _scientific(digits, exponent)
        return sign + text.replace("e-0", "e-")
    return sign + _plain(digits, exponent)


def _decimal(value: float) -> tuple[str, int]:
    """The shortest digits of a float that is not negative, and the exponent of the first of them."""
    shortest = repr(value)
    if "e" in shortest:
        mantissa, _, power = shortest.partition("e")
        return mantissa.replace(".", "").rstrip("0"), int(power)
    whole, _, fraction = shortest.partition(".")
    digits = (whole + ("" if fraction == "0" else fraction)).lstrip("0")
    if not value:
        return "0", 0
    exponent = len(whole) - 1 if whole != "0" else -(len(fraction) - len(fraction.lstrip("0"))) - 1
    return digits.rstrip("0") or "0", exponent


def _scientific(digits: str, exponent: int) -> str:
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _plain(digits: str, exponent: int) -> str:
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    if len(digits) <= exponent + 1:
        return digits + "0" * (exponent + 1 - len(digits))
    return f"{digits[: exponent + 1]}.{digits[exponent + 1 :]}"


@dataclass(frozen=True, slots=True)
class Struct:
    """A value of Go structs: its members keep their order."""

    value: Any


def json(value: Any, *, ordered: bool = False) -> str:
    """``json.Marshal``: compact, names sorted (but those of structs), ``<``, ``>`` and ``&`` escaped."""
    if isinstance(value, Struct):
        return json(value.value, ordered=True)
    if isinstance(value, dict):
        names = value if ordered else sorted(value)
        return "{" + ",".join(f"{json(name)}:{json(value[name], ordered=ordered)}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(json(one, ordered=ordered) for one in value) + "]"
    if isinstance(value, float):
        return json_number(value)
    text = orjson.dumps(value).decode()
    return "".join(_HTML.get(char, char) for char in text) if isinstance(value, str) else text


def shown(value: Any) -> str:
    """A wrong value as field errors show it (``field.Error.ErrorBody``)."""
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, float):
        return number(value)
    return json(value)


_TYPES = {bool: "bool", int: "int64", float: "float64", str: "string", list: "[]interface {}"}


def type_of(value: Any) -> str:
    """``%T`` of a decoded JSON value."""
    return "<nil>" if value is None else _TYPES.get(type(value), "map[string]interface {}")


def plain(value: Any) -> str:
    """``%v`` of a decoded JSON value: ``map[a:1 b:[x <nil>]]``, names sorted."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{plain(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(plain, value))}]"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return number(value)
    return "<nil>" if value is None else json(value)
