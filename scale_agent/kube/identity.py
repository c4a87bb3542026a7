"""Who one cluster is, as its API server sees it: given from outside, so that runs can be repeated."""

from __future__ import annotations

from typing import Protocol


class Identity(Protocol):
    """Uids, name suffixes and tokens of one cluster. All methods are pure or count up; none does I/O."""

    ca_pem: bytes

    def uid(self, key: str) -> str:
        """The uid of a snapshot object, e.g. ``namespaces//kube-system``; 36 characters, always the same."""

    def next_uid(self) -> str:
        """The uid of an object created at run time; from a counter, so equal on every run."""

    def suffix(self, length: int = 5) -> str:
        """A name's random tail for generateName; alphabet ``bcdfghjklmnpqrstvwxz2456789``."""

    def token(self, namespace: str, service_account: str, uid: str, secret: str) -> str:
        """A service-account JWT: ``uid`` is the account's, ``secret`` the name of the token's secret."""
