"""What all REST handlers share: clusters, users, templates, clock; and errors in Rancher's forms."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from scale_agent.standin import templates
from scale_agent.standin.clusters import Cluster, Registry
from scale_agent.standin.names import Names, checksum, credentials_name, stable_uuid
from scale_agent.standin.rest.calls import Answer, Call
from scale_agent.standin.times import rfc3339
from scale_agent.standin.tokens import Tokens

_DAY_S = 86400.0
TOKEN_DAYS = 30


@dataclass(slots=True)
class Settings:
    """``url``: as clients reach us; ``server_url`` is the setting (empty: not set in Rancher)."""

    version: str
    url: str
    server_url: str
    cacerts: str
    user: str
    password: str = field(repr=False)
    bearer: str = field(repr=False, default="")


@dataclass(slots=True)
class Service:
    """Passed to every handler. ``delete`` begins a cluster's removal; ``report`` is what ``/standin/report`` says."""

    settings: Settings
    registry: Registry
    tokens: Tokens
    names: Names
    clock: Callable[[], float]
    delete: Callable[[Cluster], None]
    created: Callable[[Cluster], None]
    report: Callable[[], dict[str, Any]]

    def template(self, name: str) -> dict[str, Any]:
        """A recorded answer (``status``, ``body`` with placeholders, ``json``); 2.15.0's where the version has none."""
        own = templates.load(f"rest-{self.settings.version}")
        found: dict[str, Any] = own.get(name) or templates.load("rest-2.15.0")[name]
        return found

    def values(self, cluster: Cluster | None = None) -> dict[str, str]:
        """Values of the placeholders of a template about ``cluster``."""
        url = self.settings.server_url or self.settings.url
        values = {
            "url": self.settings.url,
            "wss": self.settings.url.replace("https://", "wss://"),
            "url_b64": base64.b64encode(url.encode()).decode(),
            "checksum": checksum(self.settings.cacerts),
            "install_uuid": stable_uuid("install"),
            "created": rfc3339(self.clock()),
        }
        if cluster is not None:
            values |= self._of(cluster, url)
        return values

    def _of(self, cluster: Cluster, url: str) -> dict[str, str]:
        return {
            "cluster": cluster.id,
            "name": cluster.name,
            "token": cluster.token,
            "token_b64": base64.b64encode(cluster.token.encode()).decode(),
            "uuid": cluster.uid,
            "created": rfc3339(cluster.created_s),
            "expires": rfc3339(cluster.created_s + TOKEN_DAYS * _DAY_S),
            "credentials": credentials_name(self.settings.version, url, cluster.token, ""),
        }

    def recorded(self, name: str, cluster: Cluster | None = None, /, **values: str) -> Any:
        """The body of a recorded answer with placeholders filled: a JSON value or text."""
        return self.filled(name, self.values(cluster) | values)

    def filled(self, name: str, values: dict[str, str]) -> Any:
        """The same with the placeholders' values given, beside those that are the server's own."""
        template = self.template(name)
        known = self.values() | values
        if not template["json"]:
            return templates.fill_text(template["body"], known.__getitem__)
        return templates.fill_json(template["body"], known)

    def answer(self, name: str, cluster: Cluster | None = None, /, **values: str) -> Answer:
        """A recorded answer with its recorded status."""
        return Answer(self.template(name)["status"], self.recorded(name, cluster, **values))


def norman_error(status: int, code: str, message: str) -> Answer:
    """An error in the form of the ``/v3`` API (recorded)."""
    body = {"baseType": "error", "code": code, "message": message, "status": status, "type": "error"}
    return Answer(status, body)


def steve_error(status: int, code: str, message: str) -> Answer:
    """An error in the form of the ``/v1`` API (recorded)."""
    return Answer(status, {"type": "error", "links": {}, "code": code, "message": message, "status": status})


def authenticated(service: Service, call: Call) -> bool:
    """Is there a bearer token, basic token or session cookie that we gave out?"""
    header = call.headers.get("authorization", "")
    kind, _, value = header.partition(" ")
    if kind.lower() == "basic":
        try:
            value = base64.b64decode(value).decode()
        except ValueError:
            return False
    cookies = dict(part.strip().partition("=")[::2] for part in call.headers.get("cookie", "").split(";"))
    return service.tokens.valid(value if kind.lower() in ("bearer", "basic") else cookies.get("R_SESS", ""))
