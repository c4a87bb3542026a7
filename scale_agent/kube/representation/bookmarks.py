"""Bookmarks of one representation: they differ in nothing but their resourceVersion.

Twelve watches have one a minute each, all that an idle API server does. Encoded once for each number of digits, one
takes 0.4 µs instead of 5 (protobuf) or 19 (JSON).
"""

from __future__ import annotations

from collections.abc import Callable

#: Encodes one: its resourceVersion, and whether it ends the initial events.
Make = Callable[[int, bool], bytes]
#: Stands for every digit of a resourceVersion.
_DIGIT = "7"


class Bookmarks:
    """What stands before and after the resourceVersion."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Make) -> None:
        self._make = make
        self._made: dict[tuple[int, bool], tuple[bytes, bytes] | None] = {}

    def of(self, rv: int, *, initial_end: bool) -> bytes:
        """The bookmark of a resourceVersion."""
        digits = b"%d" % rv
        key = (len(digits), initial_end)
        if key not in self._made:
            self._made[key] = self._around(len(digits), initial_end)
        around = self._made[key]
        return self._make(rv, initial_end) if around is None else digits.join(around)

    def _around(self, size: int, initial_end: bool) -> tuple[bytes, bytes] | None:
        """``None`` if the stand-in stands somewhere else, too."""
        stand_in = _DIGIT * size
        parts = self._make(int(stand_in), initial_end).split(stand_in.encode())
        return (parts[0], parts[1]) if len(parts) == 2 else None
