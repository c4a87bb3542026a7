"""Who we are to Rancher: an API token, or a user and a password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from scale_agent.errors import InputError

#: ``name:secret`` as Rancher makes them: ``token-xxxxx:54 characters``, ``kubeconfig-u-xxxxx:…``, ``ext/…:…``.
_TOKEN = re.compile(r"[a-z0-9][a-z0-9./-]*:[A-Za-z0-9._-]+")
_CURE = "set RANCHER_TOKEN to an API key of the form token-xxxxx:secret, or RANCHER_USER and RANCHER_PASSWORD"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Either ``token`` or ``user`` and ``password``; ``repr`` shows none of the secrets."""

    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        token = self.token.strip()
        if token[:7].lower() == "bearer ":
            token = token[7:].strip()
        object.__setattr__(self, "token", token)
        if token and not _TOKEN.fullmatch(token):
            raise InputError("the token is not one of Rancher's", cure=_CURE)
        if not token and not (self.user and self.password):
            raise InputError("there are no credentials for Rancher", cure=_CURE)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Credentials:
        """``RANCHER_TOKEN``, else ``RANCHER_USER`` and ``RANCHER_PASSWORD``. Raises :class:`InputError`."""
        return cls(
            token=environment.get("RANCHER_TOKEN", ""),
            user=environment.get("RANCHER_USER", ""),
            password=environment.get("RANCHER_PASSWORD", ""),
        )
