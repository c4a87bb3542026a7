"""API tokens: one that is there from the start, more from logging in."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from scale_agent.standin.names import Names


@dataclass(frozen=True, slots=True)
class Token:
    """``key`` is the secret half; clients send ``name:key``."""

    name: str
    key: str = field(repr=False)
    created_s: float
    ttl_s: float
    description: str = ""

    @property
    def bearer(self) -> str:
        """What a client sends."""
        return f"{self.name}:{self.key}"


class Tokens:
    """All tokens of the one user."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._all: dict[str, Token] = {}

    def make(self, now: float, ttl_s: float, description: str = "") -> Token:
        """A new token; ``ttl_s`` 0: it does not expire."""
        token = Token(f"token-{self._names.suffix(5)}", self._names.token(), now, ttl_s, description)
        self._all[token.name] = token
        return token

    def valid(self, bearer: str) -> bool:
        """Is ``name:key`` a token of ours?"""
        token = self._all.get(bearer.partition(":")[0])
        return token is not None and hmac.compare_digest(token.bearer.encode(), bearer.encode())

    def drop(self, name: str) -> bool:
        """Forget a token; False if there is none of that name."""
        return self._all.pop(name, None) is not None

    def all(self) -> list[Token]:
        """In the order of their making."""
        return list(self._all.values())
