"""Forms of texts. Each is a function of a text that returns what is wrong with it, in Kubernetes' words.

Sources: ``k8s.io/apimachinery/pkg/util/validation``, which counts bytes and says characters. Labels: :mod:`qualified`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache

from scale_agent.kube import qualified

#: A text's faults, in the order in which they are told.
Format = Callable[[str], tuple[str, ...]]


def described(text: str, expression: str, *examples: str) -> str:
    """``… (e.g. 'a',  or 'b', regex used for validation is '…')``."""
    if not examples:
        return f"{text} (regex used for validation is '{expression}')"
    listed = " or ".join(f"'{one}', " for one in examples)
    return f"{text} (e.g. {listed}regex used for validation is '{expression}')"


def matching(text: str, expression: str, *examples: str, limit: int = 0) -> Format:
    """A form by a regular expression, with at most ``limit`` bytes (0: any number)."""
    pattern = re.compile(expression, re.ASCII)
    fault = described(text, expression, *examples)

    @lru_cache(maxsize=1024)
    def check(value: str) -> tuple[str, ...]:
        out: list[str] = []
        if limit and len(value.encode()) > limit:
            out.append(f"must be no more than {limit} characters")
        if pattern.fullmatch(value) is None:
            out.append(fault)
        return tuple(out)

    return check


_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_UNDERSCORED = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_ALNUM = "and must start and end with an alphanumeric character"
subdomain = matching(
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ALNUM}",
    rf"{_LABEL}(\.{_LABEL})*",
    "example.com",
    limit=253,
)
underscored_subdomain = matching(
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', {_ALNUM}",
    rf"{_UNDERSCORED}(\.{_UNDERSCORED})*",
    "example.com",
    limit=253,
)
wildcard_subdomain = matching(
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    rf"\*\.{_LABEL}(\.{_LABEL})*",
    "*.example.com",
    limit=253,
)
dns1035_label = matching(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character",
    "[a-z]([-a-z0-9]*[a-z0-9])?",
    "my-name",
    "abc-123",
    limit=63,
)
_plain_label = matching(
    f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ALNUM}",
    _LABEL,
    "my-name",
    "123-abc",
)
_is_subdomain = re.compile(rf"{_LABEL}(\.{_LABEL})*")


@lru_cache(maxsize=1024)
def label(value: str) -> tuple[str, ...]:
    """``IsDNS1123Label``: names what is only too dotted."""
    out = ("must be no more than 63 characters",) if len(value) > 63 else ()
    faults = _plain_label(value)
    if faults and _is_subdomain.fullmatch(value):
        faults = ("must not contain dots",)
    return out + faults


@lru_cache(maxsize=4096)
def label_value(value: str) -> tuple[str, ...]:
    """``IsLabelValue``."""
    return tuple(qualified.label_value_problems(value))


@lru_cache(maxsize=4096)
def qualified_name(value: str) -> tuple[str, ...]:
    """``IsLabelKey``: a name with an optional DNS prefix."""
    return tuple(qualified.label_key_problems(value))


def _climbing(value: str) -> tuple[str, ...]:
    if value in (".", ".."):
        return (f"must not be '{value}'",)
    return ("must not start with '..'",) if value.startswith("..") else ()


_config_key = matching(
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    "[-._a-zA-Z0-9]+",
    "key.name",
    "KEY_NAME",
    "key-name",
    limit=253,
)


def config_key(value: str) -> tuple[str, ...]:
    """``IsConfigMapKey``."""
    return _config_key(value) + _climbing(value)


http_header = matching(
    "a valid HTTP header must consist of alphanumeric characters or '-'", "[-A-Za-z0-9]+", "X-Header-Name"
)
c_identifier = matching(
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters "
    "or '_'",
    "[A-Za-z_][A-Za-z0-9_]*",
    "my_name",
    "MY_NAME",
    "MyName",
)
percent = matching("a valid percent string must be a numeric string followed by an ending '%'", "[0-9]+%", "1%", "93%")


def env_name(value: str) -> tuple[str, ...]:
    """``IsRelaxedEnvVarName``."""
    out = () if value else ("environment variable name must be non-empty",)
    if not all(" " <= one <= "~" and one != "=" for one in value):
        fault = "a valid environment variable name must consist only of printable ASCII characters other than '='"
        return (*out, fault)
    return out


@lru_cache(maxsize=1024)
def port_name(value: str) -> tuple[str, ...]:
    """``IsValidPortName``: an IANA service name."""
    faults = (
        (len(value) > 15, "must be no more than 15 characters"),
        (
            re.fullmatch("[-a-z0-9]+", value) is None,
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (re.search("[a-z]", value) is None, "must contain at least one letter (a-z)"),
        ("--" in value, "must not contain consecutive hyphens"),
        (value[:1] == "-" or value[-1:] == "-", "must not begin or end with a hyphen"),
    )
    return tuple(fault for wrong, fault in faults if wrong)


def path_segment(value: str) -> tuple[str, ...]:
    """``IsPathSegmentName``: what may be part of a URL."""
    if value in (".", ".."):
        return (f"may not be '{value}'",)
    return tuple(f"may not contain '{bad}'" for bad in "/%" if bad in value)


def address(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An IP address as Go's parser reads it; ``None`` if it is none."""
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None


def ip(value: str) -> tuple[str, ...]:
    """``IsValidIP``."""
    if address(value) is None or "%" in value:
        return ("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",)
    return ()


def cidr(value: str) -> tuple[str, ...]:
    """``IsValidCIDR``."""
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return ("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",)
    return () if "/" in value else ("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",)
