"""Words that are one cluster's own: ids and suffixes that somebody made up, as in ``cattle-cluster-agent-68486f5c44``.

A word is a run of letters and digits. Those that two clusters have used are everybody's; of the others those are a
cluster's own that have the form of something generated. What has a meaning of its own is none: numbers, quantities,
durations, API versions.
"""

from __future__ import annotations

import re
from functools import lru_cache

#: Everything that is no letter and no digit separates words.
_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_SEPARATED = bytes(byte if byte in _LETTERS else 0x20 for byte in range(256))
#: Lower-case letters and digits, at least one of each; or the letters of generated names, which have no vowels.
_GENERATED = re.compile(rb"(?=.*[a-z])(?=.*[0-9])[a-z0-9]{5,64}|[bcdfghjklmnpqrstvwxz]{5,64}")
#: What is read as a number or a version: ``12345m``, ``1000e6``, ``0x1f2e``, ``90m30s``, ``v2beta10``.
_MEANS = re.compile(
    rb"[0-9]+[numk]|[0-9]+e[0-9]+|0[xob][0-9a-f]+|(?:[0-9]+(?:ns|us|ms|s|m|h|d))+|v[0-9]+[a-z]*[0-9]*|https"
)
#: More words than these are not remembered.
_MOST_COMMON, _MOST_OWN = 8192, 8192
#: Texts that are remembered to be everybody's from the first to the last word.
_MOST_PLAIN = 4096


class Vocabulary:
    """Which words are everybody's. Of a cluster's own words, and of texts without any, only hashes are held."""

    __slots__ = ("_common", "_plain", "_users")

    def __init__(self) -> None:
        self._common: set[bytes] = set()
        self._users: dict[int, int] = {}
        self._plain: dict[int, None] = {}

    def strange(self, text: bytes, cluster: int) -> list[bytes]:
        """The cluster's own words in a text, in the order of their appearance."""
        if self.is_plain(text):  # most are: they were written by others before
            return []
        words = set(text.translate(_SEPARATED).split()) - self._common
        if not words:
            self._keep(text)
        found = [word for word in words if self._is_own(word, cluster)]
        return sorted(found, key=text.find) if len(found) > 1 else found

    def is_plain(self, text: bytes) -> bool:
        """Whether a text is known to have no word that is not everybody's."""
        return hash(text) in self._plain

    def remember(self, text: bytes, like: bytes) -> None:
        """A text is plain if another is, of which it is another form."""
        if self.is_plain(like):
            self._keep(text)

    def _keep(self, text: bytes) -> None:
        """A text has no word that is not everybody's; it never will."""
        if len(self._plain) >= _MOST_PLAIN:
            del self._plain[next(iter(self._plain))]
        self._plain[hash(text)] = None

    def _is_own(self, word: bytes, cluster: int) -> bool:
        own = _is_generated(word)
        user = self._users.get(hash(word))
        if user is None:
            if len(self._users) >= _MOST_OWN:
                del self._users[next(iter(self._users))]
            self._users[hash(word)] = cluster
        elif user != cluster and len(self._common) < _MOST_COMMON:
            self._common.add(word)
            return False
        return own


@lru_cache(maxsize=4096)
def _is_generated(word: bytes) -> bool:
    return _GENERATED.fullmatch(word) is not None and _MEANS.fullmatch(word) is None
