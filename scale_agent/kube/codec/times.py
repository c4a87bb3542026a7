"""Times and durations between their JSON text and their protobuf message."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from scale_agent.kube.codec.wire import DecodeError, varint

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_UNITS_NS = {
    "h": 3600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ns": 1,
}
_DURATION_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(h|ms|us|µs|μs|ns|m|s)")
#: Go's zero time, year 1: written as an empty message and as JSON null.
_ZERO = "0001-01-01T00:00:00Z"


@lru_cache(maxsize=65536)
def parse(text: str) -> datetime:
    """An RFC 3339 time; :class:`DecodeError` in Go's words for anything else."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise DecodeError(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"')
    seconds, fraction, zone = match.groups()
    try:
        return datetime.fromisoformat(
            f"{seconds}.{(fraction or '0')[:6]:0<6}{'+00:00' if zone == 'Z' else zone}"
        ).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise DecodeError(f'parsing time "{text}": {error}') from error


@lru_cache(maxsize=65536)
def seconds_text(text: str) -> str:
    """A time as the server writes it: UTC, whole seconds."""
    return parse(text).strftime("%Y-%m-%dT%H:%M:%SZ") if len(text) != 20 or text[-1] != "Z" else _checked(text)


def _checked(text: str) -> str:
    parse(text)
    return text


@lru_cache(maxsize=65536)
def micro_text(text: str) -> str:
    """A MicroTime as the server writes it: UTC, six decimal places, which it also demands of its clients."""
    match = _RFC3339.fullmatch(text)
    if match is not None and len(match[2] or "") != 6:
        rest = text[19:]
        layout = "2006-01-02T15:04:05.000000Z07:00"
        raise DecodeError(f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as ".000000"')
    if match is None:
        raise DecodeError(
            f'parsing time "{text}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "{text}" as "2006"'
        )
    return parse(text).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@lru_cache(maxsize=65536)
def encode_seconds(text: str) -> bytes:
    """The message of a Time: seconds, and nanoseconds that are always written as 0."""
    if text == _ZERO:
        return b""
    return b"\x08" + varint((parse(text) - _EPOCH) // _SECOND) + b"\x10\x00"


@lru_cache(maxsize=65536)
def encode_micro(text: str) -> bytes:
    """The message of a MicroTime."""
    if text == _ZERO:
        return b""
    micros = (parse(text) - _EPOCH) // _MICRO
    return b"\x08" + varint(micros // 10**6) + b"\x10" + varint(micros % 10**6 * 1000)


@lru_cache(maxsize=65536)
def decode(seconds: int, nanos: int, micro: bool) -> str:
    """The JSON text of a time message."""
    try:
        moment = _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000 if micro else 0)
    except OverflowError as error:
        raise DecodeError(f"a time of {seconds} seconds is out of range") from error
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ").rjust(27 if micro else 20, "0")


#: Longer ones are refused: numbers of thousands of digits are not to be computed with.
_LONGEST_DURATION = 200


def parse_duration_ns(text: str) -> int:
    """Go's ``time.ParseDuration``: ``1h2m3.5s`` in nanoseconds, in 63 bits. Raises :class:`DecodeError`."""
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    parts = list(_DURATION_PART.finditer(rest)) if len(rest) <= _LONGEST_DURATION else []
    if not parts or "".join(part[0] for part in parts) != rest:
        raise DecodeError(f'time: invalid duration "{text}"')
    total_ns = sum(_scaled(part[1], _UNITS_NS[part[2]]) for part in parts)
    if total_ns >= 1 << 63:
        raise DecodeError(f'time: invalid duration "{text}"')
    return sign * total_ns


def _scaled(number: str, unit_ns: int) -> int:
    whole, _, fraction = number.partition(".")
    scale: int = 10 ** len(fraction)
    return int(whole or 0) * unit_ns + int(fraction or 0) * unit_ns // scale


def duration_text(nanoseconds: int) -> str:
    """Go's ``Duration.String``: ``1h0m0s``, ``1.5s``, ``2ms``, ``0s``."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if rest < 10**9:
        unit, size = ("ms", 10**6) if rest >= 10**6 else ("µs", 10**3) if rest >= 10**3 else ("ns", 1)
        return f"{sign}{_fraction(rest, size)}{unit}" if rest else "0s"
    minutes, below = divmod(rest, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{head}{_fraction(below, 10**9)}s"


def _fraction(number: int, size: int) -> str:
    whole, rest = divmod(number, size)
    digits = f"{rest:0{len(str(size)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)
