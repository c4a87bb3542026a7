"""Filler for the prose of published documents that compresses as prose does.

The data holds one sentence again and again, which gzip would make nothing of: a compressed document had a third of its
real size on the wire. Words that mean nothing take its place, as many bytes of them, the same ones for the same length,
as the same descriptions come again and again in real documents. How many words there are was chosen by the size that a
real server's compressed ``/openapi/v2`` had.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator
from functools import cache
from itertools import accumulate

_SENTENCE = re.compile(rb'(?<=")the text of the p[^"\\.]*')
_WORDS, _LENGTH, _LONGEST = 2000, 24_000, 40_000
_CONSONANTS, _VOWELS, _ENDS = "bcdfghklmnprstvw", "aeiou", ("", "", "n", "r", "s", "t", "l")
_MASK = (1 << 64) - 1
#: Lengths that are neighbours start far from each other.
_STRIDE = 7919


def varied(body: bytes) -> bytes:
    """A document with filler of the same length for the data's; everything else, escapes too, stays as it is."""
    return _SENTENCE.sub(_instead, body)


def _instead(found: re.Match[bytes]) -> bytes:
    text, size = _text(), len(found.group())
    start = size * _STRIDE % (len(text) - _LONGEST)
    return text[start : start + size]


@cache
def _text() -> bytes:
    """Words by chance, the first ones more often, as words are (Zipf); always the same."""
    numbers = _numbers()
    words = [_word(numbers) for _ in range(_WORDS)]
    bounds = list(accumulate((rank + 1) ** -0.8 for rank in range(_WORDS)))
    spread = bounds[-1] / (1 << 31)
    return " ".join(words[bisect(bounds, next(numbers) * spread)] for _ in range(_LENGTH)).encode()


def _numbers() -> Iterator[int]:
    """Numbers below 2^31 from Knuth's linear congruential generator: alike in every Python."""
    state = 1
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) & _MASK
        yield state >> 33


def _word(numbers: Iterator[int]) -> str:
    syllables = (_CONSONANTS[next(numbers) % 16] + _VOWELS[next(numbers) % 5] for _ in range(next(numbers) % 4 + 1))
    return "".join(syllables) + _ENDS[next(numbers) % len(_ENDS)]
