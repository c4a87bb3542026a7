"""Texts of objects with what differs between clusters taken out: uids, times, generated names, the resourceVersion.

Ten thousand clusters of one profile make the same writes of much the same objects. With marks for uids and generated
words in the order of their appearance, for times by their order, and for the version, the texts are the same byte for
byte. Whoever treats uids and words as names (compares them, looks at their characters' kinds and number) and of times
only sees which is earlier makes equal masked results of equal masked texts.

A mark is NUL, two bytes that say which value, SOH: JSON never holds these bytes, so a mark is never mistaken.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson

from scale_agent.kube.codec import filling, messages
from scale_agent.kube.codec.vocabulary import Vocabulary

#: Version 4, variant 1: what servers make. A format that asks for a version of UUID treats all of these alike.
_UID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_UID_BYTES, _TIME_BYTES = 36, 20
#: The second byte of a mark; with more values of a kind than these a text is not masked.
_NUMBERS = bytes(range(0x30, 0x5B))
#: Marks of the version that an object had, and of the one that a write gives it.
OLD_VERSION, NEW_VERSION = b"rv", b"nv"
_VERSION = b'"resourceVersion":"%s"'
#: Stands for the present time in texts that are only compared.
_NOW = b"\0\0\1"
#: A mark in the name of a member.
_IN_NAME = re.compile(rb'\x00..\x01(?:[^"\\]|\\.)*+":', re.DOTALL)
#: The one name of a member that may hold a mark: what tells an owner from others.
_OWNER = re.compile('k:\\{"uid":"\0[^\1]*\1"\\}')


def mark(name: bytes) -> bytes:
    """What stands for a value."""
    return b"\0" + name + b"\1"


class Mask:
    """The values of one text by the names of their marks, and the digest of the text with marks."""

    __slots__ = ("digest", "values")

    def __init__(self, values: dict[bytes, bytes], digest: bytes) -> None:
        self.values = values
        self.digest = digest

    def apply(self, text: bytes) -> bytes:
        """A text with these marks."""
        version = _VERSION % self.values[OLD_VERSION]
        return _marked(text, self.values).replace(version, _VERSION % mark(OLD_VERSION))


class SharedMask:
    """The mask of what is the same in all clusters but for their uids, which are told by what they are of."""

    __slots__ = ("_digest", "_uids", "_values")

    def __init__(self, mask: Mask, uids: Mapping[bytes, str]) -> None:
        self._digest = mask.digest
        self._uids = tuple((name, uids[value]) for name, value in mask.values.items() if value in uids)
        self._values = {name: value for name, value in mask.values.items() if value not in uids}

    def of(self, uid: Callable[[str], str]) -> Mask:
        """The mask of a cluster that has these uids."""
        return Mask({**self._values, **{name: uid(of).encode() for name, of in self._uids}}, self._digest)


#: Of no text yet; and of the text of nothing, which a new object replaces.
NOTHING, EMPTY = (Mask({OLD_VERSION: b"-"}, b"") for _ in range(2))


def of(text: bytes, version: bytes, vocabulary: Vocabulary, cluster: int) -> Mask | None:
    """The mask of a stored object's JSON; ``None`` if it holds what is no uid or time where one stands, or too many.

    ``version``: its resourceVersion, which does not count; ``cluster`` tells whose words these are.
    """
    grown = more(NOTHING, text, vocabulary, cluster)
    if grown is None:
        return None
    mask, masked = grown
    mask.values[OLD_VERSION] = version
    masked = masked.replace(_VERSION % version, _VERSION % mark(OLD_VERSION))
    return Mask(mask.values, digest(mask.digest + masked))


def more(
    known: Mask, text: bytes, vocabulary: Vocabulary, cluster: int, time: bytes = b""
) -> tuple[Mask, bytes] | None:
    """A mask with the values of another text as well, and that text with marks; ``None`` as in :func:`of`.

    The digest is not of the text: it says how its own values are related to the known ones, and what form they have.
    ``time``: one that stands in the text; what has no other value of its own is known again without a closer look.
    """
    masked = known.apply(text)
    bare = masked.replace(time, _NOW) if time else b""
    if bare and vocabulary.is_plain(bare):
        return _timed(known, masked, time)
    expected = [time] if bare and bare != masked else []
    uids, times = _uids(masked), _times(masked)
    if uids is None or times is None:
        return None
    values = dict(known.values)
    form = [known.digest]
    if times:
        form += _ranks(times, [value for name, value in values.items() if name[0] in b"tT"])
        found = _numbered(b"T" if known is not NOTHING else b"t", times)
        values |= found
        masked = _marked(masked, found)
    if uids:
        found = _numbered(b"U" if known is not NOTHING else b"u", uids)
        values |= found
        masked = _marked(masked, found)
    words = vocabulary.strange(masked, cluster)
    if words:
        found = _numbered(b"W" if known is not NOTHING else b"w", words)
        values |= found
        masked = _marked(masked, found)
        form += [_form(word, b'"\0' + name in masked) for name, word in found.items()]
    if max(len(uids), len(times), len(words)) > len(_NUMBERS):
        return None
    if bare and times == expected and not uids and not words:
        vocabulary.remember(bare, masked)
    return Mask(values, b"\0".join(form)), masked


def _timed(known: Mask, masked: bytes, time: bytes) -> tuple[Mask, bytes]:
    """What :func:`more` makes of a text that has no new value but perhaps the time."""
    if time not in masked:
        return Mask(dict(known.values), known.digest), masked
    form = [known.digest, *_ranks([time], [value for name, value in known.values.items() if name[0] in b"tT"])]
    name = b"T0"
    return Mask({**known.values, name: time}, b"\0".join(form)), masked.replace(time, mark(name))


def _form(word: bytes, first: bool) -> bytes:
    """What may be asked of a word: how long it is; where it begins a text, whether it begins with a digit."""
    return b"%d%d" % (len(word), first and word[:1].isdigit())


def _ranks(times: list[bytes], known: list[bytes]) -> list[bytes]:
    """Where times stand among known ones, none of which is among them."""
    known.sort()
    return [b"%d" % bisect(known, time) for time in times]


def digest(text: bytes) -> bytes:
    """What stands for a text: 16 bytes."""
    return blake2b(text, digest_size=16).digest()


def _numbered(kind: bytes, values: Iterable[bytes]) -> dict[bytes, bytes]:
    return {kind + bytes((number,)): value for number, value in zip(_NUMBERS, values, strict=False)}


def _marked(text: bytes, values: Mapping[bytes, bytes]) -> bytes:
    for name, value in values.items():
        if name != OLD_VERSION:
            text = text.replace(value, b"\0" + name + b"\1")
    return text


def _uids(text: bytes) -> list[bytes] | None:
    """The uids in the order of their appearance, those that are marked aside."""
    found: dict[bytes, None] = {}
    for part in text.split(b'uid":"')[1:]:
        uid = part[:_UID_BYTES]
        if part[_UID_BYTES : _UID_BYTES + 1] == b'"' and _is_uid(uid):
            found[uid] = None
        elif not part.startswith((b'"', b"\0")):
            return None
    return list(found)


def _times(text: bytes) -> list[bytes] | None:
    """The times, earliest first."""
    found = set()
    for part in text.split(b'Z"')[:-1]:
        if part[-9:-8] == b"T":
            time = part[1 - _TIME_BYTES :] + b"Z"
            if not _is_time(time):
                return None
            found.add(time)
    return sorted(found)


@lru_cache(maxsize=4096)
def _is_uid(text: bytes) -> bool:
    return _UID.fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _is_time(text: bytes) -> bool:
    try:
        return datetime.fromisoformat(text.decode("ascii")).strftime("%Y-%m-%dT%H:%M:%SZ").encode() == text
    except (ValueError, UnicodeDecodeError):
        return False


def readable(masked: bytes) -> Any:
    """A masked JSON text, parsed, marks and all. Raises ``ValueError`` if a mark stands for a part of a number."""
    return orjson.loads(masked.replace(b"\0", b"\\u0000").replace(b"\1", b"\\u0001"))


def names_are_free(masked: bytes) -> bool:
    """Whether no member's name holds a mark: names are sorted among others. One owner's uid has nothing beside it.

    To look through the members of all texts takes twenty times as long as to see that no mark is in a name.
    """
    return _IN_NAME.search(masked) is None or _are_free(readable(masked))


def _are_free(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_are_free, value))
    if not isinstance(value, dict):
        return True
    marked = [name for name in value if "\0" in name]
    if marked and (len(marked) > 1 or not _OWNER.fullmatch(marked[0]) or any(_is_other(one) for one in value)):
        return False
    return all(map(_are_free, value.values()))


def _is_other(name: str) -> bool:
    return name.startswith("k:") and "\0" not in name


def holds_marks(value: Any) -> bool:
    """Whether there is a mark anywhere in a parsed text."""
    return b"\\u0000" in orjson.dumps(value)


class Form:
    """A masked text that is filled again: the text between marks, and which value stands where.

    ``own`` is how the filled text is masked by itself: the digest, and which of the values its marks stand for.
    """

    __slots__ = ("_digest", "_fill", "_holes", "_messages", "_names", "_parts", "size")

    def __init__(self, masked: bytes, own: bytes = b"", names: Sequence[tuple[bytes, bytes]] = ()) -> None:
        first, *rest = masked.split(b"\0")
        parts = [first]
        for part in rest:
            parts += [b"", part[3:]]
        self._parts = parts
        self._holes = tuple((2 * at + 1, part[:2]) for at, part in enumerate(rest))
        self._digest = own
        self._names = tuple(names)
        self._fill: filling.Fill | None = None
        self._messages: dict[int, messages.Message | None] = {}
        self.size = len(masked)

    def names(self) -> list[bytes]:
        """The name of each mark."""
        return [name for _, name in self._holes]

    def filled(self, values: Mapping[bytes, bytes]) -> bytes:
        """The text with these values."""
        parts = self._parts.copy()
        for at, name in self._holes:
            parts[at] = values[name]
        return b"".join(parts)

    def object(self, values: Mapping[bytes, bytes]) -> Any:
        """The text with these values, parsed; only to be read: what holds none of them is the same in all clusters."""
        if self._fill is None:
            self._fill = filling.of(readable(self.filled({name: mark(name) for _, name in self._holes})))
        return self._fill(values)

    def message(self, values: Mapping[bytes, bytes], encode: messages.Encode) -> bytes | None:
        """The text with these values as a protobuf message; ``None`` if it has to be encoded.

        ``encode``: always the same. Words and uids are as long as in the other clusters, versions are not.
        """
        size = len(values.get(NEW_VERSION, b""))
        if size not in self._messages:
            self._messages[size] = messages.of(self, values, encode)
        found = self._messages[size]
        return found.filled(values) if found is not None else None

    def mask(self, values: Mapping[bytes, bytes]) -> Mask:
        """The mask of the text that was filled with these values."""
        return Mask({own: values[name] for own, name in self._names}, self._digest)
