"""Hashes in names: as the real ones look, and equal for equal contents.

Kubernetes hashes Go's own dump of a struct (``util/hash.DeepHashObject``); that text cannot be had here, so the numbers
differ while alphabet and length are the same: 32 bits, their decimal digits in ``rand.SafeEncodeString``'s alphabet.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import orjson

from scale_agent.kube.codec import gojson

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_OFFSET, _PRIME, _MASK = 2166136261, 16777619, (1 << 32) - 1


def fnv32a(data: bytes) -> int:
    """FNV-1a, 32 bits."""
    value = _OFFSET
    for byte in data:
        value = (value ^ byte) * _PRIME & _MASK
    return value


def safe(number: int) -> str:
    """A number's digits as letters that make no words."""
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in str(number))


def template_hash(template: Any, collisions: int = 0) -> str:
    """The hash of a pod template, or of anything else that JSON can say."""
    text = orjson.dumps(template, option=orjson.OPT_SORT_KEYS) + (str(collisions).encode() if collisions else b"")
    return safe(fnv32a(hashlib.blake2b(text, digest_size=16).digest()))


def revision_hash(data: Any, collisions: int = 0) -> str:
    """The hash of a StatefulSet's revision, exactly (``HashControllerRevision``): FNV-1 of its JSON and the count."""
    value = _OFFSET
    for byte in gojson.dumps(data, option=orjson.OPT_SORT_KEYS) + str(collisions).encode():
        value = value * _PRIME & _MASK ^ byte
    return safe(value)


@lru_cache(maxsize=2048)
def digest(text: str, length: int) -> str:
    """Hexadecimal digits that belong to ``text``: container and image ids."""
    return hashlib.shake_256(text.encode()).hexdigest(length // 2)
