"""An identity that chooses what the recorded cluster chose."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def _certificate() -> str:
    lines = [base64.b64encode(hashlib.sha384(str(i).encode()).digest()).decode() for i in range(16)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


@dataclass(slots=True)
class ScriptedIdentity:
    """``uids`` by snapshot key (``namespaces//kube-system``); ``prime`` sets what the next creation gets."""

    uids: Mapping[str, str]
    ca_pem: bytes = field(default_factory=lambda: _certificate().encode())
    _count: int = 0
    _uid: str = ""
    _suffix: str = ""

    def prime(self, uid: str, suffix: str) -> None:
        """The uid and the generated suffix of the object that is about to be created; empty: from the counter."""
        self._uid, self._suffix = uid, suffix

    def uid(self, key: str) -> str:
        """Of a snapshot object."""
        return self.uids.get(key) or self._hashed(key)

    def next_uid(self) -> str:
        """The primed uid once, then counted ones."""
        uid, self._uid = self._uid, ""
        self._count += 1
        return uid or self._hashed(str(self._count))

    def suffix(self, length: int = 5) -> str:
        """The primed suffix once, then counted ones."""
        suffix, self._suffix = self._suffix, ""
        self._count += 1
        digest = hashlib.sha256(str(self._count).encode()).digest()
        return suffix or "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:length])

    def token(self, namespace: str, service_account: str, uid: str, secret: str) -> str:
        """As long as a real one."""
        claims = f"system:serviceaccount:{namespace}:{service_account}:{uid}:{secret}".ljust(380, ".")
        parts = (b'{"alg":"RS256","kid":"0123456789012345678901234567890123456789012"}', claims.encode(), b"s" * 256)
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)

    @staticmethod
    def _hashed(text: str) -> str:
        digest = hashlib.sha256(text.encode()).hexdigest()
        return "-".join((digest[:8], digest[8:12], "4" + digest[13:16], "8" + digest[17:20], digest[20:32]))
