"""Who a simulated cluster is: uids, name suffixes and service-account tokens, all made from its seed.

Equal on every run of a seed and different between seeds. Objects made at run time draw from a counter,
so that the same requests in the same order give the same names.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import lru_cache
from typing import Any

#: What Kubernetes draws generated names from (k8s.io/apimachinery, util/rand): no vowels, nothing that looks alike.
SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


class ClusterIdentity:
    """Implements ``kube.identity.Identity``. ``repr`` shows nothing that is secret."""

    __slots__ = ("_count", "_key", "ca_pem")

    def __init__(self, seed: str, ca_pem: bytes) -> None:
        self._key = hashlib.blake2b(seed.encode(), person=b"scale-agent id", digest_size=32).digest()
        self._count = 0
        self.ca_pem = ca_pem

    def uid(self, key: str) -> str:
        """The uid of the snapshot's object ``key`` (``namespaces//kube-system``): 36 characters, always the same."""
        return _uid(self._key, key)

    def next_uid(self) -> str:
        """The uid of the next object that is created at run time."""
        return _uuid(self._hash("next-uid", self._next()))

    def suffix(self, length: int = 5) -> str:
        """The next random end of a generated name."""
        number = int.from_bytes(self._hash("suffix", self._next(), size=32), "big")
        base = len(SUFFIX_ALPHABET)
        return "".join(SUFFIX_ALPHABET[number // base**place % base] for place in range(length))

    def number(self, purpose: str) -> float:
        """A number in [0, 1) that belongs to ``purpose``: delays are drawn with it."""
        return int.from_bytes(self._hash("number", purpose, size=7), "big") / (1 << 56)

    def token(self, namespace: str, service_account: str, uid: str, secret: str) -> str:
        """A service-account token as the token controller writes it into a secret.

        Form and claims are a real one's (RS256, 256 bytes of signature); the signature is made of the seed,
        no key verifies it: only the cluster itself ever compares it.
        """
        claims = {
            "iss": "kubernetes/serviceaccount",
            "kubernetes.io/serviceaccount/namespace": namespace,
            "kubernetes.io/serviceaccount/secret.name": secret,
            "kubernetes.io/serviceaccount/service-account.name": service_account,
            "kubernetes.io/serviceaccount/service-account.uid": uid,
            "sub": f"system:serviceaccount:{namespace}:{service_account}",
        }
        header = {"alg": "RS256", "kid": _base64url(self._hash("kid", "", size=32))}
        signed = f"{_base64url(_json(header))}.{_base64url(_json(claims))}"
        signature = hashlib.shake_256(self._key + signed.encode()).digest(256)
        return f"{signed}.{_base64url(signature)}"

    @property
    def admin_token(self) -> str:
        """The bearer token of the cluster's administrator, as its kubeconfig has it."""
        return self._hash("admin-token", "", size=32).hex()

    def _next(self) -> str:
        self._count += 1
        return str(self._count)

    def _hash(self, purpose: str, value: str, *, size: int = 16) -> bytes:
        return _hash(self._key, purpose, value, size)


@lru_cache(maxsize=2048)
def _uid(seed: bytes, key: str) -> str:
    """An import asks 500 times for the uids of 150 objects."""
    return _uuid(_hash(seed, "uid", key))


def _hash(seed: bytes, purpose: str, value: str, size: int = 16) -> bytes:
    return hashlib.blake2b(f"{purpose}\0{value}".encode(), key=seed, digest_size=size).digest()


def _uuid(raw: bytes) -> str:
    """16 bytes as a version 4 UUID (RFC 4122), as the API server makes them."""
    digits = raw.hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
