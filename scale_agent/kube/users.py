"""Who asks: a name, groups, a uid and what else the authenticator knows, as in ``UserInfo``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

#: Whoever is in this group may do everything, and no binding says so.
MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
NODES = "system:nodes"
_ACCOUNT = "system:serviceaccount:"
_ACCOUNTS = "system:serviceaccounts"
_NODE = "system:node:"
NODE_NAME = "authentication.kubernetes.io/node-name"
_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class User:
    """One requestor. ``groups`` keep the order in which a real server lists them."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOTHING, hash=False)

    @classmethod
    def account(cls, namespace: str, name: str, uid: str = "", extra: Mapping[str, tuple[str, ...]] = _NOTHING) -> User:
        """A ServiceAccount, in the groups that a real server puts it in."""
        return cls(f"{_ACCOUNT}{namespace}:{name}", (*account_groups(namespace), AUTHENTICATED), uid, extra)

    @property
    def authenticated(self) -> bool:
        """Whether somebody vouched for it."""
        return AUTHENTICATED in self.groups

    def info(self) -> dict[str, Any]:
        """The UserInfo of reviews."""
        info: dict[str, Any] = {"username": self.name} if self.name else {}
        if self.uid:
            info["uid"] = self.uid
        if self.groups:
            info["groups"] = list(self.groups)
        if self.extra:
            info["extra"] = {key: list(values) for key, values in sorted(self.extra.items())}
        return info


def account_groups(namespace: str) -> tuple[str, str]:
    """The groups of every ServiceAccount of a namespace."""
    return _ACCOUNTS, f"{_ACCOUNTS}:{namespace}"


def account_of(username: str) -> tuple[str, str] | None:
    """Namespace and name of the ServiceAccount that a username means; ``None`` for others."""
    if not username.startswith(_ACCOUNT):
        return None
    namespace, _, name = username.removeprefix(_ACCOUNT).partition(":")
    return (namespace, name) if namespace and name and ":" not in name else None


def node_of(username: str) -> str:
    """The node whose kubelet a username means; empty for others."""
    return username.removeprefix(_NODE) if username.startswith(_NODE) else ""


#: Whoever shows no credentials at a door.
ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))
#: Whoever asks from inside the process: the server's own loopback client.
LOOPBACK = User("system:apiserver", (MASTERS, AUTHENTICATED))
