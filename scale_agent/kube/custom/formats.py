"""Formats of texts (``k8s.io/kube-openapi/pkg/validation/strfmt``), by their names without dashes."""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Callable
from email.utils import parseaddr
from functools import lru_cache
from urllib.parse import urlsplit

Check = Callable[[str], bool]


def valid(format_: str, text: str) -> bool:
    """Whether a text has the format; unknown formats are had by all."""
    check = _CHECKS.get(format_.replace("-", ""))
    return check is None or check(text)


def _matches(pattern: str) -> Check:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _uri(text: str) -> bool:
    """An absolute URI or an absolute path (``url.ParseRequestURI``)."""
    if not text or re.search(r"[\x00-\x20\x7f]", text) or re.search("%(?![0-9a-fA-F]{2})", text):
        return False
    if text.startswith("/"):
        return True
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.scheme) and re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:/", text) is not None


_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
_ADDRESS = re.compile(
    rf'(?:{_ATOM}(?:\.{_ATOM})*|"(?:[^"\\]|\\.)+")@(?:{_ATOM}(?:\.{_ATOM})*|\[[0-9A-Fa-f.:]+\])', re.DOTALL
)


def _email(text: str) -> bool:
    """An address, perhaps with a name before it (``mail.ParseAddress``)."""
    bare = text.strip(" \t")
    if _ADDRESS.fullmatch(bare):
        return True
    if not bare.endswith(">") or "<" not in bare:
        return False
    return _ADDRESS.fullmatch(parseaddr(bare)[1]) is not None


def _hostname(text: str) -> bool:
    if len(text.encode()) > 255 or any(len(part.encode()) > 63 for part in text.split(".")):
        return False
    return _host_pattern().fullmatch(text) is not None


@lru_cache(maxsize=1)
def _host_pattern() -> re.Pattern[str]:
    """Letters, digits and symbols of any script, dashes inside: one label, or several and a top-level domain."""
    sign = r"[^\W_]"
    one = rf"{sign}(?:-?{sign}{{0,62}})?"
    many = rf"(?:{sign}(?:(?:[-]|{sign}){{0,61}}{sign})?\.)+[^\W\d_]{{2,63}}"
    return re.compile(f"(?:{one}|{many})")


def _ip(text: str, version: int) -> bool:
    if version == 4:
        parts = text.split(".")
        return len(parts) == 4 and all(re.fullmatch("[0-9]{1,20}", part) and int(part) <= 255 for part in parts)
    return _colons(text)


def _ipv4(text: str) -> bool:
    """Also with leading zeros, and IPv4 written as IPv6 (``ParseIPSloppy``)."""
    return _ip(text, 4) or ("." in text and _colons(text))


def _colons(text: str) -> bool:
    if ":" not in text or "%" in text:
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _cidr(text: str) -> bool:
    address, slash, bits = text.partition("/")
    if not slash or not re.fullmatch("[0-9]{1,3}", bits):
        return False
    return (_ip(address, 4) and int(bits) <= 32) or (_colons(address) and int(bits) <= 128)


def _isbn10(text: str) -> bool:
    digits = re.sub(r"[\s-]+", "", text)
    if not re.fullmatch("[0-9]{9}[0-9X]", digits):
        return False
    return sum((index + 1) * (10 if one == "X" else int(one)) for index, one in enumerate(digits)) % 11 == 0


def _isbn13(text: str) -> bool:
    digits = re.sub(r"[\s-]+", "", text)
    if not re.fullmatch("[0-9]{13}", digits):
        return False
    total = sum(int(one) * (3 if index % 2 else 1) for index, one in enumerate(digits[:12]))
    return int(digits[12]) == (10 - total % 10) % 10


_CARD = re.compile(
    "4[0-9]{12}([0-9]{3})?|5[1-5][0-9]{14}|6(011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(0[0-5]|[68][0-9])[0-9]{11}|"
    "(2131|1800|35[0-9]{3})[0-9]{11}"
)


