"""The key that signs service-account tokens: one per process, made when the first token is wanted.

All clusters of a process share it: making one costs 50 ms and more. A token is good in its own cluster only,
because it names its account's uid, and uids differ between clusters.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from scale_agent.kube.access import jwt

ALGORITHM = "RS256"
_BITS = 2048
_EXPONENT = 65537


class SigningKey:
    """An RSA key with its id as kube-apiserver computes it (keyIDFromPublicKey). ``repr`` shows nothing secret."""

    __slots__ = ("_private", "kid")

    def __init__(self, private: rsa.RSAPrivateKey) -> None:
        self._private = private
        der = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.kid = jwt.encoded(hashlib.sha256(der).digest())

    def token(self, claims: dict[str, Any]) -> str:
        """A signed token with these claims."""
        signed = jwt.unsigned({"alg": ALGORITHM, "kid": self.kid}, claims)
        signature = self._private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{jwt.encoded(signature)}"

    def verifies(self, token: jwt.Jwt) -> bool:
        """Whether the signature is this key's."""
        try:
            self._private.public_key().verify(token.signature, token.signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def public(self) -> dict[str, str]:
        """The public half as a JSON web key, members as ``/openid/v1/jwks`` has them."""
        numbers = self._private.public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        return {
            "use": "sig",
            "kty": "RSA",
            "kid": self.kid,
            "alg": ALGORITHM,
            "n": jwt.encoded(numbers.n.to_bytes(size, "big")),
            "e": jwt.encoded(numbers.e.to_bytes(3, "big")),
        }


@lru_cache(maxsize=1)
def signing_key() -> SigningKey:
    """The process's key."""
    return SigningKey(rsa.generate_private_key(_EXPONENT, _BITS))


def key_set() -> dict[str, Any]:
    """What ``/openid/v1/jwks`` answers."""
    return {"keys": [signing_key().public()]}
