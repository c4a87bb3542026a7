"""Bearer tokens → users: those given from outside, those in secrets, those that TokenRequests were answered with.

Rules: kube-apiserver's serviceaccount.JWTTokenAuthenticator with its legacy and bound validators (1.36.2); texts
observed in TokenReviews. Credentials that were found good are remembered by their hash for as long as the objects that
they depend on stay as they are. It is Python's keyed hash of a text: 0.6 us for a token, where a digest costs 3.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scale_agent.errors import ScaleAgentError
from scale_agent.kube.access import jwt
from scale_agent.kube.access.keys import signing_key
from scale_agent.kube.access.rules import quoted
from scale_agent.kube.codec import moments
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.version import Obj, Version
from scale_agent.kube.users import NODE_NAME, User, account_of

#: Who issues tokens and, unless one says otherwise, whom they are for.
ISSUER = "https://kubernetes.default.svc.cluster.local"
LEGACY_ISSUER = "kubernetes/serviceaccount"
INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"
#: Clocks may differ by so much (seconds).
LEEWAY_S = 60
_REMEMBERED = 256
_CREDENTIAL = "authentication.kubernetes.io/credential-id"
_POD_NAME, _POD_UID = "authentication.kubernetes.io/pod-name", "authentication.kubernetes.io/pod-uid"
_NODE_UID = "authentication.kubernetes.io/node-uid"
_LEGACY = "kubernetes.io/serviceaccount/"
_SECRETS, _ACCOUNTS = ("", "secrets"), ("", "serviceaccounts")
_PODS, _NODES = ("", "pods"), ("", "nodes")
_CRYPTO = "go-jose/go-jose: error in cryptographic primitive"


class TokenError(ScaleAgentError):
    """A token is nobody's; the text is what a TokenReview says, empty where a real server does not say why."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose a token is, and for whom it is meant. ``secret`` is where a legacy one is kept."""

    user: User
    audiences: tuple[str, ...]
    depends_on: tuple[tuple[ResourceKey, Version], ...] = ()
    expires_s: float = float("inf")
    secret: Version | None = None


@dataclass(slots=True)
class _Remembered:
    """Good credentials: whose it is, the objects that it depends on, and up to which version they were as they are."""

    user: User
    depends_on: tuple[tuple[ResourceKey, str, str, int], ...]
    expires_s: float
    seen_rv: int