def _credit_card(text: str) -> bool:
    """The pattern and the check digit (Luhn)."""
    digits = re.sub("[^0-9]+", "", text)
    if not _CARD.fullmatch(digits):
        return False
    doubled = [int(one) * (2 if index % 2 else 1) for index, one in enumerate(reversed(digits))]
    return sum(one - 9 if one > 9 else one for one in doubled) % 10 == 0


def _date(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return False
    if text.startswith("0000"):  # Go has a year 0, which is a leap year
        text = "2000" + text[4:]
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))")


def _datetime(text: str) -> bool:
    parts = text.lower().split("t")
    if len(parts) < 2 or not _date(parts[0]):
        return False
    found = _TIME.fullmatch(parts[1])
    return found is not None and found[1] <= "23" and found[2] <= "59" and found[3] <= "59"


_GO_DURATION = re.compile(r"[-+]?((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+")
_WORD_DURATION = re.compile(r"(\d+)\s*([A-Za-zµ]+)")
#: Units by their names; the last of each may have anything behind it.
_UNITS = (
    ("ns", "nano"),
    ("us", "µs", "micro"),
    ("ms", "milli"),
    ("s", "sec"),
    ("m", "min"),
    ("h", "hr", "hour"),
    ("d", "day"),
    ("w", "wk", "week"),
)


def _duration(text: str) -> bool:
    """Go's durations, and ``22 ns``, ``3 days`` as Scala has them."""
    if text in ("0", "+0", "-0") or _GO_DURATION.fullmatch(text):
        return True
    for found in _WORD_DURATION.finditer(text):
        unit = found[2].lower()
        if any(unit in names or unit.startswith(names[-1]) for names in _UNITS):
            return True
    return False


_HEX = "[0-9a-f]"
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SHADE = r"\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*"


def _uuid(third: str, fourth: str) -> Check:
    return _matches(rf"(?i){_HEX}{{8}}-?{_HEX}{{4}}-?{third}-?{fourth}-?{_HEX}{{12}}")


_ANY, _VARIANT = f"{_HEX}{{4}}", f"[89ab]{_HEX}{{3}}"
_CHECKS: dict[str, Check] = {
    "bsonobjectid": _matches("[0-9a-fA-F]{24}"),
    "uri": _uri,
    "email": _email,
    "hostname": _hostname,
    "ipv4": _ipv4,
    "ipv6": _colons,
    "cidr": _cidr,
    "mac": _matches(
        r"[0-9a-fA-F]{2}(?:(?::[0-9a-fA-F]{2}){5}|(?::[0-9a-fA-F]{2}){7}|(?::[0-9a-fA-F]{2}){19}|(?:-[0-9a-fA-F]{2}){5}|"
        r"(?:-[0-9a-fA-F]{2}){7}|(?:-[0-9a-fA-F]{2}){19})|[0-9a-fA-F]{4}(?:(?:\.[0-9a-fA-F]{4}){2}|"
        r"(?:\.[0-9a-fA-F]{4}){3}|(?:\.[0-9a-fA-F]{4}){9})"
    ),
    "uuid": _uuid(_ANY, _ANY),
    "uuid3": _uuid(f"3{_HEX}{{3}}", _ANY),
    "uuid4": _uuid(f"4{_HEX}{{3}}", _VARIANT),
    "uuid5": _uuid(f"5{_HEX}{{3}}", _VARIANT),
    "isbn": lambda text: _isbn10(text) or _isbn13(text),
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "creditcard": _credit_card,
    "ssn": lambda text: len(text) == 11 and re.fullmatch(r"[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}", text) is not None,
    "hexcolor": _matches("#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "rgbcolor": _matches(rf"rgb\({_SHADE},{_SHADE},{_SHADE}\)"),
    "byte": _matches(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})"),
    "password": lambda _: True,
    "date": _date,
    "duration": _duration,
    "datetime": _datetime,
    "k8sshortname": lambda text: len(text) <= 63 and re.fullmatch(_LABEL, text) is not None,
    "k8slongname": lambda text: len(text) <= 253 and re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", text) is not None,
}
#: The formats that are checked.
NAMES = frozenset(_CHECKS)
