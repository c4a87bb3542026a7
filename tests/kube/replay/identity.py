"""An identity that chooses what the recorded cluster chose."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


#: Lengths of the recorded clusters' certificate and of the parts of their tokens.
CERTIFICATE, TOKEN = 570, (90, 623, 342)


def _certificate() -> str:
    head, tail = "-----BEGIN CERTIFICATE-----\n", "\n-----END CERTIFICATE-----\n"
    return head + "M" * (CERTIFICATE - len(head) - len(tail)) + tail


@dataclass(slots=True)
class ScriptedIdentity:
    """``uids`` by snapshot key (``namespaces//kube-system``); ``prime`` sets what the next creation gets."""

    uids: Mapping[str, str]
    ca_pem: bytes = field(default_factory=lambda: _certificate().encode())
    _count: int = 0
    _uids: list[str] = field(default_factory=list)
    _suffix: str = ""

    def prime(self, uids: Sequence[str], suffix: str) -> None:
        """The uids of the objects that are about to be created (empty: counted), and the suffix of the first name."""
        self._uids, self._suffix = list(uids), suffix

    def uid(self, key: str) -> str:
        """Of a snapshot object."""
        return self.uids.get(key) or self._hashed(key)

    def next_uid(self) -> str:
        """The primed uids once, then counted ones."""
        uid = self._uids.pop(0) if self._uids else ""
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
        text = f"{namespace}.{service_account}.{uid}.{secret}"
        return ".".join((text.replace(".", "-") * 9)[:length] for length in TOKEN)

    @staticmethod
    def _hashed(text: str) -> str:
        digest = hashlib.sha256(text.encode()).hexdigest()
        return "-".join((digest[:8], digest[8:12], "4" + digest[13:16], "8" + digest[17:20], digest[20:32]))