class Tokens:
    """All tokens that one cluster knows."""

    __slots__ = ("_core", "_remembered", "_static")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._static: dict[bytes, User] = {}
        self._remembered: dict[int, _Remembered] = {}

    def register(self, token: str, user: User) -> None:
        """Accept a token for ever, as ``--token-auth-file`` does. The user is put into ``system:authenticated``."""
        groups = user.groups if user.authenticated else (*user.groups, "system:authenticated")
        self._static[_digest(token)] = User(user.name, groups, user.uid, user.extra)

    def user_of(self, token: str, now: float) -> tuple[User, Bearer | None]:
        """Whose the token of a request is; with what was found out about it if it was looked into just now.

        Raises :class:`TokenError`.
        """
        static = self._static.get(_digest(token)) if self._static else None
        if static is not None:
            return static, None
        bearer = self._examined(token, now, (ISSUER,))
        return bearer.user, bearer

    def known(self, credentials: str, now: float) -> User | None:
        """Whose remembered credentials (an ``Authorization`` header) are, if nothing speaks against them by now."""
        known = self._remembered.get(hash(credentials))
        if known is None or now > known.expires_s:
            return None
        return known.user if known.seen_rv == self._core.store.rv or self._unchanged(known) else None

    def remember(self, credentials: str, bearer: Bearer) -> None:
        """Spare the next request with these the examination. What they depend on must not have changed since."""
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        depends_on = tuple((key, one.namespace, one.name, one.rv) for key, one in bearer.depends_on)
        seen_rv = self._core.store.rv
        self._remembered[hash(credentials)] = _Remembered(bearer.user, depends_on, bearer.expires_s, seen_rv)

    def review(self, token: str, audiences: Sequence[str], now: float) -> Bearer:
        """Whose a token is, for whoever is one of ``audiences``. Raises :class:`TokenError`."""
        static = self._static.get(_digest(token))
        if static is not None:
            if audiences and ISSUER not in audiences:
                raise TokenError("")
            return Bearer(static, (ISSUER,))
        return self._examined(token, now, tuple(audiences) or (ISSUER,))

    def _unchanged(self, known: _Remembered) -> bool:
        store = self._core.store
        for key, namespace, name, rv in known.depends_on:
            version = store.get(key, namespace, name)
            if version is None or version.rv != rv:
                return False
        known.seen_rv = store.rv
        return True

    def _examined(self, token: str, now: float, audiences: tuple[str, ...]) -> Bearer:
        found = jwt.parse(token)
        if found is None or found.issuer not in (ISSUER, LEGACY_ISSUER):
            raise TokenError("")
        legacy = found.issuer == LEGACY_ISSUER
        if not (self._is_legacy(token, found) if legacy else _is_signed(found)):
            raise TokenError(_CRYPTO)
        meant = _strings(found.claims.get("aud")) or (ISSUER,)
        fits = tuple(one for one in meant if one in audiences)
        if not fits:
            raise TokenError(f"token audiences {quoted(meant)} is invalid for the target audiences {quoted(audiences)}")
        return self._legacy(token, found, fits) if legacy else self._bound(found, now, fits)

    # -- tokens in secrets --------------------------------------------------------------------------------------------

    def _is_legacy(self, token: str, found: jwt.Jwt) -> bool:
        """Whether the identity wrote that token: its signature is the identity's affair."""
        namespace, name, uid, secret = _legacy_claims(found)
        return token == self._core.identity.token(namespace, name, uid, secret)

    def _legacy(self, token: str, found: jwt.Jwt, audiences: tuple[str, ...]) -> Bearer:
        namespace, name, uid, secret_name = _legacy_claims(found)
        if not (namespace and name and uid and secret_name):
            raise TokenError("secretName claim is missing")
        if account_of(str(found.claims.get("sub", ""))) != (namespace, name):
            raise TokenError("sub claim is invalid")
        secret = self._core.store.get(_SECRETS, namespace, secret_name)
        if secret is None or _deleted(secret):
            raise TokenError("Token has been invalidated")
        if b64encode(token.encode()) not in secret.json:
            raise TokenError("Token does not match server's copy")
        account = self._account(namespace, name)
        if _deleted(account):
            raise TokenError(f"ServiceAccount {namespace}/{name} has been deleted")
        if account.uid != uid:
            raise TokenError(f"ServiceAccount UID ({account.uid}) does not match claim ({uid})")
        if INVALID_SINCE in secret.labels:
            raise TokenError(_invalidated(namespace, secret_name, name))
        depends_on = ((_SECRETS, secret), (_ACCOUNTS, account))
        return Bearer(User.account(namespace, name, uid), audiences, depends_on, secret=secret)

    def _account(self, namespace: str, name: str) -> Version:
        account = self._core.store.get(_ACCOUNTS, namespace, name)
        if account is None:
            raise TokenError(f'serviceaccounts "{name}" not found')
        return account

    # -- tokens that were asked for -----------------------------------------------------------------------------------

    def _bound(self, found: jwt.Jwt, now: float, audiences: tuple[str, ...]) -> Bearer:
        _check_times(found.claims, now)
        private = _object(found.claims.get("kubernetes.io"))
        namespace, reference = _text(private, "namespace"), _object(private.get("serviceaccount"))
        name, uid = _text(reference, "name"), _text(reference, "uid")
        account = self._account(namespace, name)
        if account.uid != uid:
            raise TokenError(f"service account UID ({account.uid}) does not match claim ({uid})")
        if self._long_deleted(account, now):
            raise TokenError(f"service account {namespace}/{name} has been deleted")
        depends_on = [(_ACCOUNTS, account), *self._bound_objects(private, namespace, now)]
        user = User.account(namespace, name, uid, _extra(private, _text(found.claims, "jti")))
        expires_s = float(found.claims["exp"]) + LEEWAY_S
        return Bearer(user, audiences, tuple(depends_on), expires_s)

    def _bound_objects(self, private: Obj, namespace: str, now: float) -> list[tuple[ResourceKey, Version]]:
        """What the token lives as long as. A node named beside a pod is information only."""
        out: list[tuple[ResourceKey, Version]] = []
        for member, key in (("secret", _SECRETS), ("pod", _PODS), ("node", _NODES)):
            reference = _object(private.get(member))
            if not reference or (member == "node" and private.get("pod")):
                continue
            place = "" if key == _NODES else namespace
            version = self._core.store.get(key, place, _text(reference, "name"))
            if version is None:
                raise TokenError("service account token has been invalidated")
            if version.uid != reference.get("uid"):
                claim = f"service account {member} ref claim ({_text(reference, 'uid')})"
                raise TokenError(f"{member} UID ({version.uid}) does not match {claim}")
            if self._long_deleted(version, now):
                raise TokenError("service account token has been invalidated")
            out.append((key, version))
        return out

    @staticmethod
    def _long_deleted(version: Version, now: float) -> bool:
        stamp = _deleted(version)
        return bool(stamp) and (moments.parse(stamp) or now) < now - LEEWAY_S


