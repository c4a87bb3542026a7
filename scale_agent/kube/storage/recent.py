"""What was made for a reader and may be asked for again soon: bounded for a whole process, whoever asked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping


class Recent:
    """Bytes by what they belong to. The longest not asked for go first when there are more than ``most_bytes``."""

    __slots__ = ("_found", "_left_bytes")

    def __init__(self, most_bytes: int) -> None:
        self._found: dict[Hashable, bytes] = {}
        self._left_bytes = most_bytes

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """The bytes of a key, made if they are not here."""
        found = self._found.pop(key, None)
        if found is None:
            found = make()
            self._left_bytes -= len(found)
        self._found[key] = found
        while self._left_bytes < 0 and self._found:
            self._left_bytes += len(self._found.pop(next(iter(self._found))))
        return found


class Common:
    """Equal mappings of texts, once: at most so many different ones."""

    __slots__ = ("_found", "_most")

    def __init__(self, most: int) -> None:
        self._found: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}
        self._most = most

    def one(self, texts: Mapping[str, str]) -> Mapping[str, str]:
        """The mapping that stands for all equal ones; nobody may change it."""
        key = tuple(texts.items())
        found = self._found.get(key)
        if found is None:
            found = texts
            if len(self._found) < self._most:
                self._found[key] = texts
        return found
