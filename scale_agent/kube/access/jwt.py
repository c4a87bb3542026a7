"""JSON web tokens in their compact form (RFC 7519, RFC 7515), as far as service-account tokens go."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Jwt:
    """A token taken apart; ``signed`` is what the signature is about."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes

    @property
    def issuer(self) -> str:
        """The claim ``iss``."""
        return str(self.claims.get("iss", ""))


def parse(token: str) -> Jwt | None:
    """A token's parts; ``None`` for anything that is no JWT. Nothing is verified."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        header, claims = (orjson.loads(decoded(part)) for part in parts[:2])
        signature = decoded(parts[2])
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        return None
    return Jwt(header, claims, f"{parts[0]}.{parts[1]}".encode(), signature)


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Header and claims, without the signature. Members of the claims are sorted, as Go's encoder has them."""
    return f"{encoded(orjson.dumps(header))}.{encoded(orjson.dumps(claims, option=orjson.OPT_SORT_KEYS))}"


def encoded(raw: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The reverse. Raises ``ValueError``."""
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