def claims_for(
    account: Obj, bound: Mapping[str, Obj], audiences: Sequence[str], now: float, lasts_s: int, jti: str
) -> Obj:
    """The claims of a new token. ``bound``: metadata of the pod, node or secret that it is bound to, by that name."""
    meta = account["metadata"]
    private: Obj = {"namespace": meta["namespace"], "serviceaccount": {"name": meta["name"], "uid": meta["uid"]}}
    for member, its in bound.items():
        private[member] = {"name": its["name"], **({"uid": its["uid"]} if its.get("uid") else {})}
    issued = int(now)
    return {
        "aud": list(audiences),
        "exp": issued + lasts_s,
        "iat": issued,
        "iss": ISSUER,
        "jti": jti,
        "kubernetes.io": private,
        "nbf": issued,
        "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
    }


def _is_signed(found: jwt.Jwt) -> bool:
    return found.header.get("kid") == signing_key().kid and signing_key().verifies(found)


def _check_times(claims: Obj, now: float) -> None:
    times = [claims.get(name) for name in ("nbf", "exp", "iat")]
    if not all(isinstance(one, (int, float)) for one in times):
        raise TokenError("service account token claims could not be validated due to unexpected validation error")
    not_before, expires, issued = (float(one or 0) for one in times)
    if now + LEEWAY_S < not_before:
        raise TokenError("service account token is not valid yet")
    if now - LEEWAY_S > expires:
        raise TokenError("service account token has expired")
    if now + LEEWAY_S < issued:
        raise TokenError("service account token is issued in the future")


def _extra(private: Obj, jti: str) -> dict[str, tuple[str, ...]]:
    pod, node = _object(private.get("pod")), _object(private.get("node"))
    found = (
        (_CREDENTIAL, f"JTI={jti}" if jti else ""),
        (NODE_NAME, _text(node, "name")),
        (_NODE_UID, _text(node, "uid")),
        (_POD_NAME, _text(pod, "name")),
        (_POD_UID, _text(pod, "uid")),
    )
    return {key: (value,) for key, value in found if value}


def _legacy_claims(found: jwt.Jwt) -> tuple[str, str, str, str]:
    """Namespace, account, its uid, secret."""
    claims = found.claims
    return (
        _text(claims, f"{_LEGACY}namespace"),
        _text(claims, f"{_LEGACY}service-account.name"),
        _text(claims, f"{_LEGACY}service-account.uid"),
        _text(claims, f"{_LEGACY}secret.name"),
    )


def _invalidated(namespace: str, secret: str, account: str) -> str:
    return (
        f"the token in secret {namespace}/{secret} for service account {namespace}/{account} has been marked invalid. "
        "Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the "
        f"'{INVALID_SINCE}' label from the secret to temporarily allow use of this token"
    )


def _deleted(version: Version) -> str:
    """When the object was deleted, if it only waits to go."""
    if b'"deletionTimestamp"' not in version.json:
        return ""
    return str(version.object()["metadata"].get("deletionTimestamp") or "")


def _object(value: Any) -> Obj:
    return value if isinstance(value, dict) else {}


def _text(obj: Obj, name: str) -> str:
    value = obj.get(name)
    return value if isinstance(value, str) else ""


def _strings(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode("utf-8", "surrogateescape"), digest_size=16).digest()
