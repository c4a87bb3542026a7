"""Protobuf messages of masked texts (:mod:`.masks`): encoded once, then filled with each cluster's values.

To parse a stored object and to encode it takes 60 µs, to fill its message 4 µs; an import asks for 70 of writes that
other clusters made before. Strings, uids and times are written as they are, whatever else an object holds: where they
stand is found by encoding the text with stand-ins that stand nowhere else. A text of which that cannot be said has no
such message, and is encoded each time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from scale_agent.kube.codec import times
from scale_agent.kube.codec.wire import EncodeError

Values = Mapping[bytes, bytes]
#: Encodes an object as a protobuf message without envelope.
Encode = Callable[[dict[str, Any]], bytes]
#: Where a value stands: its name, its length (bytes), whether it is a time's message rather than its text.
_Hole = tuple[bytes, int, bool]
_TIMES, _TEXTS = b"tT", b"uUwW"
#: Shorter values cannot be told from others by a stand-in of the same length.
_SHORTEST = 4
#: Of what a version's stand-in consists: a character that no name and no text has, and that JSON does not escape.
_DELETE = b"\x7f"


class Text(Protocol):
    """A masked text."""

    def filled(self, values: Values) -> bytes:
        """The text with these values."""

    def names(self) -> Sequence[bytes]:
        """The name of each mark in the text."""


class Message:
    """A message with holes."""

    __slots__ = ("_holes", "_parts")

    def __init__(self, pieces: Sequence[bytes], holes: Sequence[_Hole]) -> None:
        self._parts = [piece for each in pieces for piece in (each, b"")][:-1]
        self._holes = tuple(holes)

    def filled(self, values: Values) -> bytes | None:
        """The message with these values; ``None`` if one has another length than those it was made for."""
        parts = self._parts.copy()
        for at, (name, size, is_time) in enumerate(self._holes):
            value = times.encode_seconds(values[name].decode()) if is_time else values[name]
            if len(value) != size:
                return None
            parts[2 * at + 1] = value
        return b"".join(parts)


def of(text: Text, values: Values, encode: Encode) -> Message | None:
    """The message of a text with values as long as these."""
    made = _made(text, values, encode)
    return made if made is not None and made.filled(values) == encode(orjson.loads(text.filled(values))) else None


def _made(text: Text, values: Values, encode: Encode) -> Message | None:
    marks = Counter(text.names())
    stand_ins = {name: _stand_in(name, values[name]) for name in marks}
    masked = text.filled(stand_ins)
    if any(masked.count(one) != marks[name] for name, one in stand_ins.items()):
        return None
    try:
        return _cut(encode(orjson.loads(masked)), stand_ins, marks)
    except EncodeError:  # a part of a number, a quantity
        return None


def _stand_in(name: bytes, value: bytes) -> bytes:
    """What stands nowhere else, and is encoded to as many bytes as the value; ``b""`` if there is no such thing."""
    if name[:1] in _TIMES:
        return b"2087-0%d-03T07:%02d:41Z" % (1 + _TIMES.index(name[:1]), name[1] - 0x30)
    if name == b"nv":
        return _DELETE * len(value)
    return (b"@" + name).ljust(len(value), b"~") if name[:1] in _TEXTS and len(value) >= _SHORTEST else b""


def _cut(raw: bytes, stand_ins: Values, marks: Mapping[bytes, int]) -> Message | None:
    """A message with holes where stand-ins are; ``None`` if not each of the text's is found."""
    found: dict[bytes, _Hole] = {one: (name, len(one), False) for name, one in stand_ins.items()}
    for name, one in stand_ins.items():
        if name[:1] in _TIMES:
            found[times.encode_seconds(one.decode())] = (name, len(times.encode_seconds(one.decode())), True)
    if not found:
        return Message([raw], ())
    pattern = re.compile(b"|".join(map(re.escape, found)))
    holes = [found[each] for each in pattern.findall(raw)]
    return Message(pattern.split(raw), holes) if Counter(name for name, _, _ in holes) == marks else None
