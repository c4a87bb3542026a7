"""JSON texts of objects, held as what they have of their own: the clusters of a process hold nearly the same objects.

A text is cut at its quotes. Two that have as many parts, and are of the same object in two clusters or at two times,
have most parts in common: names of fields, images, labels. A :class:`Mould` is such a text with holes where others had
other parts; what fills the holes is all that is held of a text. The objects that an import leaves behind, 95 KB, are
held in 11 KB. To take a text of 4 KB apart costs 20 to 30 µs, to put it together again 2 µs (zlib with one of its kind
as a dictionary: a quarter of the text, 45 and 15 µs).

What fits no mould becomes one, as long as there is room; after that it is deflated.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple, Protocol

_QUOTE = b'"'
_WORTH_IT_BYTES = 100
#: Longer texts are deflated: few are, and a mould of one would take the room of many.
_MOST_TEXT_BYTES = 512 << 10
#: How many moulds there may be in a process, of how many bytes together: an import makes about 130, of 3 KB each.
MOST_MOULDS, MOST_BYTES = 6000, 32 << 20
#: How many moulds one object, or one kind, has for texts of as many parts.
_MOST_ALIKE = 3
#: What may be left of a text: by a mould as good as a new one, and if there is no room for a new one.
_WELL, _FAIRLY = 0.3, 0.5
#: After so many texts in a row that fitted no mould, the next ones are not tried.
_PATIENCE = 32
_WINDOW = 32768


#: Of whom texts are alike: kind, namespace, name and number of parts, or kind and number of parts.
_Key = tuple[bytes | str | int, ...]


class Packing(Protocol):
    """How a text is held."""

    def text(self, held: bytes) -> bytes:
        """The text of which ``held`` is held."""

    def starts(self, held: bytes, prefix: bytes) -> bool:
        """Whether that text starts so."""


class Packed(NamedTuple):
    """A text, packed."""

    how: Packing
    held: bytes


class Mould:
    """A text with holes; the parts with these numbers."""

    __slots__ = ("_fixed_bytes", "_holes", "_pick", "_pieces")

    def __init__(self, parts: Sequence[bytes], holes: Sequence[int]) -> None:
        self._holes = tuple(holes)
        pieces = [_piece(parts[start:end], start, end, len(parts)) for start, end in _between(holes, len(parts))]
        self._pieces = tuple(pieces)
        self._fixed_bytes = sum(map(len, pieces)) - max(len(holes) - 1, 0)
        #: One more than the holes: of a single item a getter makes no tuple.
        self._pick: Callable[[Sequence[bytes]], tuple[bytes, ...]] = itemgetter(*holes, 0, 0)

    def take(self, parts: Sequence[bytes], json: bytes) -> bytes | None:
        """What of a text, cut into as many parts, fills the holes; ``None`` if it is not the same elsewhere."""
        held = _QUOTE.join(self._pick(parts)[:-2])
        return held if self._fixed_bytes + len(held) == len(json) and self.text(held) == json else None

    def text(self, held: bytes) -> bytes:
        """The text of which ``held`` is held."""
        pieces = self._pieces
        if len(pieces) == 1:
            return pieces[0]
        whole = [b""] * (2 * len(pieces) - 1)
        whole[::2] = pieces
        whole[1::2] = held.split(_QUOTE)
        return b"".join(whole)

    def starts(self, held: bytes, prefix: bytes) -> bool:
        """Whether that text starts so: mostly known without it."""
        first = self._pieces[0]
        return first.startswith(prefix) if len(first) >= len(prefix) else self.text(held).startswith(prefix)

    def widened(self, parts: Sequence[bytes]) -> Mould:
        """A mould for what this one fits and for another text of as many parts."""
        own = self.text(_QUOTE.join((b"",) * len(self._holes))).split(_QUOTE)
        differ = {at for at, (one, other) in enumerate(zip(own, parts, strict=True)) if one != other}
        return Mould(parts, sorted(differ.union(self._holes)))


def _between(holes: Sequence[int], size: int) -> list[tuple[int, int]]:
    """From where to where the parts between holes go."""
    return list(zip((0, *(hole + 1 for hole in holes)), (*holes, size), strict=True))


def _piece(parts: Sequence[bytes], start: int, end: int, size: int) -> bytes:
    """The text between two holes, or between one and an end, with the quotes around holes."""
    before, after = start > 0, end < size
    if not parts:
        return _QUOTE if before and after else b""
    return _QUOTE * before + _QUOTE.join(parts) + _QUOTE * after


class _Family:
    """The moulds for texts that should be alike."""

    __slots__ = ("_misses", "moulds")

    def __init__(self) -> None:
        self.moulds: list[Mould] = []
        self._misses = 0

    @property
    def full(self) -> bool:
        """Whether it takes no more moulds."""
        return len(self.moulds) >= _MOST_ALIKE

    def fit(self, parts: Sequence[bytes], json: bytes) -> Packed | None:
        """A text in a mould that is as it should be for it."""
        for mould in self.moulds:
            held = mould.take(parts, json)
            if held is not None:
                self._misses = 0
                return Packed(mould, held)
        self._misses += 1
        return None

    def widen(self, parts: Sequence[bytes], json: bytes, share: float) -> Packed | None:
        """A text in that mould that fits best with more holes, if no more than a share of the text is left."""
        best: Packed | None = None
        limit, place = share * len(json), 0
        for at, mould in enumerate(self.moulds if self._misses < _PATIENCE else ()):
            wider = mould.widened(parts)
            held = wider.take(parts, json)
            if held is not None and len(held) < limit:
                best, limit, place = Packed(wider, held), len(held), at
                self._misses = 0
        if best is not None:
            assert isinstance(best.how, Mould)
            self.moulds[place] = best.how
        return best


class _Deflated:
    """What zlib finds different from a text of the same kind."""

    __slots__ = ("_like",)

    def __init__(self, like: bytes) -> None:
        self._like = like[-_WINDOW:]

    def pack(self, json: bytes) -> Packed:
        """A text, deflated."""
        packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=self._like)
        return Packed(self, packer.compress(json) + packer.flush())

    def text(self, held: bytes) -> bytes:
        """The text of which ``held`` is held."""
        return zlib.decompressobj(-zlib.MAX_WBITS, zdict=self._like).decompress(held)

    def starts(self, held: bytes, prefix: bytes) -> bool:
        """Whether that text starts so."""
        return self.text(held).startswith(prefix)


class Moulds:
    """The moulds of a process; what they are made of is never given back, but bounded."""

    def __init__(self) -> None:
        self._families: dict[_Key, _Family] = {}
        self._kinds: dict[bytes, _Deflated] = {}
        self._room, self._room_bytes = MOST_MOULDS, MOST_BYTES

    def pack(self, namespace: str, name: str, json: bytes) -> Packed | None:
        """A text as small as it goes; ``None`` if it is too short for that."""
        if len(json) < _WORTH_IT_BYTES:
            return None
        kind = json[: json.find(b",")]
        if len(json) > _MOST_TEXT_BYTES:
            return self._deflated(kind, json)
        parts = json.split(_QUOTE)
        keys = (kind, namespace, name, len(parts)), (kind, len(parts))
        families = [family for key in keys if (family := self._families.get(key)) is not None]
        for family in families:
            if (found := family.fit(parts, json)) is not None:
                return found
        return (
            _widest(families, parts, json, _WELL)
            or self._made(keys, parts, json)
            or _widest(families, parts, json, _FAIRLY)
            or self._deflated(kind, json)
        )

    def _made(self, keys: Sequence[_Key], parts: Sequence[bytes], json: bytes) -> Packed | None:
        """A text as a mould of its own, if there is room for one, in every family that it belongs to."""
        known = [self._families.get(key) for key in keys]
        if not self._room or self._room_bytes < len(json) or any(one is not None and one.full for one in known):
            return None
        self._room -= 1
        self._room_bytes -= len(json)
        mould = Mould(parts, ())
        for key in keys:
            self._families.setdefault(key, _Family()).moulds.append(mould)
        return Packed(mould, b"")

    def _deflated(self, kind: bytes, json: bytes) -> Packed:
        like = self._kinds.get(kind)
        if like is None:
            like = _Deflated(json)
            if len(self._kinds) < MOST_MOULDS:
                self._kinds[kind] = like
        return like.pack(json)


def _widest(families: Sequence[_Family], parts: Sequence[bytes], json: bytes, share: float) -> Packed | None:
    for family in families:
        if (found := family.widen(parts, json, share)) is not None:
            return found
    return None


#: Shared by all clusters of the process.
MOULDS = Moulds()
