"""The address of a Rancher server, as a person writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from scale_agent.errors import InputError

DEFAULT_PORTS = {"https": 443, "http": 80}
#: Names (also those with underscores, which resolvers take), IPv4, IPv6 with or without a zone.
_HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+(%[\w.-]+)?", re.IGNORECASE)
_CURE = "give it as https://host or https://host:port (RANCHER_URL or --host)"


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """``scheme`` is ``https`` or ``http``; ``host`` has no brackets; ``port`` is always there."""

    scheme: str
    host: str
    port: int

    @property
    def tls(self) -> bool:
        """Whether connections are encrypted: ``http`` exists for stand-ins on the same machine."""
        return self.scheme == "https"

    @property
    def host_header(self) -> str:
        """The ``Host`` header: the port only where it is not the scheme's own, IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host_header}"


def parse_server_url(text: str) -> ServerUrl:
    """Read ``https://host[:port][/]``. Raises :class:`InputError` for anything else (a path, a user, a query)."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise InputError("the URL of Rancher cannot be read", cure=_CURE) from None
    problem = _problem(parts)
    if problem:
        raise InputError(f"the URL of Rancher {problem}", cure=_CURE)
    return ServerUrl(parts.scheme, parts.hostname or "", DEFAULT_PORTS[parts.scheme] if port is None else port)


def _problem(parts: SplitResult) -> str:
    if parts.scheme not in DEFAULT_PORTS:
        return "does not start with https://"
    if not parts.hostname:
        return "has no host"
    if not _HOST.fullmatch(parts.hostname):
        return "has a host that is no host name"
    if parts.netloc.endswith(":0"):
        return "has port 0"
    if parts.username is not None or parts.password is not None:
        return "contains a user or a password (use RANCHER_TOKEN)"
    if parts.path not in ("", "/"):
        return "has a path; Rancher lives at the root of its host"
    if parts.query or parts.fragment:
        return "has a query or a fragment"
    return ""
