"""Random names as Rancher makes them; the generator is passed in so that a run can be repeated."""

from __future__ import annotations

import hashlib
import random
import uuid

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
TOKEN_LENGTH = 54


class Names:
    """Ids, tokens and uids from one source of randomness."""

    __slots__ = ("_random",)

    def __init__(self, seed: str | None = None) -> None:
        self._random: random.Random = random.Random(seed) if seed is not None else random.SystemRandom()

    def suffix(self, length: int = 5) -> str:
        """Characters of Kubernetes' name alphabet."""
        return "".join(self._random.choice(_ALPHABET) for _ in range(length))

    def cluster_id(self, path: str) -> str:
        """``c-m-xxxxxxxx`` for ``steve``, ``c-xxxxx`` for ``norman`` (protocol sections 1.2 and 1.3)."""
        return f"c-m-{self.suffix(8)}" if path == "steve" else f"c-{self.suffix(5)}"

    def token(self) -> str:
        """A registration or API token: 54 characters."""
        return self.suffix(TOKEN_LENGTH)

    def uid(self) -> str:
        """A version 4 uuid."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def fraction(self) -> float:
        """Between 0 and 1, for the phase of periodic things."""
        return self._random.random()


def stable_uuid(*parts: str) -> str:
    """A uuid that is always the same for the same parts."""
    return str(uuid.UUID(bytes=hashlib.sha256("\0".join(parts).encode()).digest()[:16], version=4))


def stable_suffix(length: int, *parts: str) -> str:
    """Characters of the name alphabet that are always the same for the same parts."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:length])


def credentials_name(version: str, url: str, token: str, namespace: str) -> str:
    """Name of the credentials secret: a hash of what is in it (protocol section 1.6; 2.10's by its recordings)."""
    if version.startswith("2.10"):
        return "cattle-credentials-" + hashlib.md5((url + token).encode(), usedforsecurity=False).hexdigest()[:7]
    return "cattle-credentials-" + hashlib.sha256(f"{url}.{token}.{namespace}".encode()).hexdigest()[:10]


def checksum(cacerts: str) -> str:
    """CATTLE_CA_CHECKSUM: SHA-256 of the certificates with exactly one newline at the end (protocol section 1.6)."""
    return hashlib.sha256((cacerts.rstrip("\n") + "\n").encode()).hexdigest() if cacerts else ""
